"""A copy of a storage as it is at one moment, while others go on writing."""

from pathlib import Path

from headstock.errors import StorageError
from headstock.storage.opening import POSTGRESQL, path_of


def back_up(url: str, to: Path) -> None:
    """Copy a SQLite file to another one. What trials have saved and printed lies beside the file, and is not copied.

    Args:
        url: the storage.
        to: the file to write; it appears when it is complete.

    Raises:
        StorageError: if the storage is not a file that is there, the copy cannot be written, or something is there.
    """
    if url.startswith(POSTGRESQL):
        raise StorageError("A PostgreSQL database is copied by its own tool: pg_dump --format=custom --file=FILE URL")
    path = path_of(url)
    if path is None or not path.is_file():
        raise StorageError(f"There is no file {path or 'of a storage in memory'} to copy. Check the path.")
    if to.exists():
        raise StorageError(f"{to} is there already. Choose another file, or move it away.")
    if not to.parent.is_dir():
        raise StorageError(f"{to} cannot be written: there is no folder {to.parent}. Create it first.")
    from headstock.storage.sqlite import SqliteDatabase

    database = SqliteDatabase(path)
    try:
        database.back_up(to)
    finally:
        database.close()
