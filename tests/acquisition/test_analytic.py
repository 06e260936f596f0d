import mpmath
import numpy as np
import pytest

from headstock.acquisition.analytic import LogFeasibility, log_improvement, log_normal_cdf
from headstock.gp.regression import Hyperparameters, TrainingSet, condition


def exact(u):
    """ln h(u) and Φ(u) / h(u) to 60 digits beyond what cancels."""
    with mpmath.workdps(60 + 2 * max(0, int(np.log10(abs(u) + 1))) * 4):
        u = mpmath.mpf(u)
        # Φ(u) = φ(u) a(u), with the Mills ratio a by a function that does not underflow
        mills = mpmath.sqrt(mpmath.pi / 2) * mpmath.exp(u**2 / 2) * mpmath.erfc(-u / mpmath.sqrt(2))
        log_pdf = -(u**2) / 2 - mpmath.log(2 * mpmath.pi) / 2
        return float(log_pdf + mpmath.log(1 + u * mills)), float(mills / (1 + u * mills))


@pytest.mark.parametrize(
    "u", [30.0, 5.0, 0.0, -1.0 + 1e-9, -1.0, -1.0 - 1e-9, -25.0, -999.0, -1e3, -1001.0, -1e6, -1e7]
)
def test_log_improvement_is_exact(u):
    value, slope = log_improvement(np.array([u]))
    exact_value, exact_slope = exact(u)
    assert value.item() == pytest.approx(exact_value, rel=1e-12, abs=1e-12)
    assert slope.item() == pytest.approx(exact_slope, rel=1e-9)


def test_log_improvement_rises_everywhere():
    u = np.concatenate([-np.logspace(12, -3, 2000), np.logspace(-3, 2, 500)])
    value, slope = log_improvement(u)
    assert (np.diff(value) > 0).all()
    assert (slope > 0).all()


def test_the_log_normal_cdf_and_its_slope():
    z = np.array([40.0, 3.0, 0.0, -2.0, -30.0])
    value, slope = log_normal_cdf(z)
    with mpmath.workdps(50):
        expected = [float(mpmath.log(mpmath.ncdf(x))) for x in z]
        slopes = [float(mpmath.npdf(x) / mpmath.ncdf(x)) for x in z]
    np.testing.assert_allclose(value, expected, rtol=1e-12, atol=1e-300)
    np.testing.assert_allclose(slope, slopes, rtol=1e-12, atol=1e-300)


@pytest.fixture
def feasibility():
    rng = np.random.default_rng(1)
    X, nothing = rng.random((12, 2)), np.full(12, np.nan)
    theta = Hyperparameters(np.log([0.5, 0.9]), 0.0, -4.0)
    metrics = (np.sin(4 * X[:, 0]), X[:, 1] - X[:, 0])
    data = [TrainingSet(X, y, nothing, np.zeros(2, dtype=bool)) for y in metrics]
    return LogFeasibility(tuple(condition(theta, d) for d in data), (0.3, 0.1))


def test_feasibility_is_the_product_of_the_probabilities(feasibility):
    X = np.random.default_rng(2).random((5, 2))
    moments = [p.predict(X) for p in feasibility.posteriors]
    z = [(mean - bound) / np.sqrt(variance) for (mean, variance), bound in zip(moments, (0.3, 0.1), strict=True)]
    expected = [float(mpmath.log(mpmath.ncdf(a) * mpmath.ncdf(b))) for a, b in zip(*z, strict=True)]
    np.testing.assert_allclose(feasibility.value(X), expected, rtol=1e-9)
    np.testing.assert_array_equal(feasibility.expects_feasible(X), (z[0] >= 0) & (z[1] >= 0))


def test_the_gradient_of_feasibility_is_the_central_difference(feasibility):
    X = np.random.default_rng(3).random((6, 2))
    value, gradient = feasibility.value_and_gradient(X)
    np.testing.assert_allclose(value, feasibility.value(X), rtol=1e-12)
    for column, step in enumerate(1e-6 * np.eye(2)):
        difference = (feasibility.value(X + step) - feasibility.value(X - step)) / 2e-6
        np.testing.assert_allclose(gradient[:, column], difference, rtol=1e-6, atol=1e-6)


def test_a_pending_point_leaves_less_to_learn(feasibility):
    x = np.array([[0.9, 0.9]])
    before = [p.predict(x) for p in feasibility.posteriors]
    after = [p.predict(x) for p in feasibility.with_pending(x).posteriors]
    for (mean, variance), (new_mean, new_variance) in zip(before, after, strict=True):
        assert new_mean == pytest.approx(mean)
        assert new_variance < 1e-4 < variance
