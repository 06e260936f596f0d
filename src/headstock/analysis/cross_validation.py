"""Leave-one-out cross-validation: does the model predict results that it has not seen, and does it know how well?"""

from dataclasses import dataclass
from typing import Final, final

import numpy as np
from jaxtyping import Float64
from scipy.special import ndtri

from headstock.errors import NoResultError
from headstock.gp.surrogate import Surrogate
from headstock.history import History

FEWEST: Final = 3


@final
@dataclass(frozen=True, slots=True, eq=False)
class CrossValidation:
    """Each observation of a metric beside its prediction from all other observations.

    The hyper-parameters are those of the whole fit (Rasmussen and Williams 2006, section 5.4.2).

    Args:
        metric: the metric, in whose units the numbers are.
        trials: the index of each observation's trial.
        observed: the observations.
        predicted: their predictions from the others.
        sds: the standard deviations of the predictions, the noise of an observation included.
    """

    metric: str
    trials: tuple[int, ...]
    observed: Float64[np.ndarray, " n"]
    predicted: Float64[np.ndarray, " n"]
    sds: Float64[np.ndarray, " n"]

    @property
    def residuals(self) -> Float64[np.ndarray, " n"]:
        """(observed - predicted) / sd: standard normal if the model is right."""
        return (self.observed - self.predicted) / self.sds

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
    measured = np.isfinite(values)
    if measured.sum() < FEWEST:
        raise NoResultError(f"Cross-validation needs at least {FEWEST} values of {metric}; there are {measured.sum()}.")
    predicted, sds = surrogate.leave_one_out()
    trials = tuple(t.index for t, known in zip(history.observed, measured, strict=True) if known)
    return CrossValidation(metric, trials, values[measured], predicted[measured], sds[measured])
