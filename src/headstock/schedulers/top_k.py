"""A few steps for everyone, then the best to the end: hard to beat where curves do not cross.

Bohdal et al. 2023 ("Is one epoch all you need for multi-fidelity hyperparameter optimization?", arXiv 2307.15422).
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, final

import numpy as np

from headstock.history import History
from headstock.schedulers.base import Decision, Propose, Resume, beginnings
from headstock.schedulers.counting import check_whole
from headstock.schedulers.reports import horizon, is_resumable, value_at
from headstock.trial import TrialState


@final
@dataclass(frozen=True, slots=True)
class TopK:
    """Trains every trial a few steps, then the best k to the end.

    Args:
        best: k, how many are trained to the end.
        steps: how many steps everyone gets.
        trials: how many trials there are; fewer if the budget would not pay for the ends of the best.
        max_steps: how many steps a whole training has; None: as `trial.steps` says.

    Raises:
        HeadstockError: if a number is no whole number of at least 1.
    """

    best: int = 2
    steps: int = 3
    trials: int = 100
    max_steps: int | None = None

    def __post_init__(self) -> None:
        """Check the numbers."""
        check_whole(self, best=1, steps=1, trials=1, max_steps=1)

    def decide(
        self,
        history: History,
        slots: int,
        propose: Propose,
        rng: np.random.Generator,  # noqa: ARG002 - part of the protocol
        *,
        steps_left: float = math.inf,
        trials_left: float = math.inf,  # noqa: ARG002 - `propose` keeps to it
    ) -> Sequence[Decision]:
        """New trials as long as there may be more; then the best (see `Scheduler.decide`)."""
        last = horizon(history, self.max_steps)
        begun = sum(t.state not in (TrialState.QUEUED, TrialState.ABANDONED) for t in history)
        reserved = 0 if last is None else self.best * max(last - self.steps, 0)
        committed = sum(t.until - t.step for t in history if t.state is TrialState.RUNNING and t.until is not None)
        affordable = (steps_left - reserved - committed) // self.steps
        count = int(max(min(slots, self.trials - begun, affordable), 0))
        first = f"every trial trains {self.steps} steps first"
        beginning = beginnings(history, propose, count, until=self.steps, because=first)
        busy = any(t.state is TrialState.RUNNING and t.step < self.steps for t in history)
        if beginning or busy:
            return beginning
        values = {t.index: value_at(history, t, self.steps) for t in history if t.state is not TrialState.FAILED}
        ranking = sorted((i for i, v in values.items() if v is not None), key=lambda i: (-(values[i] or 0.0), i))
        finalists = [i for i in ranking[: self.best] if is_resumable(history.trials[i])]
        because = f"one of the best {self.best} of {len(ranking)} trials at step {self.steps}"
        return [Resume(index, None, because) for index in finalists[:slots]]

    def to_json(self) -> dict[str, Any]:
        """The scheduler as JSON."""
        return {"kind": "top_k", **asdict(self)}
