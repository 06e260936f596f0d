import numpy as np
import pytest

from headstock import Float, Space
from headstock.acquisition.ascent import climb
from headstock.acquisition.halfspaces import Halfspaces
from headstock.encoding import Encoding


class Quadratic:
    """-(x - top)' A (x - top) / 2, which counts what it is asked."""

    def __init__(self, A: np.ndarray, top: np.ndarray) -> None:
        self.A, self.top, self.calls = A, np.asarray(top, dtype=float), 0

    def value(self, X):
        return self.value_and_gradient(X)[0]

    def value_and_gradient(self, X):
        self.calls += 1
        G = -(X - self.top) @ self.A
        return 0.5 * (G * (X - self.top)).sum(axis=1), G


def ill_conditioned(d: int, condition: float) -> np.ndarray:
    Q, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(d, d)))
    return Q @ np.diag(np.geomspace(1.0, condition, d)) @ Q.T


def ascend(acquisition, X, constraints=(), iterations=25, free=None):
    d = X.shape[1]
    halfspaces = Halfspaces.of(Encoding.of(Space({f"x{i}": Float(0, 1) for i in range(d)}, constraints=constraints)))
    free = np.ones(X.shape, dtype=bool) if free is None else free
    return climb(acquisition, halfspaces, X, free=free, scale=np.full(d, 0.5), iterations=iterations)


def test_curvature_is_learnt(rng: np.random.Generator):
    top = np.full(6, 0.4)
    acquisition = Quadratic(ill_conditioned(6, 1e3), top)
    X = ascend(acquisition, rng.random((8, 6)), iterations=40)
    assert acquisition.value(X).min() > -1e-3
    assert acquisition.calls <= 42


def test_starts_do_not_influence_each_other(rng: np.random.Generator):
    acquisition = Quadratic(ill_conditioned(4, 100.0), [0.9, 0.1, 1.3, 0.5])
    X = rng.random((5, 4))
    together = ascend(acquisition, X)
    alone = np.concatenate([ascend(acquisition, x[None]) for x in X])
    np.testing.assert_allclose(together, alone, atol=1e-9)


def test_entries_that_are_not_free_stay(rng: np.random.Generator):
    X, free = rng.random((4, 3)), np.array([[True, False, True]] * 2 + [[False, True, False]] * 2)
    top = ascend(Quadratic(np.eye(3), [0.5, 0.5, 0.5]), X, free=free)
    assert np.array_equal(top[~free], X[~free])
    np.testing.assert_allclose(top[free], 0.5, atol=3e-3)


@pytest.mark.parametrize("seed", range(4))
def test_the_best_point_of_a_polytope(seed: int):
    rng = np.random.default_rng(seed)
    A, goal = ill_conditioned(3, 20.0), rng.uniform(0.5, 1.5, 3)
    constraints = ["x0 + x1 + x2 <= 1.2", "x0 - x1 <= 0.3", "x2 <= 2*x1"]
    acquisition = Quadratic(A, goal)
    starts = np.array([[0.1, 0.2, 0.3], [0.3, 0.5, 0.1], [0.0, 0.9, 0.0]])
    X = ascend(acquisition, starts, constraints)
    grid = np.stack(np.meshgrid(*[np.linspace(0, 1, 61)] * 3), axis=-1).reshape(-1, 3)
    grid = grid[(grid.sum(axis=1) <= 1.2) & (grid[:, 0] - grid[:, 1] <= 0.3) & (grid[:, 2] <= 2 * grid[:, 1])]
    assert acquisition.value(X).min() > acquisition.value(grid).max() - 1e-3
    assert (X.sum(axis=1) <= 1.2 + 1e-9).all()
    assert (X[:, 0] - X[:, 1] <= 0.3 + 1e-9).all()


def test_starts_at_which_there_is_no_gradient_stay():
    class Cliff(Quadratic):
        def value_and_gradient(self, X):
            values, gradients = super().value_and_gradient(X)
            off = X[:, 0] > 0.5
            return np.where(off, -np.inf, values), np.where(off[:, None], np.nan, gradients)

    X = ascend(Cliff(np.eye(2), [0.7, 0.2]), np.array([[0.9, 0.9], [0.1, 0.9]]))
    assert X[0].tolist() == [0.9, 0.9]
    assert 0.4 < X[1, 0] <= 0.5
    assert X[1, 1] < 0.6
