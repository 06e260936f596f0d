"""The leases of a run: renewed while it lives, and those of others taken when they are renewed no more."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self, final

from headstock.errors import StorageError
from headstock.processes import is_dead
from headstock.storage.base import Storage
from headstock.storage.records import Command, Lease

BEAT: Final = 5.0
"""After how many seconds leases are renewed."""

LAPSE: Final = 60.0
"""For how many seconds nobody may have seen a renewal of a lease before the trial is taken from its owner."""

SHARE: Final = 32
"""How many leases each owner looks at with each beat, whatever their number."""


@final
@dataclass(slots=True)
class Leases:
    """Renews the leases of one owner in a thread of its own, as long as the block runs.

    No clock of another machine is trusted: a lease has expired when this process has seen no renewal for a time.

    So that a worker among thousands costs the database no more than one among a few, each looks at the leases that
    follow its own, in a ring: a lease is watched by the owners of the 32 before it. Should all of them be lost with it,
    it is found by who looks at all leases, which each does so rarely that it costs no more than the ring.

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
    _own: Sequence[int] = field(default=(), init=False)
    _commands: dict[tuple[int, int], Command] = field(default_factory=dict, init=False)
    _beats_to_all: int = field(default=0, init=False)
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

    def command(self, index: int, attempt: int) -> Command | None:
        """What somebody wants of an attempt of a trial, as far as it was heard of; what was wanted before is done."""
        return self._commands.get((index, attempt))

    def renew(self) -> None:
        """Renew the own leases, and hear what is wanted of their trials."""
        leases = self.storage.extend(self.name, self.owner)
        self._own = [lease.index for lease in leases]
        self._commands = {(one.index, one.attempt): one.command for one in leases if one.command is not None}

    def take_expired(self) -> int:
        """Put trials back into the queue whose owner is dead, or has not renewed its lease for too long.

        One that somebody has asked to stop or to pause ends, or is paused, instead.

        Returns:
            How many there were.
        """
        leases = self.storage.leases(self.name)
        self._beats_to_all = len(leases) // (SHARE * max(1, len(self._own)))
        there = {lease.index for lease in leases}
        self._seen = {index: seen for index, seen in self._seen.items() if index in there}
        return self._taken(leases)

    def watch(self) -> int:
        """The same for this process's share of the leases; it is to be done with each beat.

        Returns:
            How many trials were put back.
        """
        if self._beats_to_all == 0:
            return self.take_expired()
        self._beats_to_all -= 1
        return self._taken(self.storage.leases(self.name, after=min(self._own, default=-1), count=SHARE))

    def _taken(self, leases: Sequence[Lease]) -> int:
        """Take what has expired of some leases; how many there were."""
        now, taken = self.monotonic(), 0
        for lease in leases:
            if lease.owner == self.owner:
                continue
            seen, since = self._seen.get(lease.index, (None, now))
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
                self.watch()
            except StorageError:  # the loop meets it too, and says so; the next beat may find a storage again
                continue
