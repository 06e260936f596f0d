import numpy as np
import pytest

from headstock.gp import averaging
from headstock.gp.averaging import AveragedPosterior, draw_hyperparameters
from headstock.gp.fit import fit, is_bounded, log_density
from headstock.gp.regression import Hyperparameters, TrainingSet, condition
from headstock.gp.surrogate import fit_surrogate

NUMERIC = np.zeros(1, dtype=bool)


@pytest.fixture
def noisy(rng) -> TrainingSet:
    X = rng.random((8, 1))
    y = np.sin(6.0 * X[:, 0]) + 0.5 * rng.standard_normal(8)
    return TrainingSet(X, (y - y.mean()) / y.std(), np.full(8, np.nan), NUMERIC)


def surrogate_of(data: TrainingSet):
    return fit_surrogate(data.X, data.y, data.noise_variances, sign=1.0, categorical=NUMERIC)


def integrated(data: TrainingSet, X) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance by brute force: a sum over a grid of all three hyper-parameters."""
    grid = np.stack(np.meshgrid(np.linspace(-3.6, 3.0, 15), np.linspace(-1.5, 1.5, 7), np.linspace(-10, 0, 15)), -1)
    thetas = [theta for theta in grid.reshape(-1, 3) if is_bounded(theta)]
    logs = np.array([log_density(theta, data)[0] for theta in thetas])
    weights = np.exp(logs - logs.max())
    weights /= weights.sum()
    some = weights > 1e-4 * weights.max()
    thetas, weights = np.array(thetas)[some], weights[some] / weights[some].sum()
    moments = [condition(Hyperparameters.from_vector(theta), data).predict(X) for theta in thetas]
    means, variances = (np.array(part) for part in zip(*moments, strict=True))
    mean = weights @ means
    return mean, weights @ (variances + (means - mean) ** 2)


def test_it_is_close_to_the_integral_over_hyperparameters_and_wider_than_the_mode(rng):
    X = np.linspace(0.0, 1.0, 15)[:, None]
    off, ratios, of_mode = [], [], []
    for _ in range(8):
        at = rng.random((10, 1))
        y = np.sin(6.0 * at[:, 0]) + 0.5 * rng.standard_normal(10)
        surrogate = surrogate_of(TrainingSet(at, y, np.full(10, np.nan), NUMERIC))
        mean, variance = AveragedPosterior.of(surrogate).predict(X)
        expected, expected_variance = integrated(surrogate.data, X)
        off.append(np.abs(mean - expected) / np.sqrt(expected_variance))
        ratios.append(np.sqrt(variance / expected_variance))
        of_mode.append(np.sqrt(surrogate.posterior.predict(X)[1] / expected_variance))
    assert np.median(off) < 0.15
    assert np.median(ratios) == pytest.approx(1.0, abs=0.1)
    assert np.median(of_mode) < 0.85


def test_draws_have_the_moments_of_the_mixture(noisy, rng):
    X = np.linspace(0.0, 1.0, 5)[:, None]
    averaged = AveragedPosterior.of(surrogate_of(noisy))
    assert averaged.weights.sum() == pytest.approx(1.0)
    mean, variance = averaged.predict(X)
    drawn = averaged.draw(X, 40_000, rng)
    assert drawn.shape == (40_000, 5)
    np.testing.assert_allclose(drawn.mean(axis=0), mean, atol=0.03)
    np.testing.assert_allclose(drawn.var(axis=0), variance, rtol=0.05)
    share = np.exp(averaged.log_probability(X, 0.2, -1.0))
    np.testing.assert_allclose((drawn <= 0.2).mean(axis=0), share, atol=0.01)


def test_the_same_data_gives_the_same_average(noisy):
    one, other = (AveragedPosterior.of(surrogate_of(noisy)).predict(noisy.X) for _ in range(2))
    np.testing.assert_array_equal(one, other)


def test_many_observations_leave_nothing_open(noisy, monkeypatch):
    surrogate = surrogate_of(noisy)
    monkeypatch.setattr(averaging, "AVERAGED", 7)
    averaged = AveragedPosterior.of(surrogate)
    assert averaged.posteriors == (surrogate.posterior,)


def test_draws_stay_within_the_bounds_of_a_fit():
    data = TrainingSet(np.array([[0.2], [0.7]]), np.array([1.0, -1.0]), np.full(2, np.nan), NUMERIC)
    drawn, weights = draw_hyperparameters(fit(data), data)
    assert all(is_bounded(hyperparameters.vector) for hyperparameters in drawn)
    assert weights.sum() == pytest.approx(1.0)
