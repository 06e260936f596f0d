"""Trainings of two processes that talk to each other by gloo on this machine's processor."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import headstock as hs
from headstock.cli import app
from headstock.history import History
from headstock.trial import TrialState

pytest.importorskip("torch")
pytestmark = pytest.mark.torch

import distributed_tasks  # noqa: E402 - it needs PyTorch

PAGE = (Path(__file__).parents[2] / "docs" / "machines.md").read_text(encoding="utf-8")


def check(found: History, folder: Path) -> None:
    """Both ranks did the same steps of the same trials, and left together."""
    assert found.counts.keys() <= {TrialState.COMPLETED, TrialState.PAUSED}
    for trial in found:
        ranks = [(folder / f"{trial.index}-{rank}").read_text().splitlines() for rank in (0, 1)]
        assert ranks[0] == ranks[1]
        curve = trial.reports["score"]
        assert [o.step for o in curve] == list(range(1, trial.step + 1)), "each step is reported once"
        assert [line.split()[0] for line in ranks[0]] == [str(o.step - 1) for o in curve], "none was trained twice"
        # The mean over both ranks of what each has gathered since the beginning, pauses or not.
        assert [o.mean for o in curve] == pytest.approx([trial.parameters["lr"] * 1.5 * o.step for o in curve])


def test_the_page_s_script_of_torchrun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    [script] = re.findall(r"^```py\n# train_ddp.py\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    Path("train_ddp.py").write_text(script)
    [line] = re.findall(r"^headstock (.* torchrun .*)$", PAGE, re.MULTILINE)
    command, _, arguments = line.partition("-- torchrun")
    words = [
        *shlex.split(command),
        "--seed",
        "1",
        "--",
        sys.executable,
        "-m",
        "torch.distributed.run",
        *shlex.split(arguments),
    ]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, (done.output, done.exception)
    with hs.Experiment.open("ddp", storage="sqlite:///headstock.db") as experiment:
        found = experiment.history
    assert not [f"{trial.error} {trial.traceback}" for trial in found if trial.state is TrialState.FAILED]
    assert found.counts.keys() <= {TrialState.COMPLETED, TrialState.PAUSED}
    launches = 0
    for trial in found:
        curve = trial.reports["loss"]
        assert [o.step for o in curve] == list(range(1, trial.step + 1))
        assert [o.mean for o in curve] == sorted((o.mean for o in curve), reverse=True)
        [log] = tmp_path.glob(f"*.files/*/{trial.index}/output.log")
        text = log.read_text()
        said = [text.count(f"rank {rank} has lr {trial.parameters['lr']}") for rank in (0, 1)]
        assert said[0] == said[1]
        assert text.count("has lr") == sum(said)
        launches += said[0]
    assert launches > len(found), "none was paused and went on in other processes"


# The last thing that an interpreter does is to let go of what the script holds.
ALONE = """
import os, sys
import headstock
from torch import distributed

class Held:
    def __del__(self):
        os.abort()

distributed.init_process_group("gloo", init_method=f"file://{sys.argv[1]}", rank=int(sys.argv[2]), world_size=2)
trial = headstock.current_trial()
for step in trial.steps(2):
    trial.report(loss=1.0)
distributed.destroy_process_group()
print("the end")
"""


@pytest.mark.parametrize(("last", "code"), [("held = Held()", 0), ("sys.exit(3)", 3), ("1 / 0", 1)])
def test_a_process_that_has_trained_with_others_ends_as_its_script_does(tmp_path: Path, last: str, code: int):
    words = [sys.executable, "-c", ALONE + last, f"{tmp_path}/store"]
    given = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "env": {**os.environ, "TMPDIR": str(tmp_path)}}
    ranks = [subprocess.Popen([*words, rank], **given) for rank in "01"]
    for rank in ranks:
        printed, errors = rank.communicate()
        assert (rank.returncode, printed) == (code, b"the end\n"), errors
    assert not [*tmp_path.glob("headstock-*")]


def halved(train: Callable[[hs.Trial], None], folder: Path) -> History:
    """Trials of which some are paused and go on."""
    scheduler = hs.SuccessiveHalving(min_steps=2, eta=2)
    space = hs.Space(lr=hs.Float(0, 1))
    url = f"sqlite:///{folder}/e.db"
    with hs.Experiment("e", space, maximize="score", storage=url, seed=1, scheduler=scheduler) as experiment:
        experiment.run(train, budget=hs.Budget(steps=6), workers=1)
        found = experiment.history
    assert any(v.decision == "resume" for trial in found for v in trial.verdicts)
    return found


def test_a_function_that_starts_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    found = halved(distributed_tasks.spawn, tmp_path)
    check(found, tmp_path)
    assert TrialState.PAUSED in found.counts
    assert sum(trial.step for trial in found) == 6


def test_every_rank_goes_on_with_its_own_random_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    for trial in halved(distributed_tasks.spawn_and_draw, tmp_path):
        seed = np.random.SeedSequence([1, trial.index]).generate_state(1)[0] % 1000
        for rank in (0, 1):
            lines = (tmp_path / f"{trial.index}-{rank}").read_text().splitlines()
            assert [json.loads(line) for line in lines] == distributed_tasks.drawn(int(seed) + rank, trial.step)


def test_a_rank_that_fails_fails_the_trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    with hs.Experiment("e", hs.Space(lr=hs.Float(0, 1)), maximize="score", seed=1) as experiment:
        experiment.run(distributed_tasks.spawn_and_fail, budget=hs.Budget(trials=1))
        [trial] = experiment.history
        assert trial.state is TrialState.FAILED
        assert "rank 1 has bad luck" in (trial.traceback or "")
