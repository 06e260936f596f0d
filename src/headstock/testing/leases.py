"""The part of the contract of storages that is about who runs a trial: the queue, leases, and what is granted."""

from collections.abc import Callable
from dataclasses import replace
from itertools import product
from typing import Final

from headstock.errors import LeaseLostError, StaleHistoryError, TrialStateError
from headstock.storage.base import Storage
from headstock.storage.records import Command, NewTrial, Outcome
from headstock.testing.refusing import refused
from headstock.testing.specimen import PARAMETERS, SPEC, VERDICT, assert_stored
from headstock.trial import BY_REQUEST, Observation, TrialState, Verdict


def check_the_queue_is_in_order(storage: Storage) -> None:
    """The oldest queued trial is handed out first, each to one owner; a trial can also be taken by its index."""
    storage.create(SPEC)
    queued = NewTrial(PARAMETERS, state=TrialState.QUEUED)
    storage.add_trials(SPEC.name, [NewTrial(PARAMETERS), queued, queued, queued], created=0, now=1.0)
    taken = [storage.lease(SPEC.name, "a", now=2.0, index=2), storage.lease(SPEC.name, "b", now=3.0)]
    assert storage.lease(SPEC.name, "c", now=4.0, index=2) is None, "a running trial was handed out"
    assert storage.lease(SPEC.name, "c", now=4.0, index=0) is None, "a running trial was handed out"
    taken += [storage.lease(SPEC.name, None, now=4.0), storage.lease(SPEC.name, "d", now=5.0)]
    found = [None if t is None else (t.index, t.state.value, t.owner, t.started) for t in taken]
    expected = [(2, "running", "a", 2.0), (1, "running", "b", 3.0), (3, "running", None, 4.0), None]
    assert found == expected, f"{found} is not {expected}"


def check_a_queued_trial_is_told_its_result(storage: Storage) -> None:
    """Who evaluated a queued trial tells its result at once: it is nobody's to run any more."""
    storage.create(SPEC)
    queued = NewTrial(PARAMETERS, state=TrialState.QUEUED)
    storage.add_trials(SPEC.name, [queued, queued, queued], created=0, now=1.0)
    done = Outcome(TrialState.COMPLETED, {"loss": Observation(1.0), "latency": Observation(1.0)})
    with refused(LeaseLostError):
        storage.finish(SPEC.name, 0, done, now=2.0, owner="a")
    told = storage.finish(SPEC.name, 0, done, now=2.0)
    failed = storage.finish(SPEC.name, 1, Outcome(TrialState.FAILED, error="it broke"), now=3.0)
    found = (told.state, told.metrics, told.started, told.finished)
    assert found == (TrialState.COMPLETED, done.metrics, None, 2.0), f"told as {told}"
    assert storage.lease(SPEC.name, "a", now=4.0, index=0) is None, "a trial that was told its result was handed out"
    left = storage.lease(SPEC.name, "a", now=4.0)
    assert left is not None, "the rest of the queue is gone"
    assert left.index == 2, f"trial {left.index} was handed out, not 2"
    assert storage.best(SPEC.name) == told, "what was told is not the best"
    with refused(TrialStateError):
        storage.finish(SPEC.name, 0, done, now=5.0)
    assert_stored(storage, [told, failed, left])


def check_a_person_ends_what_no_process_runs(storage: Storage) -> None:
    """A trial that a process runs, be it since a moment ago, is its own to end; what none runs is a person's."""
    storage.create(SPEC)
    queued = NewTrial(PARAMETERS, state=TrialState.QUEUED)
    storage.add_trials(SPEC.name, [queued, NewTrial(PARAMETERS), NewTrial(PARAMETERS, owner="a")], created=0, now=1.0)
    taken = storage.lease(SPEC.name, "a", now=2.0, index=0)
    assert taken is not None, "the queued trial was not handed out"
    done = Outcome(TrialState.COMPLETED, {"loss": Observation(1.0), "latency": Observation(1.0)})
    for outcome in (done, Outcome(TrialState.FAILED), Outcome(TrialState.ABANDONED)):
        with refused(TrialStateError):
            storage.finish(SPEC.name, 0, outcome, now=3.0)
    held = storage.finish(SPEC.name, 1, done, now=3.0)
    paused = storage.pause(SPEC.name, 2, "a", verdict=VERDICT, now=3.0)
    assert_stored(storage, [taken, held, paused])
    ended = storage.finish(SPEC.name, 0, done, now=4.0, owner="a")
    stopped = storage.finish(SPEC.name, 2, Outcome(TrialState.STOPPED), now=5.0)
    assert_stored(storage, [ended, held, stopped])


