"""Percentile stopping: a training that is worse than most others were at its step is given up."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, final

import numpy as np

from headstock.errors import HeadstockError
from headstock.history import History
from headstock.scalars import is_number
from headstock.schedulers.base import Decision, Propose
from headstock.schedulers.counting import check_whole
from headstock.schedulers.stopping import Verdict, going_on_or_stopping
from headstock.trial import TrialRecord
from headstock.wording import given, number


@final
@dataclass(frozen=True, slots=True)
class PercentileStopping:
    """Stops a training whose best value so far is below a percentile of what the others had reached by its step.

    It needs no checkpoints. The rule is that of Ax (`PercentileEarlyStoppingStrategy`), by the best value so far, not
    the newest, so that one bad report of a noisy metric stops nobody.

    Args:
        percentile: of the others' best values by the same step, that has to be reached.
        min_steps: how many steps nobody is stopped before.
        min_trials: how many other trials must have come as far.
        interval: after how many steps a training is looked at again.

    Raises:
        HeadstockError: if the percentile is not between 0 and 100, or another is no whole number of at least 1.
    """

    percentile: float = 50.0
    min_steps: int = 3
    min_trials: int = 4
    interval: int = 1

    def __post_init__(self) -> None:
        """Check the numbers."""
        if not (is_number(self.percentile) and 0.0 < self.percentile < 100.0):
            raise HeadstockError(
                f"PercentileStopping(percentile={given(self.percentile)}): give a number between 0 and 100."
            )
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
        return {"kind": "percentile", **asdict(self)}

    def _verdict(self, history: History, trial: TrialRecord) -> Verdict:
        """Whether the trial may go on."""
        sign, step = history.objective.sign, trial.step
        others = [best for t in history if t is not trial and (best := _best_by(history, t, step)) is not None]
        own = _best_by(history, trial, step)
        if own is None or len(others) < self.min_trials:
            return Verdict(goes_on=True, because=f"{len(others)} others came to step {step}, too few to judge by")
        needed = float(np.percentile(others, self.percentile))
        because = f"{number(sign * own)} at step {step}, needs {number(sign * needed)}"
        return Verdict(goes_on=own >= needed, because=because)


def _best_by(history: History, trial: TrialRecord, step: int) -> float | None:
    """The best objective by a step, larger where it is better; None if the trial did not come as far."""
    curve = trial.reports.get(history.objective.metric, ())
    if not curve or (curve[-1].step or 0) < step:
        return None
    return max((history.objective.sign * o.mean for o in curve if (o.step or 0) <= step), default=None)
