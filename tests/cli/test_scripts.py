import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
from typer.testing import CliRunner

from headstock import Experiment
from headstock.cli import app
from headstock.errors import HeadstockError
from headstock.storage import open_storage
from headstock.trial import TrialState
from killed import has_ended

TRAIN = """
import argparse, time
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float)
parser.add_argument("--momentum", type=float, default=0.0)
parser.add_argument("--optimizer", choices=["sgd", "adamw"])
parser.add_argument("--trials", type=int)
parser.add_argument("--nesterov", action="store_true")
parser.add_argument("--wait", action="store_true")
parser.add_argument("--crash", action="store_true")
options = parser.parse_args()
for epoch in range(2):
    print(f"epoch {epoch}: accuracy={1 - abs(options.lr - 0.3)}", flush=True)
if options.wait:
    print("waiting", flush=True)
    time.sleep(1000)
if options.crash and options.lr > 0.5:
    raise ValueError("too\\x1b[31m large")
"""
PARAMETERS = (
    "--lr",
    "0.01:1:log",
    "--optimizer",
    "sgd,adamw",
    "--momentum",
    "0:0.9",
    "--when",
    "momentum: optimizer=sgd",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "train.py").write_text(TRAIN)
    return tmp_path


def start(folder: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", "from headstock.cli import main; main()", *words],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def headstock(folder: Path, *words: str, code: int = 0) -> tuple[str, str]:
    """Run a command in this process, which is quicker; what it refuses it raises, and `main` would print."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        done = CliRunner().invoke(app, words)
    refusal = str(done.exception) if isinstance(done.exception, HeadstockError) else ""
    assert done.exit_code == code, (done.output, done.exception)
    return done.stdout, done.stderr + refusal


def run(folder: Path, *words: str, **options: Any) -> tuple[str, str]:
    given = ("run", "--name", "a", "--maximize", "accuracy", "--seed", "1", *PARAMETERS)
    return headstock(folder, *given, *words, **options)


def states(folder: Path) -> list[TrialState]:
    storage = open_storage(f"sqlite:///{folder}/headstock.db", create=False)
    try:
        return [trial.state for trial in Experiment.open("a", storage=storage).history]
    finally:
        storage.close()


def test_a_script_is_tuned_resumed_and_its_logs_are_kept(folder: Path):
    command = ("--", sys.executable, "train.py")
    output, errors = run(folder, "--trials", "3", "--nesterov", "flag", *command)
    assert "the budget is spent: 3 trials, 0 failed" in output
    assert "best believed: accuracy" in output
    assert errors.startswith("1/3  trial 0: accuracy ")
    assert errors.count("\n") == 3
    again, _ = run(folder, "--trials", "3", "--nesterov", "flag", *command)
    assert "3 trials, 0 failed" in again
    found = json.loads(headstock(folder, "resume", "a", "--trials", "5", "--workers", "2", "--json", *command)[0])
    assert found["trials"] == {"completed": 5}
    assert found["best"]["parameters"].keys() >= {"lr", "optimizer", "nesterov"}
    lines = headstock(folder, "logs", "a", "4")[0].splitlines()
    assert [line.partition(":")[0] for line in lines] == ["epoch 0", "epoch 1"]
    assert headstock(folder, "logs", "a", "4", "--tail", "1")[0].splitlines() == lines[1:]
    [files] = (folder / "headstock.db.files").iterdir()
    assert len(list(files.iterdir())) == 5
    assert "Trial 9 has no log" in headstock(folder, "logs", "a", "9", code=1)[1]


TAKE_GPU = """
import os, pathlib, sys, time
gpu = os.environ["CUDA_VISIBLE_DEVICES"]
for seat in (pathlib.Path(f"gpu-{gpu}-{number}") for number in range(2)):
    try:
        seat.touch(exist_ok=False)
        break
    except FileExistsError:
        continue
else:
    sys.exit("more than two have this GPU")
print(f"gpu={gpu}", flush=True)
time.sleep(0.2)
seat.unlink()
print("accuracy=1")
"""


def test_a_script_whose_results_persons_judge_measures_nothing(folder: Path):
    (folder / "draw.py").write_text("print('appeal=1, drawn')")
    command = ("--name", "a", "--maximize", "appeal", "--judged", "--hue", "0:1", "--", sys.executable, "draw.py")
    told, _ = headstock(folder, "run", "--trials", "3", *command)
    assert "Nobody has compared any trials yet" in " ".join(told.split())
    assert states(folder) == [TrialState.COMPLETED] * 3
    headstock(folder, "prefer", "a", "1", "0", "2")
    told, _ = headstock(folder, "run", "--trials", "4", *command)
    assert "best believed: appeal" in told
    assert "(trial 1)" in told
    headstock(folder, "worker", "--name", "a", "--trials", "5", "--", sys.executable, "draw.py")
    assert states(folder) == [TrialState.COMPLETED] * 5


def test_scripts_share_gpus_as_far_as_they_may(folder: Path):
    (folder / "take.py").write_text(TAKE_GPU)
    words = ("--lr", "0:1", "--trials", "8", "--gpus", "5,7", "--gpus-per-trial", "0.5")
    given = ("run", "--name", "a", "--maximize", "accuracy", *words, "--", sys.executable, "take.py")
    assert "8 trials, 0 failed" in headstock(folder, *given)[0]
    logs = [headstock(folder, "logs", "a", str(trial))[0].splitlines()[0] for trial in range(8)]
    assert set(logs) == {"gpu=5", "gpu=7"}


def test_a_deleted_experiment_leaves_no_files(folder: Path):
    run(folder, "--trials", "1", "--", sys.executable, "train.py")
    headstock(folder, "delete", "a", "--yes")
    assert list((folder / "headstock.db.files").iterdir()) == []


def test_parameters_named_like_options_of_headstock(folder: Path):
    run(folder, "--trials", "1", "--param", "trials=int:1:9", "--", sys.executable, "train.py")
    assert states(folder) == [TrialState.COMPLETED]


def test_a_study_file(folder: Path):
    study = {"name": "a", "maximize": "accuracy", "trials": 9, "command": [sys.executable, "train.py"]}
    text = "".join(f"{key} = {json.dumps(value)}\n" for key, value in study.items())
    (folder / "study.toml").write_text(text + '[parameters]\nlr = "0.01:1:log"\n')
    assert "2 trials, 0 failed" in headstock(folder, "run", "study.toml", "--trials", "2")[0]
    (folder / "study.toml").write_text(text + '[parameters]\nlr = "0.01:1:lgo"\n')
    errors = headstock(folder, "run", "study.toml", code=1)[1]
    assert errors.startswith("study.toml, line 6: The parameter 'lr': 'lgo' in")


def test_failures_are_data_and_can_be_retried(folder: Path):
    output, errors = run(folder, "--trials", "6", "--", sys.executable, "train.py", "--crash")
    failed = states(folder).count(TrialState.FAILED)
    assert 0 < failed < 6
    assert f"6 trials, {failed} failed" in output
    assert "exit code 1: ValueError: too" in errors
    shown = headstock(folder, "logs", "a", str(states(folder).index(TrialState.FAILED)))[0]
    assert "\x1b" not in shown
    assert "\\x1b[31m large" in shown
    assert headstock(folder, "retry", "a")[0].count("is tried again as trial") == failed
    assert (
        "has not failed" in headstock(folder, "retry", "a", str(states(folder).index(TrialState.COMPLETED)), code=1)[1]
    )
    run(folder, "--trials", str(6 + failed), "--", sys.executable, "train.py")
    assert states(folder)[6:] == [TrialState.COMPLETED] * failed


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_request_to_end_gives_the_trials_back(folder: Path, number: signal.Signals):
    words = ("--trials", "4", "--workers", "2", "--", sys.executable, "train.py")
    process = start(folder, "run", "--name", "a", "--maximize", "accuracy", *PARAMETERS, *words, "--wait")
    files = folder / "headstock.db.files"
    while len([log for log in files.rglob("output.log") if "waiting" in log.read_text()]) < 2:
        assert process.poll() is None, process.communicate()
    process.send_signal(number)
    output, errors = process.communicate()
    assert process.returncode == 130, errors
    assert "interrupted: 2 trials" in output
    assert states(folder) == [TrialState.QUEUED] * 2
    run_again = headstock(folder, "resume", "a", "--trials", "2", "--", sys.executable, "train.py")
    assert "2 trials, 0 failed" in run_again[0]


def test_what_outlives_a_killed_headstock_is_ended_before_the_next_begins(folder: Path):
    words = ("--workers", "2", "--trials", "2", "--lr", "0:1")
    command = ("--", sys.executable, "-c", "import os, time; print(os.getpid(), flush=True); time.sleep(1000)")
    process = start(folder, "run", "--name", "a", "--maximize", "accuracy", *words, *command)
    files = folder / "headstock.db.files"
    while len(pids := [line for log in files.rglob("output.log") for line in log.read_text().splitlines()]) < 2:
        assert process.poll() is None, process.communicate()
    process.kill()
    process.communicate()
    assert all(psutil.pid_exists(int(pid)) for pid in pids)
    alive = f"""
import psutil
for pid in ({", ".join(pids)}):
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
print("accuracy=1")
"""
    headstock(folder, "resume", "a", "--trials", "2", "--", sys.executable, "-c", alive)
    assert states(folder) == [TrialState.COMPLETED] * 2
    assert all(has_ended(int(pid)) for pid in pids)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((*PARAMETERS, "--trials", "3", "--", "no-such-program"), "There is no program 'no-such-program'"),
        ((*PARAMETERS, "--trials", "3"), "There is no command"),
        ((*PARAMETERS, "--", "sh"), "the run would not end"),
        (("--lr", "0.1", "--trials", "3", "--", "sh"), "'0.1' is one value"),
        (("--lr", "--trials", "3", "--", "sh"), "'sh' is one value"),
        ((*PARAMETERS, "--trials", "3", "--metric", "accuracy", "--", "sh"), "Write it as NAME=TEXT"),
        ((*PARAMETERS, "--trials", "3", "--metric", "accuracy=(", "--", "sh"), "cannot be read"),
        ((*PARAMETERS, "--trials", "0", "--", "sh"), "trials is 0"),
        ((*PARAMETERS, "--trials", "3", "--gpus-per-trial", "2", "--", "sh"), "no GPUs are given"),
        ((*PARAMETERS, "--trials", "3", "--gpus", "0,0", "--", "sh"), "give each GPU once"),
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_is_stored(folder: Path, words: tuple[str, ...], message: str):
    _, errors = headstock(folder, "run", "--name", "a", "--maximize", "accuracy", *words, code=1)
    assert message in errors
    assert not (folder / "headstock.db.files").exists()
    if (folder / "headstock.db").exists():
        storage = open_storage(f"sqlite:///{folder}/headstock.db", create=False)
        assert list(storage.experiments()) == []
        storage.close()


def test_a_command_is_never_taken_from_the_database(folder: Path):
    run(folder, "--trials", "1", "--", sys.executable, "train.py")
    assert b"train.py" not in (folder / "headstock.db").read_bytes()
    headstock(folder, "resume", "a", "--trials", "2", code=2)


@pytest.mark.torch
def test_a_training_script_that_knows_nothing_of_headstock(tmp_path: Path):
    pytest.importorskip("torch")
    example = Path(__file__).parents[2] / "examples" / "train_digits.py"
    options = ("--lr", "0.01:1:log", "--batch-size", "int:16:256:log", "--optimizer", "sgd,adamw")
    words = ("run", "--name", "a", "--maximize", "accuracy", "--trials", "2", *options)
    output, _ = headstock(tmp_path, *words, "--", sys.executable, str(example), "--epochs", "2")
    assert "2 trials, 0 failed" in output
    assert [line.split(":")[0] for line in headstock(tmp_path, "logs", "a", "0")[0].splitlines()] == [
        "Train Epoch",
        "Test set",
    ] * 2
