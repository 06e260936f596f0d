"""The most probable hyper-parameters of the model of learning curves."""

import math
from typing import Final

import numpy as np
from jaxtyping import Float64, Int64
from scipy.optimize import Bounds, minimize

from headstock.gp.curves import CurveHyperparameters, CurveSet, condition, gradient
from headstock.gp.fit import LENGTHSCALE_BOUNDS
from headstock.gp.thinning import best_and_even

FITTED: Final = 64
"""How many curves hyper-parameters are fitted to at most; the cost of a fit grows with the cube."""

_COLD_ITERATIONS: Final = 30
_WARM_ITERATIONS: Final = 12

_MEANS: Final = np.array([0.0, 0.0, -1.0, -4.0, -1.1, 0.2, -0.7, 0.0, 0.0, 0.0, -3.0, -3.0, 0.0, -5.0])
"""Of all but the lengthscales. With these mixed shapes curves begin much alike and differ in where they end; a late
rise is common to all, as the schedule that it comes from."""

_SDS: Final = np.array([1.0, 1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.1, 0.1, 0.1, 1.5, 1.5, 0.7, 2.0])
_RANGES: Final = (
    (-5.0, 4.0),
    *((-8.0, 4.0),) * 3,
    *((-4.0, 4.0),) * 6,
    (-9.0, 1.0),
    (-10.0, 3.0),
    (-2.0, 2.5),
    (-12.0, 1.0),
)


def log_prior(h: CurveHyperparameters) -> tuple[float, Float64[np.ndarray, " p"]]:
    """The log prior density ln p(θ), up to a constant, and its gradient in `CurveHyperparameters.vector`.

    Of the lengthscales it is l_d ~ LogNormal(√2 + ½ ln d, √3) over l, without a Jacobian, so that the mode is 0.2 √d
    (Hvarfner, Hellsten and Nardi 2024); the mixing and the logarithms of all else are normal.
    """
    d = len(h.log_lengthscales)
    deviation = h.log_lengthscales - math.sqrt(2.0) - 0.5 * math.log(d)
    rest = (h.vector[d:] - _MEANS) / _SDS
    value = -deviation @ deviation / 6.0 - h.log_lengthscales.sum() - 0.5 * rest @ rest
    return float(value), np.array([*(-deviation / 3.0 - 1.0), *(-rest / _SDS)])


def fit_curves(data: CurveSet, warm: CurveHyperparameters | None = None) -> CurveHyperparameters:
    """The hyper-parameters of highest posterior density (MAP), by L-BFGS-B, on at most `FITTED` of the curves.

    Args:
        data: at least one curve.
        warm: an earlier optimum, of fewer values.

    Raises:
        NumericalError: if the data is not finite.
    """
    d = data.X.shape[1]
    thinned = data.subset(spread(data, FITTED))
    start = warm
    if start is None:
        start = CurveHyperparameters.from_vector(np.array([*[math.log(0.5 * math.sqrt(d))] * d, *_MEANS]))
    low, high = np.array([*[np.log(LENGTHSCALE_BOUNDS)] * d, *_RANGES]).T
    best, best_density = start.vector, -math.inf

    def negative_log_density(vector: Float64[np.ndarray, " p"]) -> tuple[float, Float64[np.ndarray, " p"]]:
        nonlocal best, best_density
        h = CurveHyperparameters.from_vector(vector)
        posterior, (prior, prior_gradient) = condition(h, thinned), log_prior(h)
        density = posterior.log_likelihood + prior
        if density > best_density:
            best, best_density = vector.copy(), density
        return -density, -(gradient(posterior) + prior_gradient)

    minimize(
        negative_log_density,
        np.clip(start.vector, low, high),
        jac=True,
        method="L-BFGS-B",
        bounds=Bounds(low, high),
        options={"maxiter": _COLD_ITERATIONS if warm is None else _WARM_ITERATIONS, "ftol": 1e-6, "gtol": 1e-1},
    )
    return CurveHyperparameters.from_vector(best)


def spread(data: CurveSet, limit: int) -> Int64[np.ndarray, " u"]:
    """The rows of at most `limit` curves, in order: those with the best last values, and the others evenly by it."""
    return best_and_even(data.Y[np.arange(len(data.X)), data.newest], limit)