def check_a_lost_owner_cannot_write(storage: Storage) -> None:
    """A trial of a lost owner goes back into the queue once, as its next attempt; then the old owner cannot write."""
    storage.create(SPEC)
    storage.add_trials(SPEC.name, [NewTrial(PARAMETERS, owner="old")], created=0, now=1.0)
    assert storage.release(SPEC.name, 0, owner="another", now=1.5) is None, "another's trial was released"
    released = storage.release(SPEC.name, 0, owner="old", now=1.5)
    assert released is not None, "its own trial was not released"
    assert (released.state, released.attempt, released.owner, released.started) == (TrialState.QUEUED, 1, None, None)
    assert released.retries == 0, "a release for no reason counts as a retry"
    assert_stored(storage, [released])
    done = Outcome(TrialState.COMPLETED, {"loss": Observation(1.0)})
    for owner in (None, "new"):
        if owner is not None:
            storage.lease(SPEC.name, owner, now=2.0)
        assert storage.release(SPEC.name, 0, owner="old", now=2.0) is None, "a trial was released twice"
        with refused(LeaseLostError):
            storage.report(SPEC.name, 0, {"loss": Observation(0.0, step=1)}, now=3.0, owner="old")
        with refused(LeaseLostError):
            storage.finish(SPEC.name, 0, done, now=3.0, owner="old")
        assert storage.extend(SPEC.name, "old") == [], "a lost lease was renewed"
    storage.report(SPEC.name, 0, {"loss": Observation(2.0, step=1)}, now=3.0, owner="new")
    finished = storage.finish(SPEC.name, 0, done, now=4.0, owner="new")
    assert finished.reports == {"loss": (Observation(2.0, step=1),)}, f"{finished.reports}"
    assert_stored(storage, [finished])


def check_leases_are_renewed(storage: Storage) -> None:
    """An owner renews all its leases at once, and no others; one that was renewed is not taken by who missed it."""
    storage.create(SPEC)
    owners = ("a", "b", "a", None)
    storage.add_trials(SPEC.name, [NewTrial(PARAMETERS, owner=owner) for owner in owners], created=0, now=1.0)
    seen = storage.leases(SPEC.name)
    assert [(lease.index, lease.owner) for lease in seen] == [(0, "a"), (1, "b"), (2, "a")], f"{seen}"
    assert all(lease.attempt == 0 and lease.command is None for lease in seen), f"{seen}"
    renewed = storage.extend(SPEC.name, "a")
    assert [lease.index for lease in renewed] == [0, 2], f"{renewed} are not the leases of a"
    storage.report(SPEC.name, 1, {"loss": Observation(1.0, step=1)}, now=1.0, owner="b")
    now = storage.leases(SPEC.name)
    assert [now[0], now[2]] == renewed, f"{now} are not {renewed}"
    assert all(later.renewals > lease.renewals for later, lease in zip(now, seen, strict=True)), f"{seen}, then {now}"
    for old, new in zip(seen, now, strict=True):
        found = storage.release(SPEC.name, old.index, owner=old.owner, now=2.0, renewals=old.renewals)
        assert found is None, f"trial {old.index} was taken from an owner that had renewed its lease"
        found = storage.release(SPEC.name, old.index, owner=old.owner, now=2.0, renewals=new.renewals)
        assert found is not None, f"trial {old.index} was not taken from an owner that had not renewed its lease"
    assert list(storage.leases(SPEC.name)) == [], "released trials are still leased"
    storage.lease(SPEC.name, "a", now=3.0)
    [again] = storage.leases(SPEC.name)
    assert (again.index, again.attempt) == (0, 1), f"{again}"
    assert again.renewals >= now[0].renewals, "a trial's renewals went back, so an old observation may fit again"


def check_leases_form_a_ring(storage: Storage) -> None:
    """After any trial, so many leases follow, and after the last one the first."""
    storage.create(SPEC)
    owners = ("a", None, "b", "a", None, "c", "b")
    storage.add_trials(SPEC.name, [NewTrial(PARAMETERS, owner=owner) for owner in owners], created=0, now=1.0)
    storage.release(SPEC.name, 3, owner="a", now=1.0)
    leased = [0, 2, 5, 6]
    for after, count in product(range(-1, 9), (None, *range(6))):
        expected = [i for i in leased if i > after] + [i for i in leased if i <= after]
        found = [lease.index for lease in storage.leases(SPEC.name, after=after, count=count)]
        assert found == expected[:count], f"after {after} come {found}, not {expected[:count]}"


