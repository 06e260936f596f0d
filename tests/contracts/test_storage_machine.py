"""Any sequence of verbs does to every storage what it does to a few dictionaries."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import count

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from headstock.errors import (
    HeadstockError,
    LeaseLostError,
    StaleHistoryError,
    StaleSpaceError,
    StorageError,
    TrialStateError,
    UnknownExperimentError,
    UnknownTrialError,
)
from headstock.history import History
from headstock.objective import Objective
from headstock.space import Float, Space
from headstock.storage import Command, ExperimentSpec, NewTrial, Outcome, Storage, open_storage
from headstock.storage.records import Lease
from headstock.testing import postgresql
from headstock.trial import BY_REQUEST, TRANSITIONS, Observation, TrialRecord, TrialState, Verdict

RUNNING = TrialState.RUNNING
NOTHING = "No result: nothing was returned, reported or told of 'y'. Give every metric."


@dataclass
class Model:
    """One experiment, as the contract describes it."""

    spec: ExperimentSpec
    trials: list[TrialRecord] = field(default_factory=list)
    reported: dict[int, dict[tuple[int, int, str], Observation]] = field(default_factory=dict)
    renewals: dict[int, int] = field(default_factory=dict)
    commands: dict[int, Command] = field(default_factory=dict)
    changed: set[int] = field(default_factory=set)

    def trial(self, index: int) -> TrialRecord:
        if not 0 <= index < len(self.trials):
            raise UnknownTrialError
        return self.trials[index]

    def save(self, trial: TrialRecord) -> TrialRecord:
        if trial.state is not self.trials[trial.index].state:
            self.commands.pop(trial.index, None)
        self.trials[trial.index] = trial
        self.changed.add(trial.index)
        return trial

    def add_trials(self, new: list[NewTrial], *, created: int | None, now: float) -> tuple[TrialRecord, ...]:
        if created not in (None, len(self.trials)):
            raise StaleHistoryError
        batch = max((trial.batch for trial in self.trials), default=-1)
        arms = {(trial.batch, trial.position) for trial in self.trials}
        added = []
        for index, given in enumerate(new, start=len(self.trials)):
            batch = batch + 1 if given.batch is None else max(batch, given.batch)
            trial = TrialRecord(
                index,
                given.state,
                given.parameters,
                batch if given.batch is None else given.batch,
                given.position,
                self.spec.space_version,
                given.source,
                objective="y",
                owner=given.owner,
                created=now,
                started=now if given.state is RUNNING and given.outcome is None else None,
            )
            if given.outcome is not None:
                trial = ended(trial, given.outcome, now)
            if (trial.batch, trial.position) in arms:
                raise StorageError
            arms.add((trial.batch, trial.position))
            added.append(trial)
        self.trials += added
        self.changed |= {trial.index for trial in added}
        return tuple(added)

    def lease(self, owner: str | None, *, now: float, index: int | None) -> TrialRecord | None:
        queued = [t for t in self.trials if t.state is TrialState.QUEUED]
        if index is not None:
            asked = self.trial(index)
            queued = [t for t in queued if t is asked]
        return self.save(replace(queued[0], state=RUNNING, owner=owner, started=now)) if queued else None

    def grant(self, index: int, owner: str, *, until: int | None, verdict: Verdict, now: float) -> TrialRecord | None:
        trial = self.trial(index)
        if trial.state.is_finished or (trial.state is RUNNING and trial.owner != owner):
            return None
        started = now if trial.started is None else trial.started
        verdicts = (*trial.verdicts, verdict)
        return self.save(replace(trial, state=RUNNING, owner=owner, until=until, started=started, verdicts=verdicts))

    def pause(self, index: int, owner: str, *, verdict: Verdict, now: float) -> TrialRecord:
        trial = self.owned(index, owner)
        self.must_run(trial)
        return self.save(self.as_asked(trial, now) or paused(trial, verdict))

    def as_asked(self, trial: TrialRecord, now: float) -> TrialRecord | None:
        command = self.commands.get(trial.index)
        if command is None:
            return None
        verdict = Verdict(trial.step, command.value, BY_REQUEST)
        if command is Command.PAUSE:
            return paused(trial, verdict)
        outcome = Outcome(TrialState.ABANDONED, error=NOTHING)
        if trial.reports:
            outcome = Outcome(TrialState.STOPPED, {"y": replace(trial.reports["y"][-1], step=None)})
        return replace(ended(trial, outcome, now), verdicts=(*trial.verdicts, verdict))

    def extend(self, owner: str) -> list[Lease]:
        for lease in self.leases():
            if lease.owner == owner:
                self.renewals[lease.index] = lease.renewals + 1
        return [lease for lease in self.leases() if lease.owner == owner]

    def leases(self) -> list[Lease]:
        return [
            Lease(t.index, t.owner, t.attempt, self.renewals.get(t.index, 0), self.commands.get(t.index))
            for t in self.trials
            if t.state is RUNNING and t.owner is not None
        ]

    def request(self, index: int, command: Command) -> None:
        trial = self.trial(index)
        if trial.state is not RUNNING or trial.owner is None:
            raise TrialStateError
        self.commands[index] = command

    def release(
        self, index: int, *, owner: str | None, now: float, renewals: int | None, retries: int | None
    ) -> TrialRecord | None:
        trial = self.trial(index)
        if trial.state not in (RUNNING, TrialState.PAUSED) or trial.owner != owner:
            return None
        if renewals is not None and renewals != self.renewals.get(index, 0):
            return None
        if asked := self.as_asked(trial, now):
            return self.save(asked)
        if retries is not None and trial.retries >= retries:
            error = f"lost, as in {retries} tries before" if retries else "lost"
            return self.save(ended(trial, Outcome(TrialState.FAILED, error=error), now))
        again = trial.retries + (retries is not None)
        return self.save(
            replace(trial, state=TrialState.QUEUED, owner=None, started=None, attempt=trial.attempt + 1, retries=again)
        )

    def report(self, index: int, step: int, mean: float, *, owner: str | None) -> None:
        trial = self.owned(index, owner)
        self.must_run(trial)
        kept = self.reported.setdefault(index, {})
        kept[trial.attempt, step, "y"] = Observation(mean, None, step)
        curve: dict[int, Observation] = {}
        for attempt in sorted({attempt for attempt, _, _ in kept}):
            theirs = {s: o for (a, s, _), o in kept.items() if a == attempt}
            curve = {s: o for s, o in curve.items() if s < min(theirs)} | theirs
        self.renewals[index] = self.renewals.get(index, 0) + 1
        self.save(replace(trial, reports={"y": tuple(curve[s] for s in sorted(curve))}))

    def finish(self, index: int, outcome: Outcome, *, now: float, owner: str | None) -> TrialRecord:
        trial = self.owned(index, owner)
        if owner is None and trial.owner is not None:
            raise TrialStateError
        if outcome.state not in TRANSITIONS[trial.state]:
            raise TrialStateError
        return self.save(ended(trial, outcome, now))

    def widen(self, space: Space, *, version: int) -> ExperimentSpec:
        if version != self.spec.space_version:
            raise StaleSpaceError
        self.spec = replace(self.spec, space=space, space_version=version + 1)
        return self.spec

    def owned(self, index: int, owner: str | None) -> TrialRecord:
        trial = self.trial(index)
        if owner is not None and trial.owner != owner:
            raise LeaseLostError
        return trial

    def must_run(self, trial: TrialRecord) -> None:
        if trial.state is not RUNNING:
            raise TrialStateError


def paused(trial: TrialRecord, verdict: Verdict) -> TrialRecord:
    return replace(trial, state=TrialState.PAUSED, owner=None, verdicts=(*trial.verdicts, verdict))


def ended(trial: TrialRecord, outcome: Outcome, now: float) -> TrialRecord:
    return replace(trial, state=outcome.state, metrics=outcome.metrics, error=outcome.error, owner=None, finished=now)


OWNERS = st.sampled_from(["a", "a", "b"])
ANYBODY = st.sampled_from(["a", "a", "b", None])
INDICES = st.sampled_from([0, 0, 1, 1, 2, 2, 3, 4, 9])  # most examples are about few trials
OUTCOMES = st.builds(
    Outcome,
    st.sampled_from([state for state in TrialState if state.is_finished]),
    st.sampled_from([{}, {"y": Observation(0.5)}, {"y": Observation(-1.0, 0.25, 3), "z": Observation(2.0)}]),
)
NEW = st.builds(
    NewTrial,
    st.just({"x": 0.5}),
    batch=st.sampled_from([None, None, None, 2]),
    state=st.sampled_from([TrialState.QUEUED, RUNNING]),
    owner=ANYBODY,
    outcome=st.sampled_from([None, None]) | OUTCOMES,
)
VERDICTS = st.builds(Verdict, st.integers(0, 9), st.sampled_from(["resume", "pause"]), st.just("because"))


class Verbs(RuleBasedStateMachine):
    """Does each verb to a storage and to the model, and compares what they say."""

    def __init__(self, url: str):
        super().__init__()
        self.url = url
        self.storage = open_storage(url)
        self.models: dict[str, Model] = {}
        self.clock = count(1)
        self.seen = {}
        self.name = ""

    def both(self, mine: Callable[[Model], object], theirs: Callable[[Storage, str], object]) -> None:
        expected = found = None
        try:
            expected = mine(self.models[self.name])
        except HeadstockError as error:
            expected = type(error)
        try:
            found = theirs(self.storage, self.name)
        except HeadstockError as error:
            found = type(error)
        assert found == expected

    @property
    def now(self) -> float:
        return float(next(self.clock))

    @initialize()
    def begin(self):
        self.create("one")
        queued = NewTrial({"x": 0.5}, state=TrialState.QUEUED)
        self.add([NewTrial({"x": 0.5}, owner="a"), queued, NewTrial({"x": 0.5}, owner="b")], "right")

    @rule(name=st.sampled_from(["one", "two"]))
    def create(self, name):
        if name not in self.models:
            spec = ExperimentSpec(name, Space(x=Float(0, 1)), Objective("y"), created=self.now)
            self.storage.create(spec)
            self.models[name] = Model(spec)
            self.seen[name] = self.storage.changes(name).revision
        self.name = name

    @precondition(lambda self: len(self.models) == 2)
    @rule()
    def delete(self):
        self.storage.delete(self.name)
        old = self.seen[self.name]
        del self.models[self.name]
        with pytest.raises(UnknownExperimentError):
            self.storage.changes(self.name, old)
        [self.name] = self.models

    @precondition(lambda self: len(self.models[self.name].trials) < 6)
    @rule(new=st.lists(NEW, max_size=2), created=st.sampled_from(["right", "right", "wrong", "any"]))
    def add(self, new, created):
        now, there = self.now, len(self.models[self.name].trials)
        believed = {"right": there, "wrong": there + 1, "any": None}[created]
        self.both(
            lambda m: m.add_trials(new, created=believed, now=now),
            lambda s, n: s.add_trials(n, new, created=believed, now=now),
        )

    @rule(owner=ANYBODY, index=st.none() | INDICES)
    def lease(self, owner, index):
        now = self.now
        self.both(lambda m: m.lease(owner, now=now, index=index), lambda s, n: s.lease(n, owner, now=now, index=index))

    @rule(owner=OWNERS, index=INDICES, until=st.none() | st.integers(1, 9), verdict=VERDICTS)
    def grant(self, owner, index, until, verdict):
        now = self.now
        self.both(
            lambda m: m.grant(index, owner, until=until, verdict=verdict, now=now),
            lambda s, n: s.grant(n, index, owner, until=until, verdict=verdict, now=now),
        )

    @rule(owner=OWNERS, index=INDICES, verdict=VERDICTS)
    def pause(self, owner, index, verdict):
        now = self.now
        self.both(
            lambda m: m.pause(index, owner, verdict=verdict, now=now),
            lambda s, n: s.pause(n, index, owner, verdict=verdict, now=now),
        )

    @rule(owner=OWNERS)
    def extend(self, owner):
        self.both(lambda m: m.extend(owner), lambda s, n: list(s.extend(n, owner)))

    @rule(index=INDICES, command=st.sampled_from(Command))
    def request(self, index, command):
        self.both(lambda m: m.request(index, command), lambda s, n: s.request(n, index, command))

    @rule(
        index=INDICES,
        owner=ANYBODY,
        renewals=st.none() | st.integers(0, 2),
        retries=st.none() | st.integers(0, 2),
    )
    def release(self, index, owner, renewals, retries):
        given = {"owner": owner, "now": self.now, "renewals": renewals, "retries": retries}
        self.both(lambda m: m.release(index, **given), lambda s, n: s.release(n, index, error="lost", **given))

    @rule(index=INDICES, owner=ANYBODY, step=st.integers(1, 5), mean=st.floats(-1e300, 1e300, allow_subnormal=False))
    def report(self, index, owner, step, mean):
        metrics = {"y": Observation(mean, None, step)}
        now = self.now
        self.both(
            lambda m: m.report(index, step, mean, owner=owner),
            lambda s, n: s.report(n, index, metrics, now=now, owner=owner),
        )

    @rule(index=INDICES, outcome=OUTCOMES, owner=ANYBODY)
    def finish(self, index, outcome, owner):
        now = self.now
        self.both(
            lambda m: m.finish(index, outcome, now=now, owner=owner),
            lambda s, n: s.finish(n, index, outcome, now=now, owner=owner),
        )

    @rule(version=st.integers(1, 2))
    def widen(self, version):
        now, space = self.now, Space(x=Float(0, 1 + next(self.clock)))
        self.both(lambda m: m.widen(space, version=version), lambda s, n: s.widen(n, space, version=version, now=now))

    @rule()
    def reopen(self):
        if self.url != "sqlite://":
            self.storage.close()
            self.storage = open_storage(self.url)

    @rule(states=st.sets(st.sampled_from(TrialState)), newest_first=st.booleans(), offset=st.integers(0, 3))
    def page(self, states, newest_first, offset):
        trials = [t for t in self.models[self.name].trials if t.state in states]
        expected = (trials[::-1] if newest_first else trials)[offset : offset + 2]
        asked = {"states": sorted(states), "newest_first": newest_first, "offset": offset, "limit": 2}
        assert list(self.storage.page(self.name, **asked)) == expected

    @invariant()
    def what_changed_is_what_changed(self):
        if not self.models:
            return
        model = self.models[self.name]
        changes = self.storage.changes(self.name, self.seen[self.name])
        assert list(changes.trials) == [model.trials[index] for index in sorted(model.changed)]
        assert (changes.created, changes.space_version) == (len(model.trials), model.spec.space_version)
        self.seen[self.name] = changes.revision
        model.changed.clear()
        assert list(self.storage.leases(self.name)) == model.leases()

    def teardown(self):
        for name, model in self.models.items():
            history = History(model.spec.space, model.spec.objective, tuple(model.trials))
            assert self.storage.experiment(name) == model.spec
            assert self.storage.changes(name).trials == history.trials
            assert self.storage.best(name) == history.best_seen()
        found = {summary.spec.name: summary.counts for summary in self.storage.experiments()}
        for name, model in self.models.items():
            assert found.pop(name) == {s: sum(t.state is s for t in model.trials) for s in TrialState}
        assert not found
        self.storage.close()


@pytest.mark.parametrize(("kind", "examples"), [("memory", 60), ("file", 15), ("postgresql", 15)])
def test_any_sequence_of_verbs(kind: str, examples: int, request: pytest.FixtureRequest):
    with tempfile.TemporaryDirectory() as folder:
        numbers = count()
        if kind == "postgresql":
            server: postgresql.Server = request.getfixturevalue("postgresql_server")
            new_url = server.new_url
        else:
            form = {"memory": "sqlite://", "file": f"sqlite:///{folder}/{{}}.db"}[kind]
            new_url = lambda: form.format(next(numbers))  # noqa: E731
        run_state_machine_as_test(
            lambda: Verbs(new_url()), settings=settings(max_examples=examples, stateful_step_count=40)
        )
