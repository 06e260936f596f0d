"""From what a scheduler says to trials that run: granted one after the other, as far as the budget goes.

Any number of processes may decide at once. Each asks the scheduler about the history that it sees, and does what it
says only as far as that is still possible: a trial that another process was faster with is left to it, and where a
bound is to be kept to, nothing is granted by an old history.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import final

import numpy as np

from headstock.budget import Left
from headstock.errors import SpaceExhaustedError, StaleHistoryError, TrialStateError
from headstock.history import History
from headstock.samplers.base import Suggestion
from headstock.samplers.bayesian import Bayesian
from headstock.schedulers.base import Decision, Resume, Scheduler, Start, Stop
from headstock.storage.records import NewTrial
from headstock.study import Study
from headstock.trial import TrialRecord, TrialState, Verdict


@final
@dataclass(slots=True)
class Decided:
    """What came of a decision.

    Args:
        granted: the trials that begin or go on, in order.
        stop: why the trial that waited is given up; None if it is not.
        is_exhausted: whether a finite space has nothing left to begin.
    """

    granted: list[TrialRecord] = field(default_factory=list)
    stop: Verdict | None = None
    is_exhausted: bool = False

    def settles(self, waiting: int | None) -> bool:
        """Whether it is known what becomes of the trial that waited."""
        return self.stop is not None or any(trial.index == waiting for trial in self.granted)


@final
@dataclass(frozen=True, slots=True)
class Decider:
    """Decides what the trainings of one process are.

    Args:
        study: where trials come from.
        scheduler: how long which trial is trained.
        left: what is left of the budget after a history.
        owner: who runs the trials.
        clock: tells the time.
    """

    study: Study
    scheduler: Scheduler
    left: Callable[[History], Left]
    owner: str
    clock: Callable[[], float]

    def decide(self, slots: int, waiting: int | None = None) -> Decided:
        """Ask the scheduler, and do what it says.

        Trials that begin or go on are this process's and running then; paused ones that are given up have ended. What
        becomes of the trial that waits is only said, for it has to leave its training function first.

        Args:
            slots: how many trainings may begin or go on, that of the waiting trial included.
            waiting: the trial that asks how to go on; None if none does.
        """
        decided = Decided()
        is_stale = True
        while is_stale and len(decided.granted) < slots:
            with self.study.storage.turn(self.study.spec.name):
                history = self.study.history()
                still = None if decided.settles(waiting) else waiting
                decisions = self._ask(history, slots - len(decided.granted), still, decided)
                for decision in decisions:
                    if isinstance(decision, Resume):
                        self._resume(decision, decided)
                    elif isinstance(decision, Stop):
                        self._stop(history.trials[decision.trial], decision.because, still, decided)
                is_stale = not self._start([d for d in decisions if isinstance(d, Start)], len(history), decided)
        return decided

    def _ask(self, history: History, slots: int, waiting: int | None, decided: Decided) -> Sequence[Decision]:
        """What the scheduler says about what it may decide: it takes other trials for running that wait or are held.

        About those that wait, whoever runs them decides; about those that a person has paused, a person.
        """
        left, seed, created = self.left(history), history.seed, len(history)
        proposed = 0
        sampler = self.study.sampler
        if left.time is not None and isinstance(sampler, Bayesian):
            sampler = sampler.with_time_left(left.time)

        def propose(count: int, given: History | None = None) -> Sequence[Suggestion]:
            nonlocal proposed
            count = int(min(count, left.trials - proposed))
            if count <= 0:
                return ()
            rng = np.random.default_rng([seed, created, *([proposed] if proposed else [])])
            try:
                suggestions = sampler.suggest(history if given is None else given, count, rng)
            except SpaceExhaustedError:
                decided.is_exhausted = True
                raise
            proposed += len(suggestions)
            return suggestions

        others = [
            replace(t, state=TrialState.RUNNING, until=None)
            for t in history.pending
            if t.is_held or (t.is_waiting and t.index != waiting)
        ]
        seen = history.updated(others) if others else history
        rng = np.random.default_rng([seed, created, history.steps_reached])
        return self.scheduler.decide(seen, slots, propose, rng, steps_left=left.paid, trials_left=left.trials)

    def _resume(self, decision: Resume, decided: Decided) -> None:
        """Let a trial go on, unless somebody else was first or the budget does not pay for a step of it."""
        while True:
            history = self.study.history()
            trial, left = history.trials[decision.trial], self.left(history)
            until = left.until(trial, decision.until)
            is_new = trial.state is TrialState.QUEUED and trial.attempt == 0
            if (until is not None and until <= trial.step) or (is_new and left.trials < 1):
                return
            with suppress(StaleHistoryError):
                granted = self.study.storage.grant(
                    self.study.spec.name,
                    trial.index,
                    self.owner,
                    until=until,
                    verdict=Verdict(trial.step, "start" if is_new else "resume", decision.because),
                    memo=decision.memo,
                    now=self.clock(),
                    revision=self.study.revision if left.is_bounded else None,
                )
                decided.granted += [] if granted is None else [granted]
                return

    def _stop(self, trial: TrialRecord, because: str, waiting: int | None, decided: Decided) -> None:
        """Give up a trial, at once if it is paused."""
        verdict = Verdict(trial.step, "stop", because)
        if trial.index == waiting:
            decided.stop = verdict
        elif trial.state is TrialState.PAUSED:
            with suppress(TrialStateError):  # somebody else was first
                self.study.tell(trial.index, self.study.stopped(trial), now=self.clock(), verdict=verdict)

    def _start(self, starts: Sequence[Start], created: int, decided: Decided) -> bool:
        """Begin trials as far as the budget goes; whether the history is still the one they were decided by."""
        while starts:
            history = self.study.history()
            if len(history) != created:
                return False
            left = self.left(history)
            revision = self.study.revision if left.is_bounded else None
            new = self._affordable(starts, history, left)
            with suppress(StaleHistoryError):
                decided.granted += self.study.storage.add_trials(
                    self.study.spec.name, new, created=created, now=self.clock(), revision=revision
                )
                return True
        return True

    def _affordable(self, starts: Sequence[Start], history: History, left: Left) -> list[NewTrial]:
        """As many new trials as the budget pays for, as the next batch."""
        new: list[NewTrial] = []
        for start in starts:
            begins = 0 if start.from_checkpoint is None else start.from_checkpoint[1]
            until = left.until(None, start.until, begins)
            if left.trials < 1 or (until is not None and until <= begins):
                break
            left = left.less(until, begins)
            new.append(
                NewTrial(
                    parameters=start.suggestion.parameters,
                    batch=history.next_batch,
                    position=len(new),
                    source=start.suggestion.source,
                    because=start.suggestion.because,
                    memo=start.suggestion.memo,
                    owner=self.owner,
                    until=until,
                    parent=start.from_checkpoint,
                    verdict=Verdict(begins, "start", start.because),
                )
            )
        return new
