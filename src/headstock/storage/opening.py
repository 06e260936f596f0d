"""From a URL to an open storage."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from headstock.errors import HeadstockError, StorageError
from headstock.storage.base import Storage

POSTGRESQL: Final = ("postgresql://", "postgres://")
"""How the URL of a PostgreSQL database begins."""

_ENDINGS: Final = (".db", ".sqlite", ".sqlite3")


def open_storage(url: str | None = None, *, create: bool = True) -> Storage:
    """Open a storage.

    Args:
        url: `"sqlite:///headstock.db"` for a file in the working folder, `"sqlite:////home/me/headstock.db"` for one
            anywhere, or its path if that ends in `.db`; `"postgresql://me@host:5432/database"` for a PostgreSQL server;
            `"sqlite://"` or None for the memory of this process.
        create: whether a file that is not there is created.

    Returns:
        The storage, which all threads of this process may use. A file may be opened by any number of processes of this
        machine, a database of a server by those of any machine that reaches it; a process that was forked from this one
        may go on using the storage.

    Raises:
        StorageError: if there is no such storage, or it is something else.
        MissingDependencyError: if the library for such a storage is not installed.
        NewerSchemaError: if a newer headstock wrote it.
    """
    if url is not None and url.startswith(POSTGRESQL):
        return _open_postgresql(url)
    path = path_of(url)
    if path is not None:
        if not path.parent.is_dir():
            raise StorageError(f"{path} cannot be opened: there is no folder {path.parent}. Create it first.")
        if path.is_dir():
            raise StorageError(f"{path} is a folder. Name a file in it, such as {path / 'headstock.db'}.")
        if not create and not path.exists():
            raise StorageError(f"There is no storage {path}. Check the path and the working folder.")
    from headstock.storage.database import closed_if_refused
    from headstock.storage.migrations import bring_up_to_date
    from headstock.storage.sql import SqlStorage
    from headstock.storage.sqlite import SqliteDatabase

    database = SqliteDatabase(path)
    with closed_if_refused(database):
        bring_up_to_date(database)
        database.prepare_for_many()
    return SqlStorage(database)


@contextmanager
def opened_unless_refused(given: str | Storage | None) -> Iterator[Storage]:
    """A storage that is given, or opened by its URL, and closed again if the block refuses what it finds there."""
    if not isinstance(given, str | None):
        yield given
        return
    opened = open_storage(given)
    try:
        yield opened
    except HeadstockError:
        opened.close()
        raise


def _open_postgresql(url: str) -> Storage:
    from headstock.storage.database import closed_if_refused
    from headstock.storage.migrations import bring_up_to_date
    from headstock.storage.postgresql import PostgresqlDatabase
    from headstock.storage.reconnecting import ReconnectingStorage
    from headstock.storage.sql import SqlStorage

    database = PostgresqlDatabase(url)
    with closed_if_refused(database):
        bring_up_to_date(database)
    return ReconnectingStorage(SqlStorage(database))


def path_of(url: str | None) -> Path | None:
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
        f"{_without_password(str(url))!r} is no storage. Give a file as 'sqlite:///headstock.db', 'sqlite://' "
        f"for the memory of this process, or a server as 'postgresql://me@host:5432/database'."
    )


def _without_password(url: str) -> str:
    """The URL with what may be a password left out."""
    before, at, place = url.rpartition("@")
    scheme, separator, _ = before.partition("://")
    return f"{scheme + separator if separator else ''}***@{place}" if at else url
