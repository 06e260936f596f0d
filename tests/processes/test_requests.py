"""What somebody asks of a trial is done though the process that is to do it is killed before it hears of it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import headstock as hs
import tasks
from headstock.history import History
from headstock.trial import TrialState

BUDGET = hs.Budget(trials=1)

RUNNER = """
import sys
sys.path.insert(0, sys.argv[2])
import headstock as hs
import tasks

with hs.Experiment.open("e", storage=sys.argv[1]) as experiment:
    experiment.run(tasks.wait_in_the_middle, budget=hs.Budget(trials=1), workers=1)
"""


def experiment(folder: Path) -> hs.Experiment:
    space, url = hs.Space(x=hs.Float(0, 1)), f"sqlite:///{folder}/e.db"
    return hs.Experiment("e", space, maximize="score", seed=1, storage=url, scheduler=hs.FullTraining())


def waiting(history: History) -> list[int]:
    """The processes that wait in the middle of a trial, which they will never leave."""
    return [int(o.mean) for trial in history for o in trial.reports.get("waits", ())]


def ask(found: hs.Experiment, command: str) -> None:
    {"stop": found.stop, "pause": found.pause}[command](0)


def check_it_was_done(found: hs.Experiment, command: str) -> None:
    """It ended with what it had reported; or it waits, also for runs, until somebody lets it go on from its state."""
    trial = found.trials[0]
    assert (trial.attempt, trial.verdicts[-1].decision, trial.is_by_request) == (0, command, True)
    assert [o.mean for o in trial.reports["score"]] == [1.0, 2.0]
    if command == "stop":
        assert (trial.state, trial.objective_mean) == (TrialState.STOPPED, 2.0)
        return
    assert (trial.state, trial.is_held) == (TrialState.PAUSED, True)
    found.run(tasks.wait_in_the_middle, budget=BUDGET, workers=1)
    assert found.trials[0] == trial, "it was taken up, unasked"
    found.unpause(0)
    found.run(tasks.wait_in_the_middle, budget=BUDGET, workers=1)
    trial = found.trials[0]
    assert trial.state is TrialState.COMPLETED
    assert [(o.step, o.mean) for o in trial.reports["score"]] == [(1, 1.0), (2, 2.0), (3, 3.0), (4, 4.0)]
    pids = [o.mean for o in trial.reports["pid"]]
    assert pids[0] == pids[1] != pids[2] == pids[3], "it did not go on from its state"


@pytest.mark.parametrize("command", ["stop", "pause"])
def test_a_worker_that_is_killed(command: str, tmp_path: Path):
    killed = []

    def observe(history: History) -> None:
        if waiting(history) and not killed:
            with hs.Experiment.open("e", storage=url) as other:
                ask(other, command)
            killed.extend(waiting(history))
            os.kill(killed[0], signal.SIGKILL)

    with experiment(tmp_path) as found:
        url = found.storage
        found.run(tasks.wait_in_the_middle, budget=BUDGET, workers=1, observe=observe)
        assert killed
        check_it_was_done(found, command)


@pytest.mark.parametrize("command", ["stop", "pause"])
@pytest.mark.parametrize("is_asked_before", [True, False])
def test_a_run_that_is_killed(command: str, is_asked_before: bool, tmp_path: Path):
    with experiment(tmp_path) as found:
        with subprocess.Popen([sys.executable, "-c", RUNNER, found.storage, str(Path(__file__).parents[1])]) as runner:
            while not waiting(found.history):
                assert runner.poll() is None
                time.sleep(0.1)
            if is_asked_before:
                ask(found, command)
            runner.kill()
        if is_asked_before:
            found.run(tasks.wait_in_the_middle, budget=BUDGET, workers=1)
        else:
            ask(found, command)
        check_it_was_done(found, command)
