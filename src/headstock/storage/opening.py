"""From a URL to an open storage."""

from pathlib import Path
from typing import Final

from headstock.errors import StorageError
from headstock.storage.base import Storage

_ENDINGS: Final = (".db", ".sqlite", ".sqlite3")


def open_storage(url: str | None = None, *, create: bool = True) -> Storage:
    """Open a storage.

    Args:
        url: `"sqlite:///headstock.db"` for a file in the working folder, `"sqlite:////home/me/headstock.db"` for one
            anywhere, or its path if that ends in `.db`; `"sqlite://"` or None for the memory of this process.
        create: whether a file that is not there is created.

    Returns:
        The storage, which all threads of this process may use. A file may be opened by any number of processes of this
        machine; a process that was forked from this one may go on using the storage.

    Raises:
        StorageError: if there is no such storage, or it is something else.
        NewerSchemaError: if a newer headstock wrote it.
    """
    path = _path(url)
    if path is not None:
        if not path.parent.is_dir():
            raise StorageError(f"{path} cannot be opened: there is no folder {path.parent}. Create it first.")
        if path.is_dir():
            raise StorageError(f"{path} is a folder. Name a file in it, such as {path / 'headstock.db'}.")
        if not create and not path.exists():
            raise StorageError(f"There is no storage {path}. Check the path and the working folder.")
    from headstock.storage.migrations import migrate, pending
    from headstock.storage.sql import SqlStorage
    from headstock.storage.sqlite import SqliteDatabase

    database = SqliteDatabase(path)
    try:
        with database.reading() as connection:
            is_current = not pending(connection)
        if not is_current:
            migrate(database.writing)
        database.use_wal()
    except StorageError:
        database.close()
        raise
    return SqlStorage(database)


def _path(url: str | None) -> Path | None:
    """The file of a URL, absolute, so that it stays the same in another working folder; None for memory.

    Raises:
        StorageError: if it is of another kind.
    """
    if url in (None, "sqlite://", "sqlite:///:memory:"):
        return None
    scheme, separator, place = str(url).partition(":///")
    if separator and scheme == "sqlite" and place and "?" not in place:
        return Path(place).expanduser().absolute()
    if ":/" not in str(url) and str(url).endswith(_ENDINGS):
        return Path(str(url)).expanduser().absolute()
    raise StorageError(
        f"{_without_password(str(url))!r} is no storage. Give a file as 'sqlite:///headstock.db', or 'sqlite://' "
        f"for the memory of this process."
    )


def _without_password(url: str) -> str:
    """The URL with what may be a password left out."""
    before, at, place = url.rpartition("@")
    scheme, separator, _ = before.partition("://")
    return f"{scheme + separator if separator else ''}***@{place}" if at else url
