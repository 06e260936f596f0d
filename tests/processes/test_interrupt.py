"""Ctrl-C, as a person presses it: a real signal, at a process of its own."""

import signal
import subprocess
import sys
import time
from pathlib import Path

from headstock import Experiment
from headstock.trial import TrialState

TOTAL = 8  # in the script

# It evaluates a point at once, but stays in the fourth until it is interrupted, if it is told to.
SCRIPT = """
import sys, time
from pathlib import Path
from headstock import optimize

url, begun, waits = sys.argv[1], Path(sys.argv[2]), sys.argv[3] == "waits"
calls = 0

def evaluate(parameters):
    global calls
    calls += 1
    if waits and calls == 4:
        begun.touch()
        while True:
            time.sleep(0.01)
    return -(parameters["x"] - 0.3) ** 2

best, values, experiment, model = optimize(
    [{"name": "x", "type": "range", "bounds": [0.0, 1.0]}],
    evaluate,
    experiment_name="interrupted",
    objective_name="score",
    total_trials=8,
    random_seed=0,
    storage=url,
)
print(calls, best["x"])
"""


def started(tmp_path: Path, mode: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", SCRIPT, f"sqlite:///{tmp_path}/a.db", str(tmp_path / "begun"), mode]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def interrupted_in_the_fourth(tmp_path: Path) -> tuple[int, str, str]:
    """The exit code and the output of a process that was interrupted in its fourth evaluation."""
    process = started(tmp_path, "waits")
    try:
        while not (tmp_path / "begun").exists():
            assert process.poll() is None, process.communicate()
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        printed, said = process.communicate(timeout=60)
    finally:
        process.kill()
    return process.returncode, printed, said


def test_an_interrupted_optimize_stores_everything_and_the_same_call_goes_on(tmp_path: Path):
    code, printed, said = interrupted_in_the_fourth(tmp_path)
    assert (code, printed.split()[0], said) == (0, "4", "")  # it returned what it had found
    url = f"sqlite:///{tmp_path}/a.db"
    with Experiment.open("interrupted", storage=url) as experiment:
        before = experiment.history
    assert before.counts == {TrialState.COMPLETED: 3, TrialState.QUEUED: 1}

    again = started(tmp_path, "runs")
    printed, said = again.communicate(timeout=120)
    assert again.returncode == 0, said
    assert printed.split()[0] == str(TOTAL - 3)  # evaluations of this process: the interrupted one, and the rest
    with Experiment.open("interrupted", storage=url) as experiment:
        after = experiment.history
    assert after.counts == {TrialState.COMPLETED: TOTAL}
    assert [t.parameters for t in after.trials[:4]] == [t.parameters for t in before.trials]


def test_an_interruption_changes_no_suggestion(tmp_path: Path):
    interrupted_in_the_fourth(tmp_path)
    started(tmp_path, "runs").communicate(timeout=120)
    whole = tmp_path / "whole"
    whole.mkdir()
    started(whole, "runs").communicate(timeout=120)
    found = []
    for folder in (tmp_path, whole):
        with Experiment.open("interrupted", storage=f"sqlite:///{folder}/a.db") as experiment:
            found.append([t.parameters["x"] for t in experiment.history])
    assert found[0] == found[1]
