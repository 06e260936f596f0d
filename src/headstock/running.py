"""The live trial: what a training function holds while it runs.

A training leaves its function only between two steps: what stands after a report in the body of the loop is done first,
and the state is saved where an uninterrupted training would begin its next step.
"""

import json
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias, final

import numpy as np

from headstock.channel import Client, Shared
from headstock.checkpoints import Checkpoints
from headstock.errors import CheckpointError, UnknownTrialError
from headstock.executors.base import Ask
from headstock.keeping import Frameworks, Keeper
from headstock.messages import REPORT, WAITS, Answer, Report, Word
from headstock.parameters import Parameters
from headstock.results import read_result
from headstock.scalars import MOST, is_whole
from headstock.trial import Failed, Observation, TrialRecord
from headstock.wording import given, whole


@final
class Leaving(SystemExit):
    """A trial leaves its training function. It is no `Exception`, so that `except Exception` does not keep it.

    A process that has nobody to catch it ends without an error.

    Args:
        word: what the trial was told.
    """

    def __init__(self, word: Word) -> None:
        super().__init__(0)
        self.word = word


@final
@dataclass(slots=True)
class Trial:
    """A trial that is being evaluated.

    Example:
        >>> def train(trial):
        ...     net, optimizer = build(trial.parameters)
        ...     trial.attach(model=net, optimizer=optimizer)
        ...     for epoch in trial.steps(30):
        ...         train_epoch(net, optimizer)
        ...         trial.report(accuracy=evaluate(net))

    Args:
        record: the trial as it stood when it was handed out.
        experiment_seed: the seed of its experiment.
        ask: its way to whoever runs it.
        keeper: keeps its state.
        objective: the metric whose best step is kept; None if only the last one is.
        minimize: whether less of it is better.
        clock: seconds.
    """

    record: TrialRecord
    experiment_seed: int
    ask: Ask = field(repr=False)
    keeper: Keeper = field(repr=False)
    objective: str | None = field(default=None, repr=False)
    minimize: bool = field(default=False, repr=False)
    clock: Callable[[], float] = field(default=time.perf_counter, repr=False)
    last_report: dict[str, Any] = field(default_factory=dict, init=False)
    _answer: Answer = field(init=False, repr=False)
    _step: int = field(default=0, init=False, repr=False)
    _reported: int = field(default=0, init=False, repr=False)
    _count: int | None = field(default=None, init=False, repr=False)
    _best: float | None = field(default=None, init=False, repr=False)
    _is_in_steps: bool = field(default=False, init=False, repr=False)
    _has_left: bool = field(default=False, init=False, repr=False)
    _trained: float = field(init=False, repr=False)
    _since: float = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Go on from what is known."""
        self._answer = Answer(until=self.record.until)
        self._trained = self.record.trained or 0.0
        self._since = self.clock()
        for o in () if self.objective is None else self.record.reports.get(self.objective, ()):
            self._note_best(o.mean, o.step or 0)

    @property
    def index(self) -> int:
        """The trial's number in its experiment."""
        return self.record.index

    @property
    def parameters(self) -> Parameters:
        """The configuration to evaluate."""
        return self.record.parameters

    @property
    def because(self) -> str:
        """Why this configuration was suggested, in one line."""
        return self.record.because

    @property
    def seed(self) -> int:
        """A seed of the trial's own, below 2**32, the same whenever the trial is run again."""
        return int(np.random.SeedSequence([self.experiment_seed, self.index]).generate_state(1)[0])

    @property
    def directory(self) -> Path:
        """A folder for files of the trial's own, there when it is resumed. Its path derives from the trial's number."""
        return self.keeper.directory

    @property
    def should_stop(self) -> bool:
        """Whether the trial is to leave, for loops that prefer to ask: return then, and it is paused or stopped.

        Where processes train together, all of them have to ask.
        """
        return self._agreed().word is not Word.GO_ON

    def attach(self, **things: object) -> None:
        """Keep the state of these: it is saved when the trial is paused, and now and then before.

        If the trial was paused or lost before, what was saved is put back here. Call it when everything is built,
        before `steps`. The state of the random numbers of PyTorch, NumPy and Python is kept without being attached.

        Args:
            **things: by names of your choice anything with state_dict() and load_state_dict() (a module, an optimiser,
                a learning rate's schedule, a gradient scaler), a DataLoader (its shuffling), a generator, a tensor,
                an array, a dictionary or a list (each is filled in place).

        Raises:
            CheckpointError: if nobody knows how to keep one, what was saved does not fit, or the steps have begun.
        """
        if self._count is not None:
            raise CheckpointError("The steps have begun. Call trial.attach(...) before trial.steps(...).")
        self.keeper.attach(things)

    def steps(self, count: int) -> Iterator[int]:
        """The training steps up to count - 1: from 0, or from where the trial was paused.

        What is reported inside the loop belongs to the current step. When a step has ended, the trial may leave: it is
        saved, and paused or stopped.

        Args:
            count: how many steps the whole training has.

        Raises:
            CheckpointError: if it is no whole number of at least 1, or the steps have begun already.
        """
        if not is_whole(count, 1):
            raise CheckpointError(f"steps({given(count)}): {whole(count, 1, MOST)}.")
        if self._count is not None:
            raise CheckpointError("trial.steps(...) was called before. A training has one loop over its steps.")
        self._count = count
        self._step = self.keeper.begin()
        return self._loop(range(self._step, count))

    def report(self, **metrics: Any) -> None:
        """Record what was measured after the current step: numbers or pairs (mean, standard error) by metric.

        The last report is the trial's result if the training function returns nothing (the best one, if the experiment
        was made with value="best"). In a function that does not use `steps`, every report is a step of its own.

        Raises:
            MetricError: if a value is not a finite number.
        """
        ranks = self.keeper.ranks()
        if self._count is None:
            self._step += 1
        observations = read_result(metrics, (), step=self._step)
        asked = self.clock()
        trained = self._trained + (asked - self._since if self._is_in_steps else 0.0)
        report = Report(self._step, observations, self._count, trained, saves=self.keeper.is_attached)
        answer = Answer(until=self._answer.until) if ranks is not None and ranks.rank else self.ask(REPORT, report)
        self._since += self.clock() - asked  # how long a report takes to be stored is no training
        self.last_report |= metrics
        self._reported = self._step
        if self.objective is not None and self.objective in observations:
            self._note_best(observations[self.objective].mean, self._step)
        if answer.word is not Word.GO_ON:
            self._answer = answer
            if not self._is_in_steps and ranks is None:
                self.leave()

    def leave(self) -> None:
        """Leave the training function, having saved what there is to save.

        Raises:
            Leaving: always.
        """
        if not self._has_left:
            self._has_left = True
            word = self._answer.word
            if word is Word.PAUSE or (word in (Word.STOP, Word.HALT) and self.keeper.is_attached):
                self.keeper.save_if_room(self._step)
        raise Leaving(self._answer.word)

    def _loop(self, steps: range) -> Iterator[int]:
        self._is_in_steps = True
        self._since = self.clock()
        try:
            for step in steps:
                self._step = step + 1
                yield step
                self._end_step()
            if isinstance(self.ask, Client) and self.keeper.is_attached:  # nobody else will, in another process
                self.keeper.save_if_room(self._step)
        finally:
            self._is_in_steps = False

    def _end_step(self) -> None:
        """Between two steps: leave, or save if that is due, or just go on."""
        now = self.clock()
        seconds = now - self._since
        self._trained += seconds
        self.keeper.note(seconds)
        if self._agreed().word is not Word.GO_ON:
            self.leave()
        is_due = self.keeper.is_due(seconds) or (self._step in self.keeper.keep and self.keeper.is_attached)
        ranks = self.keeper.ranks()
        if ranks is not None:  # their clocks differ
            is_due = ranks.first(b"1" if is_due else b"0") == b"1"
        if is_due and self._step != self._count:
            self.keeper.save_if_room(self._step)
        self._since = self.clock()

    def _agreed(self) -> Answer:
        """What becomes of the trial, in all processes that train it together: the first one asks."""
        ranks = self.keeper.ranks()
        if ranks is not None:
            mine = b"" if ranks.rank else json.dumps(self._decided().to_json()).encode()
            self._answer = Answer.from_json(json.loads(ranks.first(mine)))
            return self._answer
        return self._decided()

    def _decided(self) -> Answer:
        """What becomes of the trial, asked when it has come as far as it was to go."""
        answer, until = self._answer, self._answer.until
        has_arrived = until is not None and self._step >= until and self._reported == self._step
        if answer.word is Word.GO_ON and has_arrived and self._is_in_steps and self._step != self._count:
            self._answer = self.ask(WAITS, self._step)
        return self._answer

    def _note_best(self, mean: float, step: int) -> None:
        """Remember which step is best, so that its state stays."""
        worth = -mean if self.minimize else mean
        if self._best is None or worth > self._best:
            self._best = worth
            self.keeper.keep = {step}


