import json
import math

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from headstock.gp.regression import Hyperparameters, TrainingSet, condition, log_marginal_likelihood


def random_problem(rng, n=20, *, known_noise=0.0):
    categorical = np.array([False, False, True, False])
    X = np.column_stack([rng.random(n), rng.random(n), rng.integers(0, 3, n), rng.random(n)])
    noise = np.where(rng.random(n) < known_noise, rng.uniform(0.01, 0.3, n), np.nan)
    data = TrainingSet(X, np.sin(5 * X[:, 0]) + (X[:, 2] == 1) + 0.1 * rng.standard_normal(n), noise, categorical)
    return Hyperparameters(np.log(rng.uniform(0.2, 2.0, 4)), rng.normal(0, 0.3), -3.0), data


def covariance(theta, data):
    return theta.kernel(data.categorical)(data.X, data.X) + np.diag(data.noise(theta))


def test_the_likelihood_is_the_density_of_the_observations(rng):
    theta, data = random_problem(rng, known_noise=0.3)
    value, _ = log_marginal_likelihood(theta, data)
    mean = condition(theta, data).mean
    expected = multivariate_normal(np.full(20, mean), covariance(theta, data)).logpdf(data.y) - 0.5 * mean**2
    assert value == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("known_noise", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("seed", range(3))
def test_the_gradient_is_the_central_difference(seed, known_noise):
    theta, data = random_problem(np.random.default_rng(seed), known_noise=known_noise)
    _, gradient = log_marginal_likelihood(theta, data)
    for i, step in enumerate(1e-5 * np.eye(len(theta.vector))):
        ahead, _ = log_marginal_likelihood(Hyperparameters.from_vector(theta.vector + step), data)
        behind, _ = log_marginal_likelihood(Hyperparameters.from_vector(theta.vector - step), data)
        assert gradient[i] == pytest.approx((ahead - behind) / 2e-5, rel=1e-6, abs=1e-6)


def test_the_mean_is_the_most_probable_one(rng):
    theta, data = random_problem(rng)
    mean, C = condition(theta, data).mean, covariance(theta, data)

    def density(m):
        return multivariate_normal(np.full(20, m), C).logpdf(data.y) - 0.5 * m**2

    assert density(mean) > max(density(mean - 1e-3), density(mean + 1e-3))


def test_the_posterior_is_the_textbook_s(rng):
    theta, data = random_problem(rng, known_noise=0.3)
    posterior = condition(theta, data)
    kernel, query = posterior.kernel, random_problem(rng, 5)[1].X
    gain = kernel(query, data.X) @ np.linalg.inv(covariance(theta, data))
    mean, variance = posterior.predict(query)
    joint = posterior.covariance(query, query)
    np.testing.assert_allclose(mean, posterior.mean + gain @ (data.y - posterior.mean), rtol=1e-9)
    np.testing.assert_allclose(joint, kernel(query, query) - gain @ kernel(data.X, query), atol=1e-10)
    np.testing.assert_allclose(variance, np.diag(joint), atol=1e-10)


def test_a_known_noise_replaces_the_inferred_one(rng):
    theta, data = random_problem(rng)
    exact = np.full(20, np.nan)
    exact[3] = 0.0
    mean, variance = condition(theta, TrainingSet(data.X, data.y, exact, data.categorical)).predict(data.X)
    assert mean[3] == pytest.approx(data.y[3], abs=1e-4)
    assert variance[3] < 1e-5 < variance[[0, 1, 2]].min()


def test_believing_the_mean_at_new_points_is_conditioning_on_it(rng):
    theta, data = random_problem(rng)
    posterior = condition(theta, data)
    C, query = random_problem(rng, 4)[1].X, random_problem(rng, 9)[1].X
    believing, S = posterior.believing(C)
    np.testing.assert_allclose(S @ S.T, posterior.covariance(C, C), atol=1e-7)
    y, noise = np.append(data.y, posterior.predict(C)[0]), np.append(data.noise_variances, np.zeros(4))
    mean, variance = believing.predict(query)
    conditioned = condition(theta, TrainingSet(np.vstack([data.X, C]), y, noise, data.categorical)).predict(query)
    np.testing.assert_allclose(mean, posterior.predict(query)[0], atol=1e-9)
    np.testing.assert_allclose(variance, conditioned[1], atol=1e-5)


def test_the_pull_back_is_a_derivative(rng):
    theta, data = random_problem(rng)
    posterior, query = condition(theta, data), random_problem(rng, 3)[1].X
    V, pull_back = posterior.whiten_with_pull_back(query)
    weights = rng.standard_normal(V.shape)
    gradient = pull_back(weights)
    for column in (0, 1, 3):
        step = np.zeros(4)
        step[column] = 1e-6
        difference = posterior.whiten(query + step) - posterior.whiten(query - step)
        np.testing.assert_allclose(gradient[:, column], (weights * difference).sum(axis=1) / 2e-6, rtol=1e-5, atol=1e-7)
    assert not gradient[:, 2].any()


def test_predicting_where_it_was_observed_is_predicting(rng):
    theta, data = random_problem(rng, known_noise=0.3)
    posterior = condition(theta, data)
    np.testing.assert_allclose(posterior.at_observations(data.y), posterior.predict(data.X), atol=1e-9)


def test_leaving_one_out_is_fitting_without_it(rng):
    theta, data = random_problem(rng)
    posterior = condition(theta, data)
    means, variances = posterior.leave_one_out(data.y)
    C = covariance(theta, data)
    for i in (0, 7, 19):
        rest = np.arange(20) != i
        gain = C[i, rest] @ np.linalg.inv(C[np.ix_(rest, rest)])
        assert means[i] == pytest.approx(posterior.mean + gain @ (data.y[rest] - posterior.mean), rel=1e-8)
        assert variances[i] == pytest.approx(C[i, i] - gain @ C[rest, i], rel=1e-8)


def test_hyperparameters_survive_json_and_vectors():
    theta = Hyperparameters(np.array([0.1, -0.2, 1 / 3]), math.pi, -4.0)
    for copy in (
        Hyperparameters.from_json(json.loads(json.dumps(theta.to_json()))),
        Hyperparameters.from_vector(theta.vector),
    ):
        assert copy.vector.tolist() == theta.vector.tolist() == [0.1, -0.2, 1 / 3, math.pi, -4.0]
