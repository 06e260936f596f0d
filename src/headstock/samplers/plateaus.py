"""Plateaus: where the best result came again and again, equal to the last bit, there is no more to be had."""

from dataclasses import replace
from typing import Final

import numpy as np

from headstock.acquisition.analytic import LogFeasibility
from headstock.gp.feasibility import success_posterior
from headstock.gp.surrogate import Surrogate

ENOUGH: Final = 3
"""How many results that equal the best one make a plateau."""

REACH: Final = 0.5
"""How far it reaches beyond them, in lengthscales: a better result is often just behind its edge."""

LEARNT_FROM: Final = 150
"""From how many of the newest results that equal the best one, and of the newest others, the edge is learnt: it costs
little beside the objective's surrogate then."""


def log_off_plateau(surrogate: Surrogate) -> LogFeasibility | None:
    """The log probability that a result is none that equals the best one.

    An accuracy counts images, a parameter is rounded, another is ignored: then the function has steps. A Gaussian
    process takes these for noise, and goes on to look for the top of a hill where there is a table. So what equals the
    best result is treated as failures are (`headstock.gp.feasibility`), with lengthscales of `REACH` times the
    objective's.

    Returns:
        None if fewer than `ENOUGH` results are the best, as where there is noise.

    Raises:
        NumericalError: if the covariance matrix cannot be factorised.
    """
    is_best = surrogate.y == surrogate.y.max()
    if is_best.sum() < ENOUGH:
        return None
    newest = [np.flatnonzero(kind)[-LEARNT_FROM:] for kind in (is_best, ~is_best)]
    rows = np.sort(np.concatenate(newest))
    known, data = surrogate.hyperparameters, surrogate.data
    shorter = replace(known, log_lengthscales=known.log_lengthscales + np.log(REACH))
    model = success_posterior(data.X[rows], ~is_best[rows], hyperparameters=shorter, categorical=data.categorical)
    return LogFeasibility((model,), (0.0,))
