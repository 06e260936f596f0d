"""Any command as a process: its output read while it runs, its log kept small, its whole tree ended with it."""

import os
import re
import selectors
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import IO, Final, final

import psutil

from headstock.errors import CommandError
from headstock.executors.trees import Tree, marked, new_mark
from headstock.processes import is_alive, process_handle

LONGEST_LINE: Final = 65_536
"""How many bytes of one line are read; the rest of a longer one is only logged."""

LOG_LIMIT: Final = 8 * 2**20
"""How many bytes a log may have. When there would be more, it is put aside in the place of the log before it."""

TAIL: Final = 20
"""How many lines, the last ones, are told about a command that has failed."""

_TICK: Final = 0.1
_FIRST_TICK: Final = 0.002
_LAST_READS: Final = 4  # of what a pipe holds: 64 KiB
_LINE_ENDS: Final = re.compile(rb"\r\n|\r|\n")


class Ending(StrEnum):
    """Why a command ended."""

    BY_ITSELF = "by itself"
    TIMED_OUT = "timed out"
    HALTED = "halted"


@final
@dataclass(frozen=True, slots=True)
class Launch:
    """What to start.

    Args:
        command: the program and its arguments; no shell sees them.
        environment: the environment variables.
        log: the file that its output is appended to; its folder is there.
        timeout: after how many seconds it is stopped; None for never.
        grace: how many seconds it has to end after it was asked to, before it is killed.
    """

    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    timeout: float | None = None
    grace: float = 10.0


@final
@dataclass(frozen=True, slots=True)
class Exit:
    """How a command ended.

    Args:
        ending: why.
        code: its exit code; minus the number of the signal that ended it.
        tail: the last lines of its output.
    """

    ending: Ending
    code: int
    tail: tuple[str, ...]


def run_command(
    launch: Launch,
    read: Callable[[str], object],
    *,
    halted: Callable[[], bool] = lambda: False,
    clock: Callable[[], float] = time.monotonic,
) -> Exit:
    """Run a command to its end. Whatever happens, nothing that it has started is left running.

    Args:
        launch: what to start.
        read: is given each line of its standard output and standard error while it runs; what it raises stops the
            command.
        halted: is asked again and again whether the command has to stop.
        clock: seconds.

    Raises:
        CommandError: if the command cannot be started.
    """
    with _started(launch, clock) as running:
        deadline = None if launch.timeout is None else clock() + launch.timeout
        ending = Ending.BY_ITSELF
        while not running.has_exited():
            for line in running.listen():
                read(line)
            if halted():
                ending = Ending.HALTED
            elif deadline is not None and clock() >= deadline:
                ending = Ending.TIMED_OUT
            if ending is not Ending.BY_ITSELF:
                running.stop(launch.grace)
        for line in running.rest():
            read(line)
    return Exit(ending, running.process.returncode, tuple(running.tail))


def kill_leftover(log: Path) -> None:
    """Kill the command that writes this log, should it have outlived the headstock that started it."""
    try:
        handle, mark, _ = handle_file(log).read_text(encoding="utf-8").split("\n")
        pid = int(handle.rsplit("/", 2)[-2])
    except (OSError, ValueError, IndexError):  # there is none, or the machine stopped while this was written
        return
    Tree(pid if is_alive(handle) else None, mark).kill()
    handle_file(log).unlink(missing_ok=True)


@final
@dataclass(slots=True)
class _Lines:
    """Bytes as they come, cut into lines. A progress bar returns to the start of its line, which ends it too."""

    rest: bytes = b""

    def feed(self, data: bytes) -> list[str]:
        """The lines that are complete now, without empty ones."""
        *lines, rest = _LINE_ENDS.split(self.rest + data)
        self.rest = rest[:LONGEST_LINE]
        return [line[:LONGEST_LINE].decode("utf-8", "replace") for line in lines if line]


