"""Positive definite matrices: factorise them safely, extend the factors, keep BLAS on one thread."""

from collections.abc import Generator
from contextlib import contextmanager
from functools import cache
from typing import Final

import numpy as np
from jaxtyping import Float64
from scipy.linalg.blas import dtrmm
from scipy.linalg.lapack import dpotrf, dpotri, dpotrs, dtrtri
from threadpoolctl import ThreadpoolController

from headstock.errors import NumericalError

JITTERS: Final = (0.0, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4)
"""What is added to the diagonal, relative to its mean, until the factorisation succeeds."""


@cache
def _threadpools() -> ThreadpoolController:
    # Looking for the loaded libraries takes milliseconds, limiting them takes microseconds.
    return ThreadpoolController()


@contextmanager
def one_thread() -> Generator[None]:
    """Keep BLAS on one thread: matrices of this size only lose by more, and workers share the machine's cores."""
    with _threadpools().limit(limits=1, user_api="blas"):
        yield


def cholesky(A: Float64[np.ndarray, "n n"]) -> Float64[np.ndarray, "n n"]:
    """The lower triangular L with L Lᵀ = A, up to a jitter on the diagonal where A is nearly singular.

    Raises:
        NumericalError: if A has an entry that is not finite, or is indefinite beyond the largest jitter.
    """
    if not np.isfinite(A).all():
        raise NumericalError(f"A {len(A)} x {len(A)} covariance matrix has entries that are not finite.")
    scale = float(np.mean(np.diag(A)))
    for jitter in JITTERS:
        L, info = dpotrf(A + jitter * scale * np.eye(len(A)) if jitter else A, lower=1, clean=1)
        if info == 0:
            return L
    raise NumericalError(f"A {len(A)} x {len(A)} covariance matrix is not positive definite, even with jitter.")


def solve(L: Float64[np.ndarray, "n n"], B: Float64[np.ndarray, "n k"]) -> Float64[np.ndarray, "n k"]:
    """A⁻¹ B for A = L Lᵀ."""
    return dpotrs(L, B, lower=1)[0]


def inverse(L: Float64[np.ndarray, "n n"]) -> Float64[np.ndarray, "n n"]:
    """A⁻¹ for A = L Lᵀ."""
    lower = np.tril(dpotri(L, lower=1)[0])
    return lower + np.tril(lower, -1).T


def inverse_root(L: Float64[np.ndarray, "n n"]) -> Float64[np.ndarray, "n n"]:
    """L⁻¹, lower triangular."""
    return np.tril(dtrtri(L, lower=1)[0])


def times(A: Float64[np.ndarray, "m n"], root: Float64[np.ndarray, "n n"]) -> Float64[np.ndarray, "m n"]:
    """A R for a lower triangular R, at half the cost of a full product: BLAS sees Rᵀ Aᵀ, column by column."""
    return dtrmm(1.0, root.T, A.T).T


def times_transposed(A: Float64[np.ndarray, "m n"], root: Float64[np.ndarray, "n n"]) -> Float64[np.ndarray, "m n"]:
    """A Rᵀ for a lower triangular R, at half the cost of a full product."""
    return dtrmm(1.0, root.T, A.T, trans_a=1).T


def extended_inverse_root(
    root: Float64[np.ndarray, "n n"], cross: Float64[np.ndarray, "k n"], corner: Float64[np.ndarray, "k k"]
) -> tuple[Float64[np.ndarray, "n+k n+k"], Float64[np.ndarray, "k k"]]:
    """The inverse Cholesky factor of a matrix that grows by k rows and columns, in O(n² k).

    With A = L Lᵀ, L⁻¹ = `root`, V = `cross` = B L⁻ᵀ and D = `corner` (block Cholesky; Golub and Van Loan 2013,
    section 4.2):

        [A  Bᵀ]   [L  0] [Lᵀ  Vᵀ]                          [L  0]⁻¹   [    L⁻¹     0 ]
        [B  D ] = [V  S] [0   Sᵀ] ,  S Sᵀ = D - V Vᵀ ,     [V  S]   = [-S⁻¹ V L⁻¹ S⁻¹]

    Returns:
        The extended inverse factor, and S.

    Raises:
        NumericalError: if D - V Vᵀ is not positive definite, even with jitter.
    """
    n, k = len(root), len(corner)
    S = cholesky(corner - cross @ cross.T)
    S_inverse = inverse_root(S)
    extended = np.zeros((n + k, n + k))
    extended[:n, :n] = root
    extended[n:, :n] = -S_inverse @ times(cross, root)
    extended[n:, n:] = S_inverse
    return extended, S
