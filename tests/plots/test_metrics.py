import pytest

import histories
from headstock.analysis.gain import prospect
from headstock.analysis.model import Model
from headstock.errors import NoResultError
from headstock.plots.gain import plot_prospect
from headstock.plots.matrix import plot_matrix
from headstock.plots.metrics import MOST_POINTS, plot_metrics


def test_two_metrics_with_the_bound_on_one_of_them():
    history = histories.branching()
    figure = plot_metrics(history, "latency", "loss")
    points = figure.data[0]
    assert points.x == tuple(t.metrics["latency"].mean for t in history)
    best = history.best_seen()
    assert [i for i, s in enumerate(points.marker.symbol) if s == "star"] == [best.index]
    broken = {t.index for t in history if not history.is_feasible(t)}
    assert {i for i, s in enumerate(points.marker.symbol) if s == "circle-open"} == broken
    (bound,) = figure.layout.shapes
    assert bound.x0 == bound.x1 == 20.0


def test_a_metric_that_nobody_measured():
    with pytest.raises(NoResultError, match="both latency and speed"):
        plot_metrics(histories.branching(), "latency", "speed")


def test_of_many_trials_a_selection_is_drawn_and_stated():
    history = histories.observed(histories.NETWORK, histories.accuracy, MOST_POINTS + 50)
    assert len(plot_metrics(history, "accuracy", "accuracy").data[0].x) <= MOST_POINTS + 1
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


def test_the_prospect_is_drawn_as_it_is():
    found = prospect(Model.fit(histories.digits()))
    figure = plot_prospect(found)
    assert list(figure.data[1].y) == list(found.expected)
    assert figure.layout.shapes[0].y0 == found.ceiling
