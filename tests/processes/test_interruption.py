"""Ctrl-C, as a terminal sends it: SIGINT to a process that runs `optimize` on a file."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from headstock import Experiment, optimize
from headstock.trial import TrialState

TOTAL = 8
SPACE: list[dict[str, Any]] = [
    {"name": "x", "type": "range", "bounds": [0.0, 1.0]},
    {"name": "n", "type": "range", "bounds": [1, 100]},
]

# The trial that is to be interrupted says so and waits for a line, which never comes.
SCRIPT = """
import json, sys
from headstock import optimize

url, parameters, total, waiting = sys.argv[1], *map(json.loads, sys.argv[2:])
evaluated = []

def evaluate(p):
    evaluated.append(p)
    print(json.dumps(p), flush=True)
    if len(evaluated) == waiting:
        sys.stdin.readline()
    return p["x"] * (1 - p["x"]) + p["n"] / 1000

found = optimize(parameters, evaluate, "kept", "score", total_trials=total, random_seed=5, storage=url)
print(json.dumps({"trials": len(found.experiment.trials), "best": found.best_parameters}), flush=True)
"""


def start(url: str, *, waiting: int = 0) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", SCRIPT, url, json.dumps(SPACE), str(TOTAL), str(waiting)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def read(process: subprocess.Popen[str], lines: int) -> list[dict[str, Any]]:
    assert process.stdout is not None
    return [json.loads(process.stdout.readline()) for _ in range(lines)]


def test_ctrl_c_in_a_trial_ends_the_loop_and_the_same_call_goes_on(tmp_path: Path):
    url = f"sqlite:///{tmp_path}/kept.db"
    with start(url, waiting=4) as first:
        evaluated = read(first, 4)
        first.send_signal(signal.SIGINT)
        out, err = first.communicate()
    assert (first.returncode, err) == (0, "")
    answer = json.loads(out)
    assert answer["trials"] == 4
    assert answer["best"] in evaluated[:3]
    with Experiment.open("kept", storage=url) as experiment:
        states = [t.state for t in experiment.history]
        assert states == [TrialState.COMPLETED] * 3 + [TrialState.QUEUED]
    with start(url) as second:
        out, err = second.communicate()
    assert (second.returncode, err) == (0, "")
    *rest, answer = map(json.loads, out.splitlines())
    assert answer["trials"] == TOTAL
    assert rest[0] == evaluated[3]  # what was interrupted comes first
    whole: list[dict[str, Any]] = []

    def evaluate(p: dict[str, Any]) -> float:
        whole.append(p)
        return p["x"] * (1 - p["x"]) + p["n"] / 1000

    optimize(SPACE, evaluate, objective_name="score", total_trials=TOTAL, random_seed=5)
    assert [*evaluated[:3], *rest] == whole  # as if nothing had been


def finished(url: str) -> set[tuple[int, float]]:
    with Experiment.open("kept", storage=url) as experiment:
        return {(t.index, t.objective_mean) for t in experiment.history if t.state.is_finished}


def test_ctrl_c_at_any_moment_loses_no_result_and_counts_none_twice(tmp_path: Path):
    url = f"sqlite:///{tmp_path}/kept.db"
    kept: set[tuple[int, float]] = set()
    for lines in (1, 3):  # it comes somewhere between the end of that trial and the end of the next
        with start(url) as process:
            read(process, lines)
            process.send_signal(signal.SIGINT)
            process.communicate()
        assert kept <= finished(url)
        kept = finished(url)
    with start(url) as process:
        _, err = process.communicate()
    assert (process.returncode, err) == (0, "")
    assert kept <= finished(url)
    with Experiment.open("kept", storage=url) as experiment:
        assert [t.state for t in experiment.history] == [TrialState.COMPLETED] * TOTAL
