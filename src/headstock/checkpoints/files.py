"""The files that hold saved states: written whole or not at all, checked when read, never more than there is room for.

A saved state is one archive, `<folder>/<trial>/<step>-<sha256>.zip`: a member for each state, as its framework wrote
it, and a `contents.json` that says which is which. The archive is written aside, flushed to the disk and then renamed,
so it is there completely or not at all; its digest is in its name, so one that is torn or altered is told from a sound
one, and the one before it is read in its place. Paths derive from the numbers of trials and steps only.
"""

import errno
import hashlib
import io
import json
import os
import re
import shutil
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any, BinaryIO, Final, cast, final

from headstock.checkpoints.base import Framework
from headstock.errors import CheckpointError, NoRoomError
from headstock.trial_files import open_file, opened_trial

GIB: Final = 2**30

KEPT: Final = 2
"""How many saved states of a trial stay: the newest, and the one before, should the newest be torn."""

_NAME: Final = re.compile(r"(?P<step>\d{1,18})-(?P<digest>[0-9a-f]{64})\.zip")
_CONTENTS: Final = "contents.json"
_FORMAT: Final = 1
_NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@final
@dataclass(frozen=True, slots=True)
class Saved:
    """A saved state.

    Args:
        trial: the trial.
        step: after how many of its steps it was taken.
        path: its file.
        size: how many bytes it has.
    """

    trial: int
    step: int
    path: Path
    size: int


