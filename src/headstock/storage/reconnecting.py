"""A storage on a server that may be restarted: verbs wait until it is back, and happen once."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Final, TypeVar, final

from headstock.errors import ConnectionLostError, UnknownExperimentError
from headstock.space import Space
from headstock.storage.base import Storage
from headstock.storage.database import PATIENCE
from headstock.storage.records import Changes, Command, ExperimentSpec, ExperimentSummary, Lease, NewTrial, Outcome
from headstock.trial import Comparison, Metrics, Observation, TrialRecord, TrialState, Verdict

T = TypeVar("T")

PAUSE: Final = 0.05
"""Seconds before the second try; each further one waits twice as long, up to a second."""

NEWEST: Final = 10_000
"""Among how many of the newest trials one looks for those that may have been created or taken a moment ago."""


@final
@dataclass(frozen=True, slots=True)
class ReconnectingStorage:
    """Another storage, each verb of which is tried again while its server is away; see `Storage` for what they do.

    A verb that was interrupted before its commit left nothing behind, so it is simply done again. If the connection was
    lost in the commit itself, nobody was told whether it happened; then what the verb would have written is looked for
    first. Reports, renewals and commands say the same when they are said twice.

    Args:
        storage: the storage; its connections are made anew when they are lost.
        patience: for how many seconds a verb is tried again.
        sleep: waits for some seconds.
        clock: monotonic seconds.
    """

    storage: Storage
    patience: float = PATIENCE
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    @property
    def url(self) -> str:
        """Where the storage lies, without a password."""
        return self.storage.url

    def create(
        self, spec: ExperimentSpec, trials: Sequence[TrialRecord] = (), comparisons: Sequence[Comparison] = ()
    ) -> None:
        """Create an experiment, with trials as they stand."""

        def is_there() -> bool | None:
            try:
                return self.storage.experiment(spec.name) == spec or None
            except UnknownExperimentError:
                return None

        def create() -> bool:
            self.storage.create(spec, trials, comparisons)
            return True

        self._again(create, is_there)

    def experiment(self, name: str) -> ExperimentSpec:
        """What the experiment is."""
        return self._again(lambda: self.storage.experiment(name))

    def experiments(self) -> Sequence[ExperimentSummary]:
        """Every experiment, the oldest first."""
        return self._again(self.storage.experiments)

    def changes(self, name: str, since: int = 0) -> Changes:
        """What happened after the revision `since`; everything for 0."""
        return self._again(lambda: self.storage.changes(name, since))

    def add_trials(self, name: str, trials: Sequence[NewTrial], *, now: float, **given: Any) -> tuple[TrialRecord, ...]:
        """Create trials, all or none."""

        def are_there() -> tuple[TrialRecord, ...] | None:
            self._wait_for_others(name)
            newest = self.storage.page(name, limit=len(trials) + NEWEST)
            nearby = sorted(newest, key=lambda trial: trial.index)
            for first in range(len(nearby) - len(trials) + 1):
                these = tuple(nearby[first : first + len(trials)])
                if all(_became(new, trial, now) for new, trial in zip(trials, these, strict=True)):
                    return these
            return None

        return self._again(lambda: tuple(self.storage.add_trials(name, trials, now=now, **given)), are_there)

    def lease(self, name: str, owner: str | None, *, now: float, index: int | None = None) -> TrialRecord | None:
        """Hand a queued trial to `owner`."""

        def is_there() -> TrialRecord | None:
            self._wait_for_others(name)
            for trial in self.storage.page(name, states=[TrialState.RUNNING], limit=NEWEST):
                if trial.owner == owner and trial.started == now and index in (None, trial.index):
                    return trial
            return None

        return self._again(lambda: self.storage.lease(name, owner, now=now, index=index), is_there)

    def grant(self, name: str, index: int, owner: str, *, verdict: Verdict, **given: Any) -> TrialRecord | None:
        """Let a queued or paused trial, or one that `owner` runs, train on."""

        def is_there() -> TrialRecord | None:
            trial = self._trial(name, index)
            is_granted = (trial.state, trial.owner) == (TrialState.RUNNING, owner)
            return trial if is_granted and trial.verdicts[-1:] == (verdict,) else None

        return self._again(lambda: self.storage.grant(name, index, owner, verdict=verdict, **given), is_there)

    def pause(self, name: str, index: int, owner: str, *, verdict: Verdict, now: float) -> TrialRecord:
        """Take a trial from `owner`, which has saved its state, to be resumed or stopped at any later time."""

        def is_there() -> TrialRecord | None:
            trial = self._trial(name, index)
            return trial if trial.state is TrialState.PAUSED and trial.verdicts[-1:] == (verdict,) else None

        return self._again(lambda: self.storage.pause(name, index, owner, verdict=verdict, now=now), is_there)

    def extend(self, name: str, owner: str) -> Sequence[Lease]:
        """Renew every lease of `owner`."""
        return self._again(lambda: self.storage.extend(name, owner))

    def leases(self, name: str, **given: Any) -> Sequence[Lease]:
        """Leases of every owner, by index."""
        return self._again(lambda: self.storage.leases(name, **given))

    def request(self, name: str, index: int, command: Command) -> None:
        """Ask the owner of a running trial for something."""
        self._again(lambda: self.storage.request(name, index, command))

    def release(self, name: str, index: int, **given: Any) -> TrialRecord | None:
        """Take a running trial from its owner and put it back into the queue; None also if it was done just before."""
        return self._again(lambda: self.storage.release(name, index, **given))

    def report(self, name: str, index: int, metrics: Metrics, **given: Any) -> None:
        """Keep what a running trial measured after training steps."""
        self._again(lambda: self.storage.report(name, index, metrics, **given))

    def finish(self, name: str, index: int, outcome: Outcome, *, now: float, **given: Any) -> TrialRecord:
        """Keep how a trial ended."""

        def is_there() -> TrialRecord | None:
            trial = self._trial(name, index)
            is_ended = (trial.state, trial.finished, trial.metrics) == (outcome.state, now, outcome.metrics)
            return trial if is_ended else None

        return self._again(lambda: self.storage.finish(name, index, outcome, now=now, **given), is_there)

    def judge(
        self,
        name: str,
        change: Comparison | int,
        appeals: Mapping[int, Observation],
        *,
        known: Sequence[Comparison],
        now: float,
    ) -> None:
        """Keep a comparison of finished trials, or take one back, with what follows for the objective."""

        def is_there() -> bool | None:
            self._wait_for_others(name)
            there, count = self.storage.changes(name).comparisons, len(known)
            if isinstance(change, int):
                return there[:count] != tuple(known) or None
            return there[: count + 1] == (*known, change) or None

        def judge() -> bool:
            self.storage.judge(name, change, appeals, known=known, now=now)
            return True

        self._again(judge, is_there)

    def page(self, name: str, **given: Any) -> Sequence[TrialRecord]:
        """Some trials, for a list."""
        return self._again(lambda: self.storage.page(name, **given))

    def best(self, name: str) -> TrialRecord | None:
        """The trial with the best measured objective among those that keep every outcome constraint."""
        return self._again(lambda: self.storage.best(name))

    def widen(self, name: str, space: Space, *, version: int, now: float) -> ExperimentSpec:
        """Go on in another space, the next version."""

        def is_there() -> ExperimentSpec | None:
            self._wait_for_others(name)
            spec = self.storage.experiment(name)
            return spec if spec.space == space and spec.space_version == version + 1 else None

        return self._again(lambda: self.storage.widen(name, space, version=version, now=now), is_there)

    def limit(self, name: str, budget: Mapping[str, float] | None, *, now: float) -> None:
        """Change bounds of the budget, for runs that go on and for later ones."""
        self._again(lambda: self.storage.limit(name, budget, now=now))

    def note(self, name: str, text: str, *, index: int | None = None, now: float) -> None:
        """Keep a note in place of the one before; an empty one is none."""
        self._again(lambda: self.storage.note(name, text, index=index, now=now))

    def notes(self, name: str) -> Mapping[int | None, str]:
        """Every note, by trial; that on the experiment by None."""
        return self._again(lambda: self.storage.notes(name))

    def rename(self, name: str, new: str) -> None:
        """Give the experiment another name."""

        def is_renamed() -> bool | None:
            try:
                self._wait_for_others(name)
            except UnknownExperimentError:
                return True
            return None

        def rename() -> bool:
            self.storage.rename(name, new)
            return True

        self._again(rename, is_renamed)

    def delete(self, name: str) -> None:
        """Delete the experiment with its trials, their reports and its notes."""

        def is_gone() -> bool | None:
            try:
                self._wait_for_others(name)
            except UnknownExperimentError:
                return True
            return None

        def delete() -> bool:
            self.storage.delete(name)
            return True

        self._again(delete, is_gone)

    def turn(self, name: str) -> AbstractContextManager[None]:
        """Have the turn to suggest trials during the block."""
        return self.storage.turn(name)

    def is_suggesting(self, name: str) -> bool:
        """Whether somebody has the turn to suggest trials now."""
        return self._again(lambda: self.storage.is_suggesting(name))

    def close(self) -> None:
        """Close the connections."""
        self.storage.close()

    def _again(self, verb: Callable[[], T], find: Callable[[], T | None] | None = None) -> T:
        """What the verb gives, or what `find` finds of an earlier try that may have been committed."""
        end = self.clock() + self.patience
        pause, is_in_doubt = 0.0, False
        while True:
            try:
                found = find() if is_in_doubt and find is not None else None
                return verb() if found is None else found
            except ConnectionLostError as error:
                is_in_doubt |= error.is_in_doubt
                if self.clock() >= end:
                    raise
                self.sleep(pause)
                pause = min(1.0, 2 * pause or PAUSE)

    def _trial(self, name: str, index: int) -> TrialRecord:
        """One trial as it stands, after everything that the server may still be busy with."""
        self._wait_for_others(name)
        [trial] = self.storage.page(name, offset=index, limit=1, newest_first=False)
        return trial

    def _wait_for_others(self, name: str) -> None:
        """Wait until a commit of our own that the server may still be busy with is over: it holds the lock."""
        self.storage.add_trials(name, [], created=None, now=0.0)


def _became(new: NewTrial, trial: TrialRecord, now: float) -> bool:
    """Whether a stored trial is what a new one became."""
    return (trial.created, trial.source, trial.because, trial.parameters) == (
        now,
        new.source,
        new.because,
        new.parameters,
    )
