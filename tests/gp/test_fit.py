import numpy as np
import pytest

from headstock.gp.fit import fit, log_prior
from headstock.gp.regression import Hyperparameters, TrainingSet, log_marginal_likelihood


def problem(rng, n, noise=0.05):
    X = rng.random((n, 3))
    y = np.sin(6 * X[:, 0]) + X[:, 1] + noise * rng.standard_normal(n)
    return TrainingSet(X, (y - y.mean()) / (y.std() or 1.0), np.full(n, np.nan), np.zeros(3, dtype=bool))


def density(theta, data):
    return log_marginal_likelihood(theta, data)[0] + log_prior(theta)[0]


def test_the_prior_s_gradient_is_the_central_difference(rng):
    vector = rng.standard_normal(5)
    _, gradient = log_prior(Hyperparameters.from_vector(vector))
    for i, step in enumerate(1e-5 * np.eye(5)):
        ahead, behind = (log_prior(Hyperparameters.from_vector(v))[0] for v in (vector + step, vector - step))
        assert gradient[i] == pytest.approx((ahead - behind) / 2e-5, rel=1e-8)


@pytest.mark.parametrize("d", [1, 6, 20])
def test_the_prior_s_most_probable_lengthscale_grows_with_the_root_of_d(d):
    mode = np.log(0.25 * np.sqrt(d))
    _, gradient = log_prior(Hyperparameters(np.full(d, mode), 0.0, -5.0))
    np.testing.assert_allclose(gradient, 0.0, atol=1e-12)


def test_the_prior_lets_a_column_hardly_matter():
    """Its tails are heavy: what lies five times as far off costs not 25 times as much, but less than five times."""
    mode = np.log(0.25 * np.sqrt(3))
    value = [log_prior(Hyperparameters(np.array([mode, mode, mode + off]), 0.0, -5.0))[0] for off in (0.0, 1.0, 5.0)]
    assert 0 < value[0] - value[2] < 5 * (value[0] - value[1])


@pytest.mark.parametrize("n", [1, 4, 30])
def test_the_optimum_is_stationary_within_the_bounds(rng, n):
    data = problem(rng, n)
    best = fit(data)
    best_density = density(best, data)
    for step in 0.05 * np.eye(5):
        assert density(Hyperparameters.from_vector(best.vector + step), data) < best_density + 1e-3
        assert density(Hyperparameters.from_vector(best.vector - step), data) < best_density + 1e-3


def test_an_irrelevant_column_gets_the_longest_lengthscale_and_the_noise_is_found(rng):
    best = fit(problem(rng, 60, noise=0.1))
    assert np.argmax(best.lengthscales) == 2
    assert 0.002 < best.noise < 0.1


@pytest.mark.parametrize("n", [5, 40])
def test_a_warm_start_is_never_left_for_something_worse(rng, n):
    data = problem(rng, n)
    for _ in range(5):
        warm = Hyperparameters(rng.normal(0, 1, 3), rng.normal(0, 0.5), rng.normal(-4, 1))
        assert density(fit(data, warm), data) >= density(warm, data)
