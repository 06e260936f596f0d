"""What a scheduler is: the part of the search that chooses how long to train which trial."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol, TypeAlias, final, runtime_checkable

import numpy as np

from headstock.errors import SpaceExhaustedError
from headstock.history import History
from headstock.samplers.base import Suggestion
from headstock.trial import TrialState


@final
@dataclass(frozen=True, slots=True)
class Start:
    """Begin a new trial.

    Args:
        suggestion: the configuration, with the reason for it.
        until: the step after which to ask again how to go on; None to train to the end.
        from_checkpoint: the trial and the step whose saved state the new trial goes on from; None to begin at step 0.
            Its own first step is the one after.
    """

    suggestion: Suggestion
    until: int | None
    from_checkpoint: tuple[int, int] | None = None

    @property
    def because(self) -> str:
        """One line on why, for a person."""
        return self.suggestion.because


@final
@dataclass(frozen=True, slots=True)
class Resume:
    """Let an existing trial train: a queued one, a paused one, or one that waits for this decision.

    One that waits goes on at once and is not saved for it.

    Args:
        trial: its index.
        until: the step after which to ask again how to go on, beyond the step it is at; None to train to the end.
        because: one line on why, for a person.
        memo: what the scheduler wants to find again in the trial's memo, added to what is there, as JSON.
    """

    trial: int
    until: int | None
    because: str
    memo: Mapping[str, Any] | None = None


@final
@dataclass(frozen=True, slots=True)
class Stop:
    """Give up a trial that waits or is paused: it will not train again, and its last value is its result.

    Args:
        trial: its index.
        because: one line on why, for a person: "predicted 0.871 ± 0.006 at step 30, needs 0.902".
    """

    trial: int
    because: str


Decision: TypeAlias = Start | Resume | Stop
"""What becomes of a slot or a trial; each has its `because`."""


@runtime_checkable
class Propose(Protocol):
    """The sampler that a scheduler starts new trials with, bound to its history."""

    def __call__(self, count: int, given: History | None = None) -> Sequence[Suggestion]:
        """Up to `count` configurations (see `headstock.samplers.Sampler.suggest`).

        Args:
            count: how many.
            given: what the sampler is to go by, of the same trials; the recorded history if None.

        Raises:
            SpaceExhaustedError: if a finite space has nothing left.
        """
        ...


@runtime_checkable
class Scheduler(Protocol):
    """Chooses how long to train which trial.

    A scheduler is pure: the same history, arguments and state of `rng` give the same decisions. What it has to remember
    travels in memos. It is asked when a slot is free and when a running trial has reported the step `until` which it
    was told to train, or a later one (such a trial `is_waiting`).

    What it goes by, of each `TrialRecord`: its state; `reports` of the objective by step; `step`, how far it is;
    `until`, how far it was told to go; `steps`, how far it can go; `parent`, where it came from; `trained`, how long
    its steps took. A trial that reaches its last step is completed and not asked about.
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
        """What to train now and what to give up.

        A trial that waits and is in no decision is paused; it may be resumed at any later time, from where it is.
        Fewer trainings than slots mean that there is nothing to do for the others until a running trial is asked about
        or finishes; none while no trial is running mean that there is nothing left to do at all.

        Args:
            history: everything that is known of the experiment.
            slots: how many trainings may begin or go on: the free slots, and those of the trials that wait. At most so
                many decisions are `Start` or `Resume`, each about another trial.
            propose: the sampler.
            rng: the source of randomness. Its seed has to follow from the history (from its trials and reports, as
                there are many decisions between two trials).
            steps_left: about how many training steps, of all trials together, the budget still pays for.
            trials_left: how many more trials may begin; `propose` gives no more than these.
        """
        ...

    def to_json(self) -> Mapping[str, Any] | None:
        """What `headstock.schedulers.scheduler_from_json` reads; None for a scheduler that cannot be written down."""
        ...


def beginnings(
    history: History, propose: Propose, count: int, *, until: int | None, because: str
) -> list[Start | Resume]:
    """Decisions that let up to `count` trials begin: the queued ones first, then those that the sampler proposes.

    Args:
        history: the trials.
        propose: the sampler.
        count: how many may begin; fewer do if a finite space has fewer left.
        until: how far to train them, in steps from where they begin; None to the end.
        because: one line on why a queued trial trains so far.
    """
    queued = (t for t in history if t.state is TrialState.QUEUED)
    begun: list[Start | Resume] = [
        Resume(t.index, None if until is None else t.step + until, because) for t in islice(queued, count)
    ]
    begun += (Start(suggestion, until) for suggestion in proposed(propose, count - len(begun)))
    return begun


def proposed(propose: Propose, count: int, given: History | None = None) -> Iterator[Suggestion]:
    """Up to `count` suggestions; none if there are no more."""
    if count > 0:
        try:
            yield from propose(count, given)
        except SpaceExhaustedError:
            return
