"""Which parameters matter: the Sobol indices of the surrogate's mean.

With f the mean over a search space whose parameters vary independently (numbers evenly on their scales, categories
equally likely), and x_~i all parameters but the i-th,

    first-order index  S_i  = Var(E[f | x_i]) / Var(f)          what varying x_i alone explains
    total index        S_Ti = E[Var(f | x_~i)] / Var(f)         what is left unexplained unless x_i is known

(Saltelli et al. 2010, "Variance based sensitivity analysis of model output", Computer Physics Communications 181:259).
A parameter under a condition is drawn whether it is active or not and has no effect where it is not, so what a
condition switches is the doing of the parameter that it depends on. Linear constraints are not regarded.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, final

import numpy as np
from jaxtyping import Float64

from headstock.encoding import Encoding
from headstock.gp.surrogate import Surrogate

REPLICATES: Final = 8
POINTS: Final = 512
SEED: Final = 2010  # the error bars tell what another one would change


@final
@dataclass(frozen=True, slots=True)
class Importance:
    """How much one parameter matters to a metric.

    Args:
        parameter: its name.
        total: the total Sobol index, interactions with other parameters included.
        total_error: the standard error of its estimate.
        first: the first-order Sobol index, of the parameter on its own.
        first_error: the standard error of its estimate.
    """

    parameter: str
    total: float
    total_error: float
    first: float
    first_error: float


def importances(surrogate: Surrogate, encoding: Encoding) -> tuple[Importance, ...]:
    """The Sobol indices of each parameter, the largest total first.

    Args:
        surrogate: the surrogate of the metric.
        encoding: from uniform draws of parameters to its points.
    """
    names = encoding.space.searched

    def mean(U: Float64[np.ndarray, "m p"]) -> Float64[np.ndarray, " m"]:
        indicators = np.zeros((len(U), encoding.dimensions - len(names)))
        return surrogate.predict(encoding.from_uniform(np.hstack([U, indicators])))[0]

    first, total = sobol_indices(mean, len(names), rng=np.random.default_rng(SEED))
    estimates = np.stack([*_estimate(total), *_estimate(first)], axis=1)
    found = [Importance(name, *row) for name, row in zip(names, estimates.tolist(), strict=True)]
    return tuple(sorted(found, key=lambda importance: -importance.total))


def sobol_indices(
    function: Callable[[Float64[np.ndarray, "m p"]], Float64[np.ndarray, " m"]],
    dimensions: int,
    *,
    rng: np.random.Generator,
) -> tuple[Float64[np.ndarray, "r p"], Float64[np.ndarray, "r p"]]:
    """First-order and total Sobol indices of a function of independent uniform variables, once a replicate.

    With rows of A and B drawn independently, A_Bi = A with column i of B, and V = Var(f),

        S_i V  = 1/N Σ f(B) (f(A_Bi) - f(A))        (Saltelli et al. 2010, table 2 b)
        S_Ti V = 1/(2N) Σ (f(A) - f(A_Bi))²         (Jansen 1999; Saltelli et al. 2010, table 2 f)

    Each replicate is a scrambled Sobol sequence of its own (Owen 1998), so that their spread tells the error.

    Args:
        function: from rows of the unit cube to values.
        dimensions: p, how many variables there are.
        rng: scrambles the sequences.
    """
    from scipy.stats import qmc  # takes half a second to load

    values = np.empty((REPLICATES, dimensions + 2, POINTS))
    for replicate in range(REPLICATES):
        AB = qmc.Sobol(2 * dimensions, rng=rng).random(POINTS)
        A, B = AB[:, :dimensions], AB[:, dimensions:]
        mixed = np.repeat(A[None], dimensions, axis=0)
        for i in range(dimensions):
            mixed[i, :, i] = B[:, i]
        values[replicate] = function(np.vstack([A, B, *mixed])).reshape(dimensions + 2, POINTS)
    values = np.ldexp(values, -np.frexp(np.abs(values).max())[1])  # their squares may be too large, or too small
    centred = values - values.mean()
    variances = np.square(centred).mean(axis=(1, 2))
    if variances.mean() <= np.finfo(float).eps * np.square(values).mean():
        return np.zeros((REPLICATES, dimensions)), np.zeros((REPLICATES, dimensions))  # a constant: nothing matters
    fA, fB, fAB = centred[:, :1], centred[:, 1:2], centred[:, 2:]  # centring lowers the error of the first
    first = np.mean(fB * (fAB - fA), axis=2)
    total = 0.5 * np.mean((fA - fAB) ** 2, axis=2)
    return _ratios(first, variances), _ratios(total, variances)


def _ratios(parts: Float64[np.ndarray, "r p"], wholes: Float64[np.ndarray, " r"]) -> Float64[np.ndarray, "r p"]:
    """Values a replicate whose mean is Σ part / Σ whole, and whose spread tells its error.

    The mean of their ratios would not do: in one replicate alone, the variance may miss a peak that f(A_Bi) has met.

        z_r = θ + (part_r - θ whole_r) / mean whole ,  θ = Σ part / Σ whole     (Cochran 1977, chapter 6)
    """
    ratio = parts.sum(axis=0) / wholes.sum()
    return ratio + (parts - ratio * wholes[:, None]) / wholes.mean()


def _estimate(indices: Float64[np.ndarray, "r p"]) -> tuple[Float64[np.ndarray, " p"], Float64[np.ndarray, " p"]]:
    """Means over replicates, at least 0 as indices are, and their standard errors."""
    return np.maximum(indices.mean(axis=0), 0.0), indices.std(axis=0, ddof=1) / np.sqrt(len(indices))
