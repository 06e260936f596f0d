"""How much too sure the model of learning curves is of what it has not seen."""

import math
from typing import Final

import numpy as np

from headstock.gp.curves import CurveHyperparameters, CurveSet, condition

_PRIOR_CURVES: Final = 3.0
"""As how many curves whose errors are as large as expected the calibration begins."""


def overconfidence(h: CurveHyperparameters, data: CurveSet) -> float:
    """By which factor standard deviations of predictions are to be widened, at least 1.

    The newest value of each curve is predicted from the first half of all curves. With its standardised errors z_i, as
    the scale of a normal distribution with a conjugate prior (Gelman et al. 2013, Bayesian Data Analysis, section 2.6):

        λ² = (ν + Σ z_i²) / (ν + n) ,     ν = 3

    Raises:
        NumericalError: if a covariance matrix cannot be factorised.
    """
    reported = ~np.isnan(data.Y)
    lengths = reported.sum(axis=1)
    early = reported & (np.cumsum(reported, axis=1) <= np.maximum(1, lengths // 2)[:, None])
    rows = np.flatnonzero(lengths > 1)
    if not len(rows):
        return 1.0
    halves = CurveSet(data.X, data.steps, np.where(early, data.Y, np.nan), data.last, data.categorical)
    newest = data.newest[rows]
    mean, variance = condition(h, halves).predict(rows, data.steps[newest])
    squares = (data.Y[rows, newest] - mean) ** 2 / (variance + h.noise)
    return math.sqrt(max(1.0, (_PRIOR_CURVES + float(squares.sum())) / (_PRIOR_CURVES + len(rows))))
