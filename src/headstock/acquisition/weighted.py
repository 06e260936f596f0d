"""An acquisition function of several terms: what is to gain, how likely it counts, what is believed, what it costs."""

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float64

from headstock.acquisition.ascent import AcquisitionFunction


@final
@dataclass(frozen=True, slots=True, eq=False)
class Weighted:
    """Σ_i w_i t_i(x): on a logarithmic scale a product of powers.

    Args:
        terms: each w_i with its t_i; at least one.
    """

    terms: tuple[tuple[float, AcquisitionFunction], ...]

    def value(self, X: Float64[np.ndarray, "m d"]) -> Float64[np.ndarray, " m"]:
        """The sum at each point."""
        total = np.zeros(len(X))
        for weight, term in self.terms:
            total += weight * term.value(X)
        return total

    def value_and_gradient(
        self, X: Float64[np.ndarray, "m d"]
    ) -> tuple[Float64[np.ndarray, " m"], Float64[np.ndarray, "m d"]]:
        """The sum at each point and its gradient."""
        total, gradient = np.zeros(len(X)), np.zeros(X.shape)
        for weight, term in self.terms:
            value, slope = term.value_and_gradient(X)
            total += weight * value
            gradient += weight * slope
        return total, gradient
