"""What a person believes of the optimum: a density over the space, to sample from and to weigh an acquisition with."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, final

import numpy as np
from jaxtyping import Float64
from scipy.special import ndtr, ndtri

from headstock.encoding import Encoding
from headstock.space import Choice, Float, Int

DOUBT: Final = 0.1
"""How probable it is that a belief about a parameter says nothing: it costs a value no more than ln DOUBT."""

_EVENLY: Final = 0.1  # of the points that are drawn from a belief


@final
@dataclass(frozen=True, slots=True, eq=False)
class LogPrior:
    """The log density of the believed optimum, relative to the most likely point.

        ln π(x) = Σ_d ln((1 - ε) p_d(x_d) / max p_d + ε)
        p_d(x) ∝ exp(-½ ((x - c_d) / s_d)²) of a number,  p_d(k) ∝ w_k of a choice

    A product of what is believed of each parameter. Where a parameter is inactive its term is 0, so that a belief about
    a branch of the space is none about the choice of the branch. The tails are flat: ε is `DOUBT`.

    Args:
        encoding: of the space.
        centres: c, by column.
        spreads: s, by column.
        weights: w, by column.
    """

    encoding: Encoding
    centres: Mapping[int, float]
    spreads: Mapping[int, float]
    weights: Mapping[int, Float64[np.ndarray, " k"]]

    @classmethod
    def of(cls, encoding: Encoding) -> "LogPrior | None":
        """What is believed of the parameters of a space; None if nothing is."""
        centres: dict[int, float] = {}
        spreads: dict[int, float] = {}
        weights: dict[int, Float64[np.ndarray, " k"]] = {}
        for j, name in enumerate(encoding.space.searched):
            match encoding.space[name]:
                case Float(prior=prior, log=log) | Int(prior=prior, log=log) if prior is not None:
                    axis = encoding.axes[name]
                    centres[j] = float(axis.unit(np.array([prior.value]))[0])
                    spreads[j] = (math.log(prior.within) if log else prior.within) / axis.width
                case Choice(prior=tuple(prior)):
                    weights[j] = np.array(prior)
        return cls(encoding, centres, spreads, weights) if centres or weights else None

    def value(self, X: Float64[np.ndarray, "m d"]) -> Float64[np.ndarray, " m"]:
        """Ln π at each point."""
        return self.value_and_gradient(X)[0]

    def value_and_gradient(
        self, X: Float64[np.ndarray, "m d"]
    ) -> tuple[Float64[np.ndarray, " m"], Float64[np.ndarray, "m d"]]:
        """Ln π at each point and its gradient, which is zero in columns of choices."""
        total, gradient = np.zeros(len(X)), np.zeros(X.shape)
        active = self.encoding.active(X)
        for j in (*self.centres, *self.weights):
            p = (1.0 - DOUBT) * self._relative(X, j)
            total += np.where(active[:, j], np.log(p + DOUBT), 0.0)
            if j in self.centres:
                slope = (self.centres[j] - X[:, j]) / self.spreads[j] ** 2
                gradient[:, j] = np.where(active[:, j], p / (p + DOUBT) * slope, 0.0)
        return total, gradient

    def quantiles(self, U: Float64[np.ndarray, "m d"]) -> Float64[np.ndarray, "m d"]:
        """U with columns that are uniform on [0, 1] made such that `Encoding.from_uniform` draws from the belief.

        Numbers follow the normal distribution between the bounds, one in ten is drawn evenly; choices are as likely as
        they weigh.
        """
        drawn = U.copy()
        for j, centre in self.centres.items():
            low, high = ndtr((np.array([0.0, 1.0]) - centre) / self.spreads[j])
            share = np.maximum(U[:, j] - _EVENLY, 0.0) / (1.0 - _EVENLY)
            near = centre + self.spreads[j] * ndtri(low + share * (high - low))
            drawn[:, j] = np.clip(np.where(U[:, j] < _EVENLY, U[:, j] / _EVENLY, near), 0.0, 1.0)
        for j, weights in self.weights.items():
            k = np.searchsorted(np.cumsum(weights / weights.sum())[:-1], U[:, j], side="right")
            drawn[:, j] = (k + 0.5) / len(weights)
        return drawn

    def likeliest(self, U: Float64[np.ndarray, "m d"]) -> Float64[np.ndarray, "m d"]:
        """U where nothing is believed, else what `Encoding.from_uniform` makes the most likely value."""
        U = U.copy()
        for j, centre in self.centres.items():
            U[:, j] = centre
        for j, weights in self.weights.items():
            U[:, j] = (int(weights.argmax()) + 0.5) / len(weights)
        return U

    def _relative(self, X: Float64[np.ndarray, "m d"], j: int) -> Float64[np.ndarray, " m"]:
        """p_d / max p_d at each point."""
        if j in self.centres:
            return np.exp(-0.5 * ((X[:, j] - self.centres[j]) / self.spreads[j]) ** 2)
        return (self.weights[j] / self.weights[j].max())[self._levels(X, j)]

    def _levels(self, X: Float64[np.ndarray, "m d"], j: int) -> np.ndarray:
        """The number of the value of a choice at each point."""
        count = len(self.weights[j])
        codes = X[:, j] if self.encoding.categorical[j] else X[:, j] * count - 0.5
        return np.clip(np.rint(codes), 0, count - 1).astype(int)
