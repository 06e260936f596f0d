"""Median stopping: a training whose best is worse than the usual average of the others by then is given up."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, final

import numpy as np

from headstock.history import History
from headstock.schedulers.base import Decision, Propose
from headstock.schedulers.counting import check_whole
from headstock.schedulers.stopping import Verdict, going_on_or_stopping
from headstock.trial import TrialRecord
from headstock.wording import number


@final
@dataclass(frozen=True, slots=True)
class MedianStopping:
    """Stops a training whose best value is below the median of the other trainings' averages up to its step.

    Golovin et al. 2017 (Google Vizier, KDD), section 3.2.2. It needs no checkpoints and makes no assumption on the form
    of curves.

    Args:
        min_steps: how many steps nobody is stopped before.
        min_trials: how many other trials must have come as far.
        interval: after how many steps a training is looked at again.

    Raises:
        HeadstockError: if a number is no whole number of at least 1.
    """

    min_steps: int = 3
    min_trials: int = 4
    interval: int = 1

    def __post_init__(self) -> None:
        """Check the numbers."""
        check_whole(self, min_steps=1, min_trials=1, interval=1)

    def decide(
        self,
        history: History,
        slots: int,
        propose: Propose,
        rng: np.random.Generator,  # noqa: ARG002 - part of the protocol
        *,
        steps_left: float = math.inf,  # noqa: ARG002
        trials_left: float = math.inf,  # noqa: ARG002
    ) -> Sequence[Decision]:
        """What waits goes on or is given up; then new trials begin (see `Scheduler.decide`)."""
        return going_on_or_stopping(
            history, slots, propose, self._verdict, first=self.min_steps, interval=self.interval
        )

    def to_json(self) -> dict[str, Any]:
        """The scheduler as JSON."""
        return {"kind": "median", **asdict(self)}

    def _verdict(self, history: History, trial: TrialRecord) -> Verdict:
        """Whether the trial may go on."""
        sign, step = history.objective.sign, trial.step
        averages = [float(np.mean(c)) for t in history if t is not trial and (c := _curve_to(history, t, step))]
        own = _curve_to(history, trial, step)
        if not own or len(averages) < self.min_trials:
            return Verdict(goes_on=True, because=f"{len(averages)} others came to step {step}, too few to judge by")
        best, needed = max(own), float(np.median(averages))
        because = f"{number(sign * best)} by step {step}, needs {number(sign * needed)}"
        return Verdict(goes_on=best >= needed, because=because)


def _curve_to(history: History, trial: TrialRecord, step: int) -> list[float]:
    """The objective up to a step, larger where it is better; empty if the trial did not come as far."""
    curve = trial.reports.get(history.objective.metric, ())
    if not curve or (curve[-1].step or 0) < step:
        return []
    return [history.objective.sign * o.mean for o in curve if (o.step or 0) <= step]
