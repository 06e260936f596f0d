import pytest

from headstock.analysis.importance import Importance
from headstock.errors import NoResultError
from headstock.plots.importance import plot_importances


def test_the_most_important_parameter_is_on_top():
    rows = [Importance("lr", 0.9, 0.01, 0.7, 0.02), Importance("width", 0.2, 0.01, 0.1, 0.02)]
    total, first = plot_importances({"accuracy": rows}).data
    assert list(total.x) == [0.2, 0.9]
    assert list(first.error_x.array) == [0.02, 0.02]
    assert plot_importances({"accuracy": rows}).layout.yaxis.ticktext == ("width", "lr")


def test_nothing_may_matter():
    figure = plot_importances({"accuracy": [Importance("lr", 0.0, 0.0, 0.0, 0.0)]})
    assert figure.layout.xaxis.range == (0, 1.0)


def test_without_a_parameter_there_is_no_figure():
    with pytest.raises(NoResultError):
        plot_importances({"accuracy": []})


def test_a_drop_down_chooses_the_metric():
    figure = plot_importances(
        {
            "accuracy": [Importance("lr", 0.9, 0.01, 0.7, 0.02), Importance("width", 0.2, 0.01, 0.1, 0.02)],
            "latency": [Importance("width", 0.5, 0.0, 0.5, 0.0), Importance("lr", 0.1, 0.0, 0.1, 0.0)],
        }
    )
    assert [bar.visible for bar in figure.data] == [True, True, False, False]
    latency = figure.layout.updatemenus[0].buttons[1]
    assert latency.label == "latency"
    assert latency.args[0]["visible"] == [False, False, True, True]
    assert latency.args[1]["yaxis.ticktext"] == ["lr", "width"]
    assert latency.args[1]["xaxis.range"] == [0, 1.05 * 0.5]


def test_of_many_parameters_the_most_important_ones_are_drawn():
    rows = [Importance(f"p{i}", i / 60, 0.0, 0.0, 0.0) for i in range(60)]
    figure = plot_importances({"accuracy": rows})
    assert figure.layout.yaxis.ticktext == tuple(f"p{i}" for i in range(40, 60))
    assert "20 most important of 60" in figure.layout.title.subtitle.text
