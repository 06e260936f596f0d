"""Where the files of a trial lie: beside the database, under names that derive from ids."""

import hashlib
from pathlib import Path
from typing import Final

from headstock.storage.records import ExperimentSpec

LOG: Final = "output.log"
"""The name of a trial's log."""


def files_of(url: str, spec: ExperimentSpec, root: Path | None = None) -> Path | None:
    """The folder of an experiment's files: `<database file>.files/<digest>`; None for a storage that is no file.

    Args:
        url: where the storage lies.
        spec: the experiment. Its name may be anything, so the folder is called by a digest of it and of the time when
            it was created: a new experiment under the name of a deleted one has another folder.
        root: the folder to take in place of `<database file>.files`.
    """
    digest = hashlib.sha256(f"{spec.name}\0{spec.created!r}".encode()).hexdigest()[:16]
    file = url.removeprefix("sqlite:///")
    if root is None and (file == url or not file):
        return None
    return (root or Path(f"{file}.files").absolute()) / digest


def trial_folder(files: Path, index: int) -> Path:
    """The folder of one trial."""
    return files / str(int(index))
