from pathlib import Path
from typing import Any

import psutil
import pytest

import headstock as hs
import tasks
from headstock.errors import ExecutorError
from headstock.executors.gpus import slots
from headstock.trial import TrialState

LISTED = """GPU 0: NVIDIA H100 80GB HBM3 (UUID: GPU-aaaaaaaa-0000-0000-0000-000000000000)
  MIG 3g.40gb     Device  0: (UUID: MIG-bbbbbbbb-0000-0000-0000-000000000001)
  MIG 3g.40gb     Device  1: (UUID: MIG-bbbbbbbb-0000-0000-0000-000000000002)
GPU 1: NVIDIA H100 80GB HBM3 (UUID: GPU-cccccccc-0000-0000-0000-000000000003)
"""


def ids(*given: Any, environment: Any = (), **named: Any) -> list[str]:
    return [slot["CUDA_VISIBLE_DEVICES"] for slot in slots(*given, **named, environment=dict(environment))]


@pytest.mark.parametrize(
    ("workers", "gpus", "per_trial", "expected"),
    [
        (None, [0, 1, 2, 3], None, ["0", "1", "2", "3"]),
        (None, "0,1, 2,3", 2, ["0,1", "2,3"]),
        (None, ["GPU-a", "GPU-b"], 0.5, ["GPU-a", "GPU-b", "GPU-a", "GPU-b"]),
        (3, [0, 1], 0.5, ["0", "1", "0"]),
        (None, [0], 1 / 3, ["0", "0", "0"]),
        (None, [0], 0.4, ["0", "0"]),
        (None, [0, 1, 2], 2, ["0,1"]),
        (1, [0, 1], 1.0, ["0"]),
    ],
)
def test_gpus_are_shared_out(workers: Any, gpus: Any, per_trial: Any, expected: list[str]):
    assert ids(workers, gpus, per_trial) == expected


def test_without_gpus_nothing_is_set():
    assert list(slots(2)) == [{}, {}]
    assert list(slots()) == [{}]


def test_numbers_count_what_this_process_may_see():
    environment = {"CUDA_VISIBLE_DEVICES": "4,GPU-x,6"}
    assert ids(None, [0, 2], environment=environment) == ["4", "6"]
    assert ids(None, "all", environment=environment) == ["4", "GPU-x", "6"]
    assert ids(None, ["GPU-x"], environment=environment) == ["GPU-x"]
    with pytest.raises(ExecutorError, match="no GPU 3 here"):
        ids(None, [3], environment=environment)
    with pytest.raises(ExecutorError, match="no GPUs here: CUDA_VISIBLE_DEVICES is ''"):
        ids(None, "all", environment={"CUDA_VISIBLE_DEVICES": ""})


def test_all_are_asked_for_where_the_driver_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ExecutorError, match="nvidia-smi -L lists none"):
        ids(None, "all")
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n/bin/cat <<'END'\n{LISTED}END\n")
    program.chmod(0o700)
    found = ids(None, "all")
    assert [id_[:12] for id_ in found] == ["MIG-bbbbbbbb", "MIG-bbbbbbbb", "GPU-cccccccc"]
    assert len(set(found)) == 3


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"gpus_per_trial": 1}, "no GPUs are given"),
        ({"gpus": []}, "give each GPU once"),
        ({"gpus": 2}, "gpus=2: give each GPU once"),
        ({"gpus": [0, 0]}, "give each GPU once"),
        ({"gpus": "0,1", "gpus_per_trial": 3}, "only 2 GPUs: 0, 1"),
        ({"gpus": "0,1", "gpus_per_trial": 1.5}, "a whole number, or a share"),
        ({"gpus": "0,1", "gpus_per_trial": 0}, "a whole number, or a share"),
        ({"gpus": "0,1", "gpus_per_trial": float("nan")}, "a whole number, or a share"),
        ({"gpus": "0,1", "gpus_per_trial": float("inf")}, "a whole number, or a share"),
        ({"gpus": "0,1", "workers": 3}, "room for 2 trials at once"),
        ({"workers": 0}, "whole number of at least 1"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_stored(options: dict[str, Any], words: str):
    experiment = hs.Experiment("e", hs.Space(x=hs.Float(0, 1)), maximize="score")
    with pytest.raises(ExecutorError, match=words):
        experiment.run(lambda _: 0.0, budget=hs.Budget(trials=3), **options)
    assert len(experiment.history) == 0


@pytest.mark.parametrize(("per_trial", "count"), [(1, 1.0), (2, 2.0)])
def test_a_slot_is_one_process_s_and_is_free_again_however_that_dies(tmp_path: Path, per_trial: int, count: float):
    space, url = hs.Space(x=hs.Float(0, 1)), f"sqlite:///{tmp_path}/e.db"
    with hs.Experiment("e", space, maximize="score", seed=1, storage=url) as experiment:
        gpus = ["GPU-a", "GPU-b"] if per_trial == 1 else [0, 1, 2, 3]
        experiment.run(tasks.take_gpus, budget=hs.Budget(trials=12), gpus=gpus, gpus_per_trial=per_trial)
        # Of those that die the first time, an exit code is their own fault, and a kill is not.
        failed = [trial.index for trial in experiment.history if trial.state is TrialState.FAILED]
        assert failed == [3, 9], [trial.error for trial in experiment.history.failed]
        assert experiment.history.counts[TrialState.COMPLETED] == 10
        assert {o.mean for trial in experiment.history for o in trial.reports.get("gpus", ())} == {count}
        assert (experiment.trials[0].attempt, experiment.trials[6].attempt) == (1, 1)


def test_the_variable_is_set_before_the_process_begins(tmp_path: Path):
    def evaluate(_: hs.Trial) -> dict[str, float]:
        return {"score": 0.0, "gpu": float(psutil.Process().environ()["CUDA_VISIBLE_DEVICES"])}

    experiment = hs.Experiment("e", hs.Space(x=hs.Float(0, 1)), maximize="score", files=tmp_path)
    experiment.run(evaluate, budget=hs.Budget(trials=4), gpus=[5, 7], gpus_per_trial=0.5, workers=2)
    seen = {trial.metrics["gpu"].mean for trial in experiment.history}
    assert seen == {5.0, 7.0}
