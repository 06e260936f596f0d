import json
import math

import pytest

from headstock.errors import MetricError
from headstock.trial import TRANSITIONS, Arm, Observation, TrialRecord, TrialState


def test_a_record_survives_json():
    record = TrialRecord(
        index=3,
        state=TrialState.COMPLETED,
        parameters={"lr": 0.1, "optimizer": "sgd", "nesterov": True, "decay": None},
        batch=2,
        position=1,
        memo={"n": 4},
        objective="accuracy",
        metrics={"accuracy": Observation(0.5, 0.1), "loss": Observation(1.0)},
        reports={"accuracy": (Observation(0.1, None, 1), Observation(0.5, None, 2))},
        until=2,
        steps=30,
        parent=(1, 4),
        trained=2.25,
        created=1.0,
        started=2.0,
        finished=4.5,
    )
    stored = json.loads(json.dumps(record.to_json(), allow_nan=False))
    assert TrialRecord.from_json(stored) == record
    assert stored["state"] == "completed"
    assert stored["seconds"] == 2.5
    assert record.arm.name == "2_1"
    assert record.objective_mean == 0.5


def test_a_trial_without_a_result():
    record = TrialRecord(index=0, state=TrialState.RUNNING, parameters={}, batch=0)
    assert math.isnan(record.objective_mean)
    assert record.seconds is None
    with pytest.raises(MetricError, match=r"running.*no metric 'loss'"):
        record.get_metric_mean("loss")


def test_equal_configurations_have_equal_signatures():
    assert Arm("0_0", {"a": 1, "b": 2}).signature == Arm("7_0", {"b": 2, "a": 1}).signature
    assert Arm("0_0", {"a": 1}).signature != Arm("0_0", {"a": True}).signature


def test_nothing_follows_an_end():
    finished = {s for s in TrialState if s.is_finished}
    assert finished == {TrialState.COMPLETED, TrialState.STOPPED, TrialState.FAILED, TrialState.ABANDONED}
    assert all(s in TRANSITIONS[TrialState.RUNNING] for s in finished)


def test_a_trial_waits_when_it_has_trained_as_far_as_it_was_told_to():
    def at(step: int, **fields: object) -> TrialRecord:
        curve = tuple(Observation(0.1 * t, None, t) for t in range(1, step + 1))
        return TrialRecord(0, parameters={}, batch=0, reports={"accuracy": curve} if step else {}, **fields)

    assert at(3, state=TrialState.RUNNING, until=3).is_waiting
    assert at(4, state=TrialState.RUNNING, until=3).is_waiting
    assert not at(2, state=TrialState.RUNNING, until=3).is_waiting
    assert not at(3, state=TrialState.RUNNING).is_waiting
    assert not at(3, state=TrialState.PAUSED, until=3).is_waiting
    assert at(0, state=TrialState.RUNNING).step == 0
    assert at(0, state=TrialState.RUNNING, parent=(7, 5)).step == 5
