"""Files that trainings leave in their folders, such as pictures of predictions: found, and told apart.

No request holds a path. It names a trial, whose folder derives from its number, and a key that a listing gave out; the
folder is then looked through again for the file that has this key. No link is followed (`headstock.trial_files`). What
a file is follows from its ending and its first bytes; what is no picture, sound or video by both is a download.
"""

import hashlib
import os
import re
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from io import FileIO
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any, Final, final

from headstock.trial_files import open_file, open_folder, opened_trial
from headstock.wording import harmless

SHOWN: Final = 40
"""How many files of a trial are listed, the newest; the others are counted."""

MOST: Final = 5_000
"""How many entries of a trial's folder are looked at."""

DEEPEST: Final = 4
"""How many folders deep files are looked for."""

LARGEST_PICTURE: Final = 20_000_000
"""A larger picture, in bytes, is a download: a page shows many."""

LATEST: Final = 1e11
"""A time of a file in seconds that pages can tell; some file systems keep any number."""

_OURS: Final = re.compile(r"output\.log(\..+)?|parameters\.json|\d{1,18}-[0-9a-f]{64}\.zip|\d{1,18}\.aside", re.ASCII)
_TEXTS: Final = frozenset({".txt", ".csv", ".tsv", ".json", ".jsonl", ".md", ".log", ".yaml", ".yml"})


@final
@dataclass(frozen=True, slots=True)
class Kind:
    """What a file is shown as.

    Args:
        name: how pages call it.
        media: the Content-Type that it is sent with.
        begins: what its first bytes have to be.
    """

    name: str
    media: str
    begins: re.Pattern[bytes] = re.compile(b"")

    @property
    def disposition(self) -> str:
        """What a browser is told to do with it."""
        return "inline" if self.name in ("picture", "sound", "video") else "attachment"


_TEXT: Final = Kind("text", "text/plain")
_OTHER: Final = Kind("file", "application/octet-stream")
_SEEN: Final = MappingProxyType(
    {
        ending: Kind(name, media, re.compile(begins, re.DOTALL))
        for ending, name, media, begins in (
            (".png", "picture", "image/png", rb"\x89PNG\r\n\x1a\n"),
            (".jpg", "picture", "image/jpeg", rb"\xff\xd8\xff"),
            (".jpeg", "picture", "image/jpeg", rb"\xff\xd8\xff"),
            (".gif", "picture", "image/gif", rb"GIF8[79]a"),
            (".webp", "picture", "image/webp", rb"RIFF....WEBP"),
            (".wav", "sound", "audio/wav", rb"RIFF....WAVE"),
            (".mp3", "sound", "audio/mpeg", rb"ID3|\xff[\xe0-\xff]"),
            (".ogg", "sound", "audio/ogg", rb"OggS"),
            (".mp4", "video", "video/mp4", rb"....ftyp"),
            (".webm", "video", "video/webm", rb"\x1a\x45\xdf\xa3"),
        )
    }
)


@final
@dataclass(frozen=True, slots=True)
class Found:
    """A file as it was found.

    Args:
        path: where it lies below the trial's folder.
        status: what the system knows of it.
    """

    path: str
    status: os.stat_result

    @property
    def key(self) -> str:
        """What a request calls it: a digest of its path."""
        return hashlib.sha256(os.fsencode(self.path)).hexdigest()[:32]


@final
@dataclass(frozen=True, slots=True)
class Opened:
    """A file that was opened.

    Args:
        file: the file, for whoever has it to close.
        name: its name, without its folders.
        status: what the system knows of it.
        kind: what it is shown as.
    """

    file: FileIO
    name: str
    status: os.stat_result
    kind: Kind

    @property
    def version(self) -> str:
        """Another one whenever it was written or replaced."""
        return f"{self.status.st_ino:x}-{self.status.st_mtime_ns:x}-{self.status.st_size:x}"


def listing(files: Path | None, index: int) -> dict[str, Any]:
    """The newest files of a trial, and how many there are, or at least so many where not all entries were looked at.

    Args:
        files: the folder of the experiment's files; None if it is not known.
        index: the trial.
    """
    left = iter(range(MOST))
    with _trial(files, index) as folder:
        found = [] if folder is None else _walk(folder, "", left)
        found.sort(key=lambda one: one.status.st_mtime_ns, reverse=True)
        shown = [told for one in found[:SHOWN] if folder is not None and (told := _told(folder, one)) is not None]
    return {"files": shown, "count": len(found), "whole": next(left, None) is not None}


def search(files: Path | None, index: int, key: str) -> Opened | None:
    """The file of a trial that the listing gave this key, opened; None if it is gone."""
    with _trial(files, index) as folder:
        found = () if folder is None else _walk(folder, "", iter(range(MOST)))
        return next((_opened(folder, one.path) for one in found if folder is not None and one.key == key), None)


@contextmanager
def _trial(files: Path | None, index: int) -> Iterator[int | None]:
    """The opened folder of a trial; None if there is none that can be read."""
    with ExitStack() as stack:
        folder = None
        if files is not None:
            with suppress(OSError):
                folder = stack.enter_context(opened_trial(files, index))
        yield folder


def _walk(folder: int, above: str, left: Iterator[int]) -> list[Found]:
    """The regular files below an opened folder but headstock's own, as long as entries may be looked at."""
    found, inner = [], []
    with suppress(OSError), os.scandir(folder) as entries:
        for entry, _ in zip(entries, left, strict=False):
            try:
                status = entry.stat(follow_symlinks=False)
            except OSError:  # gone meanwhile
                continue
            if stat.S_ISDIR(status.st_mode):
                inner.append(entry.name)
            elif stat.S_ISREG(status.st_mode) and (above or not _OURS.fullmatch(entry.name)):
                found.append(Found(above + entry.name, status))
    for name in inner if above.count("/") < DEEPEST else ():
        deeper = None
        with suppress(OSError):  # nobody may read it
            deeper = open_folder(folder, name)
        if deeper is not None:
            try:
                found += _walk(deeper, f"{above}{name}/", left)
            finally:
                os.close(deeper)
    return found


def _told(folder: int, found: Found) -> dict[str, Any] | None:
    """What a page has to know of a file; None if it is gone."""
    opened = _opened(folder, found.path)
    if opened is None:
        return None
    opened.file.close()
    return {
        "key": found.key,
        "name": harmless(found.path.removeprefix("own/")),
        "kind": opened.kind.name,
        "size": opened.status.st_size,
        "modified": min(max(opened.status.st_mtime, 0.0), LATEST),
        "version": opened.version,
    }


def _opened(folder: int, path: str) -> Opened | None:
    """A regular file below an opened folder; None if there is none that can be read."""
    file = None
    with suppress(OSError):
        file = open_file(folder, path)
    if file is None:
        return None
    name, status = path.rpartition("/")[2], os.fstat(file.fileno())
    return Opened(file, name, status, _kind(name, status.st_size, os.pread(file.fileno(), 16, 0)))


def _kind(name: str, size: int, begin: bytes) -> Kind:
    """What a file is shown as, by its ending and its first bytes."""
    ending = PurePosixPath(name).suffix.lower()
    if ending in _TEXTS:
        return _TEXT
    kind = _SEEN.get(ending, _OTHER)
    is_large = kind.name == "picture" and size > LARGEST_PICTURE
    return kind if kind.begins.match(begin) and not is_large else _OTHER
