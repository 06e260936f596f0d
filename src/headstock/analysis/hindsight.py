"""What was predicted of a suggestion before it was tried, against what it gave."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from jaxtyping import Float64

from headstock.analysis.cross_validation import FEWEST, LEVEL, CrossValidation
from headstock.analysis.intervals import central_interval
from headstock.analysis.model import FEWEST_RESULTS, Model
from headstock.errors import NoResultError
from headstock.gp.surrogate import Surrogate, condition_surrogate
from headstock.trial import TrialRecord

SCORED: Final = 64
"""How many of the newest suggestions are scored: each costs a posterior of its own."""


def hindsight(model: Model) -> CrossValidation:
    """Predict the result of each suggestion of the model from the results that there were when it was made.

    This is forecasting one step ahead (Dawid 1984, "Present position and potential developments: the prequential
    approach"): harder and more honest than leaving one out, for later trials lie about earlier ones. Hyper-parameters
    are those of the whole history, as in leave-one-out cross-validation.

    Args:
        model: what is believed now.

    Returns:
        The newest 64 suggestions in their order, each with what was predicted and what was measured.

    Raises:
        NoResultError: if fewer than three suggestions of the model have a result.
    """
    history = model.history
    metric, sign = history.objective.metric, history.objective.sign
    suggested = [i for i, trial in enumerate(history.observed) if trial.source == "bayesian"][-SCORED:]
    if len(suggested) < FEWEST:
        raise NoResultError(f"At least {FEWEST} suggestions of the model need a result; {len(suggested)} have one.")
    X = model.surrogate().X
    values, sems = history.values(metric)
    categorical, hyperparameters = model.encoding.categorical, model.surrogate().hyperparameters
    surrogates: dict[tuple[int, ...], Surrogate] = {}
    rows = []
    for i in suggested:
        known = _known(history.observed, history.observed[i])
        if len(known) < FEWEST_RESULTS:
            continue
        before = list(known)
        if known not in surrogates:
            surrogates[known] = condition_surrogate(
                X[before],
                values[before],
                sems[before],
                sign=sign,
                categorical=categorical,
                hyperparameters=hyperparameters,
            )
        rows.append((i, *_forecast(surrogates[known], X[i : i + 1], float(values[i]), float(sems[i]))))
    if len(rows) < FEWEST:
        raise NoResultError("The suggestions of the model were made before there were results to predict them from.")
    order, predicted, lower, upper, residuals = (np.array(column) for column in zip(*rows, strict=True))
    trials = tuple(history.observed[i].index for i in order)
    return CrossValidation(metric, trials, values[order], predicted, lower, upper, residuals)


def _known(observed: Sequence[TrialRecord], trial: TrialRecord) -> tuple[int, ...]:
    """Which results there were when a trial was suggested."""
    return tuple(
        i for i, other in enumerate(observed) if other.index < trial.index and (other.finished or 0.0) <= trial.created
    )


def _forecast(
    surrogate: Surrogate, x: Float64[np.ndarray, "1 d"], value: float, sem: float
) -> tuple[float, float, float, float]:
    """The prediction of a measurement with both ends of its 90 % interval, and the residual on standard scale."""
    transform = surrogate.transform
    mean, variance = surrogate.posterior.predict(x)
    known = transform.noise_variances(np.array([value]), np.array([sem]))
    sd = np.sqrt(variance + (known if np.isfinite(sem) else surrogate.hyperparameters.noise))
    predicted, _ = transform.invert(mean, sd)
    lower, upper = central_interval(transform, mean, sd, LEVEL)
    residual = (transform.apply(np.array([value])) - mean) / sd
    return float(predicted[0]), float(lower[0]), float(upper[0]), float(residual[0])
