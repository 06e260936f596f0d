"""Four workers on one file, and somebody who kills them and their runner without warning, and tears saved states."""

import os
import random
import signal
import subprocess
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

import headstock as hs
from headstock.trial import TrialState

TRIALS = 12
STEPS = 8

RUNNER = f"""
import sys
sys.path.insert(0, sys.argv[2])
import headstock as hs
import tasks

space = hs.Space(x=hs.Float(0, 1))
scheduler = hs.SuccessiveHalving(min_steps=2, eta=2)
experiment = hs.Experiment("storm", space, maximize="score", storage=sys.argv[1], seed=3, scheduler=scheduler)
print(experiment.run(tasks.slow_climb, budget=hs.Budget(trials={TRIALS}), workers=4), flush=True)
"""


def test_nothing_is_lost_or_doubled_whoever_is_killed(tmp_path: Path):
    url, rng = f"sqlite:///{tmp_path}/storm.db", random.Random(8)
    printed: Counter[str] = Counter()
    runner_kills = worker_kills = 0
    torn: set[Path] = set()
    ended = ""
    while not ended:
        command = [sys.executable, "-c", RUNNER, url, str(Path(__file__).parents[1])]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as runner:
            assert runner.stdout is not None
            for line in runner.stdout:
                if not line[0].isdigit():
                    ended = line.strip()
                    continue
                printed[line.strip()] += 1
                lot, which = rng.random(), rng.random()  # two a line, so that what happens depends on no clock
                if lot < 0.25 and worker_kills < 12:
                    with suppress(psutil.NoSuchProcess, IndexError):  # all may have died, and others be about to begin
                        children = psutil.Process(runner.pid).children()
                        victims = [p for p in children if p.status() != psutil.STATUS_ZOMBIE]
                        victims[int(which * len(victims))].kill()
                        worker_kills += 1
                elif lot < 0.35:
                    torn |= _tear(tmp_path, torn)
                elif lot > 0.93 and runner_kills < 3:
                    runner.send_signal(signal.SIGKILL)
                    runner_kills += 1
    assert worker_kills >= 6
    assert runner_kills >= 1
    assert torn
    with hs.Experiment.open("storm", storage=url) as experiment:
        history = experiment.history
        assert history.evaluations == len(history) == TRIALS
        assert history.counts[TrialState.COMPLETED] >= 1
        for trial in history:
            curve = trial.reports["score"]
            assert [o.step for o in curve] == list(range(1, trial.step + 1)), "a report was lost"
            assert [o.mean for o in curve] == pytest.approx([trial.parameters["x"] * o.step for o in curve])
            match trial.state:
                case TrialState.COMPLETED:
                    assert trial.step == STEPS
                case TrialState.FAILED:
                    assert trial.error is not None
                    assert trial.error.endswith("as in 2 tries before"), (
                        "only three kills without a step between end a trial"
                    )
                case state:
                    assert state is TrialState.PAUSED
        repeated = sum(printed.values()) - len(printed)
        lost = worker_kills + 4 * runner_kills + len(torn)
        assert repeated <= lost, "more was repeated than the step that was not saved, or whose state was torn"
    assert not [p for p in psutil.process_iter() if str(tmp_path) in " ".join(_command(p))], "a process was left behind"


SHARED = """
import sys
sys.path.insert(0, sys.argv[2])
import headstock as hs
import tasks

experiment = hs.Experiment.open("shared", storage=sys.argv[1])
experiment.run(tasks.slow_climb, budget=hs.Budget(steps=50))
"""


def test_several_runners_share_one_budget_exactly(tmp_path: Path):
    url = f"sqlite:///{tmp_path}/shared.db"
    scheduler = hs.SuccessiveHalving(min_steps=2, eta=2)
    hs.Experiment(
        "shared", hs.Space(x=hs.Float(0, 1)), maximize="score", storage=url, scheduler=scheduler, seed=1
    ).close()
    command = [sys.executable, "-c", SHARED, url, str(Path(__file__).parents[1])]
    runners = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    printed = Counter(line for runner in runners for line in runner.communicate()[0].splitlines())
    assert [runner.returncode for runner in runners] == [0, 0, 0]
    assert printed.total() == len(printed) == 50, "a step was trained twice, or not paid for"
    with hs.Experiment.open("shared", storage=url) as experiment:
        assert sum(trial.step for trial in experiment.history) == 50
        assert set(experiment.history.counts) <= {TrialState.COMPLETED, TrialState.PAUSED}


def _tear(files: Path, torn: set[Path]) -> set[Path]:
    """Cut the end off the newest state of a trial whose states are whole; the folder of that trial, if there is one."""
    for folder in sorted({path.parent for path in files.rglob("*.zip")} - torn):
        newest = max(folder.glob("*.zip"), key=lambda path: int(path.name.split("-")[0]), default=None)
        if newest is not None:
            with suppress(FileNotFoundError):  # a newer one has taken its place just now
                os.truncate(newest, newest.stat().st_size - 1)
                return {folder}
    return set()


def _command(process: psutil.Process) -> list[str]:
    with suppress(psutil.Error):
        return process.cmdline() if process.status() != psutil.STATUS_ZOMBIE else []
    return []
