"""From a metric that is reported step by step to what the model of learning curves is fitted to, and back."""

import math
from dataclasses import dataclass
from typing import Final, final

import numpy as np
from jaxtyping import Float64

_FLOOR: Final = 1e-3
"""What is added to errors before their logarithm, relative to the median error: 0 is not infinitely good."""

_LEAST_CHANGE: Final = 0.03
"""The least unit of -ln e: where most trainings stay on one plateau, its ripples are not what good and bad is about."""

_USUAL: Final = 3.0
"""How many distances of the lower quartile from the median a bad value lies off at most, where spreads are measured."""

_LEAST_SPREAD: Final = 1e-12

_MOST: Final = 1e300
"""Values beyond it count as equal to it; their sums and differences would overflow."""


@final
@dataclass(frozen=True, slots=True)
class CurveTransform:
    """A strictly increasing, smooth map from a metric, turned so that larger is better, to standard scale.

    Where the metric has a best value that it approaches (1 or 100 for a share to maximise, 0 for a positive loss to
    minimise), the logarithm of the distance e to it is what improves evenly: u = -ln(e + floor). Any other metric stays
    as it is: u = ±y. Then with the median m and the spread s around it (root mean square, the far off moved near; at
    least 0.03 of an e-fold) of the newest value of every curve, so that long ones weigh no more than short ones,

        z = (u - m) / s     where u ≥ m ,     z = -ln(1 + (m - u) / s)     below

    so that curves which diverge, or begin far off, do not pass for the structure of the good ones; the slope is
    continuous at m.

    Args:
        sign: +1 for a metric where larger is better, -1 otherwise.
        bound: the best value there can be; None if the metric has none.
        floor: what is added to the distance from the bound.
        centre: m.
        scale: s.
    """

    sign: float
    bound: float | None
    floor: float
    centre: float
    scale: float

    @classmethod
    def of(cls, Y: Float64[np.ndarray, "n t"], sign: float) -> "CurveTransform":
        """The transform for a metric with these curves: finite values, NaN where there are none, at least one a row."""
        Y, reported = np.clip(Y, -_MOST, _MOST), ~np.isnan(Y)
        values = Y[reported]
        newest = Y[np.arange(len(Y)), Y.shape[1] - 1 - np.argmax(reported[:, ::-1], axis=1)]
        bound = _bound(values, sign)
        floor = 0.0
        if bound is not None:
            floor = _FLOOR * (float(np.median(np.abs(bound - newest))) or 1.0)
        plain = cls(sign, bound, floor, 0.0, 1.0)
        u = plain._improvement(newest)
        centre, quartile = float(np.median(u)), float(np.quantile(u, 0.25))
        usual = np.maximum(u, centre - _USUAL * (centre - quartile)) - centre
        scale = max(_root_mean_square(usual), 0.0 if bound is None else _LEAST_CHANGE)
        scale = scale or _root_mean_square(u - centre) or 1.0
        return cls(sign, bound, floor, centre, max(scale, _LEAST_SPREAD))

    def apply(self, values: Float64[np.ndarray, "*shape"]) -> Float64[np.ndarray, "*shape"]:
        """Values of the metric on standard scale, larger where they are better; NaN stays NaN."""
        z = (self._improvement(values) - self.centre) / self.scale
        return np.where(z < 0.0, -np.log1p(-np.minimum(z, 0.0)), z)

    def invert(self, z: Float64[np.ndarray, " m"]) -> Float64[np.ndarray, " m"]:
        """Points of standard scale in the metric's units."""
        u = self.centre + self.scale * np.where(z < 0.0, -np.expm1(-np.clip(z, -50.0, 0.0)), z)
        if self.bound is None:
            return self.sign * u
        distance = np.maximum(np.exp(np.clip(-u, -700.0, 700.0)) - self.floor, 0.0)
        return self.bound - self.sign * distance

    def _improvement(self, values: Float64[np.ndarray, "*shape"]) -> Float64[np.ndarray, "*shape"]:
        values = np.clip(values, -_MOST, _MOST)
        if self.bound is None:
            return self.sign * values
        return -np.log(np.maximum(self.sign * (self.bound - values), 0.0) + self.floor)


def _root_mean_square(x: Float64[np.ndarray, " n"]) -> float:
    """The root of the mean of the squares, which may themselves be too large for a number."""
    largest = float(np.abs(x).max())
    return largest * math.sqrt(float(np.mean((x / largest) ** 2))) if largest else 0.0


def _bound(values: Float64[np.ndarray, " n"], sign: float) -> float | None:
    """The best value there can be, as far as the values tell: of a share 1 or 100 per cent, of a loss 0."""
    low, high = float(values.min()), float(values.max())
    if low < 0.0:
        return None
    if sign < 0.0:
        return 0.0
    return 1.0 if high <= 1.0 else 100.0 if high <= 100.0 else None
