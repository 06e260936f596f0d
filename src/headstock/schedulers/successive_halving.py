"""Asynchronous successive halving: every trial trains a little, and ever fewer of the best train ever longer."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, final

import numpy as np

from headstock.history import History
from headstock.schedulers.base import Decision, Propose, Resume, beginnings
from headstock.schedulers.counting import check_whole
from headstock.schedulers.reports import horizon, is_resumable, value_at
from headstock.trial import TrialRecord, TrialState


@final
@dataclass(frozen=True, slots=True)
class SuccessiveHalving:
    """ASHA (Li et al. 2020, arXiv 1810.05934, algorithm 2): trains on the best 1/η of those that are as far.

    A trial is asked about at the rungs r, r η, r η² ... As soon as it is among the best 1/η of all trials that reached
    its rung it goes on to the next; while none is, new trials begin. Nobody waits for anybody.

    Args:
        min_steps: r, the first rung.
        eta: η, of how many trials one goes on.
        max_steps: how many steps a whole training has; None: as `trial.steps` says.

    Raises:
        HeadstockError: if a number is no whole number of at least 1, or `eta` is below 2.
    """

    min_steps: int = 1
    eta: int = 3
    max_steps: int | None = None

    def __post_init__(self) -> None:
        """Check the numbers."""
        check_whole(self, min_steps=1, eta=2, max_steps=1)

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
        """The best of the highest rungs go on; then new trials begin (see `Scheduler.decide`)."""
        rungs = ladder(self.min_steps, self.eta, horizon(history, self.max_steps))
        going_on = promotions(history, history.trials, rungs, self.eta)[:slots]
        because = f"every trial trains {rungs[0]} steps first"
        return [*going_on, *beginnings(history, propose, slots - len(going_on), until=rungs[0], because=because)]

    def to_json(self) -> dict[str, Any]:
        """The scheduler as JSON."""
        return {"kind": "successive_halving", **asdict(self)}


def ladder(first: int, eta: int, last: int | None) -> list[int]:
    """The rungs r, r η, r η² ... below the last step; only the first as long as the last step is not known."""
    rungs = [first]
    while last is not None and rungs[-1] * eta < last:
        rungs.append(rungs[-1] * eta)
    return rungs


def promotions(history: History, trials: Sequence[TrialRecord], rungs: Sequence[int], eta: int) -> list[Decision]:
    """For the trials that deserve it, from the highest rung down and the best first: to go on to the next rung.

    Args:
        history: the experiment.
        trials: those that compete with each other.
        rungs: the steps at which they are compared.
        eta: one of so many goes on.
    """
    decisions: dict[int, Decision] = {}
    for level in range(len(rungs) - 1, -1, -1):
        rung, following = rungs[level], rungs[level + 1] if level + 1 < len(rungs) else None
        values = {t.index: value_at(history, t, rung) for t in trials if t.state is not TrialState.FAILED}
        reached = sorted((i for i, v in values.items() if v is not None), key=lambda i: (-(values[i] or 0.0), i))
        best = reached[: len(reached) // eta]
        for place, index in enumerate(best):
            trial = history.trials[index]
            if is_resumable(trial) and (following is None or trial.step < following):
                because = f"number {place + 1} of {len(reached)} trials at step {rung}"
                decisions.setdefault(index, Resume(index, following, because))
    return list(decisions.values())