@final
@dataclass(frozen=True, slots=True)
class Checkpoints:
    """The saved states of one experiment's trials, and folders for what trials save themselves.

    Any number of processes may use a folder at once, as long as only one of them runs a trial.

    Args:
        folder: where they lie; made when something is saved.
        quota: how many bytes of saved states `collect` leaves.
        spare: how many bytes of the disk are left free: what would take them is not saved.
    """

    folder: Path
    quota: int = 20 * GIB
    spare: int = GIB

    def directory(self, trial: int) -> Path:
        """A folder for the trial's own files, made if it is not there. They count for no quota."""
        own = self._of(trial) / "own"
        own.mkdir(parents=True, exist_ok=True)
        return own

    def saved(self, trial: int) -> Sequence[Saved]:
        """The trial's saved states, the newest first; whether they are sound is found out when they are read."""
        with opened_trial(self.folder, trial) as folder:
            return [] if folder is None else self._saved(trial, folder)

    def save(
        self,
        trial: int,
        step: int,
        states: Mapping[str, Any],
        frameworks: Sequence[Framework],
        *,
        tried: bool = True,
        keep: Iterable[int] = (),
    ) -> Saved:
        """Write the states of a trial after a step; older ones than the newest two are deleted.

        Args:
            trial: the trial.
            step: how many steps it has trained.
            states: its states by name; each is written by the first framework that can.
            frameworks: who writes.
            tried: whether states of this trial were read back before; if not, these are, and refused if they cannot be.
            keep: steps whose states stay, however old.

        Raises:
            CheckpointError: if a state cannot be written, or not be read back.
            NoRoomError: if the disk has no room for it. Nothing is left behind then, and older states are untouched.
        """
        folder = self._of(trial)
        aside = folder / f"{step}.aside"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._check_unlinked(trial)
            with aside.open("w+b") as file:
                _write(file, step, states, frameworks)
                if not tried:
                    _read(file, frameworks)
                file.flush()
                os.fsync(file.fileno())
                size, digest = os.fstat(file.fileno()).st_size, _digest(file)
            self._check_room(size)
            saved = Saved(trial, step, folder / f"{step}-{digest}.zip", size)
            aside.replace(saved.path)
            _flush_folder(folder)
        except OSError as error:
            if error.errno in _NO_ROOM:
                raise NoRoomError(f"There is no room for the state of trial {trial} in {folder} ({error}).") from error
            raise CheckpointError(f"The state of trial {trial} cannot be written to {folder} ({error}).") from error
        finally:
            with suppress(OSError):
                aside.unlink()
        self._thin_out(saved, frozenset(keep))
        return saved

    def load(
        self, trial: int, frameworks: Sequence[Framework], *, at_most: int | None = None
    ) -> tuple[int, dict[str, Any]] | None:
        """The newest sound states of a trial.

        One that is torn or altered is deleted, and the one before is read in its place.

        Args:
            trial: the trial.
            frameworks: who reads.
            at_most: the newest that was taken after at most so many steps; None for the newest of all.

        Returns:
            The number of steps, and the states by name; None if there is nothing sound.

        Raises:
            CheckpointError: if it is sound, but no framework reads it.
        """
        with opened_trial(self.folder, trial) as folder:
            if folder is None:
                return None
            for saved in self._saved(trial, folder):
                if at_most is not None and saved.step > at_most:
                    continue
                found = open_file(folder, saved.path.name)
                if found is None:  # given up by another process just now
                    continue
                with BufferedReader(found) as file:
                    if f"{saved.step}-{_digest(file)}.zip" == saved.path.name:
                        return saved.step, _read(file, frameworks)
                with suppress(FileNotFoundError):
                    os.unlink(saved.path.name, dir_fd=folder)
        return None

    @property
    def lacks_room(self) -> bool:
        """Whether the disk has less room than is to be left free."""
        return self._missing() > 0

    def collect(self, worth: Sequence[int]) -> int:
        """Delete saved states until they keep to the quota and the disk has room; how many bytes were freed.

        What goes first are the older states of each trial, then those of the trials that are worth least.

        Args:
            worth: the trials whose states are worth keeping, the most valuable first; all others are worth nothing.
        """
        rank = {trial: position for position, trial in enumerate(worth)}
        each = [
            (newness, rank.get(trial, len(rank)), saved)
            for trial in self._trials()
            for newness, saved in enumerate(self.saved(trial))
        ]
        total = sum(saved.size for *_, saved in each)
        needed = max(total - self.quota, self._missing())
        freed = 0
        for *_, saved in sorted(each, key=lambda one: one[:2], reverse=True):
            if freed >= needed:
                break
            saved.path.unlink(missing_ok=True)
            freed += saved.size
        return freed

    def discard(self, trial: int) -> None:
        """Delete the trial's saved states, not its own folder."""
        for saved in self.saved(trial):
            saved.path.unlink(missing_ok=True)

    def _of(self, trial: int) -> Path:
        return self.folder / str(int(trial))

    def _saved(self, trial: int, folder: int) -> list[Saved]:
        """The saved states in the trial's opened folder, the newest first."""
        found = []
        with os.scandir(folder) as entries:
            for entry in entries:
                match = _NAME.fullmatch(entry.name)
                with suppress(FileNotFoundError):  # given up by another process just now
                    if match is not None and entry.is_file(follow_symlinks=False):
                        size = entry.stat(follow_symlinks=False).st_size
                        found.append(Saved(trial, int(match["step"]), self._of(trial) / entry.name, size))
        return sorted(found, key=lambda one: one.step, reverse=True)

    def _trials(self) -> Iterable[int]:
        try:
            return [int(path.name) for path in self.folder.iterdir() if path.name.isdecimal()]
        except FileNotFoundError:
            return ()

    def _missing(self) -> int:
        """How many bytes more the disk should have free."""
        return self.spare - shutil.disk_usage(self.folder).free if self.folder.is_dir() else 0

    def _check_room(self, size: int) -> None:
        if self.lacks_room:
            raise NoRoomError(
                f"The disk of {self.folder} has less than {self.spare / GIB:.1f} GiB free, so the state of a trial, "
                f"of {size / GIB:.3f} GiB, was not saved. Make room on the disk."
            )

    def _check_unlinked(self, trial: int) -> None:
        """Refuse to save what would not be found again."""
        with opened_trial(self.folder, trial) as folder:
            if folder is None:
                raise CheckpointError(
                    f"One comes to {self._of(trial)} by a link, and no link is followed to saved states. Put the "
                    f"folder itself there, or say where files lie: files=."
                )

    def _thin_out(self, newest: Saved, keep: frozenset[int]) -> None:
        steps = sorted({saved.step for saved in self.saved(newest.trial)}, reverse=True)
        kept = {*steps[:KEPT], *keep}
        for torn in self._of(newest.trial).glob("*.aside"):  # of a process that was killed while it wrote
            torn.unlink(missing_ok=True)
        for saved in self.saved(newest.trial):
            if saved.step not in kept or (saved.step == newest.step and saved.path != newest.path):
                saved.path.unlink(missing_ok=True)


