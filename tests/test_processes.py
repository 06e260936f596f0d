"""A process id that is used again is another process: whoever has its number now is never taken for the old one."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from headstock.processes import is_alive, is_dead, new_owner, process_handle


def with_part(handle: str, place: int, value: str) -> str:
    """The handle with another host, boot, pid or start."""
    parts = handle.rsplit("/", 3)
    parts[place] = value
    return "/".join(parts)


def test_a_handle_is_of_one_process_only():
    mine = process_handle(os.getpid())
    assert is_alive(mine)
    for place, value in ((0, "another host"), (1, "1"), (2, "1"), (3, "1.00")):
        assert not is_alive(with_part(mine, place, value)), place


def test_the_owner_of_a_number_that_is_used_again_is_dead():
    mine = process_handle(os.getpid())
    assert is_dead(with_part(mine, 3, "1.00") + "/part")
    assert is_dead(with_part(mine, 1, "1") + "/part")
    assert not is_dead(with_part(with_part(mine, 3, "1.00"), 0, "another host") + "/part")
    assert not is_dead(new_owner())


def test_a_clock_that_is_set_changes_no_handle(monkeypatch: pytest.MonkeyPatch):
    if not Path("/proc/self/stat").exists():
        pytest.skip("only Linux counts from the boot")
    before = process_handle(os.getpid())
    monkeypatch.setattr(psutil, "boot_time", lambda: 1.0)
    assert process_handle(os.getpid()) == before


@pytest.mark.parametrize("code", ["", "import os; os._exit(3)"])
def test_a_process_that_has_ended_is_dead(code: str):
    process = subprocess.Popen(
        [sys.executable, "-c", f"input(); {code}"], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    owner = f"{process_handle(process.pid)}/part"
    assert not is_dead(owner)
    process.communicate(b"\n")
    assert is_dead(owner)
