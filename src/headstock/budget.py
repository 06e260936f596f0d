"""How much a search may cost, and what is left of that."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, final

from headstock import wording
from headstock.errors import HeadstockError
from headstock.history import History
from headstock.scalars import MOST, is_finite
from headstock.trial import TrialRecord, TrialState

BOUNDS: Final = ("trials", "steps", "seconds", "cost", "target")
"""The names of the bounds of a budget."""


@final
@dataclass(frozen=True, slots=True)
class Budget:
    """When to stop: whichever is reached first. What earlier runs have spent counts, but for `seconds`.

    Args:
        trials: this many evaluations in all (attached results are not counted). Paused ones may still go on.
        steps: this many training steps of all trials together. A trial that reports no steps counts as one; steps
            that are repeated after a process was lost cost nothing.
        seconds: this long since the call began. A trial that saves its state is paused then at the end of its step; of
            others the running evaluation is waited for.
        cost: this much in all of what trials report as the metric `cost`; each report adds to it.
        target: a measured objective at least this good; also one that is reported after a step.

    Raises:
        HeadstockError: if a bound is not a positive number, whole for trials and steps, or there is none.
    """

    trials: int | None = None
    seconds: float | None = None
    target: float | None = None
    steps: int | None = None
    cost: float | None = None

    def __post_init__(self) -> None:
        """Check the bounds."""
        if all(getattr(self, name) is None for name in BOUNDS):
            raise HeadstockError(
                "The budget has no bound, so the run would not end. Give trials=, steps=, seconds=, cost= or target=."
            )
        for name, bound in ((name, getattr(self, name)) for name in BOUNDS):
            if bound is None:
                continue
            if not is_finite(bound) or (bound <= 0 and name != "target"):
                kind = "finite" if name == "target" else "positive"
                raise HeadstockError(f"Budget({name}={wording.given(bound)}): give a {kind} number.")
            if name in ("trials", "steps") and bound % 1:
                raise HeadstockError(f"Budget({name}={bound!r}): give a whole number.")
            if name in ("trials", "steps") and bound > MOST:
                raise HeadstockError(f"Budget({name}={wording.given(bound)}): give at most {MOST:,}, or leave it out.")

    @classmethod
    def of(cls, bounds: Mapping[str, float]) -> "Budget":
        """The budget of these bounds, by name.

        Raises:
            HeadstockError: if a bound is not a positive number, or there is none.
        """
        known: dict[str, Any] = {name: bounds[name] for name in BOUNDS if name in bounds}
        whole = {name: int(known[name]) for name in ("trials", "steps") if is_finite(known.get(name))}
        return cls(**known | whole)

    @classmethod
    def settled(cls, given: "Budget | None", stored: Mapping[str, float] | None) -> "Budget":
        """The budget of a run: what it is given, else what is stored with the experiment.

        Raises:
            HeadstockError: if there is neither, or it is no budget.
        """
        if given is not None and not isinstance(given, Budget):
            raise HeadstockError(f"budget={wording.given(given)}: give a Budget, such as Budget(trials=40).")
        if given is None and not stored:
            raise HeadstockError(
                "No budget is given, and none is stored with the experiment, so the run would not end. Give trials, "
                "steps, seconds, cost or target, or store them for every worker: headstock budget NAME --trials N."
            )
        return given or cls.of(stored or {})

    def changed(self, bounds: Mapping[str, float] | None) -> "Budget":
        """The budget with some bounds in place of its own.

        Args:
            bounds: the others, by name; None for no change.

        Raises:
            HeadstockError: if a bound is not a positive number.
        """
        return Budget.of({**self.bounds, **bounds}) if bounds else self

    @property
    def bounds(self) -> dict[str, float]:
        """The bounds that there are, by name."""
        return {name: value for name in BOUNDS if (value := getattr(self, name)) is not None}

    def left(self, history: History, seconds: float, slots: int) -> "Left":
        """What is left.

        Args:
            history: what was done so far, what is running included.
            seconds: how long the run has gone on.
            slots: how many trainings go on at once.
        """
        trials = _less(self.trials, lambda: history.evaluations)
        steps = _less(self.steps, lambda: _total(history, _committed))
        cost = _less(self.cost, lambda: cost_of(history))
        paid = min(steps, *_affordable(history, _less(self.seconds, lambda: seconds) * slots, cost))
        time = None if self.seconds is None else max(0.0, 1.0 - seconds / self.seconds)
        return Left(trials=trials, steps=steps, paid=paid, time=time)

    def is_over(self, history: History, seconds: float) -> bool:
        """Whether nothing may go on, whatever was promised to it."""
        is_late = self.seconds is not None and seconds >= self.seconds
        return is_late or (self.cost is not None and cost_of(history) >= self.cost)

    def is_reached(self, history: History) -> bool:
        """Whether the result of a trial is as good as the target."""
        best = history.best_seen() if self.target is not None else None
        return best is not None and self._is_good(history, best.objective_mean)

    def is_reached_by(self, history: History, trial: TrialRecord) -> bool:
        """Whether what a training has just reported is as good as the target, within the outcome constraints."""
        if self.target is None:
            return False
        last = {metric: curve[-1].mean for metric, curve in trial.reports.items()}
        kept = all(c.metric in last and c.holds(last[c.metric]) for c in history.outcome_constraints)
        return kept and history.objective.metric in last and self._is_good(history, last[history.objective.metric])

    def _is_good(self, history: History, value: float) -> bool:
        sign = history.objective.sign
        return self.target is not None and sign * value >= sign * self.target


@final
@dataclass(frozen=True, slots=True)
class Left:
    """What is left of a budget; infinite where it has no such bound.

    Args:
        trials: how many more trials may begin.
        steps: how many more steps may be promised to trials.
        paid: about how many steps everything together still pays for.
        time: the share of the seconds; None if they are not bounded.
    """

    trials: float = math.inf
    steps: float = math.inf
    paid: float = math.inf
    time: float | None = None

    @property
    def is_bounded(self) -> bool:
        """Whether it has to be counted who gets what."""
        return min(self.trials, self.steps) < math.inf

    def less(self, until: int | None, begins: int) -> "Left":
        """What is left after a new training was promised the steps from `begins` to `until`."""
        return replace(self, trials=self.trials - 1, steps=self.steps - ((until or begins) - begins))

    def until(self, trial: TrialRecord | None, until: int | None, begins: int = 0) -> int | None:
        """How far a training that is to go to `until` may go; where it stands if there is nothing left.

        Args:
            trial: the training; None for a new one.
            until: the step; None for its end.
            begins: the step that a new one begins after.
        """
        if self.steps == math.inf:
            return until
        at = begins if trial is None else trial.step
        end = None if trial is None else trial.steps
        # One that may go anywhere says within a step how far that is.
        wanted = until if until is not None else end if end is not None else at + 1
        return int(min(wanted, at + max(0.0, self.steps)))


def _less(bound: float | None, spent: Callable[[], float]) -> float:
    """What is left of a bound; what was spent is only counted if there is one."""
    return math.inf if bound is None else bound - spent()


def _total(history: History, of: Callable[[TrialRecord], float]) -> float:
    """The sum of a number over all trials."""
    return sum(history.column(of).tolist())  # in order: the last bits of numpy's sum are another machine's


def _committed(trial: TrialRecord) -> float:
    """How many steps a trial has trained, or may train while it runs."""
    if trial.source == "attached" or (trial.state is TrialState.QUEUED and not trial.step):
        return 0
    promised = 0
    if trial.state is TrialState.RUNNING:
        promised = trial.until if trial.until is not None else trial.steps or 0
    begun = 0 if trial.parent is None else trial.parent[1]
    least = trial.state is not TrialState.ABANDONED
    return max(int(least), max(trial.step, promised) - begun)


def cost_of(history: History) -> float:
    """What all trials together have reported as their cost."""
    return _total(history, _cost)


def _cost(trial: TrialRecord) -> float:
    """What a trial has reported as its cost."""
    reported: Any = trial.reports.get("cost") or [trial.metrics[m] for m in ("cost",) if m in trial.metrics]
    return sum(o.mean for o in reported)


def _affordable(history: History, seconds: float, cost: float) -> tuple[float, float]:
    """About how many steps so many seconds, and so much cost, pay for."""
    if seconds == cost == math.inf:
        return math.inf, math.inf
    steps, took, spent = (_total(history, of) for of in (_timed_steps, _took, _spent))
    return (
        seconds * steps / took if took and seconds < math.inf else math.inf,
        cost * steps / spent if spent and cost < math.inf else math.inf,
    )


def _timed_steps(trial: TrialRecord) -> int:
    """How many steps a trial has trained, where it is known how long they took."""
    return 0 if trial.trained is None else max(0, trial.step - (trial.parent[1] if trial.parent else 0))


def _took(trial: TrialRecord) -> float:
    """How many seconds these steps took."""
    return trial.trained if trial.trained is not None and trial.step else 0.0


def _spent(trial: TrialRecord) -> float:
    """What these steps have cost."""
    return _cost(trial) if trial.trained is not None and trial.step else 0.0
