"""Ask and tell: where thinking (samplers) and remembering (storage) meet.

A `Study` holds no truth of its own. Every answer derives from the stored history, and random numbers are seeded by
(the experiment's seed, the number of trials created), so that a reopened study suggests exactly what the old process
would have suggested.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Final, final

import numpy as np

from headstock import results, wording
from headstock.errors import HeadstockError, StaleHistoryError, TrialStateError, UnknownTrialError
from headstock.history import History
from headstock.parameters import Parameters
from headstock.processes import is_dead
from headstock.samplers.base import Sampler, Suggestion
from headstock.scalars import MOST_AT_ONCE, is_whole, native
from headstock.storage import records
from headstock.storage.base import Storage
from headstock.storage.records import Command, ExperimentSpec, NewTrial, Outcome
from headstock.trial import Comparison, Failed, Metrics, TrialRecord, TrialState, Verdict

_NOTHING: Final[Parameters] = {}


@final
@dataclass(slots=True)
class Study:
    """One experiment in a storage, with the sampler that searches it.

    Args:
        storage: where the history lives.
        spec: what the experiment is.
        sampler: which parameters are tried next.
    """

    storage: Storage
    spec: ExperimentSpec
    sampler: Sampler
    _revision: int = field(default=0, init=False)
    _queued: set[int] = field(default_factory=set, init=False)
    _history: History = field(init=False)

    def __post_init__(self) -> None:
        """Start from an empty history; the first look reads the stored one."""
        self._history = self._snapshot(())

    @property
    def revision(self) -> int:
        """Which state of the storage the history was last read from."""
        return self._revision

    def history(self) -> History:
        """The history as it is stored now; only what has changed since the last look is read."""
        changes = self.storage.changes(self.spec.name, since=self._revision)
        if changes.budget != self.spec.budget:
            self.spec = replace(self.spec, budget=changes.budget)
        if changes.revision != self._revision:
            self._revision = changes.revision
            self._history = self._history.updated(changes.trials, changes.comparisons)
            self._queued -= {t.index for t in changes.trials}
            self._queued |= {t.index for t in changes.trials if t.state is TrialState.QUEUED}
            if changes.space_version != self.spec.space_version:
                self.spec = self.storage.experiment(self.spec.name)
                self._history = self._snapshot(self._history.trials, changes.comparisons)
        return self._history

    def ask(self, count: int = 1, *, now: float, owner: str | None = None) -> list[TrialRecord]:
        """`count` trials to evaluate now, marked running: the queue first, then the sampler.

        New suggestions of one call form one batch.

        Raises:
            HeadstockError: if `count` is no whole number, or more than are suggested at once.
            SpaceExhaustedError: if every point of a finite space was tried or is being tried.
        """
        count = native(count)
        if not is_whole(count, 0, MOST_AT_ONCE):
            raise HeadstockError(f"ask({wording.given(count)}): {wording.whole(count, 0, MOST_AT_ONCE)}.")
        asked: list[TrialRecord] = []
        while len(asked) < count:
            record = self.storage.lease(self.spec.name, owner=owner, now=now) if self._queued else None
            if record is None:
                asked += self._create(count - len(asked), TrialState.RUNNING, now=now, owner=owner)
            else:
                asked.append(record)
                self._queued.discard(record.index)
        return asked

    def enqueue(self, parameters: Mapping[str, object], *, now: float) -> TrialRecord:
        """Queue a configuration; the sampler suggests what is left out.

        Raises:
            ParameterError: if a value does not belong to the space.
        """
        given = self.spec.space.validate_partial(parameters)
        return self._create(1, TrialState.QUEUED, now=now, given=given, source="enqueued")[0]

    def attach(self, parameters: Mapping[str, object], outcome: Outcome, *, now: float) -> TrialRecord:
        """Record a result that was obtained elsewhere.

        Raises:
            ParameterError: if the parameters are no configuration of the space.
        """
        new = NewTrial(
            self.spec.space.validate(parameters),
            source="attached",
            because="a result that was there already",
            outcome=outcome,
        )
        [record] = self.storage.add_trials(self.spec.name, [new], created=None, now=now)
        return record

    def widen(self, ranges: Mapping[str, tuple[float, float]], *, now: float) -> None:
        """Search wider ranges of some numeric parameters from now on.

        Raises:
            SpaceError: if a parameter is not numeric, or a range leaves out a value that is searched now.
            StaleSpaceError: if another process changed the space in the meantime.
        """
        self.history()
        space = self.spec.space.widened(ranges)
        if space != self.spec.space:
            self.spec = self.storage.widen(self.spec.name, space, version=self.spec.space_version, now=now)
            self._history = self._snapshot(self._history.trials, self._history.comparisons)

    def tell(
        self,
        index: int,
        outcome: Outcome,
        *,
        now: float,
        owner: str | None = None,
        verdict: Verdict | None = None,
    ) -> TrialRecord:
        """Finish a trial; `verdict` is what the scheduler said.

        Raises:
            UnknownTrialError: if there is no such trial.
            TrialStateError: if it is finished already, or a process runs it and `owner` is None.
            LeaseLostError: if `owner` does not run it any more.
        """
        return self.storage.finish(self.spec.name, index, outcome, now=now, owner=owner, verdict=verdict)

    def release(
        self, record: TrialRecord, *, now: float, retries: int | None = None, error: str = "its process was lost"
    ) -> TrialRecord | None:
        """Put a trial back into the queue, for its owner is lost or has stopped; not if it has another now.

        Args:
            record: the trial.
            now: the time.
            retries: it fails instead if it was retried so often; None if this is no retry.
            error: what went wrong.
        """
        owner = record.owner
        return self.storage.release(self.spec.name, record.index, owner=owner, now=now, retries=retries, error=error)

    def unpause(self, index: int, *, now: float) -> TrialRecord:
        """Put a paused trial back into the queue.

        Raises:
            UnknownTrialError: if there is no such trial.
            TrialStateError: if it is not paused.
        """
        record = self.trial(index)
        queued = self.release(record, now=now) if record.state is TrialState.PAUSED else None
        if queued is None:
            state = self.trial(index).state
            raise TrialStateError(f"Trial {index} of {self.spec.name!r} is {state}, not paused. Leave it as it is.")
        return queued

    def trial(self, index: int) -> TrialRecord:
        """The trial of this index.

        Raises:
            UnknownTrialError: if there is none.
        """
        trials = self.history().trials
        if not 0 <= index < len(trials):
            raise UnknownTrialError(
                f"{self.spec.name!r} has no trial {wording.given(index)}; it has {len(trials)}, numbered from 0."
            )
        return trials[index]

    def read(self, result: Any) -> Outcome:
        """How a trial ended that gave this result: a number, (mean, standard error), a dictionary, or `Failed`.

        If persons judge the objective, the result has no value of it, and may be None.

        Raises:
            MetricError: if it cannot be read, or lacks a metric of the objective or of an outcome constraint.
        """
        if isinstance(result, Failed):
            return Outcome(TrialState.FAILED, error=result.reason, traceback=result.traceback)
        objective = self.spec.objective
        if objective.judged and not isinstance(result, Mapping):
            result = {} if result is None else {objective.metric: result}
        read = results.read_result(result, self._history.required)
        return Outcome(TrialState.COMPLETED, results.measured(read, objective))

    def value_of(self, record: TrialRecord) -> Metrics:
        """The result of a trial that only reported: its last report, or the one with the best objective.

        Raises:
            MetricError: if it lacks a metric of the objective or of an outcome constraint.
        """
        return results.value_of(record, self.spec.objective, self._history.required, self.spec.value)

    def stop(self, record: TrialRecord, *, now: float) -> TrialRecord:
        """Let a trial end with what it has reported: at once, or after the next report of the process that runs it.

        Returns:
            The trial as it is now.

        Raises:
            TrialStateError: if it is finished already.
        """
        if record.state is TrialState.RUNNING and record.owner is not None:
            return self.request(record, Command.STOP, now=now)
        is_begun = record.reports or record.state is not TrialState.QUEUED
        return self.tell(record.index, self.stopped(record) if is_begun else Outcome(TrialState.ABANDONED), now=now)

    def request(self, record: TrialRecord, command: Command, *, now: float) -> TrialRecord:
        """Ask the process that runs a trial for something; if it is known to be dead, that is done at once.

        Returns:
            The trial as it is now.

        Raises:
            TrialStateError: if no process runs it.
        """
        self.storage.request(self.spec.name, record.index, command)
        if record.owner is None or not is_dead(record.owner):
            return record
        return self.release(record, now=now) or self.trial(record.index)

    def stopped(self, record: TrialRecord) -> Outcome:
        """How a trial ended that was given up; without a result it is abandoned."""
        return records.stopped(record, self.spec.objective, self._history.required, self.spec.value)

    def _create(
        self,
        count: int,
        state: TrialState,
        *,
        now: float,
        owner: str | None = None,
        given: Parameters = _NOTHING,
        source: str | None = None,
    ) -> list[TrialRecord]:
        """Suggest and store `count` trials; again from the newer history when another process was first.

        None are suggested for running if trials are found in the queue.
        """
        while True:
            if self.storage.is_suggesting(self.spec.name):
                self.history()  # who has to wait reads in the meantime, so that the turn itself is short
            with suppress(StaleHistoryError), self.storage.turn(self.spec.name):
                history = self.history()
                if self._queued and state is TrialState.RUNNING:
                    return []
                rng = np.random.default_rng([history.seed, len(history)])
                suggestions = self.sampler.suggest(history, count, rng, given)
                new = _new_trials(suggestions, history, state, owner=owner, source=source)
                return list(self.storage.add_trials(self.spec.name, new, created=len(history), now=now))

    def _snapshot(self, trials: tuple[TrialRecord, ...], comparisons: tuple[Comparison, ...] = ()) -> History:
        spec = self.spec
        return History(spec.space, spec.objective, trials, spec.outcome_constraints, spec.seed, comparisons)


def _new_trials(
    suggestions: Sequence[Suggestion],
    history: History,
    state: TrialState,
    *,
    owner: str | None,
    source: str | None = None,
) -> list[NewTrial]:
    """The suggestions as the next batch of the history."""
    return [
        NewTrial(
            parameters=suggestion.parameters,
            batch=history.next_batch,
            position=position,
            source=source or suggestion.source,
            because=suggestion.because,
            memo=suggestion.memo,
            state=state,
            owner=owner,
        )
        for position, suggestion in enumerate(suggestions)
    ]
