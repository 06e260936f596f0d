"""Leave-one-out cross-validation: does the model predict results that it has not seen, and does it know how well?"""

from dataclasses import dataclass
from typing import Final, final

import numpy as np
from jaxtyping import Float64
from scipy.special import ndtri

from headstock.analysis.intervals import central_interval
from headstock.errors import NoResultError
from headstock.gp.surrogate import Surrogate
from headstock.history import History

FEWEST: Final = 3

LEVEL: Final = 0.9
"""The probability of the intervals in `CrossValidation`."""


@final
@dataclass(frozen=True, slots=True, eq=False)
class CrossValidation:
    """Each observation of a metric beside its prediction from all other observations.

    The hyper-parameters are those of the whole fit (Rasmussen and Williams 2006, section 5.4.2). Of very many
    observations these are the ones that the surrogate holds.

    Args:
        metric: the metric, in whose units observations and predictions are.
        trials: the index of each observation's trial.
        observed: the observations.
        predicted: their predictions from the others.
        lower: the lower ends of the predictions' 90 % intervals, the noise of an observation included.
        upper: their upper ends.
        residuals: (observed - predicted) / sd on the surrogate's standard scale: standard normal if the model is right.
    """

    metric: str
    trials: tuple[int, ...]
    observed: Float64[np.ndarray, " n"]
    predicted: Float64[np.ndarray, " n"]
    lower: Float64[np.ndarray, " n"]
    upper: Float64[np.ndarray, " n"]
    residuals: Float64[np.ndarray, " n"]

    def coverage(self, level: float) -> float:
        """The share of observations inside their central intervals of probability `level`; near `level` if it is right.

        |residual| <= Φ⁻¹((1 + level) / 2)
        """
        return float(np.mean(np.abs(self.residuals) <= ndtri(0.5 * (1 + level))))

    @property
    def r_squared(self) -> float:
        """1 - Σ (observed - predicted)² / Σ (observed - mean)²: 1 is perfect, 0 no better than the mean.

        NaN if all observations are equal.
        """
        variation = float(np.sum((self.observed - self.observed.mean()) ** 2))
        return 1.0 - float(np.sum((self.observed - self.predicted) ** 2)) / variation if variation > 0 else np.nan

    @property
    def rank_correlation(self) -> float:
        """Spearman's ρ, Pearson's correlation of ranks: 1 if the predictions put the trials into their true order.

        NaN if all observations, or all predictions, are equal.
        """
        return rank_correlation(self.observed, self.predicted)


def rank_correlation(a: Float64[np.ndarray, " n"], b: Float64[np.ndarray, " n"]) -> float:
    """Spearman's ρ, Pearson's correlation of ranks; NaN if all of a, or all of b, are equal."""
    from scipy.stats import rankdata  # takes half a second to load

    a, b = (ranks - ranks.mean() for ranks in map(rankdata, (a, b)))
    scale = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / scale if scale > 0 else np.nan


def cross_validate(surrogate: Surrogate, history: History, metric: str) -> CrossValidation:
    """Predict each observation of a metric from all others.

    Args:
        surrogate: the surrogate of the metric, fitted to `history.observed`.
        history: what it was fitted to.
        metric: the metric.

    Raises:
        NoResultError: if there are fewer than three observations.
    """
    values, _ = history.values(metric)
    observed = values[surrogate.used]
    if len(observed) < FEWEST:
        raise NoResultError(f"Cross-validation needs at least {FEWEST} values of {metric}; there are {len(observed)}.")
    means, variances = surrogate.posterior.leave_one_out(surrogate.y)
    sds = np.sqrt(variances)
    predicted, _ = surrogate.transform.invert(means, sds)
    lower, upper = central_interval(surrogate.transform, means, sds, LEVEL)
    residuals = (surrogate.y - means) / sds
    trials = tuple(history.observed[row].index for row in surrogate.used)
    return CrossValidation(metric, trials, observed, predicted, lower, upper, residuals)
