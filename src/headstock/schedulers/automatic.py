"""The default: what the first trials show decides which scheduler fits the training function."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from headstock.history import History
from headstock.schedulers.base import Decision, Propose, Scheduler
from headstock.schedulers.freeze_thaw import FreezeThaw
from headstock.schedulers.median import MedianStopping


@final
@dataclass(frozen=True, slots=True)
class Automatic:
    """Freeze-thaw for trainings that save their state, median stopping for those that only report by step.

    A trial tells which it is with the report of its first step. A function that does not use `trial.steps` cannot be
    interrupted: its trials are trained to their ends, whichever scheduler is asked.
    """

    def decide(
        self,
        history: History,
        slots: int,
        propose: Propose,
        rng: np.random.Generator,
        *,
        steps_left: float = math.inf,
        trials_left: float = math.inf,
    ) -> Sequence[Decision]:
        """What the fitting scheduler decides (see `Scheduler.decide`)."""
        forgetful = any(t.steps is not None and not t.saves for t in history)
        scheduler: Scheduler = MedianStopping() if forgetful else FreezeThaw()
        return scheduler.decide(history, slots, propose, rng, steps_left=steps_left, trials_left=trials_left)

    def to_json(self) -> dict[str, Any]:
        """The scheduler as JSON."""
        return {"kind": "automatic"}
