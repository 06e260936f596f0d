"""An experiment as a whole: what belongs to it in the storage and beside it, which goes with it."""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import final

from headstock.errors import HeadstockError, StorageError, UnknownExperimentError
from headstock.scripts.folders import files_of
from headstock.storage import Storage
from headstock.trial import TrialState
from headstock.wording import size


@final
@dataclass(frozen=True, slots=True)
class Belongings:
    """What is lost with an experiment.

    Args:
        counts: how many trials are in each state.
        notes: how many notes there are.
        files: how many files: logs, saved states, results of scripts.
        bytes: how large they are together.
        led: the trials that processes run; these end with an error.
    """

    counts: Mapping[TrialState, int]
    notes: int
    files: int
    bytes: int
    led: tuple[int, ...]

    @classmethod
    def of(cls, storage: Storage, name: str, root: Path | None = None) -> "Belongings":
        """Look what there is.

        Args:
            storage: where the experiment is kept.
            name: the experiment.
            root: where files of trials lie, if not beside the storage's own.

        Raises:
            UnknownExperimentError: if there is none of this name.
        """
        for found in storage.experiments():
            if found.spec.name == name:
                folder = files_of(storage.url, found.spec, root)
                sizes = [] if folder is None else list(_sizes(folder))
                counts = {state: count for state, count in found.counts.items() if count}
                led = tuple(lease.index for lease in storage.leases(name))
                return cls(counts, len(storage.notes(name)), len(sizes), sum(sizes), led)
        raise UnknownExperimentError(f"{storage.url} has no experiment {name!r}.")

    def __str__(self) -> str:
        """In words: "20 trials (18 completed, 2 failed), 1 note, 3 files (1.2 MB)"."""
        trials = sum(self.counts.values())
        states = ", ".join(f"{count:,} {state}" for state, count in self.counts.items())
        told = [_counted(trials, "trial") + (f" ({states})" if states else "")]
        told += [_counted(self.notes, "note")] if self.notes else []
        told += [f"{_counted(self.files, 'file')} ({size(self.bytes)})"] if self.files else []
        return ", ".join(told)


def delete(storage: Storage, name: str, root: Path | None = None) -> None:
    """Delete an experiment with its trials, notes and files.

    Args:
        storage: where the experiment is kept.
        name: the experiment.
        root: where files of trials lie, if not beside the storage's own.

    Raises:
        UnknownExperimentError: if there is none of this name.
    """
    folder = files_of(storage.url, storage.experiment(name), root)
    storage.delete(name)
    if folder is None or not folder.exists():
        return
    target = _target(folder)
    shutil.rmtree(target, ignore_errors=True)
    for link in folder.parent.iterdir():  # of the names that it had
        if link.is_symlink() and link.readlink() == Path(target.name):
            link.unlink(missing_ok=True)


def rename(storage: Storage, name: str, new: str, root: Path | None = None) -> None:
    """Give an experiment another name.

    The name of its folder derives from that of the experiment, so the new one is a link to it. It is made first: a
    process that is killed in between leaves a link too many, and no state that cannot be found.

    Args:
        storage: where the experiment is kept.
        name: the experiment.
        new: its new name.
        root: where files of trials lie, if not beside the storage's own.

    Raises:
        StorageError: if the name is taken or cannot be stored, or if it is not known where saved states lie.
        TrialStateError: if a process runs a trial of it.
    """
    spec = storage.experiment(name)
    folder = files_of(storage.url, spec, root)
    if folder is None and any(t.saves for t in storage.changes(name).trials):
        raise StorageError(
            f"Trials of {name!r} have saved states, which are found by its name. Say where they lie: --files FOLDER."
        )
    link = None
    if folder is not None and folder.exists():
        link = files_of(storage.url, replace(spec, name=new), root)
    is_new = link is not None and not link.exists()
    if link is not None and folder is not None and is_new:
        link.symlink_to(_target(folder).name, target_is_directory=True)
    try:
        storage.rename(name, new)
    except HeadstockError:
        if link is not None and is_new:
            link.unlink(missing_ok=True)
        raise


def _sizes(folder: Path) -> Iterator[int]:
    """How many bytes each file below a folder has; trainings may write and delete some meanwhile."""
    for above, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                yield Path(above, name).lstat().st_size


def _target(folder: Path) -> Path:
    """The folder that a link leads to; one that leads out of the place of such folders is not followed."""
    target = folder.parent / folder.readlink() if folder.is_symlink() else folder
    return target if target.parent == folder.parent and not target.is_symlink() else folder


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
