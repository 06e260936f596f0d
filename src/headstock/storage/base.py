"""How one talks to what remembers: a protocol of a dozen verbs; `headstock.storage.records` has what they take.

Every verb is one transaction: it happens completely or not at all, and any number of processes may call at once.
A storage never thinks: it checks what a caller may do to a trial, and keeps what it is told.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from headstock.space import Space
from headstock.storage.records import (
    Changes,
    Command,
    ExperimentSpec,
    ExperimentSummary,
    Lease,
    NewTrial,
    Outcome,
)
from headstock.trial import Comparison, Metrics, Observation, TrialRecord, TrialState, Verdict


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

    def create(
        self, spec: ExperimentSpec, trials: Sequence[TrialRecord] = (), comparisons: Sequence[Comparison] = ()
    ) -> None:
        """Create an experiment.

        Args:
            spec: what it is.
            trials: trials of an experiment that was written down, as they stand, by index from 0.
            comparisons: of the same, in order.

        Raises:
            ExperimentExistsError: if the name is taken.
            StorageError: if trial i has not index i, or a comparison is of trials that are not there.
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

        Returns:
            The trial, paused; or as it was requested: see `request`.

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

        Whoever takes the trial from its owner first, be it another process because the owner is lost, does what was
        requested with that: the trial is stopped with what it has reported, or stays paused because a person wants it.

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
            The trial, queued, failed, or as it was requested (see `request`); None if `owner` does not run it any
            more, or has renewed its lease.
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
            owner: who says so, refused unless it still runs the trial; None: a person, refused if a process runs it.
            verdict: what the scheduler said about it; None if it had no part in it.

        Raises:
            TrialStateError: if a trial in its state cannot end like this, a process runs it and `owner` is None, or it
                waits in the queue, where a scheduler has no part in it.
            LeaseLostError: if it is not run by `owner`.
        """
        ...

    def judge(
        self,
        name: str,
        change: Comparison | int,
        appeals: Mapping[int, Observation],
        *,
        known: Sequence[Comparison],
        now: float,
    ) -> None:
        """Keep a comparison of finished trials, or take one back, with what follows for the objective.

        Args:
            name: the experiment.
            change: what a person said; or which of `known` is taken back, by its place.
            appeals: the objective of each trial that was ever compared; any other has none.
            known: the comparisons that the caller goes by, all of them in order.
            now: the time.

        Raises:
            StaleHistoryError: if there are other comparisons by now.
            TrialStateError: if a trial of the comparison gave no result, or is not finished.
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
