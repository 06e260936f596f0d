import re
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path

import plotly.io
import pytest

from headstock import Experiment
from pictures import write_npz

pytest.importorskip("torch", reason="PyTorch is not installed")
import torch

pytestmark = pytest.mark.torch

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    """As many threads after a test as before."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def run_example(name: str, *arguments: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run an example as a person does, in this process; figures go nowhere."""
    monkeypatch.setattr(plotly.io.renderers, "default", "")
    monkeypatch.setattr(sys, "argv", [name, *arguments])
    runpy.run_path(str(EXAMPLES / name), run_name="__main__")


def test_the_tutorial_from_its_first_line_to_its_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    data = write_npz(tmp_path / "small.npz", training=300, test=50)
    run_example("tutorial_cifar10.py", str(data), "--trials", "7", "--epochs", "2", monkeypatch=monkeypatch)
    lines = capsys.readouterr().out.splitlines()
    assert re.match(r"Best parameters, by the model: \{'lr': .*, 'batchsize': \d+, 'momentum': .*\}", lines[0])
    assert re.match(r"Predicted accuracy: [01]\.\d+ ± \d\.\d+", lines[1])
    assert re.match(r"Best seen: arm \d_0, ", lines[2])
    tested = re.fullmatch(r"Test accuracy of the best believed: ([01]\.\d+)", lines[-1])
    assert tested is not None
    assert float(tested[1]) > 0.3  # ten colours: a chance of 0.1 for a network that learnt nothing


def test_the_tutorial_imports_nothing_else_of_headstock():
    text = (EXAMPLES / "tutorial_cifar10.py").read_text(encoding="utf-8")
    imported = re.findall(r"^(?:from|import) (headstock\S*)", text, re.MULTILINE)
    assert len(imported) == 5
    assert all(name.startswith("headstock.compat.ax.") for name in imported)


def test_a_training_function_that_reports_epochs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    data, report = write_npz(tmp_path / "small.npz", training=200, test=50), tmp_path / "cifar10.html"
    arguments = (str(data), "--epochs", "2", "--storage", str(tmp_path / "cifar10.db"), "--out", str(report))
    for trials in ("2", "4"):
        run_example("cifar10.py", *arguments, "--trials", trials, monkeypatch=monkeypatch)
    lines = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"test accuracy of the best believed: [01]\.\d+", lines[-1])
    assert report.exists()
    with Experiment.open("cifar10", storage=str(tmp_path / "cifar10.db")) as experiment:
        assert [len(t.reports["accuracy"]) for t in experiment.history] == [2] * 4


def test_a_pausable_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    pytest.importorskip("sklearn")
    storage = str(tmp_path / "digits.db")
    for steps in ("6", "15"):
        run_example("pausable_digits.py", "--steps", steps, "--storage", storage, monkeypatch=monkeypatch)
    lines = capsys.readouterr().out.splitlines()
    tested = re.fullmatch(r"test accuracy of the best believed: ([01]\.\d+)", lines[-1])
    assert tested is not None
    with Experiment.open("pausable-digits", storage=storage) as experiment:
        assert sum(t.step for t in experiment.history) == 15
        assert any("paused" in line and "comes first" in line for line in lines)
