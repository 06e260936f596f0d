"""Connections to SQLite: a file that many processes write, or the memory of this one.

The file is in WAL mode, unless it lies on a network file system: readers never wait, writers wait for one another. A
transaction that has ended survives the death of its process. With `synchronous=NORMAL` the newest ones may be lost if
the machine itself loses power, though the file stays sound: such trials are run again, which is the price of commits
that do not wait for the disk.
"""

import os
import sqlite3
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final, final

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import QueuePool, StaticPool

from headstock.errors import StorageError
from headstock.interrupts import held
from headstock.storage.database import PATIENCE, Engines, read_json, write_json
from headstock.storage.places import network_file_system
from headstock.storage.turns import is_turn_taken, pause_after, turn_at

_ADVICE: Final = {
    "SQLITE_BUSY": "Another process is writing to it for too long. Stop that process, or try again.",
    "SQLITE_CANTOPEN": "Make sure that its folder is there and that you may write to it.",
    "SQLITE_CORRUPT": "The file is damaged. Restore a copy.",
    "SQLITE_FULL": "Make room on the disk.",
    "SQLITE_IOERR": "Check the disk; keep the file on a local one.",
    "SQLITE_NOTADB": "The file is something else. Choose another one.",
    "SQLITE_READONLY": "Make sure that you may write to it and to its folder.",
}
"""What to do about an error of SQLite, by its name without an extension."""


@final
@dataclass(frozen=True, slots=True, eq=False)
class SqliteDatabase:
    """A SQLite database as a source of transactions, for all threads of this process.

    Args:
        path: the file, absolute; None for the memory of this process.
    """

    path: Path | None
    _engines: Engines = field(init=False, repr=False)
    _suggesting: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)
    _turns: AbstractContextManager[Any] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Connect."""
        # All threads share the one connection to a database in memory, so they take turns.
        object.__setattr__(self, "_turns", threading.Lock() if self.path is None else nullcontext())
        object.__setattr__(self, "_engines", Engines(partial(_engine, self.path)))

    @property
    def url(self) -> str:
        """Where it lies."""
        return str(_url(self.path))

    def reading(self) -> AbstractContextManager[Connection]:
        """A transaction that sees the database as it is at one moment."""
        return self._transaction(_begin_reading)

    def writing(self) -> AbstractContextManager[Connection]:
        """A transaction without other writers; it is kept if the block ends without an error."""
        return self._transaction(_begin_writing)

    def renewing(self) -> AbstractContextManager[Connection]:
        """The same, for no commit waits for the disk."""
        return self.writing()

    def alone(self) -> AbstractContextManager[Connection]:
        """The same, for there is never more than one writer."""
        return self.writing()

    @contextmanager
    def turn(self, name: str) -> Iterator[None]:
        """Have the turn to suggest during the block."""
        if self.path is not None:
            with turn_at(self.path, name, patience=PATIENCE):
                yield
            return
        is_mine = self._suggesting.acquire(timeout=PATIENCE)
        try:
            yield
        finally:
            if is_mine:
                self._suggesting.release()

    def is_turn_taken(self, name: str) -> bool:
        """Whether somebody has that turn now."""
        return self._suggesting.locked() if self.path is None else is_turn_taken(self.path, name)

    def keep_copy(self, step: str) -> None:
        """Keep a copy of the file beside it."""
        if self.path is not None:
            self.back_up(self.path.with_name(f"{self.path.name}.before-{step}"))

    def back_up(self, to: Path) -> None:
        """Copy everything as it is at one moment to a file, which appears when it is complete.

        Raises:
            StorageError: if the file cannot be written.
        """
        part = to.with_name(f"{to.name}.{os.getpid()}.part")
        try:
            with self._errors(), self.engine().connect() as connection, closing(sqlite3.connect(part)) as copy:
                source = connection.connection.driver_connection
                assert isinstance(source, sqlite3.Connection)  # noqa: S101 - for mypy
                source.backup(copy)
                copy.execute("PRAGMA journal_mode = DELETE")  # one file, not three
            part.replace(to)
        except OSError as error:
            raise StorageError(f"{to} cannot be written: {error}. Choose another file.") from error
        finally:
            part.unlink(missing_ok=True)

    def prepare_for_many(self) -> None:
        """Let readers and a writer go on beside one another, where the file system allows it."""
        kind = None if self.path is None else network_file_system(self.path)
        if kind is None:
            self._use_journal("wal")
            return
        warnings.warn(
            f"{self.path} lies on a network file system ({kind}), where SQLite is slow, and safe for the processes of "
            f"one machine at most. Keep it on a local disk; for several machines, use PostgreSQL.",
            stacklevel=4,
        )
        self._use_journal("delete")

    def _use_journal(self, mode: str) -> None:
        """Switch the file to a journal mode for good, unless it is in it."""
        for _ in range(int(PATIENCE / 0.1)):
            with self._errors(), self.engine().connect() as connection:
                if connection.exec_driver_sql("PRAGMA journal_mode").scalar() in (mode, "memory"):
                    return
                # SQLite does not wait for other connections here, it fails at once.
                try:
                    connection.exec_driver_sql(f"PRAGMA journal_mode = {mode}")
                except DBAPIError as error:
                    if not _name(error).startswith("SQLITE_BUSY"):
                        raise
                    time.sleep(0.1)

    def close(self) -> None:
        """Close the connections of this process."""
        self._engines.dispose()

    @contextmanager
    def _transaction(self, begin: Callable[[Connection], None]) -> Iterator[Connection]:
        with held(), self._errors(), self._turns, self.engine().begin() as connection:
            begin(connection)
            yield connection

    def engine(self) -> Engine:
        """The engine of this process."""
        if self.path is None and not self._engines.has_own():
            raise StorageError(
                "This storage in memory was closed, or belongs to another process, which this one was forked from. "
                "Open a file to share experiments between processes."
            )
        return self._engines.own()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Raise what SQLite and its driver complain about as `StorageError`, with advice."""
        try:
            yield
        except (SQLAlchemyError, sqlite3.Error, OverflowError, UnicodeError) as error:
            cause = getattr(error, "orig", None) or error
            primary = "_".join(_name(error).split("_")[:2])
            advice = _ADVICE.get(primary, "")
            raise StorageError(f"{self.url}: {cause}. {advice}".rstrip()) from error


