"""The loop: ask, evaluate, tell, until the budget is spent.

An exception of the evaluation marks its trial failed and the loop goes on; an interruption puts what was being
evaluated back into the queue. Either way everything finished is stored before anything else happens.
"""

import math
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, final

from headstock.errors import HeadstockError, LeaseLostError, SpaceExhaustedError, TooManyFailuresError
from headstock.history import History
from headstock.processes import is_dead, new_owner
from headstock.running import Trial
from headstock.storage.base import Outcome
from headstock.study import Study
from headstock.trial import Failed, TrialRecord, TrialState

Evaluate = Callable[[Trial], Any]
"""Evaluates a trial; gives a result, or None if the last report is the result."""

Clock = Callable[[], float]
"""Seconds since 1970, UTC."""

Observe = Callable[[History], None]
"""Is shown the history when a trial starts or finishes."""

TOLERATED_SHARE: Final = 0.5
TOLERATED_FAILURES: Final = 5


@final
@dataclass(frozen=True, slots=True)
class Budget:
    """When to stop: whichever is reached first.

    Args:
        trials: this many evaluations in all, those of earlier runs included (attached results are not counted).
        seconds: this long since the call began; a running evaluation is not interrupted.
        target: a measured objective at least this good.

    Raises:
        HeadstockError: if a bound is not a positive number, or there is none.
    """

    trials: int | None = None
    seconds: float | None = None
    target: float | None = None

    def __post_init__(self) -> None:
        """Check the bounds."""
        if self.trials is None and self.seconds is None and self.target is None:
            raise HeadstockError(
                "The budget has no bound, so the run would not end. Give trials=, seconds= or target=."
            )
        for name in ("trials", "seconds"):
            bound = getattr(self, name)
            if bound is not None and not (isinstance(bound, int | float) and math.isfinite(bound) and bound > 0):
                raise HeadstockError(f"Budget({name}={bound!r}): give a positive number.")


class Ended(StrEnum):
    """Why a run ended."""

    BUDGET = "the budget is spent"
    TARGET = "the target is reached"
    EXHAUSTED = "every point of the space was tried"
    INTERRUPTED = "interrupted"


def run(
    study: Study, evaluate: Evaluate, *, budget: Budget, clock: Clock, observe: Observe, batch_size: int = 1
) -> Ended:
    """Evaluate trials in this process until the budget is spent.

    Args:
        study: where trials come from and results go.
        evaluate: evaluates one trial.
        budget: when to stop.
        clock: tells the time.
        observe: is shown the history when a trial starts or finishes.
        batch_size: how many trials are suggested together.

    Raises:
        TooManyFailuresError: after 5 failures of this run, if they are more than half of its evaluations.
    """
    owner = new_owner()
    _release(study, is_dead, clock)
    try:
        return _loop(study, evaluate, budget=budget, clock=clock, observe=observe, batch_size=batch_size, owner=owner)
    except SpaceExhaustedError:
        return Ended.EXHAUSTED
    except KeyboardInterrupt:
        return Ended.INTERRUPTED
    finally:
        _release(study, lambda other: other == owner, clock)


def _loop(
    study: Study,
    evaluate: Evaluate,
    *,
    budget: Budget,
    clock: Clock,
    observe: Observe,
    batch_size: int,
    owner: str,
) -> Ended:
    began = clock()
    finished: list[TrialRecord] = []
    while True:
        history = study.history()
        if budget.target is not None and _reached(history, budget.target):
            return Ended.TARGET
        if budget.seconds is not None and clock() - began >= budget.seconds:
            return Ended.BUDGET
        batch = study.ask(batch_size, now=clock(), owner=owner, limit=budget.trials)
        if not batch:
            return Ended.BUDGET
        for record in batch:
            observe(study.history())
            outcome = _evaluate(study, record, evaluate, clock)
            try:
                finished.append(study.tell(record.index, outcome, now=clock(), owner=owner))
            except LeaseLostError:
                continue  # another process runs the trial now
            observe(study.history())
            _check_failures(finished)


def _evaluate(study: Study, record: TrialRecord, evaluate: Evaluate, clock: Clock) -> Outcome:
    """How one trial ended; only what is no `Exception` escapes."""

    def send(index: int, step: int, metrics: Mapping[str, Any]) -> None:
        study.report(index, metrics, step=step, now=clock(), owner=record.owner)

    trial = Trial(record, study.spec.seed, send)
    try:
        result = evaluate(trial)
        return study.read(trial.last_report if result is None else result)
    except Exception as error:  # noqa: BLE001 - whatever goes wrong in a trial is that trial's failure
        message = str(error).strip() or "no message"
        return study.read(Failed(f"{type(error).__name__}: {message.splitlines()[0]}", traceback.format_exc()))


def _release(study: Study, belongs: Callable[[str], bool], clock: Clock) -> None:
    """Put running trials back into the queue, those whose owner `belongs` to the lost ones."""
    for record in study.history().pending:
        if record.state is TrialState.RUNNING and record.owner is not None and belongs(record.owner):
            study.release(record, now=clock())


def _reached(history: History, target: float) -> bool:
    best = history.best_seen()
    sign = history.objective.sign
    return best is not None and sign * best.objective_mean >= sign * target


def _check_failures(finished: list[TrialRecord]) -> None:
    failed = [record for record in finished if record.state is TrialState.FAILED]
    if len(failed) >= TOLERATED_FAILURES and len(failed) > TOLERATED_SHARE * len(finished):
        first = failed[0]
        raise TooManyFailuresError(
            f"{len(failed)} of {len(finished)} evaluations failed, so the run ended; everything is stored. The first "
            f"cause, of trial {first.index} with {dict(first.parameters)!r}, was {first.error} (its traceback is in "
            f"experiment.trials[{first.index}].traceback)."
        )
