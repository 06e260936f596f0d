"""What a killed process has left in the temporary folder is removed by the next one, and nothing else is."""

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from headstock.temporary import own_folder

LIVES = "import sys; from headstock.temporary import own_folder; print(own_folder(), flush=True); sys.stdin.read()"


def test_the_folders_of_the_dead_are_removed_and_those_of_the_living_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    others = [tmp_path / "headstock-turns-0", tmp_path / "headstock-of-somebody", tmp_path / "else"]
    for other in others:
        other.mkdir()
    command = [sys.executable, "-c", LIVES]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        theirs = Path(process.stdout.readline().strip())
        (theirs / "trial").touch()
        mine = own_folder()
        assert mine.stat().st_mode & 0o777 == 0o700
        assert {*tmp_path.iterdir()} == {*others, theirs, mine}
        process.kill()
        process.communicate()
    assert {*tmp_path.iterdir()} == {*others, theirs, mine}
    newest = own_folder()
    assert {*tmp_path.iterdir()} == {*others, mine, newest}