def _begin_reading(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")


def _begin_writing(connection: Connection) -> None:
    """Begin a transaction once no other writer is at work.

    SQLite's own way of waiting doubles its pauses up to 100 ms, so many writers that take turns of a millisecond leave
    the file idle most of the time, and some of them are overtaken for seconds. Short pauses of random length hand the
    turn on at once, and evenly. The driver is asked directly: SQLAlchemy takes longer for a refusal than a turn takes.
    """
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)  # noqa: S101 - for mypy
    began = time.monotonic()
    driver.execute("PRAGMA busy_timeout = 0")
    try:
        while True:
            try:
                driver.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                waited = time.monotonic() - began
                if not _name(error).startswith("SQLITE_BUSY") or waited >= PATIENCE:
                    raise
            else:
                return
            pause_after(waited)
    finally:
        driver.execute(f"PRAGMA busy_timeout = {int(1000 * PATIENCE)}")


def _name(error: Exception) -> str:
    """SQLite's name of an error, such as SQLITE_BUSY_RECOVERY; empty if it is none of SQLite's."""
    return getattr(getattr(error, "orig", None) or error, "sqlite_errorname", "")


def _url(path: Path | None) -> URL:
    return URL.create("sqlite", database=None if path is None else str(path))


def _engine(path: Path | None) -> Engine:
    pool: dict[str, Any] = {"poolclass": StaticPool} if path is None else {"poolclass": QueuePool, "max_overflow": -1}
    engine = create_engine(
        _url(path),
        **pool,
        connect_args={"check_same_thread": False, "timeout": PATIENCE},
        hide_parameters=True,
        json_serializer=write_json,
        json_deserializer=read_json,
    )
    event.listen(engine, "connect", _configure)
    return engine


def _configure(connection: sqlite3.Connection, _record: object) -> None:
    """Prepare a new connection."""
    connection.isolation_level = None  # the driver begins no transactions by itself; `_transaction` does
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = NORMAL")
