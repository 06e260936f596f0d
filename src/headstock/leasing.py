"""The leases of a run: renewed while it lives, and those of others taken when they are renewed no more."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self, final

from headstock.errors import StorageError
from headstock.processes import is_dead
from headstock.storage.base import Command, Storage

BEAT: Final = 5.0
"""After how many seconds leases are renewed."""

LAPSE: Final = 60.0
"""For how many seconds nobody may have seen a renewal of a lease before the trial is taken from its owner."""


@final
@dataclass(slots=True)
class Leases:
    """Renews the leases of one owner in a thread of its own, as long as the block runs.

    No clock of another machine is trusted: a lease has expired when this process has seen no renewal for a time.

    Args:
        storage: where the leases are.
        name: the experiment.
        owner: who renews.
        clock: tells the time, for the records.
        monotonic: seconds, for what this process sees.
    """

    storage: Storage
    name: str
    owner: str
    clock: Callable[[], float]
    monotonic: Callable[[], float] = time.monotonic
    _commands: Mapping[int, Command] = field(default_factory=dict, init=False)
    _seen: dict[int, tuple[tuple[str, int], float]] = field(default_factory=dict, init=False)
    _over: threading.Event = field(default_factory=threading.Event, init=False)
    _thread: threading.Thread | None = field(default=None, init=False)

    def __enter__(self) -> Self:
        """Begin to renew; a storage in the memory of this process has nobody to renew for."""
        if self.storage.url != "sqlite://":
            self._thread = threading.Thread(target=self._beat, name="headstock-leases", daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Renew no more."""
        self._over.set()
        if self._thread is not None:
            self._thread.join()

    def command(self, index: int) -> Command | None:
        """What somebody wants of a trial, as far as it was heard of."""
        return self._commands.get(index)

    def renew(self) -> None:
        """Renew the own leases, and hear what is wanted of their trials."""
        leases = self.storage.extend(self.name, self.owner)
        self._commands = {lease.index: lease.command for lease in leases if lease.command is not None}

    def take_expired(self) -> int:
        """Put trials back into the queue whose owner is dead, or has not renewed its lease for too long.

        Returns:
            How many there were.
        """
        now, taken, known = self.monotonic(), 0, self._seen
        self._seen = {}
        for lease in self.storage.leases(self.name):
            if lease.owner == self.owner:
                continue
            seen, since = known.get(lease.index, (None, now))
            since = since if seen == (lease.owner, lease.renewals) else now
            self._seen[lease.index] = ((lease.owner, lease.renewals), since)
            if is_dead(lease.owner) or now - since >= LAPSE:
                freed = self.storage.release(
                    self.name, lease.index, owner=lease.owner, renewals=lease.renewals, now=self.clock()
                )
                taken += freed is not None
        return taken

    def _beat(self) -> None:
        while not self._over.wait(BEAT):
            try:
                self.renew()
                self.take_expired()
            except StorageError:  # the loop meets it too, and says so; the next beat may find a storage again
                continue
