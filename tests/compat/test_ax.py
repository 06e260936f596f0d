import numpy as np
import plotly.graph_objects as go
import pytest

from headstock.compat.ax.plot.contour import interact_contour, plot_contour
from headstock.compat.ax.plot.trace import optimization_trace_single_method
from headstock.compat.ax.service.managed_loop import optimize
from headstock.compat.ax.utils.notebook.plotting import init_notebook_plotting, render
from headstock.loop import Optimized


@pytest.fixture(scope="module")
def found() -> Optimized:
    return optimize(
        parameters=[
            {"name": "lr", "type": "range", "bounds": [1e-6, 0.4], "log_scale": True},
            {"name": "batchsize", "type": "range", "bounds": [16, 128]},
            {"name": "momentum", "type": "range", "bounds": [0.0, 1.0]},
        ],
        evaluation_function=lambda p: 0.9 - (np.log10(p["lr"]) + 2) ** 2 / 50 - (p["momentum"] - 0.6) ** 2,
        objective_name="accuracy",
        random_seed=0,
        total_trials=10,
    )


def test_the_end_of_the_tutorial(found: Optimized):
    best_parameters, values, experiment, _ = found
    assert values is not None
    means, covariances = values
    assert set(best_parameters) == {"lr", "batchsize", "momentum"}
    assert means["accuracy"] == pytest.approx(0.9, abs=0.1)
    assert covariances["accuracy"]["accuracy"] >= 0.0
    df = experiment.fetch_data().df
    best_arm_name = df.arm_name[df["mean"] == df["mean"].max()].to_numpy()[0]
    best_arm = experiment.arms_by_name[best_arm_name]
    assert set(best_arm.parameters) == {"lr", "batchsize", "momentum"}


def test_the_tutorial_s_plots(found: Optimized, monkeypatch: pytest.MonkeyPatch):
    _, _, experiment, model = found
    assert model is not None
    best_objectives = np.array([[trial.objective_mean * 100 for trial in experiment.trials.values()]])
    trace = optimization_trace_single_method(
        y=np.maximum.accumulate(best_objectives, axis=1),
        title="Model performance vs. # of iterations",
        ylabel="Classification Accuracy, %",
    )
    contour = plot_contour(model=model, param_x="batchsize", param_y="lr", metric_name="accuracy")
    pairs = interact_contour(model=model, metric_name="accuracy")
    assert trace.layout.yaxis.title.text == "Classification Accuracy, %"
    assert max(trace.data[0].y) == pytest.approx(best_objectives.max())
    assert len(pairs.layout.updatemenus[0].buttons) == 3
    shown: list[go.Figure] = []

    def show(figure: go.Figure, *, config: dict[str, bool]) -> None:
        assert config == {"showSendToCloud": False}
        shown.append(figure)

    monkeypatch.setattr(go.Figure, "show", show)
    init_notebook_plotting()
    render(trace)
    render(contour)
    assert shown == [trace, contour]
