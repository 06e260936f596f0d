import numpy as np
import pytest
from scipy.special import ndtr
from scipy.stats import kendalltau, multivariate_normal

from headstock.gp.preference import Comparisons, condition_on_comparisons, fit_comparisons
from headstock.gp.regression import Hyperparameters

THETA = Hyperparameters(np.log(np.array([0.5, 0.8, 1.5])), 0.2, -2.0)


def compared(rng, points: int, pairs: int, *, error: float = 0.1, truth=lambda X: np.sin(4 * X[:, 0]) + X[:, 1]):
    """Random pairs, judged by a person who errs."""
    X = np.column_stack([rng.random(points), rng.random(points), rng.integers(0, 3, points)])
    first = rng.integers(points, size=pairs)
    second = (first + rng.integers(1, points, size=pairs)) % points
    f = truth(X)
    is_first = f[first] - f[second] + error * rng.standard_normal(pairs) > 0
    better, worse = np.where(is_first, first, second), np.where(is_first, second, first)
    return Comparisons(X, better, worse, np.array([False, False, True])), f


def exact(data: Comparisons):
    """ln Z and the moments of the differences to the last of three points, on a fine grid."""
    A = np.array([[1.0, 0.0, -1.0], [0.0, 1.0, -1.0]])
    K = A @ THETA.kernel(data.categorical)(data.X, data.X) @ A.T
    axis = np.linspace(-7.0, 7.0, 701) * np.sqrt(K.max())
    grid = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1)
    f = np.concatenate([grid, np.zeros((*grid.shape[:2], 1))], axis=-1)
    density = multivariate_normal(np.zeros(2), K).pdf(grid)
    for i, j in zip(data.better, data.worse, strict=True):
        density = density * ndtr((f[..., i] - f[..., j]) / np.sqrt(2.0 * THETA.noise))
    weights = density / density.sum()
    mean = np.einsum("ij,ijk->k", weights, grid)
    covariance = np.einsum("ij,ijk,ijl->kl", weights, grid - mean, grid - mean)
    return np.log(density.sum() * (axis[1] - axis[0]) ** 2), mean, covariance


@pytest.mark.parametrize(
    ("pairs", "within"), [([(0, 1)], 1e-5), ([(0, 1), (1, 2)], 3e-2), ([(0, 1), (1, 2), (2, 0), (0, 1)], 3e-2)]
)
def test_evidence_and_moments_are_those_of_the_integral(rng, pairs, within):
    better, worse = np.array(pairs).T
    data = Comparisons(compared(rng, 3, 1)[0].X, better, worse, np.array([False, False, True]))
    found, (log_evidence, mean, covariance) = condition_on_comparisons(THETA, data), exact(data)
    A = np.array([[1.0, 0.0, -1.0], [0.0, 1.0, -1.0]])
    assert found.log_evidence == pytest.approx(log_evidence, abs=within)
    np.testing.assert_allclose(A @ found.mean, mean, atol=within)
    np.testing.assert_allclose(A @ found.covariance @ A.T, covariance, atol=within)


@pytest.mark.parametrize("seed", range(3))
def test_the_gradient_is_the_central_difference(seed):
    data, _ = compared(np.random.default_rng(seed), 15, 30)
    found = condition_on_comparisons(THETA, data)
    for i, step in enumerate(1e-4 * np.eye(len(THETA.vector))):
        ahead, behind = (
            condition_on_comparisons(Hyperparameters.from_vector(THETA.vector + side * step), data).log_evidence
            for side in (1, -1)
        )
        assert found.gradient[i] == pytest.approx((ahead - behind) / 2e-4, rel=1e-4, abs=1e-4)


def test_the_posterior_tells_of_points_that_were_not_compared(rng):
    data, _ = compared(rng, 12, 40)
    found = condition_on_comparisons(THETA, data)
    mean, variance = found.posterior.predict(data.X)
    np.testing.assert_allclose(mean, found.mean, atol=1e-8)
    np.testing.assert_allclose(variance, np.diag(found.covariance), atol=1e-8)
    believing, _ = found.posterior.believing(data.X[:2] + 0.05)
    again, _ = believing.predict(data.X)
    np.testing.assert_allclose(again, found.mean, atol=1e-6)


def test_the_order_of_comparisons_and_of_points_does_not_matter(rng):
    data, _ = compared(rng, 10, 30)
    found, order, points = condition_on_comparisons(THETA, data), rng.permutation(30), rng.permutation(10)
    place = np.argsort(points)
    other = Comparisons(data.X[points], place[data.better[order]], place[data.worse[order]], data.categorical)
    again = condition_on_comparisons(THETA, other)
    np.testing.assert_allclose(again.mean, found.mean[points], atol=1e-5)
    assert again.log_evidence == pytest.approx(found.log_evidence, abs=1e-5)


def test_only_differences_count(rng):
    data, _ = compared(rng, 10, 30)
    mean, sd = condition_on_comparisons(THETA, data).centred
    assert mean.sum() == pytest.approx(0.0, abs=1e-9)
    assert ((sd > 0) & (sd < np.sqrt(np.exp(THETA.log_variance)))).all()


@pytest.mark.parametrize("log_noise", [-13.8, -5.0, 0.0])
@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ([0] * 50, [1] * 50),  # again and again
        ([0, 1] * 25, [1, 0] * 25),  # undecided
        ([0, 1, 2, 3] * 10, [1, 2, 3, 0] * 10),  # around in a circle
        ([0] * 50 + [1], [1] * 50 + [0]),  # and once the other way round
    ],
)
def test_people_may_contradict_themselves(rng, log_noise, better, worse):
    X = rng.random((4, 2))
    X[1] = X[0] + 1e-12  # nearly the same
    theta = Hyperparameters(np.log(np.array([0.5, 0.5])), 0.0, log_noise)
    found = condition_on_comparisons(theta, Comparisons(X, np.array(better), np.array(worse), np.zeros(2, dtype=bool)))
    assert np.isfinite([found.log_evidence, *found.mean, *found.gradient, *found.centred[1]]).all()


def test_five_hundred_comparisons_of_a_person_who_errs_give_the_ranking(rng):
    data, truth = compared(rng, 60, 500, error=0.3)
    found = condition_on_comparisons(fit_comparisons(data), data)
    assert kendalltau(found.mean, truth).statistic > 0.85


def test_a_fit_goes_on_from_an_earlier_one(rng):
    data, _ = compared(rng, 20, 60)
    cold = fit_comparisons(data)
    np.testing.assert_allclose(fit_comparisons(data, cold).vector, cold.vector, atol=0.3)