@final
@dataclass(slots=True)
class _Log:
    """A file that is put aside when it has become long, in the place of the one that was put aside before."""

    path: Path
    file: IO[bytes]
    size: int

    @classmethod
    def open(cls, path: Path) -> "_Log":
        file = path.open("ab", buffering=0)
        return cls(path, file, file.tell())

    def write(self, data: bytes) -> None:
        # The disk may be full, or the folder gone: the training is worth more than its log.
        with suppress(OSError):
            if self.size + len(data) > LOG_LIMIT:
                self._put_aside()
            self.file.write(data)
            self.size += len(data)

    def _put_aside(self) -> None:
        with suppress(FileNotFoundError):  # somebody has deleted it
            self.path.replace(earlier(self.path))
        newer = self.path.open("ab", buffering=0)
        self.file.close()
        self.file, self.size = newer, 0


def earlier(log: Path) -> Path:
    """Where a log is put that has become long."""
    return log.with_name(f"{log.name}.1")


@final
@dataclass(slots=True)
class _Running:
    """A command that runs."""

    process: subprocess.Popen[bytes]
    first: psutil.Process
    tree: Tree
    log: _Log
    clock: Callable[[], float]
    tail: deque[str] = field(default_factory=lambda: deque(maxlen=TAIL))
    selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)
    tick: float = _FIRST_TICK

    def has_exited(self) -> bool:
        """Whether the first process has ended. It is not waited for: its number must stay its own until the end."""
        try:
            return self.first.status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:  # somebody else has waited for it
            return True

    def listen(self) -> Iterator[str]:
        """The lines that it prints within the next moment."""
        if self.selector.get_map():
            self.tick = _TICK
        yield from self._ready(self.tick)
        self.tick = min(2 * self.tick, _TICK)  # once its output is closed, its end is near

    def rest(self) -> Iterator[str]:
        """What is left of its output after its end; others that still write to it are not listened to for long."""
        for _ in range(_LAST_READS):
            yield from self._ready(0)
        for key in self.selector.get_map().values():
            yield from self._kept(key.data.feed(b"\n"))

    def stop(self, grace: float) -> None:
        """Ask the whole tree to end, and kill it if it does not."""
        try:
            self.tree.send(signal.SIGTERM)
            until = self.clock() + grace
            while self.clock() < until and not self.has_exited():
                for _ in self.listen():
                    pass
        finally:
            self.tree.kill()

    def _ready(self, patience: float) -> Iterator[str]:
        for key, _ in self.selector.select(patience):
            data = os.read(key.fd, LONGEST_LINE)
            self.log.write(data)
            yield from self._kept(key.data.feed(data or b"\n"))
            if not data:
                self.selector.unregister(key.fileobj)

    def _kept(self, lines: list[str]) -> list[str]:
        self.tail.extend(line[:500] for line in lines)
        return lines


@contextmanager
def _started(launch: Launch, clock: Callable[[], float]) -> Iterator[_Running]:
    """The command, running; at the end of the block it is ended with its tree, and waited for."""
    mark, log = new_mark(), _Log.open(launch.log)
    try:
        process = subprocess.Popen(  # noqa: S603 - to run what the user has given is what this is for; no shell sees it
            launch.command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=marked(launch.environment, mark),
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        log.file.close()
        raise CommandError(f"{launch.command[0]!r} cannot be started: {error}. Check the command.") from error
    running = _Running(process, psutil.Process(process.pid), Tree(process.pid, mark), log, clock)
    try:
        handle_file(launch.log).write_text(f"{process_handle(process.pid)}\n{mark}\n", encoding="utf-8")
        for pipe in (process.stdout, process.stderr):
            running.selector.register(pipe, selectors.EVENT_READ, _Lines())  # type: ignore[arg-type] # both are pipes
        yield running
    finally:
        try:
            if not running.has_exited():
                running.stop(launch.grace)
        finally:
            _end(running)
            handle_file(launch.log).unlink(missing_ok=True)


def handle_file(log: Path) -> Path:
    """Where it is kept which process writes a log."""
    return log.with_name(f"{log.name}.process")


def _end(running: _Running) -> None:
    """Kill what is left, wait for the first process, and close everything."""
    with suppress(OSError):  # its group, while nobody else can have the number; most often there is none left
        os.killpg(running.process.pid, signal.SIGKILL)
    running.process.wait()
    running.selector.close()
    running.log.file.close()
    for pipe in (running.process.stdout, running.process.stderr):
        if pipe is not None:
            pipe.close()
