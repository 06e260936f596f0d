import json
import platform
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from typer.testing import CliRunner

from headstock import Experiment, Float, Space
from headstock.cli import app
from headstock.errors import HeadstockError
from headstock.executors.command import handle_file
from headstock.executors.trees import marked, new_mark
from headstock.processes import process_handle
from headstock.scripts.folders import LOG, files_of, trial_folder
from headstock.trial import TrialState

TRIALS = 14

# Each evaluation leaves a line, and waits for a word to go on where it is told to.
TRAIN = """
import os, sys, time
def note(word):
    with open("evaluations", "a") as file:
        file.write(f"{word} {os.environ['HEADSTOCK_TRIAL']}\\n")
note("begun")
while os.path.exists("hold"):
    time.sleep(0.01)
note("ended")
print("score=0.5")
"""

FUNCTION = """
def evaluate(trial):
    return trial.parameters["x"]
number = 3
"""

SLOW = """
def wait(trial):
    print("begun", flush=True)
    for _ in trial.steps(10**9):
        trial.report(score=0.5)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "train.py").write_text(TRAIN)
    (tmp_path / "functions.py").write_text(FUNCTION)
    return tmp_path


@pytest.fixture(params=["sqlite", "postgresql"])
def storage(request: pytest.FixtureRequest, folder: Path) -> str:
    return url(folder) if request.param == "sqlite" else request.getfixturevalue("postgresql_url")


def create(storage: str, budget: dict[str, float] | None = None) -> None:
    with Experiment("many", Space(x=Float(0, 1)), maximize="score", storage=storage, seed=0) as experiment:
        experiment._study.storage.limit("many", budget, now=0.0)


def url(folder: Path) -> str:
    return f"sqlite:///{folder}/headstock.db"


def states(storage: str) -> list[TrialState]:
    with Experiment.open("many", storage=storage) as experiment:
        return [trial.state for trial in experiment.history]


def start(folder: Path, *words: str) -> subprocess.Popen[str]:
    command = [
        sys.executable,
        "-W",
        "error",
        "-c",
        "from headstock.cli import main; main()",
        "worker",
        "--name",
        "many",
    ]
    return subprocess.Popen([*command, *words], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def evaluations(folder: Path, word: str) -> list[int]:
    file = folder / "evaluations"
    return (
        [int(line.split()[1]) for line in file.read_text().splitlines() if line.startswith(word)]
        if file.exists()
        else []
    )


def until(is_so: Callable[[], bool], *workers: subprocess.Popen[str]) -> None:
    while not is_so():
        for worker in workers:
            assert worker.poll() is None, worker.communicate()


def refused(folder: Path, *words: str) -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        done = CliRunner().invoke(app, ["worker", "--name", "many", *words])
    assert isinstance(done.exception, HeadstockError), (done.output, done.exception)
    return str(done.exception)


def test_workers_join_leave_and_die_and_share_one_budget_exactly(folder: Path, storage: str):
    create(storage, {"trials": TRIALS})
    command = ("--storage", storage, "--", sys.executable, "train.py")
    (folder / "hold").touch()
    leaves, dies, stays = start(folder, *command), start(folder, *command), start(folder, "--workers", "2", *command)
    until(lambda: len(evaluations(folder, "begun")) == 4, leaves, dies, stays)
    leaves.send_signal(signal.SIGTERM)
    output, errors = leaves.communicate()
    assert leaves.returncode == 130, errors
    assert "interrupted" in output
    dies.kill()
    dies.communicate()
    joins = start(folder, *command)
    until(lambda: len(evaluations(folder, "begun")) >= 5, stays, joins)
    (folder / "hold").unlink()
    for worker in (stays, joins):
        output, errors = worker.communicate()
        assert worker.returncode == 0, errors
        assert "the budget is spent" in output
    assert states(storage) == [TrialState.COMPLETED] * TRIALS
    ended = evaluations(folder, "ended")
    assert set(ended) == set(range(TRIALS))
    # Only what the killed worker had begun may have come to its end once more.
    assert len(ended) - len(set(ended)) <= 1


def test_a_worker_waits_for_its_experiment_and_for_its_storage(folder: Path):
    worker = start(folder, "--wait", "1000", "--trials", "2", "--json", "--", sys.executable, "train.py")
    assert not (folder / "headstock.db").exists()
    create(url(folder))
    output, errors = worker.communicate()
    assert worker.returncode == 0, errors
    assert json.loads(output)["trials"] == {"completed": 2}


def test_a_function_joins_as_well_and_may_be_asked_to_leave(folder: Path):
    create(url(folder), {"trials": 3})
    (folder / "slow.py").write_text(SLOW)
    leaves = start(folder, "--function", "slow:wait")
    assert leaves.stdout is not None
    assert leaves.stdout.readline() == "begun\n"
    leaves.send_signal(signal.SIGTERM)
    assert "interrupted" in leaves.communicate()[0]
    assert leaves.returncode == 130
    assert states(url(folder)) == [TrialState.QUEUED]
    worker = start(folder, "--function", "functions:evaluate", "--workers", "2")
    assert "3 trials, 0 failed" in worker.communicate()[0]
    assert states(url(folder)) == [TrialState.COMPLETED] * 3


def test_a_script_is_killed_that_has_outlived_its_killed_worker_and_was_stopped_since(folder: Path):
    create(url(folder), {"trials": 2})
    mark = new_mark()
    with psutil.Popen(["sleep", "1000"], env=marked({}, mark), start_new_session=True) as left:
        with Experiment.open("many", storage=url(folder)) as experiment:
            study = experiment._study
            study.ask(now=0.0, owner=f"{platform.node()}/1/999999999/1.00/abcd")
            files = files_of(study.storage.url, study.spec)
            assert files is not None
            log = trial_folder(files, 0) / LOG
            log.parent.mkdir(parents=True)
            handle_file(log).write_text(f"{process_handle(left.pid)}\n{mark}\n")
            assert experiment.stop(0).state is TrialState.ABANDONED
        worker = start(folder, "--", sys.executable, "train.py")
        assert left.wait(timeout=60) == -signal.SIGKILL
        assert "the budget is spent" in worker.communicate()[0]
        assert not handle_file(log).exists()


def test_a_worker_creates_nothing(folder: Path):
    assert "There is no storage" in refused(folder, "--trials", "1", "--", "true")
    assert not (folder / "headstock.db").exists()
    with Experiment("other", Space(x=Float(0, 1)), maximize="score", storage=url(folder)):
        pass
    assert "no experiment 'many'" in refused(folder, "--trials", "1", "--wait", "0", "--", "true")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--", "true"), "No budget is given, and none is stored"),
        (("--function", "functions:evaluate"), "No budget is given, and none is stored"),
        (("--trials", "1"), "a command after two dashes, or --function"),
        (("--trials", "1", "--function", "functions:evaluate", "--", "true"), "there is no command"),
        (("--trials", "1", "--function", "functions:evaluate", "--results", "a.json"), "there is no results"),
        (("--trials", "1", "--function", "functions:missing"), "has no attribute 'missing'"),
        (("--trials", "1", "--function", "functions:number"), "is int, not a function"),
        (("--trials", "1", "--function", "evaluate"), "Write it as MODULE:NAME"),
        (("--trials", "1", "--function", ":evaluate"), "Write it as MODULE:NAME"),
        (("--trials", "1", "--", "no-such-program"), "There is no program"),
        (("--trials", "1", "--executor", "slurm", "--", "true"), "executor is 'slurm'"),
        (("--trials", "1", "--address", "auto", "--", "true"), "but of no cluster"),
        (("--trials", "1", "--function", "functions:evaluate", "--resources", "GPU=1"), "but of no cluster"),
        (("--function", "functions:evaluate", "--executor", "ray", "--gpus", "0"), "gpus are this machine's"),
        (("--function", "functions:evaluate", "--executor", "ray", "--resources", "CPU=x"), "which is no number"),
    ],
)
def test_what_makes_no_sense_is_refused(folder: Path, words: tuple[str, ...], message: str):
    create(url(folder))
    assert message in re.sub(r"\s+", " ", refused(folder, *words))
    assert states(url(folder)) == []
