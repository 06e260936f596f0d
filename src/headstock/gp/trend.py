"""What is expected of a function before it is observed: a weighted sum of means that others were found to have."""

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float64, Int64

from headstock.gp.kernels import Matern52


@final
@dataclass(frozen=True, slots=True, eq=False)
class Component:
    """The posterior mean of another process, over some of the columns: μ(x) = m + k(x, X) α.

    (Rasmussen and Williams 2006, eq. 2.25.)

    Args:
        columns: which columns of a point it depends on.
        kernel: its covariance, over these columns.
        mean: m.
        X: where it was observed, in these columns.
        alpha: α = C⁻¹ (y - m).
    """

    columns: Int64[np.ndarray, " c"]
    kernel: Matern52
    mean: float
    X: Float64[np.ndarray, "n c"]
    alpha: Float64[np.ndarray, " n"]

    def value(self, X: Float64[np.ndarray, "m d"]) -> Float64[np.ndarray, " m"]:
        """μ at each point."""
        return self.mean + self.kernel(X[:, self.columns], self.X) @ self.alpha

    def gradient(self, X: Float64[np.ndarray, "m d"]) -> Float64[np.ndarray, "m d"]:
        """∂μ/∂x at each point, zero in categorical columns."""
        A = X[:, self.columns]
        _, slope = self.kernel.value_and_slope(A, self.X)
        gradient = np.zeros(X.shape)
        gradient[:, self.columns] = self.kernel.pull_back(A, self.X, slope * self.alpha)
        return gradient


@final
@dataclass(frozen=True, slots=True, eq=False)
class Trend:
    """Σ_j β_j μ_j(x), with β_j ~ N(b_j, τ²) before anything is observed and the most probable β afterwards.

    Args:
        components: μ.
        weights: b, or β once it is known.
        variance: τ².
    """

    components: tuple[Component, ...]
    weights: Float64[np.ndarray, " k"]
    variance: float

    def features(self, X: Float64[np.ndarray, "m d"]) -> Float64[np.ndarray, "m k"]:
        """Each μ_j at each point."""
        return np.stack([component.value(X) for component in self.components], axis=1)

    def value(self, X: Float64[np.ndarray, "m d"]) -> Float64[np.ndarray, " m"]:
        """The weighted sum at each point."""
        return self.features(X) @ self.weights

    def gradient(self, X: Float64[np.ndarray, "m d"]) -> Float64[np.ndarray, "m d"]:
        """The gradient of the weighted sum."""
        total = np.zeros(X.shape)
        for weight, component in zip(self.weights, self.components, strict=True):
            total += weight * component.gradient(X)
        return total