def check_a_lost_trial_is_retried_so_often(storage: Storage) -> None:
    """A trial goes back into the queue up to a number of retries, and then fails; other releases do not count."""
    storage.create(SPEC)
    storage.add_trials(SPEC.name, [NewTrial(PARAMETERS, owner="a")], created=0, now=1.0)
    for retries, expected in ((2, (TrialState.QUEUED, 1)), (None, (TrialState.QUEUED, 1)), (2, (TrialState.QUEUED, 2))):
        trial = storage.release(SPEC.name, 0, owner="a", now=2.0, retries=retries, error="killed")
        assert trial is not None, "the trial was not released"
        assert (trial.state, trial.retries) == expected, f"{trial}"
        storage.lease(SPEC.name, "a", now=3.0)
    failed = storage.release(SPEC.name, 0, owner="a", now=4.0, retries=2, error="killed")
    assert failed is not None, "the trial was not released"
    assert (failed.state, failed.attempt, failed.retries) == (TrialState.FAILED, 3, 2), f"{failed}"
    assert (failed.owner, failed.finished) == (None, 4.0), f"{failed}"
    assert (failed.error or "").startswith("killed"), f"{failed.error}"
    assert_stored(storage, [failed])


def check_owners_hear_commands(storage: Storage) -> None:
    """What is asked of a running trial reaches its owner, and the last word counts."""
    storage.create(SPEC)
    storage.add_trials(SPEC.name, [NewTrial(PARAMETERS, owner="a"), NewTrial(PARAMETERS)], created=0, now=1.0)
    storage.request(SPEC.name, 0, Command.PAUSE)
    storage.request(SPEC.name, 0, Command.STOP)
    with refused(TrialStateError):
        storage.request(SPEC.name, 1, Command.STOP)
    assert [lease.command for lease in storage.leases(SPEC.name)] == [Command.STOP], "the command is not kept"
    for _ in range(2):
        assert [lease.command for lease in storage.extend(SPEC.name, "a")] == [Command.STOP], "the owner hears nothing"


def check_what_was_asked_is_done_whoever_lets_go(storage: Storage) -> None:
    """Who takes a trial from its owner stops or pauses it, if that was asked for; the next owner hears nothing."""
    storage.create(SPEC)
    storage.add_trials(SPEC.name, [NewTrial(PARAMETERS, owner="a") for _ in range(6)], created=0, now=1.0)
    said = {"loss": Observation(0.5, 0.1, step=2), "latency": Observation(3.0, step=2)}
    for index in range(5):
        storage.report(SPEC.name, index, said, now=2.0, owner="a")
    for index, command in enumerate((Command.STOP, Command.PAUSE) * 3):
        storage.request(SPEC.name, index, command)
    found = [
        storage.release(SPEC.name, 0, owner="a", now=3.0),
        storage.release(SPEC.name, 1, owner="a", now=3.0, retries=0, error="killed"),
        storage.pause(SPEC.name, 2, "a", verdict=VERDICT, now=3.0),
        storage.pause(SPEC.name, 3, "a", verdict=VERDICT, now=3.0),
        storage.release(SPEC.name, 4, owner="a", now=3.0, retries=0, error="killed"),
    ]
    for trial in found:
        assert trial is not None, "it was not taken from its owner"
        asked = "pause" if trial.index in (1, 3) else "stop"
        assert (trial.owner, trial.verdicts) == (None, (Verdict(2, asked, BY_REQUEST),)), f"{trial}"
        if asked == "pause":
            assert (trial.state, trial.attempt, trial.retries) == (TrialState.PAUSED, 0, 0), f"{trial}"
        else:
            result = {"loss": Observation(0.5, 0.1), "latency": Observation(3.0)}
            assert (trial.state, trial.metrics, trial.finished) == (TrialState.STOPPED, result, 3.0), f"{trial}"
    storage.request(SPEC.name, 5, Command.STOP)
    without = storage.release(SPEC.name, 5, owner="a", now=3.0)
    assert without is not None, "it was not taken from its owner"
    assert without.state is TrialState.ABANDONED, f"without a report it is {without.state}"
    assert storage.lease(SPEC.name, "b", now=4.0) is None, "one of them was queued"
    assert_stored(storage, [*filter(None, found), without])
    again = storage.release(SPEC.name, 1, owner=None, now=4.0)
    assert again is not None, "it does not go on"
    assert (again.state, again.attempt) == (TrialState.QUEUED, 1), f"{again}"
    storage.lease(SPEC.name, "b", now=5.0)
    assert [lease.command for lease in storage.extend(SPEC.name, "b")] == [None], "it was asked again"


def check_what_was_reported_best_counts(storage: Storage) -> None:
    """Where a trial's value is its best report, so it is for one that is stopped when it is taken from its owner."""
    for value, expected in (("last", 0.7), ("best", 0.4)):
        name = f"by {value}"
        storage.create(replace(SPEC, name=name, value=value, outcome_constraints=()))
        storage.add_trials(name, [NewTrial(PARAMETERS, owner="a")], created=0, now=1.0)
        for step, loss in enumerate((0.9, 0.4, 0.7), start=1):
            storage.report(name, 0, {"loss": Observation(loss, step=step)}, now=2.0, owner="a")
        storage.request(name, 0, Command.STOP)
        stopped = storage.release(name, 0, owner="a", now=3.0)
        assert stopped is not None, "it was not taken from its owner"
        assert stopped.objective_mean == expected, f"the {value} is not {stopped.objective_mean}"
        best = storage.best(name)
        assert best == stopped, f"{best} is the best, not {stopped}"


