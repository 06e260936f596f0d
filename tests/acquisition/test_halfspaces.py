import numpy as np
import pytest

from headstock import Fixed, Float, Int, Space
from headstock.acquisition.halfspaces import Halfspaces
from headstock.encoding import Encoding

SPACE = Space(
    a=Float(1e-3, 1, log=True),
    b=Float(-1, 1),
    n=Int(1, 1000, log=True),
    c=Fixed(3),
    free=Float(0, 1),
    constraints=["a + 2*b - 0.01*n <= c - 2", "b >= -0.5"],
)


POINTS = np.random.default_rng(0).random((20, 4))


def test_slack_is_a_share_of_the_range_of_the_left_side():
    encoding = Encoding.of(SPACE)
    snapped = encoding.snap(POINTS)
    slack = Halfspaces.of(encoding).slack(snapped)
    for x, kept in zip(snapped, slack, strict=True):
        p = encoding.decode(x)
        assert kept[0] == pytest.approx((1 - p["a"] - 2 * p["b"] + 0.01 * p["n"]) / (0.999 + 4 + 9.99))
        assert kept[1] == pytest.approx((0.5 + p["b"]) / 2)


def test_normals_are_the_gradients_of_the_slack():
    halfspaces = Halfspaces.of(Encoding.of(SPACE))
    numerical = [(halfspaces.slack(POINTS + h) - halfspaces.slack(POINTS - h)) / 2e-6 for h in 1e-6 * np.eye(4)]
    np.testing.assert_allclose(halfspaces.normals(POINTS), np.stack(numerical, axis=2), atol=1e-8)


def test_a_space_without_constraints_has_none():
    assert Halfspaces.of(Encoding.of(Space({n: Float(0, 1) for n in "abcd"}))).slack(POINTS).shape == (20, 0)
