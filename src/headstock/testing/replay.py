"""Replays stored learning curves: a search by a scheduler without any training, at the speed of its decisions."""

import heapq
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, final

import numpy as np
from jaxtyping import Float64

from headstock.encoding import Encoding
from headstock.errors import SpaceExhaustedError
from headstock.history import History
from headstock.objective import Objective
from headstock.parameters import Parameters
from headstock.samplers.base import Sampler, Suggestion
from headstock.schedulers.base import Decision, Resume, Scheduler, Start, Stop
from headstock.space import Space
from headstock.trial import Observation, TrialRecord, TrialState

_METRIC: Final = "value"


@final
@dataclass(frozen=True)
class Table:
    """Configurations whose curves are known.

    Args:
        space: what they were drawn from.
        rows: the configurations, all different.
        curves: what each reports after each step; a training fails at the first value that is not finite.
        minimize: whether less is better.
        seconds: how long a step of each takes; one second if None.
    """

    space: Space
    rows: tuple[Parameters, ...]
    curves: Float64[np.ndarray, "n t"]
    minimize: bool = False
    seconds: Float64[np.ndarray, " n"] | None = None


@final
@dataclass(frozen=True, slots=True)
class Step:
    """A step that was trained.

    Args:
        row: of the table.
        step: the step, from 1; it may have been trained before, in another trial.
        value: what was reported; NaN if the training failed.
    """

    row: int
    step: int
    value: float


@final
@dataclass(slots=True)
class Replay:
    """One search over a table; what a scheduler starts is moved to the nearest row that has not been tried.

    Args:
        table: the curves.
        scheduler: how long to train which.
        sampler: what to start.
        seed: of the search.
        workers: how many trainings go on at once, each at its own pace.
        clock: measures how long decisions take.
    """

    table: Table
    scheduler: Scheduler
    sampler: Sampler
    seed: int = 0
    workers: int = 1
    clock: Callable[[], float] = time.perf_counter
    steps: list[Step] = field(default_factory=list, init=False)
    decision_seconds: list[float] = field(default_factory=list, init=False)
    decisions: list[Decision] = field(default_factory=list, init=False)
    trials: list[TrialRecord] = field(default_factory=list, init=False)
    rows: list[int] = field(default_factory=list, init=False)
    _busy: list[tuple[float, int]] = field(default_factory=list, init=False)
    _now: float = field(default=0.0, init=False)
    _points: Float64[np.ndarray, "n d"] = field(init=False)

    def __post_init__(self) -> None:
        """Encode the table once."""
        self._points = Encoding.of(self.table.space).encode(self.table.rows)

    def run(self, budget: int) -> list[Step]:
        """The steps of a search of at most `budget` steps, in order of their ends."""
        while len(self.steps) < budget:
            self._decide(budget)
            if not self._busy:
                break
            self._now, trial = heapq.heappop(self._busy)
            self._report(trial)
        return self.steps

    @property
    def history(self) -> History:
        """The history as a scheduler sees it."""
        return History(
            self.table.space, Objective(_METRIC, minimize=self.table.minimize), tuple(self.trials), seed=self.seed
        )

    def _decide(self, budget: int) -> None:
        """Ask the scheduler whenever a slot is free or a trial waits, and do what it says."""
        waiting = [t.index for t in self.trials if t.is_waiting]
        slots = self.workers - len(self._busy)
        if not slots or budget <= len(self.steps):
            return
        history, rng = self.history, np.random.default_rng([self.seed, len(self.trials), len(self.steps)])

        def propose(count: int, given: History | None = None) -> Sequence[Suggestion]:
            return self.sampler.suggest(history if given is None else given, count, rng)

        began = self.clock()
        decisions = self.scheduler.decide(history, slots, propose, rng, steps_left=float(budget - len(self.steps)))
        self.decision_seconds.append(self.clock() - began)
        self.decisions += decisions
        settled = {d.trial for d in decisions if not isinstance(d, Start)}
        for index in waiting:
            if index not in settled:
                self._change(index, state=TrialState.PAUSED)
        for decision in decisions:
            self._apply(decision)

    def _apply(self, decision: Decision) -> None:
        match decision:
            case Start(suggestion=suggestion, until=until, from_checkpoint=parent):
                row, parameters = self._nearest(suggestion)
                index = len(self.trials)
                self.rows.append(row)
                memo = suggestion.memo
                self.trials.append(
                    TrialRecord(
                        index, TrialState.RUNNING, parameters, index, objective=_METRIC, memo=memo, parent=parent
                    )
                )
            case Resume(trial=index, until=until, memo=memo):
                if memo is not None:
                    self._change(index, memo={**(self.trials[index].memo or {}), **memo})
            case Stop(trial=index):
                self._finish(index, TrialState.STOPPED)
                return
        self._change(index, state=TrialState.RUNNING, until=until, steps=self.table.curves.shape[1])
        self._push(index)

    def _nearest(self, suggestion: Suggestion) -> tuple[int, Parameters]:
        """The untried row nearest to a suggestion."""
        point = Encoding.of(self.table.space).encode([suggestion.parameters])[0]
        categorical = Encoding.of(self.table.space).categorical
        apart = np.where(categorical, self._points != point, self._points - point)
        distances = (apart.astype(float) ** 2).sum(axis=1)
        distances[self.rows] = np.inf
        row = int(distances.argmin())
        if not np.isfinite(distances[row]):
            raise SpaceExhaustedError("Every row of the table was tried. Replay it with a smaller budget.")
        return row, self.table.rows[row]

    def _push(self, index: int) -> None:
        seconds = self.table.seconds
        heapq.heappush(self._busy, (self._now + (1.0 if seconds is None else seconds[self.rows[index]]), index))

    def _report(self, index: int) -> None:
        """A step of a trial ends; unless that is where it is asked about, the next begins."""
        trial, row = self.trials[index], self.rows[index]
        step = trial.step + 1
        value = float(self.table.curves[row, step - 1])
        self.steps.append(Step(row, step, value))
        if not np.isfinite(value):
            self._finish(index, TrialState.FAILED)
            return
        reports = {_METRIC: (*trial.reports.get(_METRIC, ()), Observation(value, None, step))}
        trained = (trial.trained or 0.0) + (1.0 if self.table.seconds is None else float(self.table.seconds[row]))
        self._change(index, reports=reports, trained=trained)
        if step == self.table.curves.shape[1]:
            self._finish(index, TrialState.COMPLETED)
        elif not self.trials[index].is_waiting:
            self._push(index)

    def _finish(self, index: int, state: TrialState) -> None:
        curve = self.trials[index].reports.get(_METRIC)
        failed = state is TrialState.FAILED
        metrics = {_METRIC: Observation(curve[-1].mean)} if curve and not failed else {}
        self._change(index, state=state, metrics=metrics, error="the loss is not finite" if failed else None)

    def _change(self, index: int, **changes: object) -> None:
        self.trials[index] = replace(self.trials[index], **changes)  # type: ignore[arg-type]
