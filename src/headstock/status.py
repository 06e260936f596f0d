"""What an experiment is doing, in words: what runs where, what waits, and why."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

from headstock.budget import Budget
from headstock.history import History
from headstock.leasing import LAPSE
from headstock.processes import is_dead, is_here, place_of
from headstock.runner import RETRIES
from headstock.storage.base import Storage
from headstock.storage.records import ExperimentSpec, Lease
from headstock.trial import TrialRecord, TrialState


@final
@dataclass(frozen=True, slots=True)
class Unfinished:
    """A trial that runs or waits.

    Args:
        trial: the trial.
        why: what it does, or what it waits for.
        lease: the lease of the process that runs it; None if none does.
        is_alive: whether that process lives; None if nobody knows from here.
    """

    trial: TrialRecord
    why: str
    lease: Lease | None = None
    is_alive: bool | None = None

    @property
    def place(self) -> tuple[str | None, int | None]:
        """The host and the process id of who runs it; None if no process does, or it did not say."""
        return (None, None) if self.lease is None else place_of(self.lease.owner)

    def to_json(self, now: float) -> dict[str, Any]:
        """As strict JSON; `seconds` is since its evaluation began, by the clock of who began it."""
        trial, (host, pid) = self.trial, self.place
        return {
            "trial": trial.index,
            "state": trial.state.value,
            "why": self.why,
            "step": trial.step,
            "until": trial.until,
            "steps": trial.steps,
            "seconds": None if trial.started is None else max(0.0, now - trial.started),
            "host": host,
            "pid": pid,
            "is_alive": self.is_alive,
            "renewals": None if self.lease is None else self.lease.renewals,
            "command": None if self.lease is None else self.lease.command,
            "attempt": trial.attempt,
            "retries": trial.retries,
        }


@final
@dataclass(frozen=True, slots=True)
class Status:
    """What an experiment is doing.

    Args:
        spec: the experiment.
        counts: how many trials are in each state that any is in.
        unfinished: the trials that run or wait, by index.
        is_suggesting: whether a worker has the turn to suggest a trial.
        spent: what is spent of the budget that is stored with the experiment; None if nothing is, or none is stored.
    """

    spec: ExperimentSpec
    counts: Mapping[TrialState, int]
    unfinished: Sequence[Unfinished]
    is_suggesting: bool
    spent: str | None

    @property
    def is_stuck(self) -> bool:
        """Whether trials wait for a process, and none is at work."""
        waits = any(one.trial.state is TrialState.QUEUED or one.lease is not None for one in self.unfinished)
        return waits and not self._at_work and not self.is_suggesting and self.spent is None

    @property
    def why(self) -> str:
        """What goes on in all, or what it waits for and what to do."""
        join = f"Run again what made it, or start one: headstock worker --name {shlex.quote(self.spec.name)} -- COMMAND"
        people = sum(one.trial.state is TrialState.RUNNING and one.lease is None for one in self.unfinished)
        lost = sum(one.lease is not None for one in self.unfinished) - self._at_work
        held = sum(one.trial.is_held for one in self.unfinished)
        waiting = sum(one.trial.state in (TrialState.QUEUED, TrialState.PAUSED) for one in self.unfinished) - held
        turn = "a worker has the turn to suggest a trial; others that want one wait for it"
        at_work = _trials(self._at_work, "runs", "run") + (f"; {turn}" if self.is_suggesting else "")
        cases = (
            (self._at_work, at_work),
            (self.is_suggesting, turn),
            (self.spent, f"{self.spent}. Change it: headstock budget {shlex.quote(self.spec.name)} --help"),
            (lost, f"every process that ran a trial is gone; the next worker takes {_trials(lost)} over. {join}"),
            (waiting, f"{_trials(waiting, 'waits', 'wait')} for a worker, and none is at work. {join}"),
            (
                held,
                f"somebody paused {_trials(held)}. Let it go on: headstock unpause {shlex.quote(self.spec.name)} N",
            ),
            (people, f"somebody asked for {_trials(people)}, and has not told the result"),
        )
        nothing = f"nothing runs and nothing waits: no worker is at work. {join}"
        return next((text for applies, text in cases if applies), nothing)

    @property
    def _at_work(self) -> int:
        """How many trials are run by processes that are not known to be gone."""
        return sum(one.lease is not None and one.is_alive is not False for one in self.unfinished)

    def to_json(self, now: float) -> dict[str, Any]:
        """As strict JSON."""
        return {
            "name": self.spec.name,
            "why": self.why,
            "is_stuck": self.is_stuck,
            "trials": {state.value: count for state, count in self.counts.items()},
            "budget": None if self.spec.budget is None else dict(self.spec.budget),
            "is_suggesting": self.is_suggesting,
            "unfinished": [one.to_json(now) for one in self.unfinished],
        }


def status_of(storage: Storage, name: str, seen: Sequence[Lease] | None = None) -> Status:
    """What the experiment of this name is doing.

    A process of this host is looked for. Of one elsewhere nothing is known, unless it is seen to renew its lease.

    Args:
        storage: where the experiment is.
        name: its name.
        seen: its leases as they were some time ago, longer than it takes until one is renewed; None if nobody looked.

    Raises:
        UnknownExperimentError: if there is none.
    """
    before = {lease.index: lease for lease in seen or ()}
    spec, leases = storage.experiment(name), {lease.index: lease for lease in storage.leases(name)}
    trials = storage.changes(name).trials
    history = History(spec.space, spec.objective, trials, spec.outcome_constraints, spec.seed)
    return Status(
        spec=spec,
        counts=history.counts,
        unfinished=[_unfinished(t, leases.get(t.index), before.get(t.index)) for t in history.pending],
        is_suggesting=storage.is_suggesting(name),
        spent=_spent(spec, history),
    )


def _unfinished(trial: TrialRecord, lease: Lease | None, before: Lease | None) -> Unfinished:
    if trial.state is TrialState.QUEUED:
        return Unfinished(trial, _queued(trial))
    if trial.state is TrialState.PAUSED:
        return Unfinished(trial, _paused(trial))
    if lease is None:
        return Unfinished(trial, "somebody asked for it, and has not told its result")
    is_alive = _is_alive(lease, before)
    return Unfinished(trial, _running(trial, lease, is_alive), lease, is_alive)


def _is_alive(lease: Lease, before: Lease | None) -> bool | None:
    """Whether the owner of a lease lives: by its process if that is here, else by what was seen of its lease."""
    if is_here(lease.owner):
        return not is_dead(lease.owner)
    return None if before is None or before.owner != lease.owner else lease.renewals > before.renewals


def _queued(trial: TrialRecord) -> str:
    goes_on = "; its state is saved, so it goes on" if trial.saves else ""
    if trial.retries:
        return f"retry {trial.retries} of {RETRIES} after its process was lost; waits for a worker{goes_on}"
    if trial.attempt:
        return f"its worker left or was lost; waits for the next one{goes_on}"
    return f"waits for a worker, before anything new is suggested ({trial.source})"


def _paused(trial: TrialRecord) -> str:
    verdict = trial.verdicts[-1] if trial.verdicts else None
    if verdict is None:
        return f"paused after step {trial.step}; the scheduler may let it go on"
    if trial.is_held:
        return f"somebody paused it after step {verdict.step}; it waits for headstock unpause"
    return f"the scheduler paused it after step {verdict.step}: {verdict.because}"


def _running(trial: TrialRecord, lease: Lease, is_alive: bool | None) -> str:
    if is_alive is False:
        does = "takes it over" if lease.command is None else f"{lease.command}s it"
        if is_here(lease.owner):
            return f"its process is gone; the next worker {does}"
        return f"its lease was not renewed while it was watched; after {LAPSE:.0f} s another worker {does}"
    told = f"; it is asked to {lease.command} after its next report" if lease.command is not None else ""
    if trial.is_waiting:
        return f"has trained to step {trial.step} as it was told to, and asks the scheduler how to go on{told}"
    at = f"after step {trial.step} of {trial.steps or '?'}" if trial.step else "before its first report"
    until = "" if trial.until is None else f", asks again at step {trial.until}"
    return f"trains, {at}{until}{told}"


def _spent(spec: ExperimentSpec, history: History) -> str | None:
    """What is spent of the stored budget."""
    if not spec.budget:
        return None
    budget = Budget.of(spec.budget)
    left = budget.left(history, seconds=0.0, slots=1)
    if budget.is_reached(history):
        return f"the target {budget.target:g} is reached"
    bounds = (("trials", left.trials < 1), ("steps", left.steps < 1), ("cost", budget.is_over(history, seconds=0.0)))
    return next((f"the budget is spent: {name} {spec.budget[name]:g}" for name, is_over in bounds if is_over), None)


def _trials(count: int, one: str = "", many: str = "") -> str:
    return f"{count} trial {one}".rstrip() if count == 1 else f"{count} trials {many}".rstrip()
