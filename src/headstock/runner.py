"""The one loop: what the scheduler decides is given to an executor, and what comes back is stored, until all is done.

An exception of the evaluation marks its trial failed and the loop goes on; an interruption pauses what is running, or
puts it back into the queue. Either way everything finished is stored before anything else happens: an interruption is
held back but while a trial trains.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, final

from headstock.budget import Budget, Left
from headstock.checkpoints import Checkpoints
from headstock.deciding import Decided, Decider
from headstock.errors import HeadstockError, LeaseLostError, MetricError, TooManyFailuresError, TrialStateError
from headstock.executors.base import Executor, Lost
from headstock.history import History
from headstock.interrupts import held
from headstock.keeping import worth_keeping
from headstock.leasing import Leases
from headstock.messages import REPORT, Answer, Report, Word
from headstock.processes import is_dead, new_owner
from headstock.results import measured
from headstock.running import End
from headstock.scalars import MOST_AT_ONCE, is_whole, native
from headstock.schedulers.automatic import Automatic
from headstock.schedulers.base import Scheduler
from headstock.schedulers.full import FullTraining
from headstock.schedulers.median import MedianStopping
from headstock.schedulers.percentile import PercentileStopping
from headstock.storage.records import Command, Outcome
from headstock.study import Study
from headstock.trial import BY_REQUEST, Failed, TrialRecord, TrialState, Verdict
from headstock.wording import given, whole

Clock = Callable[[], float]
"""Seconds since 1970, UTC."""

Observe = Callable[[History], None]
"""Is shown the history when a trial starts, reports or finishes."""

TOLERATED_SHARE: Final = 0.5
TOLERATED_FAILURES: Final = 5

RETRIES: Final = 2
"""How often a trial is tried again that failed in passing before it got any further than the time before."""

STEADY: Final = (Automatic, FullTraining, MedianStopping, PercentileStopping)
"""Schedulers that pause no training without a state; any other was given on purpose for one that keeps its own."""

TICK: Final = 1.0
"""After how many seconds without news the loop looks at the budget and at what others do."""

MOST_UNJUDGED: Final = 8
"""How many trials may wait for a person to compare them: what is suggested after that would be suggested blindly."""

SHARE: Final = 32
"""By what share of the trials' saved states their quota may be exceeded for a while."""

GRACE: Final = 10.0
"""For how many seconds trainings may come to the end of their step when the run is interrupted."""


class Ended(StrEnum):
    """Why a run ended."""

    BUDGET = "the budget is spent"
    TARGET = "the target is reached"
    EXHAUSTED = "every point of the space was tried"
    DONE = "nothing is left to train"
    UNJUDGED = "trials wait for a person to compare them"
    INTERRUPTED = "interrupted"


def run(
    study: Study,
    scheduler: Scheduler,
    executor: Executor,
    *,
    budget: Budget,
    clock: Clock,
    observe: Observe,
    checkpoints: Checkpoints,
    batch_size: int = 1,
) -> Ended:
    """Evaluate trials until the budget is spent. However it ends, the executor is closed.

    Args:
        study: where trials come from and results go.
        scheduler: how long which trial is trained.
        executor: evaluates trials; its work is a `Training`.
        budget: when to stop, unless the storage says otherwise.
        clock: tells the time.
        observe: is shown the history when a trial starts, reports or finishes.
        checkpoints: where the states of trials lie.
        batch_size: how many trials are suggested together.

    Raises:
        HeadstockError: if the batch size is no whole number of at least 1, or too large.
        TooManyFailuresError: after 5 failures of this run, if they are more than half of its evaluations.
    """
    began, owner = clock(), new_owner()

    def left(history: History) -> Left:
        return budget.changed(study.spec.budget).left(history, clock() - began, executor.capacity)

    with held(), Leases(study.storage, study.spec.name, owner, clock) as leases:
        try:
            batch_size = native(batch_size)
            if not is_whole(batch_size, 1, MOST_AT_ONCE):
                raise HeadstockError(f"batch_size={given(batch_size)}: {whole(batch_size, 1, MOST_AT_ONCE)}.")
            release(study, is_dead, clock)
            decider = Decider(study, scheduler, left, owner, clock)
            this = _Run(study, executor, decider, budget, clock, observe, checkpoints, leases, batch_size, began)
            try:
                return this.loop()
            except KeyboardInterrupt:
                this.halt()
                return Ended.INTERRUPTED
        finally:
            executor.close()
            release(study, lambda other: other == owner, clock)


def release(study: Study, belongs: Callable[[str], bool], clock: Clock) -> None:
    """Put running trials back into the queue, those whose owner `belongs` to the lost ones."""
    for record in study.history().pending:
        if record.state is TrialState.RUNNING and record.owner is not None and belongs(record.owner):
            study.release(record, now=clock())


