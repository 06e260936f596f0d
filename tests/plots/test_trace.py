import numpy as np
import pytest

import histories
from headstock.errors import NoResultError
from headstock.history import History
from headstock.objective import Objective
from headstock.plots.trace import plot_runs, plot_trace
from headstock.trial import Observation


def named(figure):
    return {trace.name: trace for trace in figure.data}


def test_every_trial_is_drawn_and_failures_are_marked():
    history = histories.digits()
    traces = named(plot_trace(history))
    assert list(traces["measured"].x) == [t.index for t in history.observed]
    assert list(traces["measured"].y) == [t.objective_mean for t in history.observed]
    assert list(traces["failed"].x) == [3, 11]
    assert "loss is NaN" in traces["failed"].hovertext[0]
    assert "batchsize: " in traces["measured"].hovertext[0]


def test_the_best_so_far_is_a_staircase_to_the_last_trial():
    history = histories.digits()
    best = named(plot_trace(history))["best so far"]
    assert best.line.shape == "hv"
    assert list(best.y) == sorted(best.y)
    assert best.x[-1] == 19
    assert best.y[-1] == history.best_seen().objective_mean


def test_the_best_so_far_keeps_the_constraints_and_the_direction():
    history = histories.branching()
    traces = named(plot_trace(history))
    broken = [t.index for t in history.observed if not history.is_feasible(t)]
    assert list(traces["breaks a constraint"].x) == broken
    assert not set(traces["best so far"].x[:-1]) & set(broken)
    assert list(traces["best so far"].y) == sorted(traces["best so far"].y, reverse=True)
    assert set(traces["measured"].error_y.array) == {0.03}


def test_the_hand_over_and_the_optimum_are_lines():
    figure = plot_trace(histories.digits(), optimum=0.99)
    assert [shape.x0 for shape in figure.layout.shapes] == [4.5, 0]
    assert figure.layout.shapes[1].y0 == 0.99
    assert [a.text for a in figure.layout.annotations] == ["optimum 0.99"]
    assert [s.name for s in figure.layout.shapes if s.showlegend] == ["the model takes over"]


def test_many_trials_are_thinned_and_the_figure_says_so():
    configuration = {"lr": 0.1, "batchsize": 16, "momentum": 0.5}
    trials = [
        histories.completed(i, configuration, "accuracy", accuracy=Observation(i % 97 / 97)) for i in range(6_001)
    ]
    figure = plot_trace(History(histories.NETWORK, Objective("accuracy"), tuple(trials)))
    measured = figure.data[0]
    assert measured.type == "scattergl"
    assert set(range(97)) <= set(measured.x)
    assert f"{len(measured.x):,} of 6,001 trials are drawn" in figure.layout.title.subtitle.text


def test_a_disaster_does_not_flatten_the_rest():
    values = [0.5, 0.6, 0.55, 0.7, 0.4, 1e9]
    configuration = {"lr": 0.1, "batchsize": 16, "momentum": 0.5}
    trials = [histories.completed(i, configuration, "loss", loss=Observation(v)) for i, v in enumerate(values)]
    figure = plot_trace(History(histories.NETWORK, Objective("loss", minimize=True), tuple(trials)))
    assert figure.layout.yaxis.range[1] < 1
    assert "1 far worse" in figure.layout.title.subtitle.text


def test_a_tick_is_at_a_trial_however_few_there_are():
    one = plot_trace(histories.observed(histories.NETWORK, histories.accuracy, 1))
    assert one.layout.xaxis.dtick == 1
    assert plot_trace(histories.digits()).layout.xaxis.dtick is None


def test_without_a_result_there_is_no_trace():
    with pytest.raises(NoResultError, match="No trial has a result yet"):
        plot_trace(histories.empty())


def test_runs_are_drawn_as_a_mean_with_a_band():
    values = np.array([[0.1, 0.5, 0.6], [0.3, 0.5, 1.0]])
    band, mean = plot_runs(values, optimum=1.0, model_transitions=[2], title="runs", ylabel="accuracy").data
    np.testing.assert_allclose(mean.y, [0.2, 0.5, 0.8])
    assert list(mean.x) == [1, 2, 3]
    np.testing.assert_allclose(band.y[:3], [0.4, 0.5, 1.2])


def test_one_run_has_no_band():
    figure = plot_runs(np.array([[0.1, 0.5]]), ylabel="accuracy")
    assert [trace.name for trace in figure.data] == ["accuracy"]
