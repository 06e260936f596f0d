"""A process with everything that it has started: found, signalled, killed.

A program may start others, which may leave its group, its session or their parent. Whatever it starts inherits its
environment, though, so that a mark in there finds them all (Jenkins calls its own a cookie).
"""

import os
import signal
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, final

import psutil

MARK: Final = "HEADSTOCK_TREES"
"""The environment variable with the marks of the trees that a process belongs to, from the outermost."""

SWEEPS: Final = 200
"""How often what has been started meanwhile is looked for before a tree is given up."""


@final
@dataclass(frozen=True, slots=True)
class Tree:
    """A process that leads a session of its own, and everything that it has started.

    Args:
        pid: the process, which nobody has waited for yet, so its number is nobody else's; None if it has gone.
        mark: its mark.
    """

    pid: int | None
    mark: str

    def members(self) -> list[psutil.Process]:
        """Every process of the tree that has not ended."""
        return [process for process in psutil.process_iter() if self._has(process)]

    def send(self, number: signal.Signals) -> None:
        """Send a signal to every process of the tree."""
        for process in self.members():
            _signal(process, number)

    def kill(self, *, spare: int | None = None) -> None:
        """Kill every process of the tree, those that are started meanwhile included, but for the one to be spared."""
        known: set[psutil.Process] = set()
        for _ in range(SWEEPS):
            known.update(process for process in self.members() if process.pid != spare)
            known = {process for process in known if _runs(process)}  # of one that is ending, the mark cannot be read
            if not known:
                return
            for process in known:  # one that is stopped starts no others
                _signal(process, signal.SIGSTOP)
            for process in known:
                _signal(process, signal.SIGKILL)
            time.sleep(0.01)  # not psutil.wait_procs: it would take the exit codes of children from who waits for them

    def _has(self, process: psutil.Process) -> bool:
        try:
            mine = os.getsid(process.pid) == self.pid or self.mark in process.environ().get(MARK, "").split(":")
            return mine and process.status() != psutil.STATUS_ZOMBIE
        except (psutil.Error, OSError):  # it has ended, or it belongs to somebody else
            return False


def new_mark() -> str:
    """A mark that no other tree has."""
    return uuid.uuid4().hex


def own_mark() -> str:
    """The mark of the innermost tree that this process belongs to; it is the first process of one."""
    return os.environ[MARK].rpartition(":")[2]


def marked(environment: Mapping[str, str], mark: str) -> dict[str, str]:
    """The environment for the first process of a tree; one within another tree belongs to both."""
    outer = environment.get(MARK)
    return dict(environment) | {MARK: f"{outer}:{mark}" if outer else mark}


def _runs(process: psutil.Process) -> bool:
    """Whether a process has not ended, though nobody may have waited for it."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _signal(process: psutil.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)  # psutil makes sure that the number was not given to another process
    except psutil.Error:
        return
