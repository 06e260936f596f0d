"""Connections to a PostgreSQL server, by psycopg.

A writing transaction runs at READ COMMITTED and begins by locking its experiment's row (SELECT ... FOR UPDATE), so an
experiment has one writer at a time and no update is lost; what it reads after the lock is all that was committed
before. A reading transaction runs at REPEATABLE READ and sees one moment. Neither can fail for the sake of another.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, final

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import QueuePool

from headstock.errors import ConnectionLostError, HeadstockError, MissingDependencyError, StorageError
from headstock.interrupts import held
from headstock.storage.database import PATIENCE, Engines, read_json, write_json

DRIVER: Final = "postgresql+psycopg"
"""SQLAlchemy's name of the dialect."""

_ALONE: Final = int.from_bytes(b"headstck")
"""The number of the lock that `alone` takes: a bigint that other programs will hardly choose."""

_SECRETS: Final = ("password", "passfile", "sslpassword", "sslkey")
"""Parameters of a URL that are not shown."""

# Who holds locks and does nothing for too long loses them. A reader holds none, and may take its time.
_BEGIN_WRITING: Final = (
    "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; "
    f"SET LOCAL idle_in_transaction_session_timeout = {int(1000 * PATIENCE)}"
)

_GONE: Final = ("57P01", "57P02", "57P03", "57P05", "08")
"""How the codes of errors begin after which the connection is gone: the server stops, starts, or cannot be reached."""

_ADVICE: Final = {
    "42501": "Grant the user the right to create tables in it.",
    "53": "The server lacks disk, memory or connections. Make room.",
    "55P03": "Another process is writing to it for too long. Stop that process, or try again.",
}
"""What to do about an error of PostgreSQL, by the beginning of its code."""


@final
@dataclass(frozen=True, slots=True, eq=False)
class PostgresqlDatabase:
    """A PostgreSQL database as a source of transactions, for all threads of this process.

    Args:
        address: its URL, with the password if there is one.

    Raises:
        StorageError: if the URL is not one.
        MissingDependencyError: if psycopg is not there.
    """

    address: str = field(repr=False)
    _engines: Engines = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Prepare to connect."""
        try:
            import psycopg  # noqa: F401 - SQLAlchemy's own error says less
        except ImportError as error:
            raise MissingDependencyError(
                f"PostgreSQL needs psycopg, which cannot be loaded ({error}). Run: pip install 'headstock[postgres]'"
            ) from error
        object.__setattr__(self, "_engines", Engines(partial(_engine, _parsed(self.address))))

    @property
    def url(self) -> str:
        """Where it lies, without a password."""
        return _shown(_parsed(self.address)).render_as_string(hide_password=False)

    def reading(self) -> AbstractContextManager[Connection]:
        """A transaction that sees the database as it is at one moment."""
        return self._transaction("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")

    def writing(self) -> AbstractContextManager[Connection]:
        """A transaction that is kept if the block ends without an error."""
        return self._transaction(_BEGIN_WRITING)

    def renewing(self) -> AbstractContextManager[Connection]:
        """A writing transaction whose commit does not wait for the disk."""
        return self._transaction(f"{_BEGIN_WRITING}; SET LOCAL synchronous_commit = off")

    @contextmanager
    def alone(self) -> Iterator[Connection]:
        """A writing transaction beside which there is no other of this kind."""
        with self.writing() as connection:
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ALONE})")
            yield connection

    @contextmanager
    def turn(self, name: str) -> Iterator[None]:
        """Have the turn to suggest during the block: a lock of the session, which ends with its connection."""
        connection = None
        try:
            with suppress(SQLAlchemyError):  # it is a courtesy
                connection = self.engine().connect()
                connection.execute(text("SELECT pg_advisory_lock(hashtextextended(:name, 0))"), self._turn_of(name))
            yield
        finally:
            if connection is not None:
                with suppress(SQLAlchemyError):
                    connection.execute(text("SELECT pg_advisory_unlock_all()"))
                connection.close()

    def is_turn_taken(self, name: str) -> bool:
        """Whether somebody has that turn now."""
        free = text("SELECT pg_try_advisory_xact_lock_shared(hashtextextended(:name, 0))")
        with self.reading() as connection:
            return not connection.scalar(free, self._turn_of(name))

    def _turn_of(self, name: str) -> dict[str, str]:
        """What the lock of a turn is made from."""
        return {"name": f"headstock/{self.url}/{name}"}

    def keep_copy(self, step: str) -> None:
        """Keep none: a dump is the business of who runs the server, and a step that fails is undone by it."""

    def close(self) -> None:
        """Close the connections of this process."""
        self._engines.dispose()

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[Connection]:
        stage = "connecting"
        try:
            with self.engine().connect() as connection, held():
                connection.exec_driver_sql(begin)
                stage = "working"
                yield connection
                stage = "committing"
                connection.commit()
        except HeadstockError:
            raise
        except (SQLAlchemyError, OverflowError, TypeError, ValueError) as error:  # the driver itself writes JSON
            cause = getattr(error, "orig", None) or error
            code = getattr(cause, "sqlstate", None) or ""
            said = " ".join(str(cause).split())
            if stage == "connecting" or getattr(error, "connection_invalidated", False) or code.startswith(_GONE):
                raise ConnectionLostError(
                    f"{self.url}: {said}. Check that the server runs and knows this database, user and password.",
                    is_in_doubt=stage == "committing" and "WRITE" in begin,
                ) from error
            advice = next((text for start, text in _ADVICE.items() if code.startswith(start)), "")
            raise StorageError(f"{self.url}: {said}. {advice}".rstrip()) from error

    def engine(self) -> Engine:
        """The engine of this process."""
        return self._engines.own()


def _parsed(address: str) -> URL:
    """The URL in its parts.

    Raises:
        StorageError: if it is not one.
    """
    try:
        return make_url(f"{DRIVER}://{address.partition('://')[2]}")
    except (ArgumentError, ValueError):
        raise StorageError(
            "The URL of the PostgreSQL database cannot be read. Give one as "
            "'postgresql://user@host:5432/database'; write special characters of a password as %XX."
        ) from None


def _shown(url: URL) -> URL:
    """The URL with nothing in it that is secret."""
    shown = URL.create("postgresql", url.username, None, url.host, url.port, url.database, url.query)
    return shown.difference_update_query(_SECRETS)


def _engine(url: URL) -> Engine:
    # Secrets reach the driver beside the URL, so that no message of SQLAlchemy's can show them.
    secrets: dict[str, Any] = {name: value for name, value in url.query.items() if name in _SECRETS}
    if url.password is not None:
        secrets["password"] = url.password
    engine = create_engine(
        _shown(url).set(drivername=DRIVER),
        poolclass=QueuePool,
        max_overflow=-1,
        isolation_level="AUTOCOMMIT",  # the driver begins no transactions by itself; `_transaction` does
        connect_args={"connect_timeout": 10, "application_name": "headstock"} | secrets,
        hide_parameters=True,
        json_serializer=write_json,
        json_deserializer=read_json,
    )
    event.listen(engine, "connect", _configure)
    return engine


def _configure(connection: Any, _record: object) -> None:
    """Prepare a new connection: no lock is waited for longer than `PATIENCE`."""
    connection.execute(f"SET lock_timeout = {int(1000 * PATIENCE)}")
