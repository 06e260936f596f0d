"""Files in the folders of trials, opened without following a link: a training may leave anything there.

Below the folder of all experiments one goes from opened folder to opened folder, so nothing that is planted or moved
meanwhile leads out of it. A link, as anything else that is no folder or no regular file, counts as absent.
"""

import errno
import os
import re
import stat
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from io import FileIO
from pathlib import Path
from typing import Final

_ABSENT: Final = (
    errno.ENOENT,
    errno.ENOTDIR,
    errno.ELOOP,
    errno.ENXIO,  # of a socket
    errno.ENAMETOOLONG,  # of a number that no trial has
)
_EXPERIMENT: Final = re.compile(r"[0-9a-f]{16}")


@contextmanager
def opened_trial(files: Path, index: int) -> Iterator[int | None]:
    """The folder of a trial, opened for the block; None if there is none.

    Args:
        files: the folder of the experiment's files. The one above it may be a link, and this one a link to its sibling,
            as renaming an experiment leaves it.
        index: the trial.

    Raises:
        OSError: if it is there, but cannot be opened.
    """
    with ExitStack() as stack:
        folder = _opened(str(files.parent), os.O_RDONLY | os.O_DIRECTORY)
        if folder is not None:
            stack.callback(os.close, folder)
            folder = _inner(folder, (_renamed(files.name, folder), str(int(index))), stack)
        yield folder


def open_folder(folder: int, name: str) -> int | None:
    """A folder in an opened one, for whoever has it to close; None if there is none.

    Raises:
        OSError: if it is there, but cannot be opened.
    """
    return _opened(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, folder)


def open_file(folder: int, path: str) -> FileIO | None:
    """A regular file below an opened folder, for whoever has it to close; None if there is none.

    Args:
        folder: the folder.
        path: the names of the folders below it and of the file, with "/" in between.

    Raises:
        OSError: if it is there, but cannot be opened.
    """
    *above, name = path.split("/")
    with ExitStack() as stack:
        inner = _inner(folder, above, stack)
        # It is not waited for, should it be a pipe that nobody writes into.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
        number = None if inner is None else _opened(name, flags, inner)
    if number is None or stat.S_ISREG(os.fstat(number).st_mode):
        return None if number is None else FileIO(number)
    os.close(number)
    return None


def _inner(folder: int, names: Iterable[str], stack: ExitStack) -> int | None:
    """The folder that one comes to by these names, open until the stack closes; None if there is none."""
    for name in names:
        inner = open_folder(folder, name)
        if inner is None:
            return None
        stack.callback(os.close, inner)
        folder = inner
    return folder


def _opened(name: str, flags: int, where: int | None = None) -> int | None:
    try:
        return os.open(name, flags, dir_fd=where)
    except OSError as error:
        if error.errno in _ABSENT:
            return None
        raise


def _renamed(name: str, place: int) -> str:
    """The name of an experiment's folder; where it is a link, as renaming leaves it, that of the folder beside it."""
    with suppress(OSError):  # it is no link
        target = os.readlink(name, dir_fd=place)
        return target if _EXPERIMENT.fullmatch(target) else name
    return name
