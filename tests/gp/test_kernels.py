import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import approx_fprime

from headstock.gp.kernels import Matern52

MIXED = np.array([False, True, False])


def mixed_points(rng, n):
    return np.column_stack([rng.random(n), rng.integers(0, 3, n), rng.random(n)])


def test_the_value_is_the_formula():
    kernel = Matern52(np.array([0.5, 2.0, 1.0]), 1.7, MIXED)
    a, b = np.array([[0.1, 0.0, 0.4]]), np.array([[0.4, 2.0, 0.9]])
    r = np.sqrt((0.3 / 0.5) ** 2 + 1 / 2.0**2 + 0.5**2)
    expected = 1.7 * (1 + np.sqrt(5) * r + 5 / 3 * r**2) * np.exp(-np.sqrt(5) * r)
    assert kernel(a, b).item() == pytest.approx(expected, rel=1e-12)


def test_a_categorical_column_knows_only_equal_and_different():
    kernel = Matern52(np.ones(3), 1.0, MIXED)
    points = np.array([[0.2, category, 0.7] for category in (0.0, 1.0, 2.0)])
    K = kernel(points, points)
    assert K[0, 1] == K[0, 2] == K[1, 2] < K[0, 0] == 1.0


@given(seed=st.integers(0, 10_000), n=st.integers(2, 40), scale=st.floats(0.03, 10.0))
def test_random_mixed_tables_are_positive_definite(seed, n, scale):
    rng = np.random.default_rng(seed)
    categorical = rng.random(5) < 0.6
    points = np.where(categorical, rng.integers(0, 4, (n, 5)), rng.random((n, 5)))
    kernel = Matern52(scale * rng.uniform(0.2, 2.0, 5), 1.0, categorical)
    assert np.linalg.eigvalsh(kernel(points, points)).min() > -1e-9


def test_the_slope_and_the_pull_back_are_derivatives(rng):
    kernel = Matern52(np.array([0.3, 1.0, 0.7]), 1.3, MIXED)
    A, B, weights = mixed_points(rng, 4), mixed_points(rng, 6), rng.standard_normal((4, 6))
    _, slope = kernel.value_and_slope(A, B)
    gradient = kernel.pull_back(A, B, weights * slope)
    numeric = approx_fprime(A.ravel(), lambda a: np.vdot(weights, kernel(a.reshape(4, 3), B)), 1e-7).reshape(4, 3)
    np.testing.assert_allclose(gradient[:, ~MIXED], numeric[:, ~MIXED], atol=1e-5)
    assert not gradient[:, MIXED].any()
