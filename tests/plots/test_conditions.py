import pytest

from headstock.errors import NoResultError
from headstock.plots.conditions import plot_conditions
from headstock.space import Choice, Fixed, Float, Space


def test_each_parameter_stands_below_the_deepest_one_that_it_depends_on():
    space = Space(
        lr=Float(1e-5, 1.0, log=True),
        nesterov=Choice(False, True, when={"optimizer": "sgd", "momentum": (0.5, 0.9)}),
        optimizer=Choice("sgd", "adam <b>"),
        momentum=Choice(0.5, 0.7, 0.9, when={"optimizer": "sgd"}),
        beta=Fixed(0.9, when={"optimizer": "adam <b>"}),
    )
    figure = plot_conditions(space)
    lines, nodes = figure.data
    assert list(nodes.x) == [0, 1, 2, 1]
    assert list(nodes.y) == [0, 1, 2, 3]
    assert [label.split("</b>")[0] for label in nodes.text] == [
        " <b>optimizer",
        " <b>momentum",
        " <b>nesterov",
        " <b>beta",
    ]
    assert "if optimizer is sgd and momentum is 0.5 or 0.9" in nodes.text[2]
    assert "if optimizer is adam &lt;b&gt;" in nodes.text[3]
    assert "0.9" in nodes.text[3].split("<br>")[0]
    elbows = list(zip(lines.x, lines.y, strict=True))
    assert elbows[:3] == [(0, 0), (0, 1), (1, 1)]
    assert figure.layout.title.subtitle.text == "1 other is always active."


def test_where_nothing_depends_on_anything_it_says_so():
    with pytest.raises(NoResultError, match="No parameter depends"):
        plot_conditions(Space(x=Float(0, 1), y=Float(0, 1)))
