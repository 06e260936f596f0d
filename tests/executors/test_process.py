import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

import headstock as hs
import tasks
from headstock.errors import ExecutorError, TooManyFailuresError
from headstock.executors.base import Finished, Lost
from headstock.executors.gpus import slots
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
        found.run(tasks.crash, budget=hs.Budget(trials=15), workers=2)
        errors = [found.trials[index].error or "" for index in range(0, 15, 3)]
        assert errors[0] == "its process was killed by SIGSEGV"
        assert errors[1] == "its process ended with exit code 3"
        assert errors[2] == "SystemExit: no such option"
        assert errors[3] == "ValueError: bad luck"
        assert errors[4].startswith("its process was killed by SIGKILL")
        assert "as in 2 tries before" in errors[4]
        assert found.history.counts == {TrialState.FAILED: 5, TrialState.COMPLETED: 10}


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


def test_a_trial_that_takes_too_long_clears_up_and_fails_once(tmp_path: Path):
    with experiment(tmp_path) as found:
        seconds = 0.0

        def clock() -> float:
            """It goes on when all that run have reported, however long that takes on a busy machine."""
            nonlocal seconds
            reported = [bool(trial.reports) for trial in found.history]
            if all(reported[trial.index] for trial in found.history if trial.state is TrialState.RUNNING):
                seconds = float(sum(reported))
            return seconds

        def processes(work: Any, workers: int | None, timeout: float | None) -> Processes:
            return replace(Processes.of(work, slots(workers), timeout), clock=clock)

        found.run(tasks.hang, budget=hs.Budget(trials=3), workers=2, timeout=0.5, executor=processes)
        trials = list(found.history)
    assert [(t.state, t.error, t.attempt) for t in trials] == [(TrialState.FAILED, "timed out after 0.5 s", 0)] * 3
    assert all(len(trial.reports["score"]) == 1 for trial in trials), "what it had reported is kept"
    assert len(list(tmp_path.rglob("cleared"))) == 3, "it was not asked before it was killed"
    children = [int(file.read_text()) for file in tmp_path.rglob("child")]
    assert len(children) == 3
    assert not any(is_running(child) for child in children)


def deaf(task: Path, ask: Any) -> None:
    """Neither hears that it is to end, nor does what it has started."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    child = subprocess.Popen(["sleep", "600"], start_new_session=True)
    task.write_text(f"{os.getpid()} {child.pid}")
    while True:
        ask("still", "here")


def test_one_that_does_not_leave_is_killed_with_all_that_it_has_started(tmp_path: Path):
    import cloudpickle

    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    begun = threading.Event()

    def clock() -> float:
        return 1e6 + time.monotonic() if begun.is_set() else 0.0

    executor = Processes(cloudpickle.dumps(deaf), [{}], timeout=3.0, grace=0.1, clock=clock)
    cloudpickle.unregister_pickle_by_value(sys.modules[__name__])
    executor.submit(5, tmp_path / "pids")
    finished: list[Finished] = []
    while not finished:
        finished += executor.wait(lambda *_: begun.set(), 60.0)
    assert finished == [Finished(5, Lost("timed out after 3 s", is_transient=False))]
    assert not any(is_running(int(pid)) for pid in (tmp_path / "pids").read_text().split())
    assert executor.unfinished == 0
    executor.close()


def test_the_time_of_a_task_is_its_own():
    import cloudpickle

    now = iter(range(0, 1000, 60))
    executor = Processes(cloudpickle.dumps(lambda task, _: task), [{}], timeout=90.0, clock=lambda: float(next(now)))
    for task in range(4):  # each begins a minute after the one before, in the same process
        executor.submit(task, task)
        assert [one.end for one in executor.wait(lambda *_: None, 60.0)] == [task]
    executor.close()


def test_one_that_somebody_else_ends_is_tried_again(tmp_path: Path):
    with experiment(tmp_path) as found:
        found.run(tasks.end_once, budget=hs.Budget(trials=2), workers=1)
        assert [(t.state, t.retries) for t in found.history] == [(TrialState.COMPLETED, 1)] * 2


@pytest.mark.parametrize(("options", "words"), [({}, "give workers=1 too"), ({"workers": 1}, "a positive number")])
def test_a_time_out_that_makes_no_sense_is_refused(tmp_path: Path, options: dict[str, Any], words: str):
    with experiment(tmp_path) as found:
        with pytest.raises(ExecutorError, match=words):
            found.run(tasks.climb, budget=hs.Budget(trials=1), timeout=0, **options)
        assert len(found.history) == 0