@final
@dataclass(frozen=True, slots=True)
class End:
    """How a trial left its training function.

    Args:
        word: `GO_ON` if it came to its end; else what it was told.
        metrics: its result; None if that is what it reported.
        failed: what went wrong; None if nothing did.
        is_saved: whether its state is saved, so that it may go on later.
    """

    word: Word = Word.GO_ON
    metrics: Mapping[str, Observation] | None = None
    failed: Failed | None = None
    is_saved: bool = False


@final
@dataclass(frozen=True, slots=True)
class Training:
    """A training function as work for an executor: takes a trial and its way to the runner, gives how it ended.

    Args:
        function: the training function.
        seed: the experiment's.
        required: the metrics that a result must have, the objective first unless persons judge it.
        minimize: whether less of the objective is better.
        value: "last" or "best".
        checkpoints: where states lie.
        frameworks: who knows how to take and write them.
        clock: seconds, by which steps and saves are timed.
    """

    function: Callable[[Trial], Any]
    seed: int
    required: Sequence[str]
    minimize: bool
    value: str
    checkpoints: Checkpoints
    frameworks: Frameworks
    clock: Callable[[], float] = time.perf_counter

    def trial(self, record: TrialRecord, ask: Ask) -> Trial:
        """The live trial of a record."""
        keeper = Keeper(record.index, record.parent, self.checkpoints, self.frameworks, self.clock)
        objective = self.required[0] if self.value == "best" else None
        return Trial(record, self.seed, ask, keeper, objective, self.minimize, self.clock)

    def introduction(self, record: TrialRecord) -> Mapping[str, Any]:
        """All that another process has to know to make the live trial of a record, as JSON."""
        return {
            "record": record.to_json(),
            "seed": self.seed,
            "objective": self.required[0] if self.value == "best" else None,
            "minimize": self.minimize,
            "files": str(self.checkpoints.folder),
            "quota": self.checkpoints.quota,
            "spare": self.checkpoints.spare,
        }

    def __call__(self, record: TrialRecord, ask: Ask) -> End:
        """Train; what is no `Exception` comes through."""
        shared = Shared(ask, partial(self.introduction, record))
        try:
            return self._train(self.trial(record, shared), shared)
        finally:
            shared.close()

    def _train(self, trial: Trial, shared: Shared) -> End:
        try:
            result = self.function(trial)
            has_failed = isinstance(result, Failed) and not self._is_safe(trial, shared)
            if shared.told is not Word.GO_ON and not has_failed:  # others left
                return End(shared.told, is_saved=shared.last is not None and shared.last.saves)
            if trial.should_stop:  # it asked, and returned
                trial.leave()
            if isinstance(result, Failed):
                return End(failed=result)
            metrics = None if result is None else read_result(result, self.required)
            if trial.keeper.is_attached:
                trial.keeper.save_if_room(trial._step)  # noqa: SLF001 - the other half of the trial
        except Leaving as leaving:
            return End(leaving.word, is_saved=trial.keeper.is_attached)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever goes wrong in a trial is that trial's failure
            message = str(error).strip() or "no message"
            reason = f"{type(error).__name__}: {message.splitlines()[0]}"
            return End(failed=Failed(reason, traceback.format_exc()))
        is_saved = trial.keeper.is_attached or (shared.last is not None and shared.last.saves)
        return End(metrics=metrics, is_saved=is_saved)

    def _is_safe(self, trial: Trial, shared: Shared) -> bool:
        """Whether another process saved all that it had reported: if it was told to leave, it was on its way out.

        What a process dies of then, such as an interpreter that a library aborts while it ends, costs nothing.
        """
        saved = self.checkpoints.saved(trial.record.index)
        return shared.last is not None and bool(saved) and saved[0].step == shared.last.step


OneOrMany: TypeAlias = Trial | TrialRecord | int | Iterable[Trial | TrialRecord | int]


def indices_of(trials: OneOrMany) -> list[int]:
    """The indices of one or several trials that are given in any way.

    Raises:
        UnknownTrialError: if one is given in none.
    """
    return [index_of(one) for one in trials] if isinstance(trials, Iterable) else [index_of(trials)]


def index_of(trial: Trial | TrialRecord | int) -> int:
    """The index of a trial that is given in any way.

    Raises:
        UnknownTrialError: if it is given in none.
    """
    if isinstance(trial, Trial | TrialRecord):
        return trial.index
    if isinstance(trial, int) and not isinstance(trial, bool):
        return trial
    raise UnknownTrialError(f"{trial!r} is no trial. Give what ask() gave, or a trial's index.")
