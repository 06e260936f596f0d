import os
import threading
from pathlib import Path
from typing import Any

import psutil
import pytest

import headstock as hs
import tasks
from headstock.errors import ExecutorError, TooManyFailuresError
from headstock.executors.base import Lost
from headstock.executors.process import Processes
from headstock.trial import TrialState

SPACE = hs.Space(x=hs.Float(0, 1))


def experiment(path: Path, **options: Any) -> hs.Experiment:
    return hs.Experiment("e", SPACE, maximize="score", seed=1, storage=f"sqlite:///{path}/e.db", **options)


def is_running(pid: int) -> bool:
    """A process that has ended may still have a number, if nobody waits for it."""
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_a_killed_trial_goes_on_from_its_state_in_another_process(tmp_path: Path):
    with experiment(tmp_path, scheduler=hs.FullTraining()) as found:
        found.run(tasks.climb, budget=hs.Budget(trials=4), workers=2)
        assert found.history.counts == {TrialState.COMPLETED: 4}
        for trial in found.history:
            expected = [trial.parameters["x"] * k for k in range(1, 7)]
            assert [o.mean for o in trial.reports["score"]] == pytest.approx(expected)
        pids = {trial.index: [o.mean for o in trial.reports["pid"]] for trial in found.history}
        assert os.getpid() not in set().union(*pids.values())
        assert len(set(pids[1][:2])) == len(set(pids[1][2:])) == 1
        assert pids[1][1] != pids[1][2], "another process goes on where the first one died"
        assert (found.trials[1].attempt, found.trials[1].retries) == (1, 0)


def test_every_way_to_die_costs_one_trial(tmp_path: Path):
    with experiment(tmp_path) as found:
        found.run(tasks.crash, budget=hs.Budget(trials=12), workers=2)
        errors = [found.trials[index].error or "" for index in range(5)]
        assert errors[0] == "its process was killed by SIGSEGV"
        assert errors[1] == "its process ended with exit code 3"
        assert errors[2] == "SystemExit: no such option"
        assert errors[3] == "ValueError: bad luck"
        assert errors[4].startswith("its process was killed by SIGKILL")
        assert "as in 2 tries before" in errors[4]
        assert found.history.counts == {TrialState.FAILED: 5, TrialState.COMPLETED: 7}


def test_what_a_process_has_started_ends_with_it(tmp_path: Path):
    with experiment(tmp_path) as found:
        with pytest.raises(TooManyFailuresError, match="exit code 1"):
            found.run(tasks.leave_children, budget=hs.Budget(trials=6), workers=1)
        children = [int(file.read_text()) for file in tmp_path.rglob("child")]
        assert len(children) == 5
        assert not any(is_running(child) for child in children)


def test_a_function_of_the_moment_is_handed_over(tmp_path: Path):
    offset = 2.0
    with experiment(tmp_path) as found:
        found.run(lambda trial: trial.parameters["x"] + offset, budget=hs.Budget(trials=3), workers=1)
        assert all(t.objective_mean == t.parameters["x"] + 2.0 for t in found.history)


def test_what_cannot_be_handed_over_is_refused_before_anything_is_stored(tmp_path: Path):
    lock = threading.Lock()
    with experiment(tmp_path) as found:
        for workers, words in ((2, "cannot be handed to another process"), (0, "whole number of at least 1")):
            with pytest.raises(ExecutorError, match=words):
                found.run(lambda _: float(lock.locked()), budget=hs.Budget(trials=3), workers=workers)
        assert len(found.history) == 0


class Unfit:
    """Something that cannot be rebuilt."""

    def __reduce__(self) -> Any:
        return int, ("no number",)


def test_what_cannot_be_rebuilt_is_said_once(tmp_path: Path):
    unfit = Unfit()
    with experiment(tmp_path) as found, pytest.raises(ExecutorError, match=r"cannot be rebuilt .*no number"):
        found.run(lambda _: unfit, budget=hs.Budget(trials=3), workers=2)
    with experiment(tmp_path) as found:
        assert found.history.counts == {TrialState.QUEUED: 2}


def test_tasks_ask_and_end():
    import cloudpickle

    executor = Processes(cloudpickle.dumps(lambda task, ask: ask("half", task) * 4), [{}, {}])
    for task in (10, 20):
        executor.submit(task, task)
    ends = {}
    while executor.unfinished:
        ends |= {one.task: one.end for one in executor.wait(lambda _number, _kind, task: task / 2, 1.0)}
    assert ends == {10: 20.0, 20: 40.0}
    executor.close()


def test_an_interrupted_answer_is_given_later():
    import cloudpickle

    executor = Processes(cloudpickle.dumps(lambda task, ask: ask("half", task)), [{}])
    executor.submit(7, 7)
    interruptions = iter([True])

    def listen(_number: int, _kind: str, task: int) -> int:
        if next(interruptions, False):
            raise KeyboardInterrupt
        return task

    with pytest.raises(KeyboardInterrupt):
        executor.wait(listen, 60.0)
    [finished] = executor.wait(listen, 60.0)
    assert (finished.task, finished.end) == (7, 7)
    assert not isinstance(finished.end, Lost)
    executor.close()
