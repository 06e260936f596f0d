"""What schedulers read from a history: the curves of the objective, turned so that larger is better."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float64

from headstock.history import History
from headstock.trial import TrialRecord, TrialState


def horizon(history: History, max_steps: int | None) -> int | None:
    """How many steps a whole training has: as given, or as trials told; None if none did."""
    if max_steps is not None:
        return max_steps
    return max((t.steps for t in history if t.steps is not None), default=None)


def is_resumable(trial: TrialRecord) -> bool:
    """Whether a scheduler may let the trial go on."""
    return trial.is_waiting or trial.state is TrialState.PAUSED


def value_at(history: History, trial: TrialRecord, step: int) -> float | None:
    """The objective at the trial's first report from `step` on, larger where it is better; None before that."""
    curve = trial.reports.get(history.objective.metric, ())
    return next((history.objective.sign * o.mean for o in curve if (o.step or 0) >= step), None)


@final
@dataclass(frozen=True, slots=True, eq=False)
class Curves:
    """The reports of the objective as a table.

    Args:
        trials: the trials that have any.
        steps: every step that any reported, ascending.
        Y: the reports, as they are; NaN where there is none.
    """

    trials: tuple[TrialRecord, ...]
    steps: Float64[np.ndarray, " t"]
    Y: Float64[np.ndarray, "n t"]

    @classmethod
    def of(cls, history: History, trials: Iterable[TrialRecord]) -> "Curves":
        """The curves of some trials."""
        metric = history.objective.metric
        reported = tuple(t for t in trials if t.reports.get(metric))
        steps = sorted({o.step or 0 for t in reported for o in t.reports[metric]})
        column = {step: j for j, step in enumerate(steps)}
        Y = np.full((len(reported), len(steps)), np.nan)
        for row, trial in zip(Y, reported, strict=True):
            curve: Sequence[tuple[int, float]] = [(column[o.step or 0], o.mean) for o in trial.reports[metric]]
            columns, values = zip(*curve, strict=True)
            row[list(columns)] = values
        return cls(reported, np.array(steps, dtype=np.float64), Y)
