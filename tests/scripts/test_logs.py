from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headstock.errors import CommandError
from headstock.scripts.logs import log_lines
from headstock.wording import harmless


def test_a_log_is_read_from_its_earlier_part_on(tmp_path: Path):
    folder = tmp_path / "3"
    folder.mkdir()
    (folder / "output.log").write_bytes(b"three\r\n\x1b]0;evil\x07 \xff\xe2\x80\xae\tend\n 1%\r 99%\r100%\nlast")
    (folder / "output.log.1").write_text("one\ntwo\n")
    expected = ["one", "two", "three", "\\x1b]0;evil\\x07 \ufffd\\u202e\tend", "100%", "last"]
    assert list(log_lines(tmp_path, 3)) == expected
    assert list(log_lines(tmp_path, 3, last=2)) == expected[-2:]
    assert list(log_lines(tmp_path, 3, last=10**400)) == expected
    for files, index in ((tmp_path, 4), (None, 3), (tmp_path, 10**400)):
        with pytest.raises(CommandError, match="has no log here") as refused:
            list(log_lines(files, index))
        assert len(str(refused.value)) < 150


@pytest.mark.parametrize("linked", ["0/output.log", "0", "."])
def test_a_link_does_not_make_another_file_a_log(tmp_path: Path, linked: str):
    outside, files = tmp_path / "outside", tmp_path / "files" / ("ab" * 8)
    (outside / "0").mkdir(parents=True)
    (outside / "0" / "output.log").write_text("a secret")
    (files / linked).parent.mkdir(parents=True)
    (files / linked).symlink_to(outside / linked)
    assert (files / "0" / "output.log").read_text() == "a secret"
    with pytest.raises(CommandError, match="has no log here"):
        list(log_lines(files, 0))


def test_a_link_does_not_make_another_file_the_begin_of_a_log(tmp_path: Path):
    (tmp_path / "secret.txt").write_text("a secret\n")
    (tmp_path / "0").mkdir()
    (tmp_path / "0" / "output.log.1").symlink_to(tmp_path / "secret.txt")
    (tmp_path / "0" / "output.log").write_text("no secret\n")
    assert list(log_lines(tmp_path, 0)) == ["no secret"]


def test_a_renamed_experiment_keeps_its_logs(tmp_path: Path):
    (tmp_path / ("ab" * 8) / "0").mkdir(parents=True)
    (tmp_path / ("ab" * 8) / "0" / "output.log").write_text("kept")
    (tmp_path / ("cd" * 8)).symlink_to("ab" * 8, target_is_directory=True)
    assert list(log_lines(tmp_path / ("cd" * 8), 0)) == ["kept"]


@given(st.text())
def test_nothing_is_left_that_a_terminal_obeys(text: str):
    assert all(char.isprintable() or char == "\t" for char in harmless(text))
