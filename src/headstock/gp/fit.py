"""The most probable hyper-parameters of a Gaussian process."""

import math
from collections.abc import Callable
from functools import partial
from typing import Final, TypeAlias

import numpy as np
from jaxtyping import Float64
from scipy.optimize import Bounds, minimize

from headstock.gp.regression import Hyperparameters, TrainingSet, log_marginal_likelihood

LENGTHSCALE_BOUNDS: Final = (0.025, 50.0)
VARIANCE_BOUNDS: Final = (0.05, 20.0)
NOISE_BOUNDS: Final = (1e-6, 1.0)

Density: TypeAlias = Callable[[Float64[np.ndarray, " p"]], tuple[float, Float64[np.ndarray, " p"]]]
"""A log density of hyper-parameters up to a constant, with its gradient in `Hyperparameters.vector`."""

LOG_NOISE: Final = -5.0
"""What is expected of the logarithm of the noise variance, in units of the standardised outputs."""

_COLD_ITERATIONS: Final = 60
_WARM_ITERATIONS: Final = 15
_TRIAL_ITERATIONS: Final = 5


def log_prior(
    hyperparameters: Hyperparameters, log_noise: float = LOG_NOISE
) -> tuple[float, Float64[np.ndarray, " p"]]:
    """The log prior density ln p(θ), up to a constant, and its gradient in `Hyperparameters.vector`.

        ln l_d ~ ln 0.25 √d + 0.6 t₃ ,  ln s² ~ N(0, ½²) ,  ln noise ~ N(`log_noise`, 1.5²)

    Student's t with three degrees of freedom says that most columns matter about alike, but some hardly at all.
    Lengthscales grow with √d as the distance of two random points does (Hvarfner, Hellsten and Nardi 2024, who take
    ln l_d ~ N(√2 + ½ ln d, √3²): centred at 4.1 √d, a search believes in a nearly constant function until many
    observations say otherwise). Centres and spreads are measured: benchmarks/regret/ABLATION.md.
    """
    log_l = hyperparameters.log_lengthscales
    z = (log_l - math.log(0.25 * math.sqrt(len(log_l)))) / 0.6
    log_variance, z_noise = hyperparameters.log_variance, (hyperparameters.log_noise - log_noise) / 1.5
    value = -2.0 * np.log1p(z**2 / 3.0).sum() - 2.0 * log_variance**2 - 0.5 * z_noise**2
    return float(value), np.array([*(-4.0 / 0.6 * z / (3.0 + z**2)), -4.0 * log_variance, -z_noise / 1.5])


def log_density(vector: Float64[np.ndarray, " p"], data: TrainingSet) -> tuple[float, Float64[np.ndarray, " p"]]:
    """The logarithm of p(y | θ) p(θ), which is p(θ | y) up to a constant, and its gradient in θ.

    Raises:
        NumericalError: if the covariance matrix cannot be factorised.
    """
    hyperparameters = Hyperparameters.from_vector(vector)
    likelihood, likelihood_gradient = log_marginal_likelihood(hyperparameters, data)
    prior, prior_gradient = log_prior(hyperparameters)
    return likelihood + prior, likelihood_gradient + prior_gradient


def is_bounded(vector: Float64[np.ndarray, " p"]) -> bool:
    """Whether hyper-parameters lie where a fit looks for them."""
    low, high = _bounds(len(vector))
    return bool(((low <= vector) & (vector <= high)).all())


def _bounds(p: int) -> tuple[Float64[np.ndarray, " p"], Float64[np.ndarray, " p"]]:
    low, high = np.log([*[LENGTHSCALE_BOUNDS] * (p - 2), VARIANCE_BOUNDS, NOISE_BOUNDS]).T
    return low, high


def fit(data: TrainingSet, warm: Hyperparameters | None = None) -> Hyperparameters:
    """The hyper-parameters of highest posterior density (MAP).

    With more than five observations a column, an earlier optimum is close enough to be the only start.

    Args:
        data: at least one observation.
        warm: an earlier optimum, of fewer observations.

    Raises:
        NumericalError: if the data is not finite.
    """
    n, d = data.X.shape
    return most_probable(partial(log_density, data=data), d, warm, is_close=n > 5 * d)


def most_probable(
    density: Density, d: int, warm: Hyperparameters | None = None, *, is_close: bool = False
) -> Hyperparameters:
    """Where a log density of d lengthscales, a variance and a noise is highest, by L-BFGS-B.

    Several starts run a few iterations each, and the best of them goes on.

    Args:
        density: the log density and its gradient in `Hyperparameters.vector`.
        d: how many lengthscales there are.
        warm: an earlier optimum, of fewer observations.
        is_close: whether that is close enough to be the only start.

    Raises:
        NumericalError: if the density does.
    """
    if warm is not None and is_close:
        return Hyperparameters.from_vector(_climb(warm.vector, density, _WARM_ITERATIONS)[0])
    starts = [*([] if warm is None else [warm]), *_cold_starts(d)]
    trials = [_climb(start.vector, density, _TRIAL_ITERATIONS) for start in starts]
    best, _ = max(trials, key=lambda trial: trial[1])
    return Hyperparameters.from_vector(_climb(best, density, _COLD_ITERATIONS)[0])


def _cold_starts(d: int) -> list[Hyperparameters]:
    """A smooth function with little noise, and a rough one with more: the two usual explanations of few data."""
    return [
        Hyperparameters(np.full(d, math.log(0.5 * math.sqrt(d))), 0.0, -4.0),
        Hyperparameters(np.full(d, math.log(0.15 * math.sqrt(d))), 0.0, -2.0),
    ]


def _climb(
    start: Float64[np.ndarray, " p"], density: Density, iterations: int
) -> tuple[Float64[np.ndarray, " p"], float]:
    """The best point that L-BFGS-B finds in so many iterations, and its log density: never worse than the start."""
    low, high = _bounds(len(start))
    best, highest = start, -math.inf

    def negative_log_density(vector: Float64[np.ndarray, " p"]) -> tuple[float, Float64[np.ndarray, " p"]]:
        nonlocal best, highest
        value, gradient = density(vector)
        if value > highest:
            best, highest = vector.copy(), value
        return -value, -gradient

    minimize(
        negative_log_density,
        np.clip(start, low, high),
        jac=True,
        method="L-BFGS-B",
        bounds=Bounds(low, high),
        # Tighter tolerances move the optimum by less than one observation does.
        options={"maxiter": iterations, "maxls": 20, "ftol": 1e-7, "gtol": 1e-2},
    )
    return best, highest
