"""Turns among the processes of one machine: a courtesy that nothing depends on."""

import fcntl
import hashlib
import os
import random
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

SHORTEST_PAUSE: Final = 0.0001
LONGEST_PAUSE: Final = 0.02
"""Seconds between two looks whether it is one's turn."""


def pause_after(waited: float) -> None:
    """Sleep before one looks again whether it is one's turn.

    The pause is a share of the time that was waited already, which grows with the number of those who wait, so that
    however many there are, little time is lost to pauses and to looking; and of random length, so that no one is
    overtaken for long.

    Args:
        waited: for how many seconds one has waited.
    """
    pause = min(max(waited / 8, SHORTEST_PAUSE), LONGEST_PAUSE)
    time.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - it is no secret


@contextmanager
def turn_at(path: Path, name: str, *, patience: float) -> Iterator[None]:
    """Have the turn during the block: nobody else has it who asks for the same name at the same file.

    The lock is one of the system's on an empty file in the user's temporary folder, so it ends with its process. If
    it cannot be had, for nobody may write there or somebody keeps it, the block runs without.

    Args:
        path: a file that is there; only its identity counts.
        name: what the turn is for.
        patience: how many seconds one waits.
    """
    lock = _opened(path, name)
    try:
        began = time.monotonic()
        while lock is not None and not _taken(lock) and (waited := time.monotonic() - began) < patience:
            pause_after(waited)
        yield
    finally:
        if lock is not None:
            os.close(lock)


def is_turn_taken(path: Path, name: str) -> bool:
    """Whether somebody has the turn of this name at the same file; False if that cannot be known."""
    lock = _opened(path, name)
    if lock is None:
        return False
    try:
        return not _taken(lock, fcntl.LOCK_SH)
    finally:
        os.close(lock)


def _opened(path: Path, name: str) -> int | None:
    folder = Path(tempfile.gettempdir(), f"headstock-turns-{os.getuid()}")
    try:
        file = path.stat()
        if not os.path.lexists(folder):
            folder.mkdir(mode=0o700, exist_ok=True)
        its = folder.lstat()
        if its.st_uid != os.getuid() or not stat.S_ISDIR(its.st_mode):
            return None
        digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:12]
        place = f"{folder}/{file.st_dev:x}-{file.st_ino:x}-{digest}"
        return os.open(place, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError:
        return None


def _taken(lock: int, kind: int = fcntl.LOCK_EX) -> bool:
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # locks are not supported here
        return True
    return True
