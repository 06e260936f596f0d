import numpy as np
import pytest

from headstock.acquisition import noisy
from headstock.acquisition.analytic import LogFeasibility, log_improvement
from headstock.acquisition.noisy import LogNoisyExpectedImprovement
from headstock.gp.regression import Hyperparameters, TrainingSet, condition

CATEGORICAL = np.array([False, True, False])


def points(rng, n):
    return np.column_stack([rng.random(n), rng.integers(0, 3, n), rng.random(n)])


def posterior_of(rng, n=15, noise=0.1, f=lambda X: np.sin(5 * X[:, 0]) + (X[:, 1] == 1) - X[:, 2]):
    X = points(rng, n)
    y = f(X) + np.sqrt(noise) * rng.standard_normal(n)
    theta = Hyperparameters(np.log([0.4, 1.0, 0.8]), 0.0, np.log(noise))
    return condition(theta, TrainingSet(X, (y - y.mean()) / y.std(), np.full(n, np.nan), CATEGORICAL))


def feasibility_of(rng):
    return LogFeasibility(
        (posterior_of(rng, f=lambda X: X[:, 2]), posterior_of(rng, f=lambda X: -X[:, 0])), (-0.2, -0.5)
    )


def test_without_noise_it_is_log_expected_improvement(rng):
    posterior = posterior_of(rng, noise=1e-6)
    query = points(rng, 30)
    mean, variance = posterior.predict(query)
    sd, best = np.sqrt(variance), posterior.predict(posterior.X)[0].max()
    expected = np.log(sd) + log_improvement((mean - best) / sd)[0]
    acquisition = LogNoisyExpectedImprovement.of(posterior, posterior.X, rng)
    hopeful = expected > -8
    assert hopeful.sum() > 5
    np.testing.assert_allclose(acquisition.value(query)[hopeful], expected[hopeful], atol=0.02)


@pytest.mark.parametrize("pending", [0, 10])
def test_it_is_the_improvement_over_joint_draws(rng, monkeypatch, pending):
    monkeypatch.setattr(noisy, "SAMPLES", 4096)
    posterior, busy, query = posterior_of(rng), points(rng, pending), points(rng, 4)
    C = np.vstack([posterior.X, busy])
    joint = np.vstack([C, query])
    mean = posterior.predict(joint)[0]
    draws = rng.multivariate_normal(mean, posterior.covariance(joint, joint), 200_000, method="cholesky")
    improvement = np.maximum(draws[:, len(C) :] - draws[:, : len(C)].max(axis=1, keepdims=True), 0.0)
    error = improvement.std(axis=0) / np.sqrt(len(draws))
    value = np.exp(LogNoisyExpectedImprovement.of(posterior, C, rng).value(query))
    assert (np.abs(value - improvement.mean(axis=0)) < 4 * error + 0.02 * value + 1e-4).all()


@pytest.mark.parametrize("constrained", [False, True])
@pytest.mark.parametrize("pending", [0, 7])
def test_the_gradient_is_the_central_difference(rng, pending, constrained):
    feasibility = feasibility_of(rng) if constrained else None
    posterior = posterior_of(rng)
    C = np.vstack([posterior.X, points(rng, pending)])
    acquisition = LogNoisyExpectedImprovement.of(posterior, C, rng, feasibility)
    X = points(rng, 12)
    value, gradient = acquisition.value_and_gradient(X)
    np.testing.assert_allclose(value, acquisition.value(X), rtol=1e-12)
    assert not gradient[:, 1].any()
    for column in (0, 2):
        step = np.zeros(3)
        step[column] = 1e-6
        difference = (acquisition.value(X + step) - acquisition.value(X - step)) / 2e-6
        np.testing.assert_allclose(gradient[:, column], difference, rtol=1e-5, atol=1e-5)


def test_there_is_nothing_to_gain_at_a_pending_point(rng):
    posterior, x = posterior_of(rng), np.array([[0.3, 1.0, 0.05]])
    free = LogNoisyExpectedImprovement.of(posterior, posterior.X, rng)
    busy = LogNoisyExpectedImprovement.of(posterior, np.vstack([posterior.X, x]), rng)
    assert busy.value(x).item() < free.value(x).item() - 5


def test_only_points_that_are_expected_to_be_feasible_set_the_mark(rng):
    posterior = posterior_of(rng, noise=1e-4)
    best = posterior.X[np.argmax(posterior.predict(posterior.X)[0])]
    column, side = 2, best[2]
    allows = posterior_of(rng, n=40, noise=1e-4, f=lambda X: np.where(X[:, column] > side + 0.1, 1.0, -1.0))
    constrained = LogFeasibility((allows,), (0.0,))
    acquisition = LogNoisyExpectedImprovement.of(posterior, posterior.X, rng, constrained)
    free = LogNoisyExpectedImprovement.of(posterior, posterior.X, rng)
    assert acquisition.best.max() < free.best.min()


def test_the_normals_are_stratified(rng):
    normals = noisy._normals(64, 3, rng)
    assert np.abs(normals.mean(axis=0)).max() < 1e-12
    np.testing.assert_allclose(normals.std(axis=0), 1.0, atol=0.02)
    assert np.abs(np.corrcoef(normals.T) - np.eye(3)).max() < 0.4
