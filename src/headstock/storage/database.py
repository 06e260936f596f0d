"""What the storage needs of a database: transactions of three kinds, and connections that survive a fork."""

import json
import os
import weakref
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, final

from sqlalchemy import Connection, Engine

from headstock.errors import StorageError

PATIENCE: Final = 30.0
"""How many seconds one waits for other writers, and for a database server that is away."""


class Database(Protocol):
    """A database as a source of transactions, for all threads of this process."""

    @property
    def url(self) -> str:
        """Where it lies, without a password."""
        ...

    def engine(self) -> Engine:
        """SQLAlchemy's engine of this process."""
        ...

    def reading(self) -> AbstractContextManager[Connection]:
        """A transaction that sees the database as it is at one moment, and waits for nobody."""
        ...

    def writing(self) -> AbstractContextManager[Connection]:
        """A transaction that is kept if the block ends without an error.

        Who locks an experiment's row in it is the experiment's only writer, and sees all that was written before.
        """
        ...

    def renewing(self) -> AbstractContextManager[Connection]:
        """A writing transaction that may be lost with the machine's power: for what is said again soon."""
        ...

    def alone(self) -> AbstractContextManager[Connection]:
        """A writing transaction beside which there is no other of this kind: for what has no row to lock yet."""
        ...

    def turn(self, name: str) -> AbstractContextManager[None]:
        """Have the turn to suggest trials of an experiment during the block; see `Storage.turn`."""
        ...

    def is_turn_taken(self, name: str) -> bool:
        """Whether somebody has that turn now."""
        ...

    def keep_copy(self, step: str) -> None:
        """Keep a copy of everything before a migration, if that is possible from here.

        Args:
            step: the name of its first step.
        """
        ...

    def close(self) -> None:
        """Close the connections of this process."""
        ...


@contextmanager
def closed_if_refused(database: Database) -> Iterator[None]:
    """Close a database again if the block finds that it cannot be used."""
    try:
        yield
    except StorageError:
        database.close()
        raise


@final
@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False)
class Engines:
    """One engine for each process that uses a database.

    A forked process must neither use nor close the connections that it inherits, so it finds no engine of its own here,
    makes one, and leaves the other alone. When the last reference has gone, idle connections are closed.

    Args:
        make: makes an engine.
    """

    make: Callable[[], Engine]
    _by_process: dict[int, Engine] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        """Make the first one."""
        self._by_process[os.getpid()] = self.make()
        weakref.finalize(self, _dispose, self._by_process)

    def has_own(self) -> bool:
        """Whether this process has its engine already."""
        return os.getpid() in self._by_process

    def own(self) -> Engine:
        """The engine of this process."""
        return self._by_process.get(os.getpid()) or self._by_process.setdefault(os.getpid(), self.make())

    def dispose(self) -> None:
        """Close the idle connections of this process, and only those."""
        _dispose(self._by_process)


def _dispose(engines: dict[int, Engine]) -> None:
    own = engines.pop(os.getpid(), None)
    if own is not None:
        own.dispose()


def write_json(value: object) -> str:
    """Strict JSON."""
    return json.dumps(value, allow_nan=False, separators=(",", ":"))


_scan: Final[Callable[[str, int], tuple[Any, int]]] = vars(json.JSONDecoder())["scan_once"]
"""The parser itself: `json.loads` takes three times as long for the short texts of rows."""


def read_json(text: str | bytes) -> Any:
    """What `write_json` wrote.

    Raises:
        StorageError: if it is no JSON.
    """
    try:
        if not isinstance(text, str):
            return json.loads(text)
        value, end = _scan(text, 0)
        return value if end == len(text) else json.loads(text)
    except StopIteration:
        raise StorageError(f"The storage has a damaged entry: {text[:40]!r} is not JSON.") from None
    except ValueError as error:
        raise StorageError(f"The storage has a damaged entry: {text[:40]!r} is not JSON ({error}).") from None
