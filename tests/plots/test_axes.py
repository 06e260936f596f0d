import math

import pytest

from headstock.plots.axes import axis, coordinate, linear_ticks, log_ticks, tick_label
from headstock.space import Choice, Float, Int


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (16, 256, [16, 32, 64, 128, 256]),
        (1e-3, 0.1, [1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 1e-1]),
        (1e-6, 0.4, [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1]),
        (10, 300, [10, 20, 50, 100, 200]),
    ],
)
def test_log_ticks_are_round(low, high, ticks):
    assert log_ticks(low, high) == pytest.approx(ticks)


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0, 0.99, [0.1 * i for i in range(10)]),
        (16, 128, [20, 40, 60, 80, 100, 120]),
        (-1, 1, [-1 + 0.2 * i for i in range(11)]),
        (0, 3, [0.5 * i for i in range(7)]),
    ],
)
def test_linear_ticks_are_round(low, high, ticks):
    assert linear_ticks(low, high) == pytest.approx(ticks)


def test_labels_have_no_needless_digits():
    assert [tick_label(v) for v in (1e-5, 0.01, 256.0, 0.30000000000000004)] == ["1e-5", "0.01", "256", "0.3"]


def test_a_logarithmic_parameter_has_a_logarithmic_axis():
    made = axis("lr", Float(1e-4, 1.0, log=True))
    assert made["type"] == "log"
    assert made["range"] == pytest.approx([-4, 0], abs=1e-7)


def test_a_narrow_logarithmic_axis_leaves_its_ticks_to_plotly():
    assert axis("lr", Float(0.51, 0.52, log=True))["tickmode"] == "auto"


def test_categories_are_labelled_positions_even_where_they_look_alike():
    made = axis("x", Choice(1, "1", True, "<b>"))
    assert made["tickvals"] == [0, 1, 2, 3]
    assert made["ticktext"] == ["1", "1", "True", "&lt;b&gt;"]
    assert [coordinate(Choice(1, "1", True), v) for v in ("1", True, 1)] == [1.0, 2.0, 0.0]


def test_every_axis_sets_the_same_properties_so_that_one_can_replace_another():
    kinds = [Float(0, 1), Float(1, 2, log=True), Int(1, 9), Choice("a", "b"), Int(1, 64, log=True)]
    assert len({frozenset(axis("x", kind)) for kind in kinds}) == 1


def test_a_value_at_the_end_of_a_logarithmic_axis_is_within_it_for_any_logarithm():
    low, high = axis("lr", Float(1e-6, 0.4, log=True))["range"]
    assert low < math.nextafter(math.log10(1e-6), -math.inf)
    assert high > math.nextafter(math.log10(0.4), math.inf)
