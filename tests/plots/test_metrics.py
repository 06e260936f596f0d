from dataclasses import replace

import pytest

import histories
from headstock.analysis.gain import prospect
from headstock.analysis.model import Model
from headstock.analysis.pareto import pareto_front
from headstock.errors import NoResultError
from headstock.plots.gain import plot_prospect
from headstock.plots.matrix import plot_matrix
from headstock.plots.metrics import MOST_POINTS, plot_metrics
from headstock.trial import Observation


def test_two_metrics_with_the_bound_on_one_of_them():
    history = histories.branching()
    figure = plot_metrics(history)
    kept, broken, front, best = figure.data
    assert len(kept.x) + len(broken.x) + len(best.x) == len(history)
    assert list(best.x) == [history.best_seen().metrics["latency"].mean]
    assert set(broken.x) == {t.metrics["latency"].mean for t in history if not history.is_feasible(t)}
    assert min(broken.x) > 20
    assert list(front.y) == [t.objective_mean for t in pareto_front(history, "latency", "loss")]
    assert all(trace.showlegend for trace in figure.data)
    (bound,) = figure.layout.shapes
    assert bound.x0 == bound.x1 == 20.0
    assert not figure.layout.updatemenus


def test_each_pair_of_metrics_is_in_the_drop_down():
    history = histories.digits()
    trials = [
        replace(t, metrics={**t.metrics, "a<b>": Observation(i), "size": Observation(-i)}) if t.metrics else t
        for i, t in enumerate(history.trials)
    ]
    figure = plot_metrics(replace(history, trials=tuple(trials)))
    buttons = figure.layout.updatemenus[0].buttons
    assert [b.label for b in buttons] == ["accuracy × a&lt;b&gt;", "accuracy × size", "size × a&lt;b&gt;"]
    for i, button in enumerate(buttons):
        shown = [trace for trace, is_shown in zip(figure.data, button.args[0]["visible"], strict=True) if is_shown]
        assert len(shown) == 4
        assert shown[0].name == "measured"
        assert not shown[2].showlegend  # nobody said whether more of them is better
        if i == 0:
            assert all(trace.visible for trace in shown)


def test_a_metric_that_nobody_measured():
    with pytest.raises(NoResultError, match="both latency and speed"):
        plot_metrics(histories.branching(), [("latency", "speed")])
    with pytest.raises(NoResultError, match="a metric but accuracy"):
        plot_metrics(histories.digits())


def test_of_many_trials_a_selection_is_drawn_and_stated():
    history = histories.observed(histories.NETWORK, histories.accuracy, MOST_POINTS + 50)
    metrics = plot_metrics(history, [("accuracy", "accuracy")])
    assert len(metrics.data[0].x) <= MOST_POINTS + 1
    assert "2,000 of 2,050 trials" in metrics.layout.title.subtitle.text
    matrix = plot_matrix(history)
    assert len(matrix.data[0].dimensions[0]["values"]) <= 1_001
    assert "of 2,050 trials" in matrix.layout.title.subtitle.text


def test_the_matrix_has_each_parameter_and_the_objective():
    history = histories.branching()
    matrix = plot_matrix(history)
    dimensions = matrix.data[0].dimensions
    assert [d.label for d in dimensions] == [*history.space.searched, "loss"]
    momentum = dimensions[2]["values"]
    assert [v is None for v in momentum] == ["momentum" not in t.parameters for t in history]
    assert matrix.layout.xaxis.type == "log"
    assert list(matrix.layout.yaxis2.ticktext) == ["sgd", "adamw", "rmsprop"]
    low, high = matrix.layout.xaxis3.range  # plotly cuts off points at the edge
    assert low < history.space["momentum"].low
    assert high > history.space["momentum"].high


def test_the_prospect_is_drawn_as_it_is():
    found = prospect(Model.fit(histories.digits()))
    figure = plot_prospect(found)
    assert list(figure.data[1].y) == list(found.expected)
    assert figure.layout.shapes[0].y0 == found.ceiling
