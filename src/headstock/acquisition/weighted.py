"""An acquisition function with further terms, such as what a person believes of the optimum or what a trial costs."""

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float64

from headstock.acquisition.ascent import AcquisitionFunction


@final
@dataclass(frozen=True, slots=True, eq=False)
class Weighted:
    """α(x) + Σ_i w_i t_i(x): on the logarithmic scale of α a product of powers.

    Args:
        acquisition: α.
        terms: each w_i with its t_i.
    """

    acquisition: AcquisitionFunction
    terms: tuple[tuple[float, AcquisitionFunction], ...]

    def value(self, X: Float64[np.ndarray, "m d"]) -> Float64[np.ndarray, " m"]:
        """The sum at each point."""
        value = self.acquisition.value(X)
        for weight, term in self.terms:
            value = value + weight * term.value(X)
        return value

    def value_and_gradient(
        self, X: Float64[np.ndarray, "m d"]
    ) -> tuple[Float64[np.ndarray, " m"], Float64[np.ndarray, "m d"]]:
        """The sum at each point and its gradient."""
        value, gradient = self.acquisition.value_and_gradient(X)
        for weight, term in self.terms:
            more, slope = term.value_and_gradient(X)
            value, gradient = value + weight * more, gradient + weight * slope
        return value, gradient
