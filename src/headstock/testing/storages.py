"""What every storage has to do, as checks to run in a test suite.

    @pytest.mark.parametrize("check", headstock.testing.storages.CHECKS)
    def test_my_storage(check):
        check(MyStorage())

Each check takes an empty storage and raises AssertionError, with the reason, if it breaks the contract of
`headstock.storage.Storage`.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import product
from typing import Any, Final

from headstock.errors import (
    ExperimentExistsError,
    LeaseLostError,
    MetricError,
    StaleHistoryError,
    StaleSpaceError,
    StorageError,
    TrialStateError,
    UnknownExperimentError,
    UnknownTrialError,
)
from headstock.history import History
from headstock.objective import Objective, OutcomeConstraint
from headstock.space import Choice, Fixed, Float, Int, Space
from headstock.storage.base import Command, ExperimentSpec, NewTrial, Outcome, Storage
from headstock.testing.naming import check_a_new_name_keeps_everything_else
from headstock.testing.refusing import refused
from headstock.testing.sharing import check_threads_share_it, check_turns_are_taken_one_by_one
from headstock.trial import TRANSITIONS, Observation, TrialRecord, TrialState, Verdict

SPEC: Final = ExperimentSpec(
    name="größe / 大 'quoted' 100%",
    space=Space(
        {
            "lr": Float(1e-5, 1.0, log=True),
            "kind": Choice("a", 1, True, None, 2.5),  # noqa: FBT003 - True is one of the values
            "deep layers": Int(1, 4, when={"kind": ("a", None)}),
            "epochs": Fixed(10),
        },
        constraints=["lr + epochs <= 11"],
    ),
    objective=Objective("loss", minimize=True),
    outcome_constraints=(OutcomeConstraint("latency", 20.0, at_least=False),),
    seed=2**63 - 1,
    sampler={"kind": "bayesian", "options": {"weights": [0.1, 1e-300, 1]}},
    scheduler={"kind": "freeze_thaw", "max_steps": 30},
    value="best",
    created=1.7e9 + 0.123456,
)
"""An experiment that uses everything that a specification has."""

_VERDICT: Final = Verdict(3, "resume", "predicted 0.9 ± 0.1 at step 9, needs 0.8")
_PARAMETERS: Final = {"lr": 0.1, "kind": True, "epochs": 10}


def check_an_experiment_is_kept(storage: Storage) -> None:
    """What an experiment is comes back equal."""
    storage.create(SPEC)
    kept = storage.experiment(SPEC.name)
    assert kept == SPEC, f"{kept} is not {SPEC}"
    assert kept.space.to_json() == SPEC.space.to_json(), "the types of the choices were lost"


def check_a_name_is_taken_once(storage: Storage) -> None:
    """A second experiment of a name is refused, and changes nothing."""
    storage.create(SPEC)
    with refused(ExperimentExistsError):
        storage.create(replace(SPEC, seed=1))
    assert storage.experiment(SPEC.name) == SPEC, "the refused experiment replaced the first"
    storage.create(replace(SPEC, name=SPEC.name.upper()))


def check_what_is_unknown_is_refused(storage: Storage) -> None:
    """Every verb refuses an unknown experiment, and an unknown trial."""
    done = Outcome(TrialState.ABANDONED)
    of_trials: Sequence[Callable[[], object]] = (
        lambda: storage.finish(SPEC.name, 0, done, now=0.0),
        lambda: storage.report(SPEC.name, 0, {}, now=0.0),
        lambda: storage.release(SPEC.name, 0, owner="me", now=0.0),
        lambda: storage.lease(SPEC.name, "me", now=0.0, index=0),
        lambda: storage.request(SPEC.name, 0, Command.STOP),
        lambda: storage.grant(SPEC.name, 0, "me", until=None, verdict=_VERDICT, now=0.0),
        lambda: storage.pause(SPEC.name, 0, "me", verdict=_VERDICT, now=0.0),
    )
    of_experiments: Sequence[Callable[[], object]] = (
        lambda: storage.experiment(SPEC.name),
        lambda: storage.changes(SPEC.name),
        lambda: storage.add_trials(SPEC.name, [], created=None, now=0.0),
        lambda: storage.lease(SPEC.name, "me", now=0.0),
        lambda: storage.extend(SPEC.name, "me"),
        lambda: storage.leases(SPEC.name),
        lambda: storage.page(SPEC.name),
        lambda: storage.best(SPEC.name),
        lambda: storage.rename(SPEC.name, "new"),
        lambda: storage.delete(SPEC.name),
    )
    for verb in (*of_trials, *of_experiments):
        with refused(UnknownExperimentError):
            verb()
    storage.create(SPEC)
    for verb in of_trials:
        with refused(UnknownTrialError):
            verb()


def check_trials_are_kept(storage: Storage) -> None:
    """New trials are numbered from 0, and come back as they were returned, in every way of asking for them."""
    storage.create(SPEC)
    first = storage.add_trials(
        SPEC.name,
        [
            NewTrial(_PARAMETERS, 4, 0, "sobol", "fills the space", {"a": [1, None]}, owner="host 1"),
            NewTrial(_PARAMETERS, 4, 1, state=TrialState.QUEUED),
        ],
        created=0,
        now=5.5,
    )
    second = storage.add_trials(SPEC.name, [NewTrial(_PARAMETERS), NewTrial(_PARAMETERS)], created=2, now=6.5)
    trials = [*first, *second]
    assert [t.index for t in trials] == [0, 1, 2, 3], f"the indices are {[t.index for t in trials]}"
    assert [t.arm.name for t in trials] == ["4_0", "4_1", "5_0", "6_0"], f"the arms are {[t.arm.name for t in trials]}"
    assert trials[0] == TrialRecord(
        0,
        TrialState.RUNNING,
        _PARAMETERS,
        4,
        source="sobol",
        because="fills the space",
        memo={"a": [1, None]},
        objective="loss",
        owner="host 1",
        created=5.5,
        started=5.5,
    ), f"created as {trials[0]}"
    assert trials[0].parameters["kind"] is True, "True came back as another kind of value"
    assert (trials[1].state, trials[1].started) == (TrialState.QUEUED, None), f"created as {trials[1]}"
    _assert_stored(storage, trials)


def check_creation_is_all_or_nothing(storage: Storage) -> None:
    """Trials that are suggested from an old history, or that cannot all be stored, are refused; nothing is written."""
    storage.create(SPEC)
    there = storage.add_trials(SPEC.name, [NewTrial(_PARAMETERS, 0)], created=0, now=0.0)
    before = storage.changes(SPEC.name)
    for created in (0, 2):
        with refused(StaleHistoryError):
            storage.add_trials(SPEC.name, [NewTrial(_PARAMETERS)], created=created, now=0.0)
    for bad in (NewTrial(_PARAMETERS, 0), NewTrial(_PARAMETERS, memo={"a": math.nan}), NewTrial({"lr": math.inf})):
        with refused(StorageError):
            storage.add_trials(SPEC.name, [NewTrial(_PARAMETERS), bad], created=1, now=0.0)
    assert storage.changes(SPEC.name) == before, "refused trials left something behind"
    assert storage.add_trials(SPEC.name, [], created=1, now=0.0) == (), "no trials became some"
    there += storage.add_trials(SPEC.name, [NewTrial(_PARAMETERS)], created=None, now=0.0)
    _assert_stored(storage, there)


def check_a_result_may_be_there_already(storage: Storage) -> None:
    """A trial can be created with its outcome."""
    storage.create(SPEC)
    outcome = Outcome(TrialState.COMPLETED, {"loss": Observation(0.5), "latency": Observation(3.0)})
    [trial] = storage.add_trials(SPEC.name, [NewTrial(_PARAMETERS, outcome=outcome)], created=None, now=3.0)
    assert (trial.state, trial.metrics) == (TrialState.COMPLETED, outcome.metrics), f"created as {trial}"
    assert (trial.created, trial.started, trial.finished) == (3.0, None, 3.0), f"created as {trial}"
    assert storage.best(SPEC.name) == trial, "its result does not count"
    _assert_stored(storage, [trial])


def check_a_trial_ends_once_with_everything(storage: Storage) -> None:
    """An outcome is kept completely; long texts are cut, the end of a traceback and the beginning of an error stay."""
    storage.create(SPEC)
    storage.add_trials(SPEC.name, [NewTrial(_PARAMETERS, owner="me") for _ in range(3)], created=0, now=1.0)
    metrics = {"loss": Observation(-0.1, 0.25, 7), "größe %": Observation(1e-320), "latency": Observation(1e308, 0.0)}
    trials = [
        storage.finish(SPEC.name, 0, Outcome(TrialState.COMPLETED, metrics), now=2.0),
        storage.finish(SPEC.name, 1, Outcome(TrialState.FAILED, {}, "no \udcff \0 memory", "line 1\nline 2"), now=3.0),
        storage.finish(SPEC.name, 2, Outcome(TrialState.FAILED, {}, "E" * 10**6, "T" * 10**6 + "end"), now=4.0),
    ]
    assert trials[0].metrics == metrics, f"{trials[0].metrics} is not {metrics}"
    assert (trials[0].owner, trials[0].finished) == (None, 2.0), f"ended as {trials[0]}"
    assert (trials[1].error, trials[1].traceback) == (r"no \udcff \x00 memory", "line 1\nline 2"), f"{trials[1]}"
    assert len(trials[2].error or "") <= 1000, "a long error is not cut"
    assert len(trials[2].traceback or "") <= 21_000, "a long traceback is not cut"
    assert (trials[2].traceback or "").endswith("Tend"), "the end of the traceback was cut"
    _assert_stored(storage, trials)


def check_states_follow_the_table(storage: Storage) -> None:
    """A trial ends only as the table of transitions lets it, and only a running one reports."""
    ends = [state for state in TrialState if state.is_finished]
    cases = list(product(TrialState, ends))
    records = [
        TrialRecord(
            index,
            state,
            _PARAMETERS,
            batch=index,
            objective="loss",
            owner="me" if state is TrialState.RUNNING else None,
        )
        for index, (state, _) in enumerate(cases)
    ]
    storage.create(SPEC, records)
    _assert_stored(storage, records)
    for index, (state, end) in enumerate(cases):
        if state is not TrialState.RUNNING:
            with refused(TrialStateError):
                storage.report(SPEC.name, index, {"loss": Observation(0.0, step=1)}, now=1.0)
            with refused(TrialStateError):
                storage.request(SPEC.name, index, Command.PAUSE)
            owner = "me" if state is TrialState.PAUSED else None
            released = storage.release(SPEC.name, index, owner=owner, now=1.0)
            assert released is None, f"a trial that is {state} was released"
        if end in TRANSITIONS[state]:
            records[index] = storage.finish(SPEC.name, index, Outcome(end), now=1.0)
            assert records[index].state is end, f"{state} became {records[index].state}, not {end}"
        else:
            with refused(TrialStateError):
                storage.finish(SPEC.name, index, Outcome(end), now=1.0)
    _assert_stored(storage, records)


def check_the_queue_is_in_order(storage: Storage) -> None:
    """The oldest queued trial is handed out first, each to one owner; a trial can also be taken by its index."""
    storage.create(SPEC)
    queued = NewTrial(_PARAMETERS, state=TrialState.QUEUED)
    storage.add_trials(SPEC.name, [NewTrial(_PARAMETERS), queued, queued, queued], created=0, now=1.0)
    taken = [storage.lease(SPEC.name, "a", now=2.0, index=2), storage.lease(SPEC.name, "b", now=3.0)]
    assert storage.lease(SPEC.name, "c", now=4.0, index=2) is None, "a running trial was handed out"
    assert storage.lease(SPEC.name, "c", now=4.0, index=0) is None, "a running trial was handed out"
    taken += [storage.lease(SPEC.name, None, now=4.0), storage.lease(SPEC.name, "d", now=5.0)]
    found = [None if t is None else (t.index, t.state.value, t.owner, t.started) for t in taken]
    expected = [(2, "running", "a", 2.0), (1, "running", "b", 3.0), (3, "running", None, 4.0), None]
    assert found == expected, f"{found} is not {expected}"


def check_a_lost_owner_cannot_write(storage: Storage) -> None:
    """A trial of a lost owner goes back into the queue once, as its next attempt; then the old owner cannot write."""
    storage.create(SPEC)
    storage.add_trials(SPEC.name, [NewTrial(_PARAMETERS, owner="old")], created=0, now=1.0)
    assert storage.release(SPEC.name, 0, owner="another", now=1.5) is None, "another's trial was released"
    released = storage.release(SPEC.name, 0, owner="old", now=1.5)
    assert released is not None, "its own trial was not released"
    assert (released.state, released.attempt, released.owner, released.started) == (TrialState.QUEUED, 1, None, None)
    assert released.retries == 0, "a release for no reason counts as a retry"
    _assert_stored(storage, [released])
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
    _assert_stored(storage, [finished])


def check_leases_are_renewed(storage: Storage) -> None:
    """An owner renews all its leases at once, and no others; one that was renewed is not taken by who missed it."""
    storage.create(SPEC)
    owners = ("a", "b", "a", None)
    storage.add_trials(SPEC.name, [NewTrial(_PARAMETERS, owner=owner) for owner in owners], created=0, now=1.0)
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
    storage.add_trials(SPEC.name, [NewTrial(_PARAMETERS, owner=owner) for owner in owners], created=0, now=1.0)
    storage.release(SPEC.name, 3, owner="a", now=1.0)
    leased = [0, 2, 5, 6]
    for after, count in product(range(-1, 9), (None, *range(6))):
        expected = [i for i in leased if i > after] + [i for i in leased if i <= after]
        found = [lease.index for lease in storage.leases(SPEC.name, after=after, count=count)]
        assert found == expected[:count], f"after {after} come {found}, not {expected[:count]}"


def check_a_lost_trial_is_retried_so_often(storage: Storage) -> None:
    """A trial goes back into the queue up to a number of retries, and then fails; other releases do not count."""
    storage.create(SPEC)
    storage.add_trials(SPEC.name, [NewTrial(_PARAMETERS, owner="a")], created=0, now=1.0)
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
    _assert_stored(storage, [failed])


def check_owners_hear_commands(storage: Storage) -> None:
    """What is asked of a running trial reaches its owner, the last word counts, and the next owner hears nothing."""
    storage.create(SPEC)
    storage.add_trials(SPEC.name, [NewTrial(_PARAMETERS, owner="a"), NewTrial(_PARAMETERS)], created=0, now=1.0)
    storage.request(SPEC.name, 0, Command.PAUSE)
    storage.request(SPEC.name, 0, Command.STOP)
    with refused(TrialStateError):
        storage.request(SPEC.name, 1, Command.STOP)
    assert [lease.command for lease in storage.leases(SPEC.name)] == [Command.STOP], "the command is not kept"
    for _ in range(2):
        assert [lease.command for lease in storage.extend(SPEC.name, "a")] == [Command.STOP], "the owner hears nothing"
    storage.release(SPEC.name, 0, owner="a", now=2.0)
    storage.lease(SPEC.name, "b", now=2.0)
    assert [lease.command for lease in storage.extend(SPEC.name, "b")] == [None], "a command outlived its lease"


def check_trials_are_paused_and_resumed(storage: Storage) -> None:
    """A trial trains as far as it is granted, is paused by its owner, and goes on with another."""
    storage.create(SPEC)
    begun = Verdict(0, "start", "fills the space")
    new = NewTrial(_PARAMETERS, owner="a", until=3, parent=(0, 1), verdict=begun)
    [trial] = storage.add_trials(SPEC.name, [new], created=0, now=1.0)
    storage.report(
        SPEC.name, 0, {"loss": Observation(1.0, step=3)}, now=2.0, owner="a", steps=9, trained=1.5, saves=True
    )
    [trial] = storage.changes(SPEC.name).trials
    assert (trial.steps, trial.trained, trial.saves) == (9, 1.5, True), f"reported as {trial}"
    assert storage.grant(SPEC.name, 0, "b", until=6, verdict=_VERDICT, now=3.0) is None, "b took a trial from a"
    storage.grant(SPEC.name, 0, "a", until=6, verdict=_VERDICT, now=3.0, memo={"seed": 1})
    with refused(LeaseLostError):
        storage.pause(SPEC.name, 0, "b", verdict=_VERDICT, now=4.0)
    pause = Verdict(3, "pause", "others are more promising")
    paused = storage.pause(SPEC.name, 0, "a", verdict=pause, now=4.0)
    assert (paused.state, paused.owner, paused.until) == (TrialState.PAUSED, None, 6), f"paused as {paused}"
    resumed = storage.grant(SPEC.name, 0, "b", until=None, verdict=_VERDICT, now=6.0, memo={"aim": 2})
    assert resumed is not None, "a paused trial may not go on"
    assert (resumed.state, resumed.owner, resumed.until) == (TrialState.RUNNING, "b", None), f"resumed as {resumed}"
    assert resumed.memo == {"seed": 1, "aim": 2}, f"resumed as {resumed}"
    assert resumed.verdicts == (begun, _VERDICT, pause, _VERDICT), f"{resumed.verdicts}"
    storage.pause(SPEC.name, 0, "b", verdict=pause, now=6.5)
    assert storage.release(SPEC.name, 0, owner="b", now=7.0) is None, "nobody runs a paused trial"
    queued = storage.release(SPEC.name, 0, owner=None, now=7.0)
    assert queued is not None, "a paused trial was not queued"
    assert (queued.state, queued.attempt, queued.retries) == (TrialState.QUEUED, 1, 0), f"queued as {queued}"
    storage.grant(SPEC.name, 0, "a", until=None, verdict=_VERDICT, now=7.5)
    stopped = storage.finish(SPEC.name, 0, Outcome(TrialState.STOPPED), now=8.0, verdict=pause)
    assert storage.grant(SPEC.name, 0, "b", until=9, verdict=_VERDICT, now=9.0) is None, "a finished trial was resumed"
    _assert_stored(storage, [stopped])


def check_an_old_history_grants_nothing(storage: Storage) -> None:
    """Who goes by an old revision may neither create trials nor let one go on."""
    storage.create(SPEC)
    queued = NewTrial(_PARAMETERS, state=TrialState.QUEUED)
    old = storage.changes(SPEC.name).revision
    storage.add_trials(SPEC.name, [queued], created=0, now=1.0, revision=old)
    with refused(StaleHistoryError):
        storage.add_trials(SPEC.name, [queued], created=1, now=1.0, revision=old)
    with refused(StaleHistoryError):
        storage.grant(SPEC.name, 0, "a", until=3, verdict=_VERDICT, now=2.0, revision=old)
    new = storage.changes(SPEC.name).revision
    assert storage.grant(SPEC.name, 0, "a", until=3, verdict=_VERDICT, now=2.0, revision=new), "it may not go on"


def check_reports_form_one_curve(storage: Storage) -> None:
    """A repeated step is overwritten, and a later attempt replaces an earlier one from its first step on."""
    storage.create(SPEC)
    storage.add_trials(SPEC.name, [NewTrial(_PARAMETERS, owner="a") for _ in range(2)], created=0, now=1.0)

    def report(step: int | None, mean: float) -> None:
        metrics = {"loss": Observation(mean, 0.5, step), "größe %": Observation(-mean, None, step)}
        storage.report(SPEC.name, 0, metrics, now=2.0)

    for step, mean in ((2, 20.0), (1, 10.0), (10, 99.0), (3, 30.0), (2, 21.0)):
        report(step, mean)
    for bad in ({"loss": Observation(1.0)}, {"": Observation(1.0, step=1)}, {"a\n": Observation(1.0, step=1)}):
        with refused(MetricError):
            storage.report(SPEC.name, 0, bad, now=2.0)
    assert _curve(storage) == [(1, 10.0), (2, 21.0), (3, 30.0), (10, 99.0)], f"{_curve(storage)}"
    storage.release(SPEC.name, 0, owner="a", now=2.5)
    storage.lease(SPEC.name, "b", now=3.0)
    assert len(_curve(storage)) == 4, "the curve was lost with its owner"
    report(3, 31.0)
    assert _curve(storage) == [(1, 10.0), (2, 21.0), (3, 31.0)], f"{_curve(storage)}"
    trial, other = storage.changes(SPEC.name).trials
    assert trial.reports["größe %"][-1] == Observation(-31.0, None, 3), f"{trial.reports}"
    assert other.reports == {}, f"trial 1 has the reports of another: {other.reports}"
    _assert_stored(storage, [trial, other])


def check_best_is_that_of_the_history(storage: Storage) -> None:
    """The best trial is the one that `History.best_seen` finds, for both directions, with ties and constraints."""
    results: Sequence[tuple[TrialState, float | None, float | None]] = (
        (TrialState.FAILED, -9.0, 1.0),
        (TrialState.COMPLETED, -8.0, 20.5),
        (TrialState.COMPLETED, -7.0, None),
        (TrialState.COMPLETED, None, 1.0),
        (TrialState.COMPLETED, 1.0, 20.0),
        (TrialState.STOPPED, 0.5, 1.0),
        (TrialState.ABANDONED, 0.0, 1.0),
        (TrialState.COMPLETED, 0.5, 2.0),
        (TrialState.COMPLETED, 2.0, 2.0),
    )
    for minimize in (True, False):
        spec = replace(SPEC, name=str(minimize), objective=Objective("loss", minimize=minimize))
        storage.create(spec)
        assert storage.best(spec.name) is None, "there is a best trial before there is any"
        for state, loss, latency in results:
            values = {"loss": loss, "latency": latency}
            outcome = Outcome(state, {name: Observation(v) for name, v in values.items() if v is not None})
            storage.add_trials(spec.name, [NewTrial(_PARAMETERS, outcome=outcome)], created=None, now=0.0)
            trials = storage.changes(spec.name).trials
            expected = History(spec.space, spec.objective, trials, spec.outcome_constraints).best_seen()
            assert storage.best(spec.name) == expected, f"{storage.best(spec.name)} is not {expected}"


def check_changes_are_all_that_changed(storage: Storage) -> None:
    """Every verb that writes is seen in the changes, once; nothing else is."""
    storage.create(SPEC)
    queued = NewTrial(_PARAMETERS, state=TrialState.QUEUED)
    since = storage.changes(SPEC.name).revision
    done = Outcome(TrialState.COMPLETED, {"loss": Observation(1.0)})
    verbs: Sequence[tuple[Callable[[], object], list[int]]] = (
        (lambda: storage.add_trials(SPEC.name, [queued, queued, queued], created=0, now=1.0), [0, 1, 2]),
        (lambda: storage.lease(SPEC.name, "me", now=1.0, index=1), [1]),
        (lambda: storage.lease(SPEC.name, "me", now=1.0, index=1), []),
        (lambda: storage.report(SPEC.name, 1, {"loss": Observation(2.0, step=1)}, now=1.0), [1]),
        (lambda: storage.extend(SPEC.name, "me"), []),
        (lambda: storage.request(SPEC.name, 1, Command.STOP), []),
        (lambda: storage.release(SPEC.name, 1, owner="me", now=1.0), [1]),
        (lambda: storage.release(SPEC.name, 1, owner="me", now=1.0), []),
        (lambda: storage.lease(SPEC.name, "me", now=1.0), [0]),
        (lambda: storage.finish(SPEC.name, 0, done, now=1.0), [0]),
        (lambda: storage.create(replace(SPEC, name="another")), []),
        (lambda: storage.add_trials("another", [queued], created=0, now=1.0), []),
    )
    for position, (verb, expected) in enumerate(verbs):
        verb()
        changes = storage.changes(SPEC.name, since)
        found = [trial.index for trial in changes.trials]
        assert found == expected, f"verb {position} changed {found}, not {expected}"
        assert (changes.revision > since) == bool(expected), f"verb {position}: {since}, then {changes.revision}"
        assert changes.created == 3, f"{changes.created} trials were created, not 3"
        since = changes.revision


def check_pages_show_what_is_asked_for(storage: Storage) -> None:
    """A page is a piece of the trials, in either order, of the states that are asked for."""
    storage.create(SPEC)
    outcomes = [Outcome(TrialState.FAILED), None, Outcome(TrialState.COMPLETED)] * 4
    trials = storage.add_trials(SPEC.name, [NewTrial(_PARAMETERS, outcome=o) for o in outcomes], created=0, now=1.0)
    storage.report(SPEC.name, 4, {"loss": Observation(2.0, step=1)}, now=1.0)
    trials = storage.changes(SPEC.name).trials
    cases: Sequence[tuple[dict[str, Any], Sequence[TrialRecord]]] = (
        ({}, trials[::-1]),
        ({"limit": 3}, trials[:-4:-1]),
        ({"offset": 4, "limit": 3, "newest_first": False}, trials[4:7]),
        ({"offset": 10, "limit": 3, "newest_first": False}, trials[10:]),
        ({"offset": 12}, ()),
        ({"states": [TrialState.RUNNING], "limit": 3, "newest_first": False}, trials[1:8:3]),
        ({"states": [TrialState.FAILED, TrialState.QUEUED, TrialState.COMPLETED], "offset": 7}, (trials[0],)),
        ({"states": []}, ()),
    )
    for asked, expected in cases:
        assert list(storage.page(SPEC.name, **asked)) == list(expected), f"the page {asked} is another"


def check_summaries_are_true(storage: Storage) -> None:
    """The list of experiments has each experiment's counts, best trial and last change."""
    assert list(storage.experiments()) == [], "an empty storage has experiments"
    storage.create(SPEC)
    storage.create(replace(SPEC, name="another", created=5.0))
    done = Outcome(TrialState.COMPLETED, {"loss": Observation(1.0), "latency": Observation(1.0)})
    storage.add_trials("another", [NewTrial(_PARAMETERS), NewTrial(_PARAMETERS)], created=0, now=6.0)
    best = storage.finish("another", 1, done, now=7.0)
    first, second = storage.experiments()
    assert (first.spec, first.best, first.updated) == (SPEC, None, SPEC.created), f"{first}"
    assert dict(first.counts) == dict.fromkeys(TrialState, 0), f"{first.counts}"
    assert (second.spec.name, second.best, second.updated) == ("another", best, 7.0), f"{second}"
    expected = dict.fromkeys(TrialState, 0) | {TrialState.RUNNING: 1, TrialState.COMPLETED: 1}
    assert dict(second.counts) == expected, f"{second.counts}"


