import numpy as np
import pytest

from headstock.gp import surrogate as module
from headstock.gp.surrogate import condition_surrogate, fit_surrogate

NUMERIC = np.zeros(2, dtype=bool)


def loss(X):
    return 10.0 + 3.0 * (X[:, 0] - 0.3) ** 2 + X[:, 1]


@pytest.fixture
def problem(rng):
    X = rng.random((25, 2))
    return X, loss(X), np.full(25, np.nan)


def test_predictions_are_in_the_metric_s_units(problem, rng):
    X, y, sems = problem
    surrogate = fit_surrogate(X, y, sems, sign=-1.0, categorical=NUMERIC)
    query = rng.uniform(0.1, 0.9, (50, 2))
    means, sds = surrogate.predict(query)
    assert np.abs(means - loss(query)).max() < 0.3
    assert ((sds > 0) & (sds < 0.5)).all()


def test_leaving_one_out_predicts_every_row(problem):
    X, y, sems = problem
    y[4] = np.nan
    surrogate = fit_surrogate(X, y, sems, sign=-1.0, categorical=NUMERIC)
    means, sds = surrogate.leave_one_out()
    assert means.shape == sds.shape == (25,)
    assert 4 not in surrogate.used
    assert np.corrcoef(means, loss(X))[0, 1] > 0.9
    assert (np.abs(means - loss(X)) < 5 * sds).all()


def test_the_order_of_the_observations_does_not_matter(problem, rng):
    X, y, sems = problem
    order = rng.permutation(25)
    one = fit_surrogate(X, y, sems, sign=-1.0, categorical=NUMERIC)
    other = fit_surrogate(X[order], y[order], sems, sign=-1.0, categorical=NUMERIC)
    query = rng.random((20, 2))
    np.testing.assert_allclose(one.predict(query), other.predict(query), rtol=1e-4)


def test_a_constant_metric_is_predicted_everywhere(rng):
    X = rng.random((6, 2))
    surrogate = fit_surrogate(X, np.full(6, 7.5), np.full(6, np.nan), sign=1.0, categorical=NUMERIC)
    np.testing.assert_allclose(surrogate.predict(rng.random((9, 2)))[0], 7.5)


def test_known_hyperparameters_are_not_fitted(problem):
    X, y, sems = problem
    fitted = fit_surrogate(X, y, sems, sign=-1.0, categorical=NUMERIC)
    again = condition_surrogate(X, y, sems, sign=-1.0, categorical=NUMERIC, hyperparameters=fitted.hyperparameters)
    np.testing.assert_array_equal(again.predict(X), fitted.predict(X))


def test_many_observations_are_thinned_out_below_the_best(problem, monkeypatch):
    X, y, sems = problem
    monkeypatch.setattr(module, "CONDITIONED", 10)
    monkeypatch.setattr(module, "FITTED", 8)
    surrogate = fit_surrogate(X, y, sems, sign=-1.0, categorical=NUMERIC)
    assert len(surrogate.used) == len(surrogate.posterior.X) == 10
    assert set(np.argsort(y)[:5]) <= set(surrogate.used)
    assert np.isfinite(surrogate.leave_one_out()).all()
