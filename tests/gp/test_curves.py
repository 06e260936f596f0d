import numpy as np
import pytest
from scipy.optimize import approx_fprime

from headstock.gp.curve_fit import FITTED, fit_curves, log_prior, spread
from headstock.gp.curves import MEAN_VARIANCES, CurveHyperparameters, CurveSet, condition, gradient

CATEGORICAL = np.array([False, False, True])
HYPERPARAMETERS = CurveHyperparameters(
    np.log([0.3, 0.8, 0.5]),
    np.log([1.0, 0.5, 0.3, 0.2]),
    np.array([-0.8, 0.3, 0.5, 0.2, -0.1, 0.4]),
    np.log(0.05),
    np.log(0.1),
    0.3,
    np.log(0.02),
)


def curves(n: int = 12, steps: int = 9) -> CurveSet:
    """Curves of all lengths, two that skip steps, two of one configuration, judged at a step beyond all of them."""
    rng = np.random.default_rng(3)
    X = rng.random((n, 3))
    X[:, 2] = rng.integers(0, 3, n)
    X[7] = X[8]
    Y = 0.3 * rng.standard_normal((n, steps)).cumsum(axis=1)
    for i in range(n):
        Y[i, rng.integers(1, steps + 1) :] = np.nan
    Y[3] = np.nan
    Y[3, [1, 4, 6]] = 0.3, 0.4, 0.1
    Y[4] = np.nan
    Y[4, 3:7] = 1.0
    Y[5, 1:] = np.nan
    return CurveSet(X, np.arange(1.0, steps + 1.0), Y, 12.0, CATEGORICAL)


class Dense:
    """The same model without any structure: every value is a point of one large Gaussian process."""

    def __init__(self, h: CurveHyperparameters, data: CurveSet):
        self.h, self.data = h, data
        self.curve, self.column = np.nonzero(~np.isnan(data.Y))
        self.y = data.Y[self.curve, self.column]
        self.places = (data.X[self.curve], data.steps[self.column], self.curve)
        self.C = self.covariance(self.places, self.places) + h.noise * np.eye(len(self.y))

    def covariance(self, a, b):
        (A, s, i), (B, t, j) = a, b
        k, same = self.h.kernel(CATEGORICAL)(A, B), i[:, None] == j
        total = same * self.h.deviation(s, t)[0]
        for shape in range(4):
            weights = np.outer(*((self.data.shapes(at) @ self.h.mixture)[:, shape] for at in (s, t)))
            total += weights * (self.h.variances[shape] * (k + self.h.nugget * same) + MEAN_VARIANCES[shape])
        return total

    def log_likelihood(self):
        _, log_determinant = np.linalg.slogdet(self.C)
        return -0.5 * (self.y @ np.linalg.solve(self.C, self.y) + log_determinant + len(self.y) * np.log(2 * np.pi))

    def predict(self, places):
        cross = self.covariance(places, self.places)
        variance = np.diag(self.covariance(places, places)) - np.einsum(
            "mn,nm->m", cross, np.linalg.solve(self.C, cross.T)
        )
        return cross @ np.linalg.solve(self.C, self.y), variance


def test_it_is_the_dense_gaussian_process():
    data = curves()
    dense, posterior = Dense(HYPERPARAMETERS, data), condition(HYPERPARAMETERS, data)
    assert len(data.families) == 3
    assert posterior.log_likelihood == pytest.approx(dense.log_likelihood(), rel=1e-10)

    rows, steps = np.arange(12), np.array([1.0, 3.0, 12.0, 7.0, 2.0, 12.0, 5.0, 12.0, 1.0, 9.0, 12.0, 4.0])
    for given, wanted in zip(posterior.predict(rows, steps), dense.predict((data.X, steps, rows)), strict=True):
        np.testing.assert_allclose(given, wanted, atol=1e-8)

    new, at = curves().X[:5] * [0.5, 0.9, 1.0], np.array([1.0, 12.0, 6.0, 12.0, 3.0])
    for given, wanted in zip(
        posterior.predict_new(new, at), dense.predict((new, at, np.arange(100, 105))), strict=True
    ):
        np.testing.assert_allclose(given, wanted, atol=1e-8)
    np.testing.assert_allclose(posterior.mean_of_new(new, at), posterior.predict_new(new, at)[0], atol=1e-10)


def test_where_only_the_last_step_is_reported_curves_are_constants():
    data = CurveSet(np.eye(3), np.array([7.0]), np.array([[1.0], [0.0], [2.0]]), 7.0, CATEGORICAL)
    posterior = condition(HYPERPARAMETERS, data)
    dense = Dense(HYPERPARAMETERS, data)
    assert posterior.log_likelihood == pytest.approx(dense.log_likelihood(), rel=1e-8)


def test_the_gradients_are_those_of_the_functions():
    data = curves()
    vector = HYPERPARAMETERS.vector

    def likelihood(v):
        return condition(CurveHyperparameters.from_vector(v), data).log_likelihood

    numeric = (approx_fprime(vector, likelihood, 1e-6) + -approx_fprime(-vector, lambda v: likelihood(-v), 1e-6)) / 2
    np.testing.assert_allclose(gradient(condition(HYPERPARAMETERS, data)), numeric, rtol=1e-5, atol=1e-5)
    prior = approx_fprime(vector, lambda v: log_prior(CurveHyperparameters.from_vector(v))[0], 1e-7)
    np.testing.assert_allclose(log_prior(HYPERPARAMETERS)[1], prior, rtol=1e-4, atol=1e-4)


def test_a_fit_finds_hyperparameters_more_probable_than_those_that_made_the_curves():
    data = curves(40, 20)
    fitted = fit_curves(data)

    def density(h):
        return condition(h, data).log_likelihood + log_prior(h)[0]

    assert density(fitted) > density(HYPERPARAMETERS)
    assert density(fit_curves(data, warm=fitted)) >= density(fitted)
    assert CurveHyperparameters.from_json(fitted.to_json()).vector.tolist() == fitted.vector.tolist()


def test_a_fit_to_many_curves_takes_the_best_and_an_even_share_of_the_others():
    many = curves(300)
    rows = spread(many, FITTED)
    assert len(set(rows.tolist())) == FITTED
    lasts = np.array([y[~np.isnan(y)][-1] for y in many.Y])
    assert set(np.argsort(-lasts)[: FITTED // 2].tolist()) <= set(rows.tolist())
    assert spread(curves(), FITTED).tolist() == list(range(12))


def test_intervals_hold_what_the_model_itself_draws():
    h, rng, steps = HYPERPARAMETERS, np.random.default_rng(0), np.arange(1.0, 13.0)
    X = rng.random((40, 3))
    X[:, 2] = rng.integers(0, 3, 40)
    whole = CurveSet(X, steps, np.zeros((40, 12)), 12.0, CATEGORICAL)
    root, z = np.linalg.cholesky(Dense(h, whole).C), []
    for _ in range(8):  # the errors of one draw have a common part
        drawn = (root @ rng.standard_normal(480)).reshape(40, 12)
        seen = drawn.copy()
        seen[np.arange(12) >= rng.integers(1, 9, 40)[:, None]] = np.nan
        mean, variance = condition(h, CurveSet(X, steps[:8], seen[:, :8], 12.0, CATEGORICAL)).predict(
            np.arange(40), np.full(40, 12.0)
        )
        z.append((drawn[:, -1] - mean) / np.sqrt(variance + h.noise))
    assert 0.75 <= np.mean(np.abs(z) < 1.645) <= 0.98
    assert np.corrcoef(mean, drawn[:, -1])[0, 1] > 0.7