def check_a_wider_space_is_the_next_version(storage: Storage) -> None:
    """Trials keep the version that they were suggested in; whoever did not see the newest space cannot change it."""
    storage.create(SPEC)
    [old] = storage.add_trials(SPEC.name, [NewTrial(_PARAMETERS)], created=0, now=1.0)
    before = storage.changes(SPEC.name)
    wider = SPEC.space.widened({"lr": (1e-6, 1.0)})
    widened = storage.widen(SPEC.name, wider, version=1, now=2.0)
    assert widened == replace(SPEC, space=wider, space_version=2), f"the space became {widened}"
    changes = storage.changes(SPEC.name, since=before.revision)
    assert (changes.space_version, changes.trials) == (2, ()), "a new space is no change that is seen"
    with refused(StaleSpaceError):
        storage.widen(SPEC.name, SPEC.space, version=1, now=3.0)
    [new] = storage.add_trials(SPEC.name, [NewTrial(_PARAMETERS)], created=1, now=3.0)
    assert (old.space_version, new.space_version) == (1, 2), "trials do not know their space"
    assert storage.experiments()[0].updated >= 2.0, "a new space is no update"


def check_what_is_deleted_is_gone(storage: Storage) -> None:
    """A deleted experiment is gone with its trials, and is not mistaken for a new one of its name."""
    storage.create(SPEC)
    storage.add_trials(SPEC.name, [NewTrial(_PARAMETERS), NewTrial(_PARAMETERS)], created=0, now=1.0)
    storage.report(SPEC.name, 0, {"loss": Observation(2.0, step=1)}, now=1.0)
    since = storage.changes(SPEC.name).revision
    storage.delete(SPEC.name)
    with refused(UnknownExperimentError):
        storage.experiment(SPEC.name)
    storage.create(SPEC)
    assert storage.changes(SPEC.name).trials == (), "the new experiment has the old one's trials"
    with refused(UnknownExperimentError):
        storage.changes(SPEC.name, since)
    [trial] = storage.add_trials(SPEC.name, [NewTrial(_PARAMETERS)], created=0, now=1.0)
    _assert_stored(storage, [trial])