def check_trials_are_paused_and_resumed(storage: Storage) -> None:
    """A trial trains as far as it is granted, is paused by its owner, and goes on with another."""
    storage.create(SPEC)
    begun = Verdict(0, "start", "fills the space")
    new = NewTrial(PARAMETERS, owner="a", until=3, parent=(0, 1), verdict=begun)
    [trial] = storage.add_trials(SPEC.name, [new], created=0, now=1.0)
    storage.report(
        SPEC.name, 0, {"loss": Observation(1.0, step=3)}, now=2.0, owner="a", steps=9, trained=1.5, saves=True
    )
    [trial] = storage.changes(SPEC.name).trials
    assert (trial.steps, trial.trained, trial.saves) == (9, 1.5, True), f"reported as {trial}"
    assert storage.grant(SPEC.name, 0, "b", until=6, verdict=VERDICT, now=3.0) is None, "b took a trial from a"
    storage.grant(SPEC.name, 0, "a", until=6, verdict=VERDICT, now=3.0, memo={"seed": 1})
    with refused(LeaseLostError):
        storage.pause(SPEC.name, 0, "b", verdict=VERDICT, now=4.0)
    pause = Verdict(3, "pause", "others are more promising")
    paused = storage.pause(SPEC.name, 0, "a", verdict=pause, now=4.0)
    assert (paused.state, paused.owner, paused.until) == (TrialState.PAUSED, None, 6), f"paused as {paused}"
    resumed = storage.grant(SPEC.name, 0, "b", until=None, verdict=VERDICT, now=6.0, memo={"aim": 2})
    assert resumed is not None, "a paused trial may not go on"
    assert (resumed.state, resumed.owner, resumed.until) == (TrialState.RUNNING, "b", None), f"resumed as {resumed}"
    assert resumed.memo == {"seed": 1, "aim": 2}, f"resumed as {resumed}"
    assert resumed.verdicts == (begun, VERDICT, pause, VERDICT), f"{resumed.verdicts}"
    storage.pause(SPEC.name, 0, "b", verdict=pause, now=6.5)
    assert storage.release(SPEC.name, 0, owner="b", now=7.0) is None, "nobody runs a paused trial"
    queued = storage.release(SPEC.name, 0, owner=None, now=7.0)
    assert queued is not None, "a paused trial was not queued"
    assert (queued.state, queued.attempt, queued.retries) == (TrialState.QUEUED, 1, 0), f"queued as {queued}"
    with refused(TrialStateError):
        storage.finish(SPEC.name, 0, Outcome(TrialState.STOPPED), now=7.5, verdict=pause)
    storage.grant(SPEC.name, 0, "a", until=None, verdict=VERDICT, now=7.5)
    stopped = storage.finish(SPEC.name, 0, Outcome(TrialState.STOPPED), now=8.0, owner="a", verdict=pause)
    assert storage.grant(SPEC.name, 0, "b", until=9, verdict=VERDICT, now=9.0) is None, "a finished trial was resumed"
    assert_stored(storage, [stopped])


def check_an_old_history_grants_nothing(storage: Storage) -> None:
    """Who goes by an old revision may neither create trials nor let one go on."""
    storage.create(SPEC)
    queued = NewTrial(PARAMETERS, state=TrialState.QUEUED)
    old = storage.changes(SPEC.name).revision
    storage.add_trials(SPEC.name, [queued], created=0, now=1.0, revision=old)
    with refused(StaleHistoryError):
        storage.add_trials(SPEC.name, [queued], created=1, now=1.0, revision=old)
    with refused(StaleHistoryError):
        storage.grant(SPEC.name, 0, "a", until=3, verdict=VERDICT, now=2.0, revision=old)
    new = storage.changes(SPEC.name).revision
    assert storage.grant(SPEC.name, 0, "a", until=3, verdict=VERDICT, now=2.0, revision=new), "it may not go on"


CHECKS: Final[tuple[Callable[[Storage], None], ...]] = (
    check_the_queue_is_in_order,
    check_a_queued_trial_is_told_its_result,
    check_a_person_ends_what_no_process_runs,
    check_a_lost_owner_cannot_write,
    check_leases_are_renewed,
    check_leases_form_a_ring,
    check_a_lost_trial_is_retried_so_often,
    check_owners_hear_commands,
    check_what_was_asked_is_done_whoever_lets_go,
    check_what_was_reported_best_counts,
    check_trials_are_paused_and_resumed,
    check_an_old_history_grants_nothing,
)
"""This part of the contract: every check."""
