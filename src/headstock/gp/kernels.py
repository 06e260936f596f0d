"""The Matérn-5/2 kernel over numeric and categorical columns."""

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Bool, Float64
from scipy.spatial.distance import cdist


@final
@dataclass(frozen=True, slots=True, eq=False)
class Matern52:
    """Matérn-5/2 with one lengthscale a column; categorical columns count by whether they differ.

        r²(x, x') = Σ_numeric (x_d - x'_d)² / l_d²  +  Σ_categorical 1[x_c ≠ x'_c] / l_c²
        k(x, x')  = s² (1 + √5 r + 5/3 r²) exp(-√5 r)

    (Rasmussen and Williams 2006, eq. 4.17, with automatic relevance determination, section 5.1.) It is positive
    definite: an indicator is the squared distance of scaled one-hot vectors, so the space is Euclidean.

    Args:
        lengthscales: l, in units of the unit cube; for a categorical column, of one change of category.
        variance: s².
        categorical: which columns are categorical.
    """

    lengthscales: Float64[np.ndarray, " d"]
    variance: float
    categorical: Bool[np.ndarray, " d"]

    def __call__(self, A: Float64[np.ndarray, "a d"], B: Float64[np.ndarray, "b d"]) -> Float64[np.ndarray, "a b"]:
        """The covariance of each point of A with each of B."""
        return self.value_and_slope(A, B)[0]

    def value_and_slope(
        self, A: Float64[np.ndarray, "a d"], B: Float64[np.ndarray, "b d"]
    ) -> tuple[Float64[np.ndarray, "a b"], Float64[np.ndarray, "a b"]]:
        """K between the points of A and B, and ∂K/∂(r²)."""
        return matern52(self._squared_distances(A, B), self.variance)

    def pull_back(
        self, A: Float64[np.ndarray, "a d"], B: Float64[np.ndarray, "b d"], G: Float64[np.ndarray, "a b"]
    ) -> Float64[np.ndarray, "a d"]:
        """The gradient in A of a function F of r²(A, B), from G = ∂F/∂(r²); zero in categorical columns.

        ∂F/∂a_id = Σ_j G_ij 2 (a_id - b_jd) / l_d²
        """
        gradient = 2.0 * (A * G.sum(axis=1, keepdims=True) - G @ B) / self.lengthscales**2
        gradient[:, self.categorical] = 0.0
        return gradient

    def _squared_distances(
        self, A: Float64[np.ndarray, "a d"], B: Float64[np.ndarray, "b d"]
    ) -> Float64[np.ndarray, "a b"]:
        numeric = ~self.categorical
        scales = self.lengthscales[numeric]
        # cdist rather than |a|² + |b|² - 2ab: the difference of near-duplicates must not be rounded away.
        squared = cdist(A[:, numeric] / scales, B[:, numeric] / scales, "sqeuclidean")
        for c in np.flatnonzero(self.categorical):
            squared += (A[:, c, None] != B[None, :, c]) / self.lengthscales[c] ** 2
        return squared


def matern52(
    squared_distances: Float64[np.ndarray, "a b"], variance: float
) -> tuple[Float64[np.ndarray, "a b"], Float64[np.ndarray, "a b"]]:
    """The kernel and its slope ∂k/∂(r²), from r².

    k        = s² (1 + √5 r + 5/3 r²) exp(-√5 r)     (Rasmussen and Williams 2006, eq. 4.17)
    ∂k/∂(r²) = -5/6 s² (1 + √5 r) exp(-√5 r)
    """
    r = np.sqrt(5.0 * squared_distances)
    decay = variance * np.exp(-r)
    r += 1.0
    r *= decay  # in place from here: for many points this is the costliest part of a prediction
    decay *= squared_distances
    decay *= 5.0 / 3.0
    decay += r
    r *= -5.0 / 6.0
    return decay, r
