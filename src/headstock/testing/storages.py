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
    MetricError,
    StaleHistoryError,
    StaleSpaceError,
    StorageError,
    TrialStateError,
    UnknownExperimentError,
    UnknownTrialError,
)
from headstock.history import History
from headstock.objective import Objective
from headstock.storage.base import Storage
from headstock.storage.records import Command, NewTrial, Outcome
from headstock.testing import leases
from headstock.testing.naming import check_a_new_name_keeps_everything_else
from headstock.testing.refusing import refused
from headstock.testing.sharing import check_threads_share_it, check_turns_are_taken_one_by_one
from headstock.testing.specimen import PARAMETERS, SPEC, VERDICT, assert_stored, curve_of_first
from headstock.trial import TRANSITIONS, Observation, TrialRecord, TrialState

__all__ = ["CHECKS", "SPEC"]


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
        lambda: storage.grant(SPEC.name, 0, "me", until=None, verdict=VERDICT, now=0.0),
        lambda: storage.pause(SPEC.name, 0, "me", verdict=VERDICT, now=0.0),
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
            NewTrial(PARAMETERS, 4, 0, "sobol", "fills the space", {"a": [1, None]}, owner="host 1"),
            NewTrial(PARAMETERS, 4, 1, state=TrialState.QUEUED),
        ],
        created=0,
        now=5.5,
    )
    second = storage.add_trials(SPEC.name, [NewTrial(PARAMETERS), NewTrial(PARAMETERS)], created=2, now=6.5)
    trials = [*first, *second]
    assert [t.index for t in trials] == [0, 1, 2, 3], f"the indices are {[t.index for t in trials]}"
    assert [t.arm.name for t in trials] == ["4_0", "4_1", "5_0", "6_0"], f"the arms are {[t.arm.name for t in trials]}"
    assert trials[0] == TrialRecord(
        0,
        TrialState.RUNNING,
        PARAMETERS,
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
    assert_stored(storage, trials)


def check_creation_is_all_or_nothing(storage: Storage) -> None:
    """Trials that are suggested from an old history, or that cannot all be stored, are refused; nothing is written."""
    storage.create(SPEC)
    there = storage.add_trials(SPEC.name, [NewTrial(PARAMETERS, 0)], created=0, now=0.0)
    before = storage.changes(SPEC.name)
    for created in (0, 2):
        with refused(StaleHistoryError):
            storage.add_trials(SPEC.name, [NewTrial(PARAMETERS)], created=created, now=0.0)
    for bad in (NewTrial(PARAMETERS, 0), NewTrial(PARAMETERS, memo={"a": math.nan}), NewTrial({"lr": math.inf})):
        with refused(StorageError):
            storage.add_trials(SPEC.name, [NewTrial(PARAMETERS), bad], created=1, now=0.0)
    assert storage.changes(SPEC.name) == before, "refused trials left something behind"
    assert storage.add_trials(SPEC.name, [], created=1, now=0.0) == (), "no trials became some"
    there += storage.add_trials(SPEC.name, [NewTrial(PARAMETERS)], created=None, now=0.0)
    assert_stored(storage, there)


def check_a_result_may_be_there_already(storage: Storage) -> None:
    """A trial can be created with its outcome."""
    storage.create(SPEC)
    outcome = Outcome(TrialState.COMPLETED, {"loss": Observation(0.5), "latency": Observation(3.0)})
    [trial] = storage.add_trials(SPEC.name, [NewTrial(PARAMETERS, outcome=outcome)], created=None, now=3.0)
    assert (trial.state, trial.metrics) == (TrialState.COMPLETED, outcome.metrics), f"created as {trial}"
    assert (trial.created, trial.started, trial.finished) == (3.0, None, 3.0), f"created as {trial}"
    assert storage.best(SPEC.name) == trial, "its result does not count"
    assert_stored(storage, [trial])


def check_a_trial_ends_once_with_everything(storage: Storage) -> None:
    """An outcome is kept completely; long texts are cut, the end of a traceback and the beginning of an error stay."""
    storage.create(SPEC)
    storage.add_trials(SPEC.name, [NewTrial(PARAMETERS, owner="me") for _ in range(3)], created=0, now=1.0)
    metrics = {"loss": Observation(-0.1, 0.25, 7), "größe %": Observation(1e-320), "latency": Observation(1e308, 0.0)}
    trials = [
        storage.finish(SPEC.name, 0, Outcome(TrialState.COMPLETED, metrics), now=2.0, owner="me"),
        storage.finish(
            SPEC.name, 1, Outcome(TrialState.FAILED, {}, "no \udcff \0 memory", "line 1\nline 2"), now=3.0, owner="me"
        ),
        storage.finish(
            SPEC.name, 2, Outcome(TrialState.FAILED, {}, "E" * 10**6, "T" * 10**6 + "end"), now=4.0, owner="me"
        ),
    ]
    assert trials[0].metrics == metrics, f"{trials[0].metrics} is not {metrics}"
    assert (trials[0].owner, trials[0].finished) == (None, 2.0), f"ended as {trials[0]}"
    assert (trials[1].error, trials[1].traceback) == (r"no \udcff \x00 memory", "line 1\nline 2"), f"{trials[1]}"
    assert len(trials[2].error or "") <= 1000, "a long error is not cut"
    assert len(trials[2].traceback or "") <= 21_000, "a long traceback is not cut"
    assert (trials[2].traceback or "").endswith("Tend"), "the end of the traceback was cut"
    assert_stored(storage, trials)


def check_states_follow_the_table(storage: Storage) -> None:
    """A trial ends only as the table of transitions lets it, and only a running one reports."""
    ends = [state for state in TrialState if state.is_finished]
    cases = list(product(TrialState, ends))
    records = [
        TrialRecord(
            index,
            state,
            PARAMETERS,
            batch=index,
            objective="loss",
            owner="me" if state is TrialState.RUNNING else None,
        )
        for index, (state, _) in enumerate(cases)
    ]
    storage.create(SPEC, records)
    assert_stored(storage, records)
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
            records[index] = storage.finish(SPEC.name, index, Outcome(end), now=1.0, owner=records[index].owner)
            assert records[index].state is end, f"{state} became {records[index].state}, not {end}"
        else:
            with refused(TrialStateError):
                storage.finish(SPEC.name, index, Outcome(end), now=1.0, owner=records[index].owner)
    assert_stored(storage, records)


def check_reports_form_one_curve(storage: Storage) -> None:
    """A repeated step is overwritten, and a later attempt replaces an earlier one from its first step on."""
    storage.create(SPEC)
    storage.add_trials(SPEC.name, [NewTrial(PARAMETERS, owner="a") for _ in range(2)], created=0, now=1.0)

    def report(step: int | None, mean: float) -> None:
        metrics = {"loss": Observation(mean, 0.5, step), "größe %": Observation(-mean, None, step)}
        storage.report(SPEC.name, 0, metrics, now=2.0)

    for step, mean in ((2, 20.0), (1, 10.0), (10, 99.0), (3, 30.0), (2, 21.0)):
        report(step, mean)
    for bad in ({"loss": Observation(1.0)}, {"": Observation(1.0, step=1)}, {"a\n": Observation(1.0, step=1)}):
        with refused(MetricError):
            storage.report(SPEC.name, 0, bad, now=2.0)
    assert curve_of_first(storage) == [(1, 10.0), (2, 21.0), (3, 30.0), (10, 99.0)], f"{curve_of_first(storage)}"
    storage.release(SPEC.name, 0, owner="a", now=2.5)
    storage.lease(SPEC.name, "b", now=3.0)
    assert len(curve_of_first(storage)) == 4, "the curve was lost with its owner"
    report(3, 31.0)
    assert curve_of_first(storage) == [(1, 10.0), (2, 21.0), (3, 31.0)], f"{curve_of_first(storage)}"
    trial, other = storage.changes(SPEC.name).trials
    assert trial.reports["größe %"][-1] == Observation(-31.0, None, 3), f"{trial.reports}"
    assert other.reports == {}, f"trial 1 has the reports of another: {other.reports}"
    assert_stored(storage, [trial, other])


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
            storage.add_trials(spec.name, [NewTrial(PARAMETERS, outcome=outcome)], created=None, now=0.0)
            trials = storage.changes(spec.name).trials
            expected = History(spec.space, spec.objective, trials, spec.outcome_constraints).best_seen()
            assert storage.best(spec.name) == expected, f"{storage.best(spec.name)} is not {expected}"


def check_changes_are_all_that_changed(storage: Storage) -> None:
    """Every verb that writes is seen in the changes, once; nothing else is."""
    storage.create(SPEC)
    queued = NewTrial(PARAMETERS, state=TrialState.QUEUED)
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
        (lambda: storage.finish(SPEC.name, 0, done, now=1.0, owner="me"), [0]),
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
    trials = storage.add_trials(SPEC.name, [NewTrial(PARAMETERS, outcome=o) for o in outcomes], created=0, now=1.0)
    storage.report(SPEC.name, 4, {"loss": Observation(2.0, step=1)}, now=1.0)
    trials = storage.changes(SPEC.name).trials
    cases: Sequence[tuple[dict[str, Any], Sequence[TrialRecord]]] = (
        ({}, trials[::-1]),
        ({"limit": 3}, trials[:-4:-1]),
        ({"offset": 4, "limit": 3, "newest_first": False}, trials[4:7]),
        ({"offset": 10, "limit": 3, "newest_first": False}, trials[10:]),
        ({"offset": 12}, ()),
        ({"offset": 10**400}, ()),
        ({"limit": 10**400}, trials[::-1]),
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
    storage.add_trials("another", [NewTrial(PARAMETERS), NewTrial(PARAMETERS)], created=0, now=6.0)
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
    [old] = storage.add_trials(SPEC.name, [NewTrial(PARAMETERS)], created=0, now=1.0)
    before = storage.changes(SPEC.name)
    wider = SPEC.space.widened({"lr": (1e-6, 1.0)})
    widened = storage.widen(SPEC.name, wider, version=1, now=2.0)
    assert widened == replace(SPEC, space=wider, space_version=2), f"the space became {widened}"
    changes = storage.changes(SPEC.name, since=before.revision)
    assert (changes.space_version, changes.trials) == (2, ()), "a new space is no change that is seen"
    with refused(StaleSpaceError):
        storage.widen(SPEC.name, SPEC.space, version=1, now=3.0)
    [new] = storage.add_trials(SPEC.name, [NewTrial(PARAMETERS)], created=1, now=3.0)
    assert (old.space_version, new.space_version) == (1, 2), "trials do not know their space"
    assert storage.experiments()[0].updated >= 2.0, "a new space is no update"


def check_what_is_deleted_is_gone(storage: Storage) -> None:
    """A deleted experiment is gone with its trials, and is not mistaken for a new one of its name."""
    storage.create(SPEC)
    storage.add_trials(SPEC.name, [NewTrial(PARAMETERS), NewTrial(PARAMETERS)], created=0, now=1.0)
    storage.report(SPEC.name, 0, {"loss": Observation(2.0, step=1)}, now=1.0)
    since = storage.changes(SPEC.name).revision
    storage.delete(SPEC.name)
    with refused(UnknownExperimentError):
        storage.experiment(SPEC.name)
    storage.create(SPEC)
    assert storage.changes(SPEC.name).trials == (), "the new experiment has the old one's trials"
    with refused(UnknownExperimentError):
        storage.changes(SPEC.name, since)
    [trial] = storage.add_trials(SPEC.name, [NewTrial(PARAMETERS)], created=0, now=1.0)
    assert_stored(storage, [trial])


def check_a_written_down_experiment_comes_back(storage: Storage) -> None:
    """An experiment can be created with trials as they stand; those that cannot be stored leave nothing behind."""
    curve = tuple(Observation(1.0 / step, None, step) for step in (1, 2, 5))
    trials = [
        TrialRecord(0, TrialState.PAUSED, PARAMETERS, 0, objective="loss", reports={"loss": curve}, attempt=2),
        TrialRecord(1, TrialState.QUEUED, PARAMETERS, 7, 3, objective="loss", source="enqueued", created=9.0),
    ]
    for bad in (replace(trials[1], memo={"a": math.inf}), replace(trials[1], index=2)):
        with refused(StorageError):
            storage.create(SPEC, [trials[0], bad])
    storage.create(SPEC, trials)
    assert_stored(storage, trials)
    [added] = storage.add_trials(SPEC.name, [NewTrial(PARAMETERS)], created=2, now=10.0)
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
    *leases.CHECKS,
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
