"""The Gaussian process against scikit-learn's, with the same hyper-parameters."""

import numpy as np
import pytest
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern

from headstock.gp.regression import Hyperparameters, TrainingSet, condition, log_marginal_likelihood


@pytest.mark.parametrize("known_noise", [False, True])
@pytest.mark.parametrize("d", [1, 4])
def test_predictions_and_likelihood_are_scikit_learn_s(d, known_noise):
    rng = np.random.default_rng(d)
    n = 25
    X, query = rng.random((n, d)), rng.random((40, d))
    y = np.sin(4 * X).sum(axis=1) + 0.1 * rng.standard_normal(n)
    theta = Hyperparameters(np.log(rng.uniform(0.2, 1.5, d)), np.log(1.7), np.log(0.02))
    known = rng.uniform(0.01, 0.1, n) if known_noise else np.full(n, np.nan)
    data = TrainingSet(X, y, known, np.zeros(d, dtype=bool))
    posterior = condition(theta, data)

    kernel = ConstantKernel(1.7, "fixed") * Matern(theta.lengthscales, "fixed", nu=2.5)
    oracle = GaussianProcessRegressor(kernel, alpha=data.noise(theta), optimizer=None).fit(X, y - posterior.mean)
    mean, covariance = oracle.predict(query, return_cov=True)

    np.testing.assert_allclose(posterior.predict(query)[0], mean + posterior.mean, atol=1e-9)
    np.testing.assert_allclose(posterior.covariance(query, query), covariance, atol=1e-9)
    value, _ = log_marginal_likelihood(theta, data)
    assert value + 0.5 * posterior.mean**2 == pytest.approx(oracle.log_marginal_likelihood_value_, rel=1e-9)