def check_a_written_down_experiment_comes_back(storage: Storage) -> None:
    """An experiment can be created with trials as they stand; those that cannot be stored leave nothing behind."""
    curve = tuple(Observation(1.0 / step, None, step) for step in (1, 2, 5))
    trials = [
        TrialRecord(0, TrialState.PAUSED, _PARAMETERS, 0, objective="loss", reports={"loss": curve}, attempt=2),
        TrialRecord(1, TrialState.QUEUED, _PARAMETERS, 7, 3, objective="loss", source="enqueued", created=9.0),
    ]
    for bad in (replace(trials[1], memo={"a": math.inf}), replace(trials[1], index=2)):
        with refused(StorageError):
            storage.create(SPEC, [trials[0], bad])
    storage.create(SPEC, trials)
    _assert_stored(storage, trials)
    [added] = storage.add_trials(SPEC.name, [NewTrial(_PARAMETERS)], created=2, now=10.0)
    assert (added.index, added.batch) == (2, 8), f"{added} does not go on from what was there"


CHECKS: Final[tuple[Callable[[Storage], None], ...]] = (
    check_an_experiment_is_kept,
    check_a_name_is_taken_once,
    check_what_is_unknown_is_refused,
    check_trials_are_kept,
    check_creation_is_all_or_nothing,
    check_a_result_may_be_there_already,
    check_a_trial_ends_once_with_everything,
    check_states_follow_the_table,
    check_the_queue_is_in_order,
    check_a_lost_owner_cannot_write,
    check_leases_are_renewed,
    check_leases_form_a_ring,
    check_a_lost_trial_is_retried_so_often,
    check_owners_hear_commands,
    check_trials_are_paused_and_resumed,
    check_an_old_history_grants_nothing,
    check_reports_form_one_curve,
    check_best_is_that_of_the_history,
    check_changes_are_all_that_changed,
    check_pages_show_what_is_asked_for,
    check_summaries_are_true,
    check_a_wider_space_is_the_next_version,
    check_a_new_name_keeps_everything_else,
    check_what_is_deleted_is_gone,
    check_a_written_down_experiment_comes_back,
    check_threads_share_it,
    check_turns_are_taken_one_by_one,
)
"""The contract: every check."""


def _assert_stored(storage: Storage, trials: Sequence[TrialRecord]) -> None:
    """The trials are what the storage holds, in every way of asking for it."""
    changes = storage.changes(SPEC.name)
    assert list(changes.trials) == list(trials), f"stored are {changes.trials}, not {trials}"
    assert changes.created == len(trials), f"{changes.created} trials were created, not {len(trials)}"
    page = storage.page(SPEC.name, newest_first=False)
    assert list(page) == list(trials), f"the page shows {page}, not {trials}"


def _curve(storage: Storage) -> list[tuple[int | None, float]]:
    """What trial 0 reported of the loss."""
    return [(o.step, o.mean) for o in storage.changes(SPEC.name).trials[0].reports["loss"]]
