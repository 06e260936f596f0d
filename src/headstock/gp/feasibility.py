"""Which points give a result at all: a classifier of the trials that did and those that failed."""

from dataclasses import replace
from typing import Final

import numpy as np
from jaxtyping import Bool, Float64

from headstock.gp.regression import Hyperparameters, Posterior, TrainingSet, condition

LABEL_NOISE: Final = 0.1
"""The noise variance of the labels: a trial may fail by accident."""

_LEARNT_FROM: Final = 1000  # the newest trials; as for a surrogate, the cost stays flat past that


def success_posterior(
    X: Float64[np.ndarray, "n d"],
    succeeded: Bool[np.ndarray, " n"],
    *,
    hyperparameters: Hyperparameters,
    categorical: Bool[np.ndarray, " d"],
) -> Posterior:
    """The posterior of a label that is positive where trials give results and negative where they fail.

    Regression of the labels +1 and -1, a least-squares classifier (Rasmussen and Williams 2006, section 6.5).

    Args:
        X: the points that were tried.
        succeeded: whether they gave a result.
        hyperparameters: of the objective; its lengthscales are the labels', too.
        categorical: which columns are categorical.

    Raises:
        NumericalError: if the covariance matrix cannot be factorised.
    """
    X, labels = X[-_LEARNT_FROM:], np.where(succeeded, 1.0, -1.0)[-_LEARNT_FROM:]
    of_labels = replace(hyperparameters, log_variance=0.0, log_noise=float(np.log(LABEL_NOISE)))
    return condition(of_labels, TrainingSet(X, labels, np.full(len(X), np.nan), categorical))