def pack(states: Mapping[str, Any], frameworks: Sequence[Framework]) -> bytes:
    """States as bytes, for another process.

    Raises:
        CheckpointError: if a state cannot be written.
    """
    file = io.BytesIO()
    _write(file, 0, states, frameworks)
    return file.getvalue()


def unpack(packed: bytes, frameworks: Sequence[Framework]) -> dict[str, Any]:
    """The states that another process has packed.

    Raises:
        CheckpointError: if they are no such states, or nobody reads one.
    """
    return _read(io.BytesIO(packed), frameworks)


def _write(file: BinaryIO, step: int, states: Mapping[str, Any], frameworks: Sequence[Framework]) -> None:
    """Write an archive of states."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        writers = {
            name: _written(archive, number, name, state, frameworks)
            for number, (name, state) in enumerate(states.items())
        }
        archive.writestr(_CONTENTS, json.dumps({"format": _FORMAT, "step": step, "states": writers}))


def _written(
    archive: zipfile.ZipFile, number: int, name: str, state: Any, frameworks: Sequence[Framework]
) -> Mapping[str, str]:
    """Write one state by the first framework that can, and say which it was."""
    refusals = []
    for framework in frameworks:
        member = f"{number}.{framework.name}"
        try:
            with archive.open(member, "w", force_zip64=True) as file:
                framework.write(state, cast(io.BufferedIOBase, file))
        except CheckpointError as refusal:
            refusals.append(str(refusal))
        else:
            return {"framework": framework.name, "member": member}
    raise CheckpointError(f"The state of {name!r} cannot be saved. {' '.join(refusals)}")


def _read(file: BinaryIO, frameworks: Sequence[Framework]) -> dict[str, Any]:
    """The states of an archive.

    Raises:
        CheckpointError: if it is no such archive, or nobody reads one of its states.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            contents = json.loads(_member(archive, _CONTENTS))
            if contents["format"] == _FORMAT:
                return {
                    name: _state(archive, name, written, frameworks) for name, written in contents["states"].items()
                }
    except (AttributeError, KeyError, TypeError, ValueError, zipfile.BadZipFile) as error:
        raise CheckpointError(f"A saved state cannot be read: {type(error).__name__}: {error}") from error
    raise CheckpointError(f"A saved state is of format {contents['format']!r}. Read it with a newer headstock.")


def _state(archive: zipfile.ZipFile, name: str, written: Mapping[str, str], frameworks: Sequence[Framework]) -> Any:
    """One state of an archive."""
    for framework in frameworks:
        if framework.name == written["framework"]:
            try:
                return framework.read(io.BytesIO(_member(archive, written["member"])))
            except CheckpointError as error:
                raise CheckpointError(f"The saved state of {name!r} cannot be read. {error}") from error
    raise CheckpointError(
        f"The saved state of {name!r} was written by {written['framework']!r}. Import that library first."
    )


def _member(archive: zipfile.ZipFile, name: str) -> bytes:
    """A member of an archive, which must not be larger than the archive itself."""
    member = archive.getinfo(name)
    if member.compress_type != zipfile.ZIP_STORED:
        raise CheckpointError("It is compressed, which headstock does not do.")
    return archive.read(member)


def _digest(file: BinaryIO) -> str:
    file.seek(0)
    return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type] # typeshed wants readinto


def _flush_folder(folder: Path) -> None:
    """Make a renaming in the folder last."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
