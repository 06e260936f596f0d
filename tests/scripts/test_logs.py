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
    for files, index in ((tmp_path, 4), (None, 3)):
        with pytest.raises(CommandError, match="has no log here"):
            list(log_lines(files, index))


@given(st.text())
def test_nothing_is_left_that_a_terminal_obeys(text: str):
    assert all(char.isprintable() or char == "\t" for char in harmless(text))
