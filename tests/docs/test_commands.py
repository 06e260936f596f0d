"""The commands of docs/scripts.md are run, in order, as somebody would who follows the page."""

import re
import shlex
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from headstock.cli import app

PAGE = (Path(__file__).parents[2] / "docs" / "scripts.md").read_text(encoding="utf-8")

# Takes any options, and says both metrics: what the page is about is the commands, not the training.
TRAIN = "import sys; print('Accuracy: %d/1000, loss: %d' % (len(' '.join(sys.argv)), len(sys.argv)))"


def test_the_page_s_commands_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.py").write_text(TRAIN, encoding="utf-8")
    [study] = re.findall(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    (tmp_path / "study.toml").write_text(study.replace('"python ', f'"{sys.executable} '), encoding="utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    commands = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    assert len(commands) == 10
    for command in [*commands, study.splitlines()[0].partition(": ")[2]]:
        words = [sys.executable if word == "python" else word for word in shlex.split(command)]
        assert words[0] == "headstock"
        done = CliRunner().invoke(app, words[1:])
        assert done.exit_code == 0, (command, done.output, done.exception)
        assert words[1] != "run" or " 0 failed" in done.output


def test_the_page_names_every_entry_of_a_study():
    from headstock.scripts.plan import KINDS

    listed = PAGE[PAGE.index("Entries are ") :].partition(".")[0]
    assert set(re.findall(r"`([a-z_]+)`", listed)) == set(KINDS)
