import numpy as np
import pytest

from headstock import Choice, Float, Int
from headstock.axes import Axis


@pytest.mark.parametrize(
    ("parameter", "values", "positions"),
    [
        (Float(-1, 3), [-1, 1, 3], [0, 0.5, 1]),
        (Float(0.01, 1, log=True), [0.01, 0.1, 1], [0, 0.5, 1]),
        (Float(0, 1, step=0.4), [0, 0.4, 0.8], [1 / 6, 3 / 6, 5 / 6]),
        (Int(1, 4), [1, 2, 4], [1 / 8, 3 / 8, 7 / 8]),
        (Int(0, 10, step=5), [0, 5, 10], [1 / 6, 3 / 6, 5 / 6]),
        (Int(1, 7, log=True), [1, 7], [np.log(1 / 0.5) / np.log(15), np.log(7 / 0.5) / np.log(15)]),
        (Choice("a", "b", ordered=True), [0, 1], [0.25, 0.75]),
    ],
)
def test_values_have_their_positions_and_back(parameter, values, positions):
    axis = Axis.of(parameter)
    unit = axis.unit(np.array(values, dtype=float))
    np.testing.assert_allclose(unit, positions)
    np.testing.assert_allclose(axis.natural(unit), values, rtol=1e-12)
    assert np.array_equal(axis.snap(unit), unit)


def test_positions_between_values_go_to_the_nearest():
    axis = Axis.of(Int(1, 4))
    assert axis.natural(np.array([-1.0, 0.0, 0.26, 0.74, 1.0])).tolist() == [1, 1, 2, 3, 4]
    assert axis.unit(np.array([2.4, 2.6])).tolist() == [0.375, 0.625]


def test_values_beyond_the_bounds_are_extrapolated_by_at_most_one_range():
    assert Axis.of(Float(0, 1)).unit(np.array([-0.5, 1.5, -9.0, 9.0])).tolist() == [-0.5, 1.5, -1.0, 2.0]
    assert Axis.of(Float(0.1, 1, log=True)).unit(np.array([10.0, 0.0, -1.0])).tolist() == pytest.approx([2, -1, -1])


def test_whole_numbers_that_floats_cannot_tell_apart_are_a_continuum():
    axis = Axis.of(Int(0, 2**60))
    assert axis.levels == 0
    assert axis.unit(np.array([2.0**59])) == 0.5
