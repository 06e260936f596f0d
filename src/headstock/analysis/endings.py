"""Where learning curves are expected to end, from the model of all of them."""

from dataclasses import dataclass
from typing import Final, final

import numpy as np
from jaxtyping import Float64
from scipy.special import ndtri

from headstock.errors import NoResultError
from headstock.history import History
from headstock.schedulers.forecast import FEWEST_CURVES, forecast_of
from headstock.schedulers.reports import horizon
from headstock.trial import TrialRecord, TrialState

LEVEL: Final = 0.8
"""The probability of the intervals in `Ending`."""

MOST_ENDINGS: Final = 40
"""How many curves are predicted: the unfinished ones, then the newest that were stopped."""

PLACES: Final = 16
"""At how many steps a curve is predicted."""


@final
@dataclass(frozen=True, slots=True, eq=False)
class Ending:
    """How a curve is expected to go on.

    Args:
        trial: the index of its trial.
        steps: from its last report to the last step of a whole training.
        means: what is predicted after these steps, in the metric's units; at the first one, what was reported.
        lower: the lower ends of the 80 % intervals of what will be reported there.
        upper: their upper ends.
    """

    trial: int
    steps: Float64[np.ndarray, " t"]
    means: Float64[np.ndarray, " t"]
    lower: Float64[np.ndarray, " t"]
    upper: Float64[np.ndarray, " t"]


def endings(history: History) -> tuple[Ending, ...]:
    """What the curves of running, paused and stopped trials would come to.

    The model is the one that freeze-thaw goes by (Swersky, Snoek and Adams 2014, arXiv 1406.3896; see
    `headstock.gp.curves`): a Gaussian process over configurations and steps, given all curves. A whole training has as
    many steps as `trial.steps` was told, or as the longest completed one reported.

    Args:
        history: the experiment.

    Returns:
        For each such trial that has steps left, by index, how its curve goes on. Means and
        intervals end at the worst report of all.

    Raises:
        NoResultError: if nobody knows how long a training is, or hardly any curve was reported.
        NumericalError: if the model cannot be fitted.
    """
    metric = history.objective.metric
    reported = [t for t in history if t.reports.get(metric) and t.state is not TrialState.ABANDONED]
    last = _horizon(history)
    if last is None or len(reported) < FEWEST_CURVES:
        raise NoResultError(f"At least {FEWEST_CURVES} trials have to report {metric} by step, one of them to its end.")
    wanted = {t.index for t in _open(reported, last)}
    if not wanted:
        return ()
    forecast = forecast_of(history, last)
    rows = [row for row, trial in enumerate(forecast.trials) if trial.index in wanted]
    width = float(ndtri(0.5 * (1 + LEVEL)))
    found = []
    for row in rows:
        trial = forecast.trials[row]
        steps = np.unique(np.geomspace(trial.step, _length(trial, last), PLACES).round())
        mean, variance = forecast.posterior.predict(np.full(len(steps), row), steps)
        predicted = (forecast.in_units(mean), *forecast.interval(mean, np.sqrt(variance), width))
        for values in predicted:
            values[0] = trial.reports[metric][-1].mean
        found.append(Ending(trial.index, steps, *predicted))
    return tuple(sorted(found, key=lambda ending: ending.trial))


def _horizon(history: History) -> int | None:
    """How many steps a whole training has; None if there is no telling."""
    completed = max((t.step for t in history if t.state is TrialState.COMPLETED), default=0)
    return horizon(history, None) or completed or None


def _length(trial: TrialRecord, last: int) -> int:
    return trial.steps or last


def _open(reported: list[TrialRecord], last: int) -> list[TrialRecord]:
    """The trials whose curves are not at their end, as many as are predicted."""
    unfinished = [t for t in reported if t.step < _length(t, last)]
    alive = [t for t in unfinished if not t.state.is_finished]
    stopped = [t for t in unfinished if t.state is TrialState.STOPPED]
    return [*alive[::-1], *stopped[::-1]][:MOST_ENDINGS]
