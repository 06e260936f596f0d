import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from headstock.errors import NumericalError
from headstock.gp.linalg import (
    cholesky,
    extended_inverse_root,
    inverse,
    inverse_root,
    one_thread,
    solve,
    times,
    times_transposed,
)


def spd(rng: np.random.Generator, n: int) -> np.ndarray:
    A = rng.standard_normal((n, n))
    return A @ A.T + n * np.eye(n)


def test_the_factor_solves_and_inverts(rng):
    A, B = spd(rng, 7), rng.standard_normal((7, 2))
    L = cholesky(A)
    np.testing.assert_allclose(L @ L.T, A, rtol=1e-12)
    np.testing.assert_allclose(solve(L, B), np.linalg.solve(A, B), rtol=1e-10)
    np.testing.assert_allclose(inverse(L), np.linalg.inv(A), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(inverse_root(L) @ L, np.eye(7), atol=1e-12)


def test_a_singular_matrix_gets_the_least_jitter_that_helps():
    A = np.ones((5, 5))
    L = cholesky(A)
    np.testing.assert_allclose(L @ L.T, A + 1e-8 * np.eye(5), atol=1e-12)


@pytest.mark.parametrize("A", [-np.eye(3), np.full((2, 2), np.nan), np.diag([1.0, np.inf])])
def test_no_jitter_makes_a_covariance_of_this(A):
    with pytest.raises(NumericalError, match="covariance matrix"):
        cholesky(A)


@pytest.mark.parametrize("k", [1, 5])
def test_extending_is_factorising_the_whole(rng, k):
    A = spd(rng, 12 + k)
    root = inverse_root(cholesky(A[:12, :12]))
    extended, S = extended_inverse_root(root, A[12:, :12] @ root.T, A[12:, 12:])
    whole = cholesky(A)
    np.testing.assert_allclose(extended, inverse_root(whole), atol=1e-9)
    np.testing.assert_allclose(S, whole[12:, 12:], atol=1e-9)


def test_triangular_products_are_products(rng):
    A, root = rng.standard_normal((5, 8)), np.tril(rng.standard_normal((8, 8)))
    np.testing.assert_allclose(times(A, root), A @ root, atol=1e-12)
    np.testing.assert_allclose(times_transposed(A, root), A @ root.T, atol=1e-12)


def test_blas_keeps_to_one_thread_and_is_then_as_before():
    def threads():
        return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]

    with threadpool_limits(2, user_api="blas"):
        assert set(threads()) == {2}
        with one_thread():
            assert set(threads()) == {1}
        assert set(threads()) == {2}
