"""How long evaluations take, learnt from those that have finished."""

from typing import Final

import numpy as np
from jaxtyping import Float64

from headstock.acquisition.speed import LogSpeed
from headstock.encoding import Encoding
from headstock.gp.fit import fit
from headstock.gp.regression import Hyperparameters, TrainingSet, condition
from headstock.history import History

LEARNT_FROM: Final = 300
"""How many of the newest durations are learnt from; the cost of a fit grows with the cube."""

_FEWEST: Final = 3
_ALIKE: Final = 0.05  # durations that differ by less than this (standard deviation of the logarithm) are all the same


def log_speed(
    history: History,
    encoding: Encoding,
    X: Float64[np.ndarray, "n d"],
    *,
    known: Hyperparameters | None = None,
    refitted: bool = True,
) -> tuple[LogSpeed, Hyperparameters] | None:
    """What evaluations cost, from the logarithms of measured seconds; None if they all take about the same time.

    Args:
        history: the trials.
        encoding: of the space.
        X: the point of each trial.
        known: the hyper-parameters that an earlier call returned.
        refitted: whether the known ones are only where a fit starts.

    Returns:
        The speed, and the hyper-parameters of its process.

    Raises:
        NumericalError: if the covariance matrix cannot be factorised.
    """
    timed = [(row, t.seconds) for row, t in zip(history.observed_rows.tolist(), history.observed, strict=True)]
    # A clock that was set back in between makes them negative.
    measured = [(row, seconds) for row, seconds in timed if seconds and seconds > 0.0][-LEARNT_FROM:]
    if len(measured) < _FEWEST:
        return None
    rows = [row for row, _ in measured]
    logs = -np.log([seconds for _, seconds in measured])
    scale = float(np.std(logs))
    if scale < _ALIKE:
        return None
    y = (logs - logs.mean()) / scale
    data = TrainingSet(X[rows], y, np.full(len(rows), np.nan), encoding.categorical)
    hyperparameters = fit(data, known) if known is None or refitted else known
    return LogSpeed(condition(hyperparameters, data), scale), hyperparameters
