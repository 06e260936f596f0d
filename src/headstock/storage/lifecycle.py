"""What becomes of a trial: each function takes a record and gives the next one, or refuses what cannot follow."""

from dataclasses import replace

from headstock.errors import LeaseLostError, TrialStateError
from headstock.objective import required_metrics
from headstock.storage.records import Command, NewTrial, Outcome, stopped
from headstock.storage.rows import MOST_VERDICTS, StoredExperiment, kept_error, kept_traceback
from headstock.trial import BY_REQUEST, TrialRecord, TrialState, Verdict


def first_record(stored: StoredExperiment, new: NewTrial, *, index: int, next_batch: int, now: float) -> TrialRecord:
    """A new trial as it stands in the history."""
    trial = TrialRecord(
        index=index,
        state=new.state,
        parameters=dict(new.parameters),
        batch=next_batch if new.batch is None else new.batch,
        position=new.position,
        space_version=stored.space_version,
        source=new.source,
        because=new.because,
        memo=new.memo,
        objective=stored.objective.metric,
        owner=new.owner,
        until=new.until,
        parent=new.parent,
        verdicts=() if new.verdict is None else (new.verdict,),
        created=now,
        started=now if new.state is TrialState.RUNNING and new.outcome is None else None,
    )
    return trial if new.outcome is None else ended(trial, new.outcome, now)


def with_verdict(trial: TrialRecord, verdict: Verdict | None) -> tuple[Verdict, ...]:
    """The trial's verdicts, with a new one."""
    return trial.verdicts if verdict is None else (*trial.verdicts, verdict)[-MOST_VERDICTS:]


def ended(trial: TrialRecord, outcome: Outcome, now: float) -> TrialRecord:
    """A trial after its end."""
    return replace(
        trial,
        state=outcome.state,
        metrics=dict(outcome.metrics),
        error=kept_error(outcome.error),
        traceback=kept_traceback(outcome.traceback),
        owner=None,
        finished=now,
    )


def paused(trial: TrialRecord, verdict: Verdict) -> TrialRecord:
    """A trial that waits for somebody to let it go on."""
    return replace(trial, state=TrialState.PAUSED, owner=None, verdicts=with_verdict(trial, verdict))


def as_asked(trial: TrialRecord, command: Command, stored: StoredExperiment, *, now: float) -> TrialRecord:
    """A trial that nobody runs any more, as somebody wanted it: paused, or stopped."""
    verdict = Verdict(trial.step, command.value, BY_REQUEST)
    if command is Command.PAUSE:
        return paused(trial, verdict)
    required = required_metrics(stored.objective, stored.outcome_constraints)
    outcome = stopped(trial, stored.objective, required, stored.value)
    return replace(ended(trial, outcome, now), verdicts=with_verdict(trial, verdict))


def released(trial: TrialRecord, *, now: float, retries: int | None, error: str) -> TrialRecord:
    """A trial that was taken from its owner: queued for its next attempt, or failed if it was retried enough."""
    if retries is not None and trial.retries >= retries:
        tried = f"{error}, as in {retries} tries before" if retries else error
        return ended(trial, Outcome(TrialState.FAILED, error=tried), now)
    return replace(
        trial,
        state=TrialState.QUEUED,
        owner=None,
        started=None,
        attempt=trial.attempt + 1,
        retries=trial.retries + (retries is not None),
    )


def check_running(name: str, trial: TrialRecord) -> None:
    """Refuse what can only be done to a trial that runs.

    Raises:
        TrialStateError: if it does not.
    """
    if trial.state is not TrialState.RUNNING:
        raise TrialStateError(f"Trial {trial.index} of {name!r} is {trial.state}, not running. Leave it as it is.")


def check_owner(name: str, trial: TrialRecord, owner: str | None) -> None:
    """Refuse a process that has lost its trial.

    Raises:
        LeaseLostError: if it is `owner`'s no more; nobody is refused if that is None.
    """
    if owner is not None and trial.owner != owner:
        now = "nobody runs it" if trial.owner is None else f"{trial.owner!r} runs it"
        raise LeaseLostError(
            f"{owner!r} has lost trial {trial.index} of {name!r}, which is {trial.state}: {now}. Drop its result."
        )
