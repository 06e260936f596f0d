import pytest

import histories
from headstock.errors import NoResultError
from headstock.plots.compare import plot_compared


def test_each_metric_has_a_panel_and_each_experiment_a_line():
    figure = plot_compared({"a": histories.digits(), "<b>": histories.branching(), "c": histories.digits(5)})
    assert [(line.name, line.yaxis) for line in figure.data] == [("a", "y"), ("&lt;b&gt;", "y2"), ("c", "y")]
    assert (figure.layout.yaxis.title.text, figure.layout.yaxis2.title.text) == ("accuracy", "loss")
    assert figure.layout.yaxis.domain[0] > figure.layout.yaxis2.domain[1]
    assert (figure.layout.xaxis.title.text, figure.layout.xaxis2.title.text) == (None, "trial")
    assert figure.layout.xaxis2.matches == "x"


def test_without_a_result_there_is_nothing_to_compare():
    with pytest.raises(NoResultError):
        plot_compared({"empty": histories.empty()})
