"""What holds for every space and configuration."""

import math

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from headstock import Choice, Fixed, Float, Int, Space
from headstock.encoding import Encoding

finite = st.floats(-1e6, 1e6, allow_subnormal=False)


@st.composite
def parameters(draw, when=None):
    kind = draw(st.sampled_from(["float", "log", "step", "int", "logint", "choice", "ordered"]))
    low, width = draw(finite), draw(st.floats(1e-3, 1e6))
    whole, span = draw(st.integers(-(10**6), 10**6)), draw(st.integers(1, 10**6))
    match kind:
        case "float":
            return Float(low, low + width, when=when)
        case "log":
            return Float(width, width * draw(st.floats(1.01, 1e6)), log=True, when=when)
        case "step":
            low = math.remainder(low, 1e3)  # validation cannot tell steps from rounding errors of huge numbers
            high = low + max(width, 1e-2)
            return Float(low, high, step=(high - low) / draw(st.floats(1.0, 1e3)), when=when)
        case "int":
            return Int(whole, whole + span, step=draw(st.integers(1, span)), when=when)
        case "logint":
            return Int(abs(whole) + 1, abs(whole) + 1 + span, log=True, when=when)
        case _:
            return Choice(*range(draw(st.integers(2, 9))), ordered=kind == "ordered", when=when)


@st.composite
def spaces(draw):
    root = Choice("a", "b", "c")
    children = {
        f"p{i}": draw(parameters(when=draw(st.sampled_from([None, {"root": "a"}, {"root": ("b", "a")}]))))
        for i in range(draw(st.integers(1, 4)))
    }
    return Space({**children, "root": root, "fixed": Fixed(1)})


def _rounding(space: Space) -> float:
    """How far apart neighbouring floating-point numbers of the narrowest range are in the unit cube."""
    ranges = [p for p in space.parameters.values() if isinstance(p, Float) and not p.log]
    return max((float(np.spacing(max(abs(p.low), abs(p.high)))) / (p.high - p.low) for p in ranges), default=0.0)


@settings(max_examples=60, deadline=None)
@given(space=spaces(), seed=st.integers(0, 2**31))
@example(space=Space(p0=Float(524288.0, 524288.00390625), root=Choice("a", "b", "c"), fixed=Fixed(1)), seed=0)
def test_points_and_configurations_correspond(space: Space, seed: int):
    encoding = Encoding.of(space)
    X = encoding.from_uniform(np.random.default_rng(seed).random((20, encoding.dimensions)))
    assert np.array_equal(encoding.snap(X), X)
    for x in X:
        configuration = encoding.decode(x)
        assert space.validate(configuration) == configuration
        again = encoding.encode([configuration])
        np.testing.assert_allclose(again[0], x, rtol=0, atol=1e-8 + _rounding(space))
        assert np.array_equal(encoding.snap(again), again)
        for name, value in encoding.decode(again[0]).items():
            same = (
                math.isclose(value, configuration[name], rel_tol=1e-9, abs_tol=1e-9)
                if isinstance(value, float)
                else False
            )
            assert same or value == configuration[name]


@settings(max_examples=60, deadline=None)
@given(space=spaces(), seed=st.integers(0, 2**31))
def test_any_point_snaps_to_a_configuration(space: Space, seed: int):
    encoding = Encoding.of(space)
    X = np.random.default_rng(seed).normal(0.5, 2.0, (20, encoding.dimensions))
    snapped = encoding.snap(X)
    assert np.array_equal(encoding.snap(snapped), snapped)
    for x in snapped:
        space.validate(encoding.decode(x))
