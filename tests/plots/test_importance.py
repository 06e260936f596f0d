import pytest

from headstock.analysis.importance import Importance
from headstock.errors import NoResultError
from headstock.plots.importance import plot_importances


def test_the_most_important_parameter_is_on_top():
    rows = [Importance("lr", 0.9, 0.01, 0.7, 0.02), Importance("width", 0.2, 0.01, 0.1, 0.02)]
    total, first = plot_importances(rows, "accuracy").data
    assert list(total.x) == [0.2, 0.9]
    assert list(first.error_x.array) == [0.02, 0.02]
    assert plot_importances(rows, "accuracy").layout.yaxis.ticktext == ("width", "lr")


def test_nothing_may_matter():
    figure = plot_importances([Importance("lr", 0.0, 0.0, 0.0, 0.0)], "accuracy")
    assert figure.layout.xaxis.range == (0, 1.0)


def test_without_a_parameter_there_is_no_figure():
    with pytest.raises(NoResultError):
        plot_importances([], "accuracy")
