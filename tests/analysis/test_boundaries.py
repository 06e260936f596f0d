import math

import pytest

import histories
from headstock.analysis.boundaries import boundaries
from headstock.analysis.model import Model
from headstock.space import Choice, Float, Int, Space


def found(space, function, count=30):
    return boundaries(Model.fit(histories.observed(space, function, count)))


def test_an_end_in_the_way_is_found_with_a_wider_range():
    space = Space(lr=Float(1e-5, 1e-2, log=True), momentum=Float(0.0, 1.0))
    (only,) = found(space, lambda p: math.log10(p["lr"]) - (p["momentum"] - 0.5) ** 2)
    assert (only.parameter, only.bound) == ("lr", 1e-2)
    assert (only.low, only.high) == (1e-5, 0.1)
    assert only.probability > 0.5


def test_an_optimum_inside_is_no_boundary():
    space = Space(x=Float(-1, 1), y=Float(-1, 1))
    assert found(space, lambda p: -((p["x"] - 0.2) ** 2) - (p["y"] + 0.3) ** 2) == ()


@pytest.mark.parametrize(
    ("parameter", "sign", "wider"),
    [
        (Int(16, 128), 1, (16, 180)),
        (Int(16, 128), -1, (1, 128)),
        (Int(0, 128), 1, (0, 190)),
        (Int(1, 64, log=True), -1, None),
        (Int(10, 30, step=4), 1, (10, 38)),
        (Float(0.0, 1.0), 1, None),
        (Float(0.0, 5.0), -1, None),
        (Float(0.0, 5.0), 1, (0.0, 7.5)),
        (Float(-1.0, 5.0), -1, (-4.0, 5.0)),
        (Choice(1, 2, 3, ordered=True), 1, None),
    ],
)
def test_how_far_a_range_is_widened(parameter, sign, wider):
    rows = found(Space(a=parameter, b=Float(0, 1)), lambda p: sign * p["a"] - (p["b"] - 0.5) ** 2, 20)
    assert [(row.low, row.high) for row in rows] == ([] if wider is None else [wider])
