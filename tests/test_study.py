import math
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest

from headstock import Failed, Float, Int, Sobol, Space
from headstock.errors import MetricError, ParameterError, SpaceExhaustedError, TrialStateError, UnknownTrialError
from headstock.objective import Objective
from headstock.storage import ExperimentSpec, open_storage
from headstock.study import Study
from headstock.trial import TrialState

SPACE = Space(x=Float(0, 1), n=Int(1, 4))


def study_of(url: str | None = None, *, space: Space = SPACE, create: bool = True) -> Study:
    storage = open_storage(url)
    if create:
        storage.create(ExperimentSpec("study", space, Objective("score"), seed=7))
    return Study(storage, storage.experiment("study"), Sobol())


def test_asks_are_distinct_and_many_may_be_open():
    study = study_of()
    asked = [study.ask(now=0.0)[0] for _ in range(20)]
    assert len({record.arm.signature for record in asked}) == 20
    assert [record.index for record in asked] == list(range(20))
    assert all(record.state is TrialState.RUNNING for record in study.history())


def test_who_has_to_wait_for_the_turn_reads_what_is_new_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    url = f"sqlite:///{tmp_path}/a.db"
    one, other = study_of(url), study_of(url, create=False)
    one.ask(5, now=0.0)
    known = []

    def turn(_storage: object, _name: str) -> AbstractContextManager[None]:
        known.append(other.revision)
        return nullcontext()

    with one.storage.turn("study"):
        monkeypatch.setattr(type(other.storage), "turn", turn)
        other.ask(now=1.0)
    assert known == [one.storage.changes("study").revision - 1]


def test_a_batch_shares_its_number():
    study = study_of()
    study.ask(now=0.0)
    assert [record.arm.name for record in study.ask(3, now=0.0)] == ["1_0", "1_1", "1_2"]


def test_the_queue_comes_first_and_is_completed_by_the_sampler():
    study = study_of()
    study.enqueue({"x": 0.25}, now=0.0)
    [queued, suggested] = study.ask(2, now=1.0)
    assert queued.parameters["x"] == 0.25
    assert queued.parameters["n"] in {1, 2, 3, 4}
    assert queued.source == "enqueued"
    assert suggested.source == "sobol"


def test_what_others_queue_comes_first_too_and_what_they_take_is_left_to_them(tmp_path: Path):
    url = f"sqlite:///{tmp_path}/a.db"
    study = study_of(url)
    study.ask(now=0.0)
    other = study_of(url, create=False)
    other.enqueue({"x": 0.25}, now=1.0)
    assert [record.source for record in study.ask(2, now=2.0)] == ["enqueued", "sobol"]
    for x in (0.5, 0.75):
        other.enqueue({"x": x}, now=3.0)
    study.history()
    taken = [record.parameters["x"] for record in other.ask(2, now=4.0)]
    assert taken == [0.5, 0.75]
    [suggested] = study.ask(now=5.0)
    assert (suggested.index, suggested.source) == (5, "sobol")


def test_a_reopened_study_suggests_the_same(tmp_path: Path):
    url = f"sqlite:///{tmp_path}/a.db"
    first = study_of(url)
    for i in range(5):
        [record] = first.ask(now=float(i))
        first.tell(record.index, first.read(record.parameters["x"]), now=float(i))
    first.storage.close()
    reopened = study_of(url, create=False)
    other = study_of()
    for i in range(5):
        [record] = other.ask(now=float(i))
        other.tell(record.index, other.read(record.parameters["x"]), now=float(i))
    assert reopened.ask(now=9.0)[0].parameters == other.ask(now=9.0)[0].parameters


def test_two_processes_on_one_file_never_create_the_same_trial(tmp_path: Path):
    url = f"sqlite:///{tmp_path}/a.db"
    one, two = study_of(url), study_of(url, create=False)
    one.history(), two.history()
    asked = [record for _ in range(5) for study in (one, two) for record in study.ask(now=0.0)]
    assert [record.index for record in asked] == list(range(10))
    assert len({record.arm.signature for record in asked}) == 10


def test_telling():
    study = study_of()
    [a, b] = study.ask(2, now=1.0)
    assert study.tell(a.index, study.read((0.5, 0.1)), now=3.0).seconds == 2.0
    assert study.tell(b.index, study.read(Failed("CUDA out of memory")), now=3.0).error == "CUDA out of memory"
    assert study.history().best_seen() == study.trial(0)
    with pytest.raises(TrialStateError, match="completed"):
        study.tell(a.index, study.read(0.6), now=4.0)
    with pytest.raises(UnknownTrialError):
        study.tell(99, study.read(0.6), now=4.0)
    with pytest.raises(MetricError, match="not finite"):
        study.read(math.nan)
    assert study.trial(0).objective_mean == 0.5


def test_what_does_not_belong_is_refused_before_anything_is_stored():
    study = study_of()
    with pytest.raises(ParameterError, match="outside"):
        study.enqueue({"x": 2.0}, now=0.0)
    with pytest.raises(ParameterError, match="Missing: n"):
        study.attach({"x": 0.5}, study.read(1.0), now=0.0)
    assert len(study.history()) == 0


def test_a_finite_space_runs_out():
    study = study_of(space=Space(n=Int(1, 3)))
    assert {record.parameters["n"] for record in study.ask(3, now=0.0)} == {1, 2, 3}
    with pytest.raises(SpaceExhaustedError):
        study.ask(now=0.0)
