"""Scripts that talk to headstock themselves, by two lines of it."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

import headstock as hs
from headstock.cli import app
from headstock.history import History
from headstock.trial import TrialState

SCRIPT = """
import sys, time
import headstock as hs

trial = hs.current_trial()
state = {"total": 0.0}
trial.attach(state=state)
for step in trial.steps(4):
    state["total"] += trial.parameters.get("lr", 1.0)
    print("accuracy=-1", flush=True)
    trial.report(accuracy=state["total"])
    if "--wait" in sys.argv and step == 1:
        print("waiting", flush=True)
        while trial._answer.word == "go on":
            trial.report(waited=1.0)
            time.sleep(0.05)
print("the end")
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.py").write_text(SCRIPT)
    return tmp_path


def words(*options: str) -> list[str]:
    given = ["run", "--name", "a", "--maximize", "accuracy", "--seed", "1", "--lr", "0:1", *options]
    return [*given, "--", sys.executable, "-W", "error", "train.py"]


def run(*options: str) -> None:
    done = CliRunner().invoke(app, words(*options))
    assert done.exit_code == 0, (done.output, done.exception)


def history(folder: Path) -> History:
    with hs.Experiment.open("a", storage=f"sqlite:///{folder}/headstock.db") as experiment:
        return experiment.history


def test_a_script_reports_by_step_pauses_and_goes_on(folder: Path):
    run("--trials", "6")
    found = history(folder)
    assert TrialState.PAUSED in found.counts, "freeze-thaw pauses what attaches its state"
    assert any(verdict.decision == "resume" for trial in found for verdict in trial.verdicts)
    for trial in found:
        curve = trial.reports["accuracy"]
        assert [o.step for o in curve] == list(range(1, trial.step + 1))
        assert [o.mean for o in curve] == pytest.approx([trial.parameters["lr"] * o.step for o in curve])
        assert trial.saves
        ended = "the end" in "".join(log.read_text() for log in folder.glob(f"*.files/*/{trial.index}/output.log"))
        assert ended is (trial.state is TrialState.COMPLETED), "one that leaves does so within its loop"


@pytest.mark.parametrize("saves", [True, False])
def test_a_process_that_dies_on_its_way_out_costs_nothing_if_its_state_is_saved(folder: Path, saves: bool):
    save = "" if saves else "type(trial.keeper).save_if_room = lambda keeper, step: None\n"
    dying = f"{save}import atexit, os\natexit.register(lambda: trial._has_left and os.abort())\nfor step in trial.steps"
    (folder / "train.py").write_text(SCRIPT.replace("for step in trial.steps", dying))
    CliRunner().invoke(app, words("--trials", "6"))
    states = history(folder).counts.keys()
    assert states <= ({TrialState.COMPLETED, TrialState.PAUSED} if saves else {TrialState.COMPLETED, TrialState.FAILED})
    assert (TrialState.PAUSED if saves else TrialState.FAILED) in states


def test_a_request_to_end_lets_a_script_come_to_the_end_of_its_step(folder: Path):
    start = [sys.executable, "-c", "from headstock.cli import main; main()", *words("--trials", "1"), "--wait"]
    with subprocess.Popen(start, stderr=subprocess.PIPE, text=True) as process:
        while not any("waiting" in log.read_text() for log in folder.rglob("output.log")):
            assert process.poll() is None, process.communicate()
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate()
    assert process.returncode == 130, errors
    [trial] = history(folder)
    assert (trial.state, trial.step) == (TrialState.QUEUED, 2)
    run("--trials", "1")
    [trial] = history(folder)
    assert trial.state is TrialState.COMPLETED
    assert [o.mean for o in trial.reports["accuracy"]] == pytest.approx(
        [trial.parameters["lr"] * k for k in (1, 2, 3, 4)]
    )


def test_a_script_that_nobody_has_started(folder: Path):
    done = subprocess.run([sys.executable, "-W", "error", "train.py"], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["accuracy=-1"] * 4 + ["the end"]
    assert list(folder.iterdir()) == [folder / "train.py"]


def test_what_is_reported_badly_fails_in_the_script(folder: Path):
    text = 'import headstock as hs\nhs.current_trial().report(accuracy="high")\n'
    (folder / "train.py").write_text(text)
    done = CliRunner().invoke(app, words("--trials", "1"))
    assert done.exit_code == 1, "there is no result at all"
    [trial] = history(folder)
    assert trial.state is TrialState.FAILED
    assert "MetricError" in (trial.error or "")


def test_only_one_process_may_report(folder: Path):
    text = """
import os, time, headstock as hs
trial = hs.current_trial()
trial.report(accuracy=0.5)
if os.fork() == 0:
    try:
        trial.report(accuracy=0.9)
    except hs.HeadstockError as error:
        print(error, flush=True)
        os._exit(0)
else:
    os.wait()
"""
    (folder / "train.py").write_text(text)
    run("--trials", "1")
    [trial] = history(folder)
    assert (trial.state, trial.objective_mean) == (TrialState.COMPLETED, 0.5)
    [log] = folder.rglob("output.log")
    assert "Another process reports for this trial already" in log.read_text()
