import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from headstock import Experiment, cli

pytest.importorskip("torch", reason="PyTorch is not installed")
pytestmark = pytest.mark.torch


def test_the_demo_ends_with_a_report_and_a_test_score(tmp_path: Path):
    url, path = f"sqlite:///{tmp_path}/demo.db", tmp_path / "demo.html"
    done = CliRunner().invoke(cli.app, ["demo", "--trials", "3", "--storage", url, "--out", str(path)])
    assert done.exit_code == 0, done.output
    assert "predicted accuracy" in done.output
    assert str(path) in done.output.replace("\n", "")
    assert "Test accuracy of the winner" in done.output.splitlines()[-1]
    assert path.read_text(encoding="utf-8").startswith("<!")
    with Experiment.open("digits", storage=url) as experiment:
        assert len(experiment.history.observed) == 3


def test_an_interrupted_demo_reports_what_it_has_and_goes_on(tmp_path: Path):
    url, path = f"sqlite:///{tmp_path}/demo.db", tmp_path / "demo.html"
    arguments = ["demo", "--trials", "4", "--storage", url, "--out", str(path)]
    command = [sys.executable, "-c", "from headstock.cli import main; main()", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:  # one for each finished trial
            if line.startswith("1/4"):
                break
        process.send_signal(signal.SIGINT)
        printed, _ = process.communicate()
    assert process.returncode == 130
    # On a busy machine other trials may end before the signal is there.
    assert re.search("Interrupted after [123] of 4 trials; run the same command again and it goes on.", printed)
    assert "Test accuracy" not in printed
    assert path.exists()
    done = CliRunner().invoke(cli.app, arguments)
    assert done.exit_code == 0, done.output
    assert "Test accuracy of the winner" in done.output
    with Experiment.open("digits", storage=url) as experiment:
        assert len(experiment.history.observed) == 4


def test_cifar10_needs_images():
    done = CliRunner().invoke(cli.app, ["demo", "--dataset", "cifar10"])
    assert done.exit_code == 1
    assert "--data" in str(done.exception)
