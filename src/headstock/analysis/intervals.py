"""Intervals of a metric in its own units."""

import numpy as np
from jaxtyping import Float64
from scipy.special import ndtri

from headstock.gp.outcomes import OutcomeTransform


def central_interval(
    transform: OutcomeTransform,
    means: Float64[np.ndarray, " m"],
    sds: Float64[np.ndarray, " m"],
    level: float,
) -> tuple[Float64[np.ndarray, " m"], Float64[np.ndarray, " m"]]:
    """The lower and upper ends of central intervals of probability `level`, in the metric's units.

    A monotone map takes quantiles to quantiles, so the ends are those of μ ± Φ⁻¹((1 + level) / 2) σ on standard scale.
    They need not lie evenly about the prediction: of bad values the transform keeps no more than the ranks.

    Args:
        transform: from the metric's units to standard scale.
        means: μ, on standard scale.
        sds: σ, on standard scale.
        level: the probability, in (0, 1).
    """
    half = ndtri(0.5 * (1 + level)) * sds
    exactly = np.zeros_like(sds)
    one, _ = transform.invert(means - half, exactly)
    other, _ = transform.invert(means + half, exactly)
    return np.minimum(one, other), np.maximum(one, other)
