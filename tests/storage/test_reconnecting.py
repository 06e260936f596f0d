"""Every verb happens once, whether the connection is lost before its commit, in it, or after it."""

from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import pytest

from headstock.errors import ConnectionLostError, StaleHistoryError, TrialStateError
from headstock.objective import Objective
from headstock.space import Float, Space
from headstock.storage import Command, ExperimentSpec, NewTrial, Outcome, Storage, open_storage
from headstock.storage.reconnecting import ReconnectingStorage
from headstock.storage.sql import SqlStorage
from headstock.trial import Comparison, Observation, TrialState, Verdict

SPEC = ExperimentSpec("kept", Space(x=Float(0, 1)), Objective("y"))
QUEUED = NewTrial({"x": 0.5}, state=TrialState.QUEUED)
DONE = Outcome(TrialState.COMPLETED, {"y": Observation(0.5)})


@dataclass
class Flaky:
    """A database whose writing transactions are lost as a plan says: "before" their commit, "in doubt", or not (None).

    In doubt means that the commit happened and nobody was told.
    """

    database: object
    plan: list[str | None] = field(default_factory=list)

    def __getattr__(self, name: str) -> object:
        return getattr(self.database, name)

    @contextmanager
    def writing(self):
        fate = self.plan.pop(0) if self.plan else None
        if fate == "before":
            raise ConnectionLostError("gone")
        with self.database.writing() as connection:
            yield connection
        if fate == "in doubt":
            raise ConnectionLostError("gone", is_in_doubt=True)

    alone = writing


@pytest.fixture
def flaky() -> Flaky:
    return Flaky(open_storage().database)


@pytest.fixture
def storage(flaky: Flaky) -> Storage:
    return ReconnectingStorage(SqlStorage(flaky), sleep=lambda _: None)


GO = Verdict(2, "resume", "it looks good")

VERBS: Sequence[Callable[[Storage], object]] = (
    lambda s: s.create(replace(SPEC, name="another")),
    lambda s: s.add_trials("kept", [QUEUED, QUEUED], created=3, now=5.0),
    lambda s: s.add_trials("kept", [NewTrial({"x": 0.25}, owner="me")], created=None, now=5.0),
    lambda s: s.lease("kept", "me", now=5.0),
    lambda s: s.lease("kept", "me", now=5.0, index=2),
    lambda s: s.extend("kept", "me"),
    lambda s: s.request("kept", 0, Command.STOP),
    lambda s: s.report("kept", 0, {"y": Observation(0.5, step=1)}, now=5.0, owner="me"),
    lambda s: s.finish("kept", 0, DONE, now=5.0, owner="me"),
    lambda s: s.grant("kept", 0, "me", until=3, verdict=GO, now=5.0),
    lambda s: s.grant("kept", 1, "me", until=3, verdict=GO, now=5.0, revision=s.changes("kept").revision),
    lambda s: s.pause("kept", 0, "me", verdict=GO, now=5.0),
    lambda s: s.widen("kept", SPEC.space.widened({"x": (0.0, 2.0)}), version=1, now=5.0),
    lambda s: s.delete("kept"),
)


def prepared(storage: Storage) -> None:
    storage.create(SPEC)
    storage.add_trials("kept", [NewTrial({"x": 0.5}, owner="me"), QUEUED, QUEUED], created=0, now=1.0)


def state(storage: Storage) -> object:
    """What is stored, without how often leases were renewed."""
    found = [(summary.spec, summary.counts) for summary in storage.experiments()]
    return found, [storage.changes(spec.name).trials for spec, _ in found]


@pytest.mark.parametrize("plan", [["before"], ["in doubt"], ["before", "in doubt"], ["in doubt", "before", "before"]])
@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_happens_once(storage: Storage, flaky: Flaky, verb: Callable[[Storage], object], plan: list[str]):
    calm = open_storage()
    prepared(calm)
    prepared(storage)
    expected = verb(calm)
    flaky.plan[:] = plan
    found = verb(storage)
    flaky.plan.clear()
    assert (
        [getattr(f, "index", f) for f in found] == [getattr(e, "index", e) for e in expected]
        if isinstance(found, list)
        else found == expected
    )
    assert state(storage) == state(calm)


@pytest.mark.parametrize("plan", [["before"], ["in doubt"], ["before", "in doubt"], ["in doubt", "before", "before"]])
def test_what_a_person_says_is_kept_once(storage: Storage, flaky: Flaky, plan: list[str]):
    storage.create(replace(SPEC, objective=Objective("y", judged=True)))
    storage.add_trials("kept", [NewTrial({"x": 0.5}, outcome=Outcome(TrialState.COMPLETED))] * 2, created=0, now=1.0)
    said = [Comparison(0, (1,), 2.0), Comparison(1, (0,), 3.0)]
    for known, one in enumerate(said):
        flaky.plan[:] = plan
        storage.judge("kept", one, {0: Observation(0.1)}, known=said[:known], now=one.time)
    assert storage.changes("kept").comparisons == tuple(said)
    flaky.plan[:] = plan
    storage.judge("kept", 0, {}, known=said, now=4.0)
    assert storage.changes("kept").comparisons == tuple(said[1:])


def test_a_release_that_was_committed_is_not_done_twice(storage: Storage, flaky: Flaky):
    prepared(storage)
    flaky.plan[:] = ["in doubt"]
    assert storage.release("kept", 0, owner="me", now=5.0, retries=3) is None
    trial = storage.changes("kept").trials[0]
    assert (trial.state, trial.attempt, trial.retries) == (TrialState.QUEUED, 1, 1)


def test_what_another_did_is_not_taken_for_ones_own(storage: Storage, flaky: Flaky):
    prepared(storage)
    other = SqlStorage(flaky.database)
    other.finish("kept", 0, Outcome(TrialState.FAILED, error="by hand"), now=4.0, owner="me")
    other.add_trials("kept", [QUEUED], created=3, now=4.0)
    flaky.plan[:] = ["before"]
    with pytest.raises(TrialStateError):
        storage.finish("kept", 0, DONE, now=5.0)
    flaky.plan[:] = ["before"]
    with pytest.raises(StaleHistoryError):
        storage.add_trials("kept", [QUEUED], created=3, now=5.0)


def test_patience_ends(flaky: Flaky):
    seconds = iter(range(100))
    slept: list[float] = []
    storage = ReconnectingStorage(SqlStorage(flaky), patience=10.0, sleep=slept.append, clock=lambda: next(seconds))
    flaky.plan[:] = ["before"] * 100
    with pytest.raises(ConnectionLostError, match="gone"):
        storage.create(SPEC)
    assert slept == [0.0, 0.05, 0.1, 0.2, 0.4, 0.8, 1.0, 1.0, 1.0]
