"""Full training: every trial is trained to its end."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from headstock.history import History
from headstock.schedulers.base import Decision, Propose, Resume, beginnings
from headstock.trial import TrialState


@final
@dataclass(frozen=True, slots=True)
class FullTraining:
    """Trains every trial to its end, one after the other: what the other schedulers have to beat."""

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
        """What is unfinished goes on; then new trials begin (see `Scheduler.decide`)."""
        because = "every trial is trained to its end"
        unfinished = [t for t in history if t.is_waiting or t.state is TrialState.PAUSED]
        going_on: list[Decision] = [Resume(t.index, None, because) for t in unfinished[:slots]]
        return going_on + beginnings(history, propose, slots - len(going_on), until=None, because=because)

    def to_json(self) -> dict[str, Any]:
        """The scheduler as JSON."""
        return {"kind": "full"}
