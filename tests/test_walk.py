import numpy as np

from headstock.walk import hit_and_run


def test_walks_fill_a_ring_evenly():
    def ring(X):
        radius = np.linalg.norm(X - 0.5, axis=1)
        return (radius > 0.3) & (radius < 0.5)

    start = np.tile([0.9, 0.5], (2000, 1))
    corners = np.array([[0.9, 0.5], [0.1, 0.5], [0.5, 0.9]])
    X = hit_and_run(start, corners, ring, np.random.default_rng(0))
    assert ring(X).all()
    angle = np.arctan2(*(X - 0.5).T)
    np.testing.assert_allclose(np.histogram(angle, 8, (-np.pi, np.pi))[0] / 2000, 1 / 8, atol=0.03)
    inner = (np.linalg.norm(X - 0.5, axis=1) < 0.4).mean()
    np.testing.assert_allclose(inner, (0.4**2 - 0.3**2) / (0.5**2 - 0.3**2), atol=0.04)


def test_a_walk_that_can_go_nowhere_stays():
    X = np.array([[0.2, 0.8]])
    alone = hit_and_run(X, X, lambda Y: np.ones(len(Y), dtype=bool), np.random.default_rng(0))
    assert np.array_equal(alone, X)
    closed = hit_and_run(X, np.eye(2), lambda Y: np.zeros(len(Y), dtype=bool), np.random.default_rng(0))
    assert np.array_equal(closed, X)