@final
@dataclass(slots=True)
class _Run:
    """A run while it goes on; see `run`."""

    study: Study
    executor: Executor
    decider: Decider
    given: Budget
    clock: Clock
    observe: Observe
    checkpoints: Checkpoints
    leases: Leases
    batch_size: int
    began: float
    agenda: list[TrialRecord] = field(default_factory=list)
    running: dict[int, TrialRecord] = field(default_factory=dict)
    verdicts: dict[int, Verdict] = field(default_factory=dict)
    failed: list[TrialRecord] = field(default_factory=list)
    finished: int = 0
    uncollected: int = 0
    is_halting: bool = False
    is_exhausted: bool = False

    @property
    def budget(self) -> Budget:
        """When to stop, as far as it is known since the last look at the history: somebody may have changed it."""
        return self.given.changed(self.study.spec.budget)

    def loop(self) -> Ended:
        """Evaluate until there is a reason to end, and nothing runs any more."""
        while True:
            reason = self._reason()
            if reason is None:
                self._fill()
            elif self.agenda:
                self._give_back()
            if not self.running:
                if reason is None and self.leases.take_expired():
                    continue  # the trial of a process that has died meanwhile
                return reason or self._nothing_left()
            for one in self.executor.wait(self._listen, TICK):
                self._settle(self.running.pop(one.task), one.end)
                self._check_failures()

    def halt(self) -> None:
        """Let what is running come to the end of its step, for a while."""
        self.is_halting = True
        until = self.clock() + GRACE
        while self.executor.unfinished and self.clock() < until:
            for one in self.executor.wait(self._listen, TICK):
                self._settle(self.running.pop(one.task), one.end)

    def _reason(self) -> Ended | None:
        """Why nothing may begin any more."""
        history = self.study.history()
        if self.budget.is_reached(history):
            return Ended.TARGET
        if self.budget.is_over(history, self.clock() - self.began):
            return Ended.BUDGET
        is_ahead = len(history.unjudged) >= MOST_UNJUDGED and not history.counts.get(TrialState.QUEUED)
        return Ended.UNJUDGED if is_ahead else None

    def _nothing_left(self) -> Ended:
        """Why the scheduler has nothing to train."""
        left = self.decider.left(self.study.history())
        if self.is_exhausted:
            return Ended.EXHAUSTED
        return Ended.BUDGET if left.trials < 1 or left.steps < 1 else Ended.DONE

    def _fill(self) -> None:
        """Give free slots what was decided before, or is decided now."""
        free = self.executor.capacity - len(self.running)
        if free > 0 and not self.agenda:  # there are less than none where a cluster has lost a node
            self._take(self.decider.decide(max(free, self.batch_size)))
        while self.agenda and len(self.running) < self.executor.capacity:
            record = self.agenda.pop(0)
            self.running[record.index] = record
            self.executor.submit(record.index, record)
            self.observe(self.study.history())

    def _take(self, decided: Decided, waiting: int | None = None) -> None:
        self.agenda += [record for record in decided.granted if record.index != waiting]
        self.is_exhausted |= decided.is_exhausted

    def _give_back(self) -> None:
        """What was decided, but not begun, is for another time."""
        for record in self.agenda:
            self.study.release(record, now=self.clock())
        self.agenda.clear()

    def _listen(self, index: int, kind: str, message: Any) -> Answer:
        """A running trial reports, or asks how to go on."""
        if kind == REPORT:
            return self._report(index, message)
        trial = self.study.trial(index)
        if self.is_halting or self._reason() is not None:
            return Answer(Word.HALT if self.is_halting or trial.saves else Word.GO_ON)
        free = self.executor.capacity - len(self.running) - len(self.agenda)
        decided = self.decider.decide(1 + max(0, free), waiting=index)
        self._take(decided, waiting=index)
        if decided.stop is not None:
            self.verdicts[index] = decided.stop
            return Answer(Word.STOP)
        for granted in decided.granted:
            if granted.index == index:
                self.running[index] = granted
                return Answer(until=granted.until)
        if not trial.saves and isinstance(self.decider.scheduler, STEADY):
            self.verdicts[index] = Verdict(trial.step, "stop", "the budget is spent, and it could not go on later")
            return Answer(Word.STOP)
        is_spent = self.decider.left(self.study.history()).steps < 1
        because = "the budget is spent" if is_spent and not decided.granted else _instead(decided)
        self.verdicts[index] = Verdict(trial.step, "pause", because)
        return Answer(Word.PAUSE)

    def _report(self, index: int, report: Report) -> Answer:
        """Keep a report; the trial is told to leave if there is a reason."""
        try:
            self.study.storage.report(
                self.study.spec.name,
                index,
                report.metrics,
                now=self.clock(),
                owner=self.decider.owner,
                steps=report.steps,
                trained=report.trained if report.steps else None,
                saves=report.saves if report.steps else None,
            )
        except (LeaseLostError, TrialStateError):
            return Answer(Word.LOST)
        history = self.study.history()
        self.observe(history)
        step = history.trials[index].step
        command = self.leases.command(index, history.trials[index].attempt)
        if self.budget.is_reached_by(history, history.trials[index]):
            self.verdicts[index] = Verdict(step, "stop", f"the target {self.budget.target:g} is reached")
            return Answer(Word.STOP)
        if command is not None:
            self.verdicts[index] = Verdict(step, command.value, BY_REQUEST)
            return Answer(Word.STOP if command is Command.STOP else Word.PAUSE)
        is_over = self.is_halting or (report.saves and self._reason() is not None)
        return Answer(Word.HALT) if is_over else Answer(until=self.running[index].until)

    def _settle(self, record: TrialRecord, end: End | Lost) -> None:
        """Store how a trial left its training function."""
        if isinstance(end, End) and end.failed is not None and end.failed.is_transient:
            end = Lost(end.failed.reason, is_transient=True)
        try:
            if isinstance(end, Lost):
                self._retry(record, end)
            elif end.word in (Word.PAUSE, Word.HALT):
                self._put_aside(record, end)
            elif end.word is not Word.LOST:
                self._finish(record, end)
        except (LeaseLostError, TrialStateError):
            pass  # another process runs the trial now
        history = self.study.history()
        if isinstance(end, End) and end.is_saved:
            self._collect(history)
        self.observe(history)

    def _collect(self, history: History) -> None:
        """Keep saved states to their quota; a look at those of all trials is the more seldom, the more there are."""
        self.uncollected += 1
        if self.uncollected > len(history) // SHARE or self.checkpoints.lacks_room:
            self.checkpoints.collect(worth_keeping(history))
            self.uncollected = 0

    def _put_aside(self, record: TrialRecord, end: End) -> None:
        """A trial has left before its end, to go on another time; or to end, if somebody has asked for it by now."""
        index = record.index
        verdict = self.verdicts.pop(index, None)
        if end.word is Word.PAUSE or end.is_saved:
            verdict = verdict or Verdict(self.study.trial(index).step, "pause", "the run ended")
            name, owner = self.study.spec.name, self.decider.owner
            self._note_end(self.study.storage.pause(name, index, owner, verdict=verdict, now=self.clock()))
        else:
            self._note_end(self.study.release(record, now=self.clock()))

    def _finish(self, record: TrialRecord, end: End) -> None:
        """A trial is over: store its result, or why it has none."""
        newest = self.study.trial(record.index)
        try:
            if end.failed is not None:
                outcome = self.study.read(end.failed)
            elif end.word is Word.STOP:
                outcome = self.study.stopped(newest)
            else:
                found = end.metrics or self.study.value_of(newest)
                outcome = Outcome(TrialState.COMPLETED, measured(found, self.study.spec.objective))
        except MetricError as error:
            outcome = self.study.read(Failed(f"MetricError: {error}"))
        verdict = self.verdicts.pop(record.index, None)
        now, owner = self.clock(), self.decider.owner
        self._note_end(self.study.tell(record.index, outcome, now=now, owner=owner, verdict=verdict))

    def _note_end(self, told: TrialRecord | None) -> None:
        """A trial may be over: count it; the state of one that has failed is good for nothing."""
        if told is None or not told.state.is_finished:
            return
        self.finished += 1
        if told.state is TrialState.FAILED:
            self.failed.append(told)
            self.checkpoints.discard(told.index)

    def _retry(self, record: TrialRecord, lost: Lost) -> None:
        """A trial failed, maybe in passing: then it is tried again."""
        if not lost.is_transient:
            self._finish(record, End(failed=Failed(lost.reason)))
            return
        # One that got further than the time before is not what kills its processes.
        is_stuck = self.study.trial(record.index).step <= record.step
        retries = RETRIES if is_stuck else None
        self._note_end(self.study.release(record, now=self.clock(), retries=retries, error=lost.reason))

    def _check_failures(self) -> None:
        if len(self.failed) >= TOLERATED_FAILURES and len(self.failed) > TOLERATED_SHARE * self.finished:
            first = self.failed[0]
            cause = (first.error or "").rstrip(".")
            seen = f" (its traceback is in experiment.trials[{first.index}].traceback)" if first.traceback else ""
            raise TooManyFailuresError(
                f"{len(self.failed)} of {self.finished} evaluations failed, so the run ended; everything is stored. "
                f"The first cause, of trial {first.index} with {dict(first.parameters)!r}, was {cause}{seen}."
            )


def _instead(decided: Decided) -> str:
    """Why a trial is paused: what the scheduler preferred."""
    if not decided.granted:
        return "the scheduler has nothing to train at the moment"
    other = decided.granted[0]
    return f"trial {other.index} comes first: {other.verdicts[-1].because if other.verdicts else other.because}"
