"""From a metric to what a Gaussian process is fitted to, and back."""

import math
from dataclasses import dataclass
from typing import Final, final

import numpy as np
from jaxtyping import Float64
from scipy.special import ndtri

_MOST: Final = 2.0**1022
"""Values beyond it count as equal to it; their differences would overflow."""

_LEAST_UNIT: Final = 1e-140
"""Values closer together than this are equal; the reciprocal of their spread would overflow."""


@final
@dataclass(frozen=True, slots=True, eq=False)
class OutcomeTransform:
    """A strictly increasing, piecewise linear map from a metric, turned so that larger is better, to standard scale.

    The better half keeps its shape; of the worse half only the ranks count, so that a few disasters cannot pass for the
    structure of the function (the half-rank warping of Open Source Vizier, Song et al. 2024, arXiv 2408.11527).

    Args:
        sign: +1 for a metric where larger is better, -1 otherwise.
        centre: the median of the metric, turned; images and knots are relative to it.
        knots: from the worst value to the centre, in the metric's units.
        images: of the knots.
        slope: of the map beyond the first and the last knot.
    """

    sign: float
    centre: float
    knots: Float64[np.ndarray, " k"]
    images: Float64[np.ndarray, " k"]
    slope: float

    @classmethod
    def of(cls, values: Float64[np.ndarray, " n"], sign: float) -> "OutcomeTransform":
        """The transform under which `values` (finite, at least one) have mean 0 and variance 1.

        With m the median, u₁ < … < u_k the different values below it, and σ² the mean of (y - m)² over y ≥ m:

            y ≥ m: y - m ,     y = u_i: σ Φ⁻¹(½ (i - ½) / (k + ½))

        then centred and divided by the standard deviation. (If m is none of the values, the denominator is k.)
        """
        turned = np.clip(sign * values, -_MOST, _MOST)
        centre = float(np.median(turned))
        # Everything else follows from differences and their ratios: an affine change of the metric changes nothing.
        offsets = turned - centre
        unit = float(np.abs(offsets).max())
        if unit < _LEAST_UNIT:
            offsets, unit = np.zeros_like(offsets), 1.0
        relative = offsets / unit
        below, ranks = np.unique(relative[relative < 0], return_inverse=True)
        better = relative[relative >= 0]
        spread = math.sqrt(np.mean(better**2)) or math.sqrt(np.mean(relative**2)) or 1.0
        denominator = len(below) + (0.5 if (relative == 0).any() else 0.0)
        scores = spread * ndtri(0.5 * (np.arange(len(below)) + 0.5) / max(denominator, 0.5))
        warped = np.concatenate([scores[ranks], better])
        scale = float(np.std(warped)) or spread
        images = (np.append(scores, 0.0) - np.mean(warped)) / scale
        return cls(sign, centre, np.append(below, 0.0) * unit, images, 1.0 / (scale * unit))

    def apply(self, values: Float64[np.ndarray, " n"]) -> Float64[np.ndarray, " n"]:
        """Values of the metric on standard scale, larger where they are better."""
        turned = np.clip(self.sign * values, -_MOST, _MOST)
        return _piecewise_linear(turned - self.centre, self.knots, self.images, self.slope)

    def noise_variances(
        self, values: Float64[np.ndarray, " n"], sems: Float64[np.ndarray, " n"]
    ) -> Float64[np.ndarray, " n"]:
        """The variances of values with these standard errors, on standard scale; NaN where there is none.

        Half the image of the interval of one standard error to either side: exact in the better half.
        """
        upper, lower = self.apply(values + self.sign * sems), self.apply(values - self.sign * sems)
        return (0.5 * (upper - lower)) ** 2

    def invert(
        self, means: Float64[np.ndarray, " m"], sds: Float64[np.ndarray, " m"]
    ) -> tuple[Float64[np.ndarray, " m"], Float64[np.ndarray, " m"]]:
        """Predictions on standard scale in the metric's units.

        Returns:
            The median of each prediction, and half the width of its interval of one standard deviation to either side.
        """
        middle, upper, lower = (
            _piecewise_linear(z, self.images, self.knots, 1.0 / self.slope) for z in (means, means + sds, means - sds)
        )
        return self.sign * (middle + self.centre), 0.5 * (upper - lower)


def _piecewise_linear(
    x: Float64[np.ndarray, " m"],
    knots: Float64[np.ndarray, " k"],
    images: Float64[np.ndarray, " k"],
    slope: float,
) -> Float64[np.ndarray, " m"]:
    """Linear between the knots, with the given slope beyond them."""
    inside = np.clip(x, knots[0], knots[-1])
    return np.interp(inside, knots, images) + slope * (x - inside)
