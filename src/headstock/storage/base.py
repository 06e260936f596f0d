"""What a storage remembers and how one talks to it: a protocol of a dozen verbs, and the values they take and give.

Every verb is one transaction: it happens completely or not at all, and any number of processes may call at once.
A storage never thinks: it checks what a caller may do to a trial, and keeps what it is told.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Protocol, final

from headstock import wording
from headstock.errors import HeadstockError, MetricError, StorageError, TrialStateError
from headstock.objective import Objective, OutcomeConstraint
from headstock.space import Parameters, Space
from headstock.trial import Metrics, TrialRecord, TrialState, Verdict

LONGEST_NAME: Final = 200
"""How many characters the name of an experiment or of a metric may have."""

LONGEST_NOTE: Final = 10_000
"""How many characters a note may have."""

LARGEST_SEED: Final = 2**63 - 1
"""The largest integer that every database holds."""


def check_name(what: str, name: str, error: type[HeadstockError]) -> None:
    """Refuse a name that cannot be stored and shown safely.

    Args:
        what: what is named, for the message.
        name: the name.
        error: what to raise.

    Raises:
        HeadstockError: of type `error`, if the name is empty, too long, or has characters that cannot be printed.
    """
    if not isinstance(name, str) or not name.strip():
        raise error(f"The {what} is called {name!r}. Give it a name that is a non-empty string.")
    if len(name) > LONGEST_NAME:
        raise error(
            f"The {what} {name[:20]!r}... has a name of {len(name)} characters. Use at most {LONGEST_NAME} of them."
        )
    if not name.isprintable():
        raise error(f"The {what} {name!r} has characters in its name that cannot be printed. Leave them out.")


@final
@dataclass(frozen=True, slots=True)
class ExperimentSpec:
    """What an experiment is: fixed when it is created.

    Args:
        name: its name, unique in its storage.
        space: the current search space.
        objective: the metric that is optimised.
        outcome_constraints: bounds on other metrics.
        seed: what the random numbers of its suggestions start from, in [0, 2**63).
        sampler: the sampler as JSON; None if it was not one that can be written down.
        scheduler: the scheduler as JSON; None if it was not one that can be written down.
        value: which of its reports is a trial's value: "last" or "best".
        budget: bounds that hold in place of those that a run is given, by name; None if nobody changed any.
        created: when it was created, in seconds since 1970, UTC.
        space_version: the version of the space, from 1.

    Raises:
        StorageError: if the name or the seed cannot be stored, or the value is neither.
    """

    name: str
    space: Space
    objective: Objective
    outcome_constraints: tuple[OutcomeConstraint, ...] = ()
    seed: int = 0
    sampler: Mapping[str, Any] | None = None
    created: float = 0.0
    space_version: int = 1
    scheduler: Mapping[str, Any] | None = None
    value: str = "last"
    budget: Mapping[str, float] | None = None

    def __post_init__(self) -> None:
        """Check the name, the seed and the value."""
        check_name("experiment", self.name, StorageError)
        if self.value not in ("last", "best"):
            raise StorageError(f"value={self.value!r}: a trial's value is its 'last' report or its 'best' one.")
        if not 0 <= self.seed <= LARGEST_SEED:
            raise StorageError(f"The seed {wording.given(self.seed)} cannot be stored. Give an integer in [0, 2**63).")


@final
@dataclass(frozen=True, slots=True)
class ExperimentSummary:
    """One line of a list of experiments.

    Args:
        spec: what the experiment is.
        counts: how many trials are in each state; every state is there.
        best: the trial that is best seen; None if there is none.
        updated: when it was created, or when its trials were last added, leased, released, reported or finished.
    """

    spec: ExperimentSpec
    counts: Mapping[TrialState, int]
    best: TrialRecord | None
    updated: float


@final
@dataclass(frozen=True, slots=True)
class Outcome:
    """How a trial ended.

    Args:
        state: completed, stopped, failed or abandoned.
        metrics: the final observation of each metric.
        error: why it failed, in one line; None if it did not.
        traceback: where it failed; None if it did not.

    Raises:
        TrialStateError: if a trial does not end in this state.
        MetricError: if a metric has a name that cannot be stored.
    """

    state: TrialState
    metrics: Metrics = field(default_factory=dict)
    error: str | None = None
    traceback: str | None = None

    def __post_init__(self) -> None:
        """Check the state and the names."""
        if not self.state.is_finished:
            ends = ", ".join(s for s in TrialState if s.is_finished)
            raise TrialStateError(f"A trial cannot end as {self.state}. It ends as one of {ends}.")
        for metric in self.metrics:
            check_name("metric", metric, MetricError)


@final
@dataclass(frozen=True, slots=True)
class NewTrial:
    """A trial that is to be created.

    Args:
        parameters: the configuration.
        batch: the number of its batch; None for the next batch, which it has to itself.
        position: its place in the batch, from 0.
        source: who suggested it.
        because: one line on why it was suggested.
        memo: what the sampler wants to remember, as JSON.
        state: queued or running.
        owner: the process that runs it, as a handle; None if none does.
        outcome: how it ended, for a result that is already there; the state is then the outcome's.
        until: the training step after which a scheduler is asked how to go on; None to train to the end.
        parent: the trial and the step whose saved state it begins with; None if it begins from nothing.
        verdict: what the scheduler said about it; None if none did.

    Raises:
        TrialStateError: if a trial cannot begin in this state.
    """

    parameters: Parameters
    batch: int | None = None
    position: int = 0
    source: str = ""
    because: str = ""
    memo: Mapping[str, Any] | None = None
    state: TrialState = TrialState.RUNNING
    owner: str | None = None
    outcome: Outcome | None = None
    until: int | None = None
    parent: tuple[int, int] | None = None
    verdict: Verdict | None = None

    def __post_init__(self) -> None:
        """Check the state."""
        if self.state not in (TrialState.QUEUED, TrialState.RUNNING):
            raise TrialStateError(
                f"A trial cannot begin as {self.state}. It begins queued or running; a finished one has an outcome."
            )


@final
@dataclass(frozen=True, slots=True)
class Changes:
    """What happened to an experiment after some revision.

    Args:
        revision: the experiment's revision now; ask for what happened after it next time. It only grows.
        created: how many trials were ever created.
        space_version: the version of the current space.
        trials: the trials that were created or changed, complete, as they stand now, by index.
        budget: bounds that hold in place of those that a run is given, whenever they were changed.
    """

    revision: int
    created: int
    space_version: int
    trials: tuple[TrialRecord, ...]
    budget: Mapping[str, float] | None = None


class Command(StrEnum):
    """What somebody wants of a trial that another process runs."""

    STOP = "stop"
    """End it now; what it has reported is its result."""
    PAUSE = "pause"
    """Save its state and give it back, to go on later."""


@final
@dataclass(frozen=True, slots=True)
class Lease:
    """The right of one process to run one trial.

    Args:
        index: the trial.
        owner: the process, as a handle.
        attempt: which attempt of the trial it runs.
        renewals: grows whenever the owner says that it lives.
        command: what somebody wants of the trial; None for nothing.
    """

    index: int
    owner: str
    attempt: int
    renewals: int
    command: Command | None = None


class Storage(Protocol):
    """Where experiments live. Every verb is one transaction; times are in seconds since 1970, UTC.

    A running trial with an owner is a lease. The owner says with `extend` that it lives; an observer that has seen no
    renewal for some time, by a clock of its own, gives the trial to others with `release`. From then on the old owner
    cannot write: who lost a lease is refused with `LeaseLostError`.

    Every verb that names an experiment raises `UnknownExperimentError` if there is none of that name, every verb that
    names a trial raises `UnknownTrialError`, and every verb raises `StorageError` if the database cannot do its part.
    """

    @property
    def url(self) -> str:
        """Where the storage lies, without a password."""
        ...

    def create(self, spec: ExperimentSpec, trials: Sequence[TrialRecord] = ()) -> None:
        """Create an experiment.

        Args:
            spec: what it is.
            trials: trials of an experiment that was written down, as they stand, by index from 0.

        Raises:
            ExperimentExistsError: if the name is taken.
            StorageError: if trial i has not index i.
        """
        ...

    def experiment(self, name: str) -> ExperimentSpec:
        """What the experiment is."""
        ...

    def experiments(self) -> Sequence[ExperimentSummary]:
        """Every experiment, the oldest first."""
        ...

    def changes(self, name: str, since: int = 0) -> Changes:
        """What happened after the revision `since`; everything for 0. Cheap if nothing did.

        Raises:
            UnknownExperimentError: also if `since` belongs to an experiment that was deleted, where there is a new one
                of the same name.
        """
        ...

    def add_trials(
        self,
        name: str,
        trials: Sequence[NewTrial],
        *,
        created: int | None,
        now: float,
        revision: int | None = None,
    ) -> tuple[TrialRecord, ...]:
        """Create trials, all or none.

        Args:
            name: the experiment.
            trials: what to create, in order of their indices.
            created: how many trials the caller believes were ever created; None if it does not matter.
            now: the time.
            revision: the revision that the caller goes by (see `Changes`); None if it does not matter.

        Raises:
            StaleHistoryError: if another number of trials was created, or the experiment is of another revision.
        """
        ...

    def lease(self, name: str, owner: str | None, *, now: float, index: int | None = None) -> TrialRecord | None:
        """Hand a queued trial to `owner`, who runs it from now on.

        Args:
            name: the experiment.
            owner: a handle of the process that takes it; None for a person.
            now: the time.
            index: the trial to take; None for the oldest.

        Returns:
            The trial, running; None if it is not queued any more, or if no trial is.
        """
        ...

    def grant(
        self,
        name: str,
        index: int,
        owner: str,
        *,
        until: int | None,
        verdict: Verdict,
        now: float,
        memo: Mapping[str, Any] | None = None,
        revision: int | None = None,
    ) -> TrialRecord | None:
        """Let a trial train on: a queued or paused one, which `owner` runs from now on, or one that it runs already.

        Args:
            name: the experiment.
            index: the trial.
            owner: a handle of the process that runs it.
            until: the training step after which to ask how to go on; None to train to the end.
            verdict: why.
            now: the time.
            memo: what is added to its memo.
            revision: the revision that the caller goes by (see `Changes`); None if it does not matter.

        Returns:
            The trial, running; None if it is finished, or somebody else runs it.

        Raises:
            StaleHistoryError: if the experiment is of another revision.
        """
        ...

    def pause(self, name: str, index: int, owner: str, *, verdict: Verdict, now: float) -> TrialRecord:
        """Take a trial from `owner`, which has saved its state, to be resumed or stopped at any later time.

        Raises:
            TrialStateError: if it is not running.
            LeaseLostError: if it is not run by `owner`.
        """
        ...

    def extend(self, name: str, owner: str) -> Sequence[Lease]:
        """Renew every lease of `owner`, for it lives. An owner does so right before it takes another trial.

        Returns:
            Its leases, by index, with what somebody wants of these trials. A trial that is not among them was lost:
            whatever runs it for this owner has to end.
        """
        ...

    def leases(self, name: str, *, after: int = -1, count: int | None = None) -> Sequence[Lease]:
        """Leases of every owner, by index: those after trial `after`, then the others from the first on.

        Args:
            name: the experiment.
            after: a trial, whether it is leased or not.
            count: how many at most; None for all.
        """
        ...

    def request(self, name: str, index: int, command: Command) -> None:
        """Ask the owner of a running trial for something; it hears of it when it extends its leases.

        Raises:
            TrialStateError: if no process runs the trial.
        """
        ...

    def release(
        self,
        name: str,
        index: int,
        *,
        owner: str | None,
        now: float,
        renewals: int | None = None,
        retries: int | None = None,
        error: str = "its process was lost",
    ) -> TrialRecord | None:
        """Take a running trial from its owner, or a paused one, which has none, and put it back into the queue.

        This begins its next attempt.

        Args:
            name: the experiment.
            index: the trial.
            owner: who runs it; None for a person, and for a paused trial.
            now: the time.
            renewals: the owner keeps the trial if it has renewed its lease since it had so many renewals; None if
                that does not matter.
            retries: the trial fails instead of a retry, if it was retried so often; None if this is no retry, for
                nothing went wrong.
            error: what went wrong, for a trial that fails.

        Returns:
            The trial, queued or failed; None if `owner` does not run it any more, or has renewed its lease.
        """
        ...

    def report(
        self,
        name: str,
        index: int,
        metrics: Metrics,
        *,
        now: float,
        owner: str | None = None,
        steps: int | None = None,
        trained: float | None = None,
        saves: bool | None = None,
    ) -> None:
        """Keep what a running trial measured after training steps; a step that is reported again is overwritten.

        Args:
            name: the experiment.
            index: the trial.
            metrics: for each metric an observation with its step.
            now: the time.
            owner: who reports, refused unless it still runs the trial; None: whoever runs it.
            steps: how many steps the training has in all; None if it did not say.
            trained: how many seconds its steps took so far; None if it did not say.
            saves: whether it attached a state that is saved; None if it did not say.

        Raises:
            TrialStateError: if it is not running.
            LeaseLostError: if it is not run by `owner`.
            MetricError: if an observation has no step, or a metric has a name that cannot be stored.
        """
        ...

    def finish(
        self,
        name: str,
        index: int,
        outcome: Outcome,
        *,
        now: float,
        owner: str | None = None,
        verdict: Verdict | None = None,
    ) -> TrialRecord:
        """Keep how a trial ended. A queued one that is told its result was never taken: nobody knows when it began.

        Args:
            name: the experiment.
            index: the trial.
            outcome: how it ended.
            now: the time.
            owner: who says so, refused unless it still runs the trial; None: whoever runs it.
            verdict: what the scheduler said about it; None if it had no part in it.

        Raises:
            TrialStateError: if a trial in its state cannot end like this.
            LeaseLostError: if it is not run by `owner`.
        """
        ...

    def page(
        self,
        name: str,
        *,
        offset: int = 0,
        limit: int = 100,
        newest_first: bool = True,
        states: Sequence[TrialState] | None = None,
    ) -> Sequence[TrialRecord]:
        """Some trials, for a list.

        Args:
            name: the experiment.
            offset: how many to skip.
            limit: how many to give at most.
            newest_first: from the largest index down; else from the smallest up.
            states: only trials in these states; None for all.
        """
        ...

    def best(self, name: str) -> TrialRecord | None:
        """The trial with the best measured objective among those that keep every outcome constraint.

        It is `History.best_seen`, without the history: the first of equals; None if there is none.
        """
        ...

    def widen(self, name: str, space: Space, *, version: int, now: float) -> ExperimentSpec:
        """Go on in another space, the next version; trials keep the version that they were suggested in.

        Args:
            name: the experiment.
            space: the new space.
            version: the version of the space that it follows.
            now: the time.

        Returns:
            What the experiment is now.

        Raises:
            StaleSpaceError: if the current space is of another version.
        """
        ...

    def limit(self, name: str, budget: Mapping[str, float] | None, *, now: float) -> None:
        """Change bounds of the budget, for runs that go on and for later ones; see `ExperimentSpec.budget`.

        Args:
            name: the experiment.
            budget: the bounds, by name; None to leave the budget to the runs again.
            now: the time.
        """
        ...

    def note(self, name: str, text: str, *, index: int | None = None, now: float) -> None:
        """Keep a note in place of the one before; an empty one is none.

        Args:
            name: the experiment.
            text: the note.
            index: the trial that it is about; None for the experiment.
            now: the time.

        Raises:
            StorageError: if the note is too long.
        """
        ...

    def notes(self, name: str) -> Mapping[int | None, str]:
        """Every note, by trial; that on the experiment by None."""
        ...

    def rename(self, name: str, new: str) -> None:
        """Give the experiment another name. Whoever has it open knows it by the old one, and has to open it again.

        Args:
            name: the experiment.
            new: its new name.

        Raises:
            StorageError: if the name cannot be stored.
            ExperimentExistsError: if another experiment is called so.
            TrialStateError: if a process runs a trial of it.
        """
        ...

    def delete(self, name: str) -> None:
        """Delete the experiment with its trials, their reports and its notes."""
        ...

    def turn(self, name: str) -> AbstractContextManager[None]:
        """Have the turn to suggest trials during the block: whoever else asks for it waits until the block ends.

        What is suggested from the same history as another's is stale as soon as the other's is stored, so many workers
        that suggest at once mostly work in vain. It is a courtesy: `add_trials` refuses what is stale in any case, and
        who has waited for very long, or cannot take turns, goes on without. Do not ask for it within the block.
        """
        ...

    def is_suggesting(self, name: str) -> bool:
        """Whether somebody has the turn to suggest trials now."""
        ...

    def close(self) -> None:
        """Close the connections. A storage in memory is gone then."""
        ...
