import numpy as np
import pytest

from headstock.analysis.intervals import central_interval
from headstock.gp.outcomes import OutcomeTransform

VALUES = np.array([0.0, 3.0, 9.0, 9.4, 9.7, 10.0])


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_ends_are_the_quantiles_of_what_the_transform_maps_back(sign):
    transform = OutcomeTransform.of(sign * VALUES, sign)
    draws = np.random.default_rng(0).normal(0.2, 0.6, 200_000)
    metric, _ = transform.invert(draws, np.zeros_like(draws))
    (lower,), (upper,) = central_interval(transform, np.array([0.2]), np.array([0.6]), 0.9)
    assert (lower, upper) == pytest.approx(tuple(np.quantile(metric, [0.05, 0.95])), abs=0.03)


def test_a_certain_prediction_is_a_point():
    transform = OutcomeTransform.of(VALUES, 1.0)
    lower, upper = central_interval(transform, transform.apply(VALUES), np.zeros(6), 0.95)
    np.testing.assert_allclose(lower, VALUES, atol=1e-9)
    np.testing.assert_allclose(upper, VALUES, atol=1e-9)
