"""What the search has won over a baseline: a configuration that is in use today."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, final

import numpy as np
from jaxtyping import Float64

from headstock.analysis.model import Model
from headstock.analysis.pareto import direction
from headstock.analysis.winner import SAMPLES, Winner, best_believed, draw_worth
from headstock.errors import NoResultError, UnknownTrialError
from headstock.history import History
from headstock.trial import TrialRecord

GIVEN: Final = frozenset({"attached", "enqueued"})
"""The sources of trials that a person gave."""

SEED: Final = 1954  # the same model gives the same comparison


@final
@dataclass(frozen=True, slots=True)
class Change:
    """How a metric of the best believed arm differs from the baseline's, both without noise.

    Args:
        metric: the metric, in whose units the numbers are.
        before: what is expected of the baseline.
        difference: the best believed arm's minus the baseline's.
        sem: the standard error of the difference.
        worse: the probability that it changed for the worse; None if nobody said which direction is better.
    """

    metric: str
    before: float
    difference: float
    sem: float
    worse: float | None


@final
@dataclass(frozen=True, slots=True)
class Comparison:
    """The best believed arm beside a baseline.

    Args:
        baseline: the baseline's trial; None if it was given by its parameters.
        best: the best believed arm's trial.
        probability: that the best believed arm keeps every outcome constraint, and either has the better objective
            or the baseline breaks one; 0 if the two are the same arm.
        changes: of the objective and each bounded metric; empty if the two are the same arm.
    """

    baseline: int | None
    best: int
    probability: float
    changes: tuple[Change, ...] = ()


def against_baseline(
    model: Model, baseline: int | Mapping[str, object] | None = None, *, believed: Winner | None = None
) -> Comparison | None:
    """What the search has won over a baseline, by joint draws from the posterior at both.

    Args:
        model: what is believed.
        baseline: its trial's index, or its parameters; the first trial if left out and somebody gave it: a starting
            point that was enqueued, or a result that was attached.
        believed: the best believed arm; found if left out.

    Returns:
        The comparison; None if there is no baseline, or no arm is believed to keep the outcome constraints.

    Raises:
        UnknownTrialError: if there is no such trial.
        ParameterError: if the parameters are no configuration of the space.
    """
    history = model.history
    trial = None
    if isinstance(baseline, Mapping):
        parameters = history.space.validate(baseline)
    else:
        given = _first_given(history) if baseline is None else _trial(history, baseline)
        if given is None:
            return None
        trial, parameters = given.index, dict(given.parameters)
    try:
        best = (believed or best_believed(model)).trial
    except NoResultError:
        return None
    X = model.encoding.encode([parameters, best.parameters])
    if (X[0] == X[1]).all():
        return Comparison(trial, best.index, 0.0)
    rng = np.random.default_rng(SEED)
    worth = draw_worth(model, X, SAMPLES, rng)
    changes = []
    for metric in history.metrics:
        before, after = model.draw(X, SAMPLES, rng, metric).T
        change, sign = after - before, direction(history, metric)
        worse = None if sign is None else float(np.mean(sign * change < 0))
        changes.append(Change(metric, _mean_and_sd(before)[0], *_mean_and_sd(change), worse))
    return Comparison(trial, best.index, float(np.mean(worth[:, 1] > worth[:, 0])), tuple(changes))


def _mean_and_sd(draws: Float64[np.ndarray, " s"]) -> tuple[float, float]:
    """As multiples of the largest, for squares of large values would overflow."""
    unit = float(np.abs(draws).max()) or 1.0
    return unit * float(np.mean(draws / unit)), unit * float(np.std(draws / unit))


def _first_given(history: History) -> TrialRecord | None:
    """The first trial, if somebody gave it and it has a result."""
    first = history.observed[0] if history.observed else None
    return first if first is not None and first.index == 0 and first.source in GIVEN else None


def _trial(history: History, index: int) -> TrialRecord:
    if not 0 <= index < len(history):
        raise UnknownTrialError(f"There is no trial {index}; there are {len(history)}, numbered from 0.")
    return history.trials[index]
