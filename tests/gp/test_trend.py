from dataclasses import replace

import numpy as np
import pytest

from headstock.acquisition.noisy import LogNoisyExpectedImprovement
from headstock.gp.regression import Hyperparameters, TrainingSet, condition, log_marginal_likelihood
from headstock.gp.trend import Component, Trend

CATEGORICAL = np.array([False, True, False])


def points(rng, n):
    return np.column_stack([rng.random(n), rng.integers(0, 3, n), rng.random(n)])


def component_of(rng, columns):
    columns = np.array(columns)
    X = points(rng, 12)[:, columns]
    theta = Hyperparameters(np.log(np.full(len(columns), 0.5)), 0.0, -4.0)
    data = TrainingSet(X, rng.standard_normal(12), np.full(12, np.nan), CATEGORICAL[columns])
    posterior = condition(theta, data)
    component = Component(columns, posterior.kernel, posterior.mean, X, posterior.whitened @ posterior.inverse_root)
    return component, posterior


@pytest.fixture
def trend(rng):
    return Trend((component_of(rng, [0, 1, 2])[0], component_of(rng, [2])[0]), np.array([0.4, 0.3]), 0.5)


@pytest.fixture
def data(rng, trend):
    X = points(rng, 15)
    y = trend.features(X) @ [1.2, -0.3] + 0.1 * rng.standard_normal(15)
    return TrainingSet(X, y, np.full(15, np.nan), CATEGORICAL, trend)


THETA = Hyperparameters(np.log([0.4, 1.0, 0.8]), -1.0, -3.0)


def test_a_component_is_the_mean_of_its_process(rng):
    component, posterior = component_of(rng, [1, 2])
    query = points(rng, 6)
    np.testing.assert_allclose(component.value(query), posterior.predict(query[:, [1, 2]])[0])


def test_the_gradient_is_that_of_the_value(rng, trend):
    query = points(rng, 5)
    gradient = trend.gradient(query)
    for j in (0, 2):
        step = 1e-6 * np.eye(3)[j]
        np.testing.assert_allclose(
            gradient[:, j], (trend.value(query + step) - trend.value(query - step)) / 2e-6, atol=1e-6
        )
    assert not gradient[:, 1].any()


def test_the_posterior_is_that_of_uncertain_weights_at_their_most_probable_values(data, trend, rng):
    """The mean under H β + f with β ~ N(b, P⁻¹) integrated out: a process with covariance K + H P⁻¹ Hᵀ."""
    posterior, query = condition(THETA, data), points(rng, 7)
    H, expected, variances = data.basis, [0.0, 0.4, 0.3], np.diag([1.0, 0.5, 0.5])
    H_query = np.concatenate([np.ones((7, 1)), trend.features(query)], axis=1)
    C = posterior.kernel(data.X, data.X) + np.diag(data.noise(THETA)) + H @ variances @ H.T
    cross = posterior.kernel(query, data.X) + H_query @ variances @ H.T
    mean = H_query @ expected + cross @ np.linalg.solve(C, data.y - H @ expected)
    np.testing.assert_allclose(posterior.predict(query)[0], mean, rtol=1e-8)


def test_the_likelihood_s_gradient_is_the_central_difference(data):
    _, gradient = log_marginal_likelihood(THETA, data)
    for i, step in enumerate(1e-5 * np.eye(5)):
        ahead, _ = log_marginal_likelihood(Hyperparameters.from_vector(THETA.vector + step), data)
        behind, _ = log_marginal_likelihood(Hyperparameters.from_vector(THETA.vector - step), data)
        assert gradient[i] == pytest.approx((ahead - behind) / 2e-5, rel=1e-6, abs=1e-6)


def test_the_weights_are_learnt(rng, trend):
    X = points(rng, 200)
    y = trend.features(X) @ [1.2, -0.3] + 0.1 * rng.standard_normal(200)
    posterior = condition(
        replace(THETA, log_variance=-6.0), TrainingSet(X, y, np.full(200, np.nan), CATEGORICAL, trend)
    )
    np.testing.assert_allclose(posterior.trend.weights, [1.2, -0.3], atol=0.1)


def test_the_acquisition_follows_the_trend(data, rng):
    acquisition = LogNoisyExpectedImprovement.of(condition(THETA, data), data.X[:4], rng)
    query = points(rng, 5)
    value, gradient = acquisition.value_and_gradient(query)
    np.testing.assert_allclose(value, acquisition.value(query))
    for j in (0, 2):
        step = 1e-6 * np.eye(3)[j]
        slope = (acquisition.value(query + step) - acquisition.value(query - step)) / 2e-6
        np.testing.assert_allclose(gradient[:, j], slope, rtol=1e-4, atol=1e-5)
