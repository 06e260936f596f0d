"""Tasks in processes of their own: what kills one costs the task that it was doing, and nothing else.

Each process is started anew, not forked, and does one task after the other. The work is handed over through a pipe, so
a function of a notebook or of a script's main part will do, and no `if __name__ == "__main__"` is needed. A process
leads a session of its own and dies, with everything that it has started, as soon as this one is gone.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing import connection
from typing import Any, Final, final

import cloudpickle

from headstock.errors import ExecutorError
from headstock.executors.base import Finished, Listen, Lost, Work
from headstock.executors.gpus import Environment
from headstock.executors.signals import is_from_outside, killed_by
from headstock.executors.trees import Tree, marked, new_mark
from headstock.interrupts import let_in
from headstock.scalars import is_finite
from headstock.wording import given

_TICK: Final = 0.2
"""After how many seconds it is looked whether a process has died that others keep the pipe of open."""

_LAST_BREATH: Final = 2.0
"""For how many seconds a process that has closed its pipe may go on to end."""

GRACE: Final = 10.0
"""For how many seconds a task that took too long may clear up before its process is killed."""


def program(call: str, *arguments: str) -> list[str]:
    """The command of a process that finds the modules which this one finds.

    Args:
        call: what it calls of `headstock.executors.worker`.
        *arguments: in its `sys.argv` from the third place on.
    """
    code = "import sys, json; sys.path[:] = json.loads(sys.argv[1]); from headstock.executors import worker"
    return [sys.executable, "-c", f"{code}; worker.{call}", json.dumps(sys.path), *arguments]


@final
@dataclass(slots=True)
class _Worker:
    """A process, and the pipes to it.

    Args:
        process: the process.
        slot: what it has in its environment, for as long as it lives.
        mark: what everything that it has started bears.
        pipe: for tasks, messages and answers.
        lifeline: a pipe that nothing goes through; the process ends when it is closed.
        task: the number of its task; None if it has none.
        is_ready: whether it has taken the work.
        unanswered: what it has asked, until it gets an answer.
        deadline: when its task has taken too long, or, once that is so, when it is killed; None for never.
        is_late: whether its task has taken too long, so that nothing that it says counts any more.
    """

    process: subprocess.Popen[bytes]
    slot: Environment
    mark: str
    pipe: connection.Connection
    lifeline: int
    task: int | None = None
    is_ready: bool = False
    unanswered: tuple[str, Any] | None = None
    deadline: float | None = None
    is_late: bool = False

    def has_exited(self) -> bool:
        """Whether it has ended. It is not waited for: its number must stay its own until its tree is gone."""
        return os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def end(self) -> int:
        """End it with everything that it has started; its exit code, or minus its signal."""
        with suppress(OSError):
            os.close(self.lifeline)
        self.pipe.close()
        Tree(self.process.pid, self.mark).kill()
        return self.process.wait()


@final
@dataclass(slots=True)
class Processes:
    """Runs as many tasks at once as there are slots, each in a process of its own.

    Args:
        work: does a task, as bytes that a process of this program takes.
        slots: what each process has in its environment; no two that live have the same slot.
        timeout: how many seconds a task may take; None for as long as it likes.
        grace: how many seconds a task that took too long has to clear up, before its process is killed.
        clock: seconds.
    """

    work: bytes
    slots: Sequence[Environment]
    timeout: float | None = None
    grace: float = GRACE
    clock: Callable[[], float] = time.monotonic
    _free: list[Environment] = field(init=False)
    _idle: list[_Worker] = field(default_factory=list, init=False)
    _busy: list[_Worker] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        """All slots are free; the first is taken first."""
        self._free = list(reversed(self.slots))

    @classmethod
    def of(cls, work: Work, slots: Sequence[Environment], timeout: float | None = None) -> "Processes":
        """Processes that do this work.

        Raises:
            ExecutorError: if the work cannot be handed over, or the number makes no sense.
        """
        if timeout is not None and not (is_finite(timeout) and timeout > 0):
            raise ExecutorError(f"timeout={given(timeout)}: give a positive number of seconds.")
        try:
            return cls(cloudpickle.dumps(work), slots, timeout)
        except Exception as error:  # objects raise what they like when they are pickled
            raise ExecutorError(
                f"The training function cannot be handed to another process ({type(error).__name__}: {error}). "
                f"Open files, connections and locks within it, not outside."
            ) from error

    @property
    def capacity(self) -> int:
        """How many processes there are."""
        return len(self.slots)

    @property
    def unfinished(self) -> int:
        """How many tasks it has."""
        return len(self._busy)

    def submit(self, number: int, task: Any) -> None:
        """Give a task to an idle process, or to a new one."""
        while self._idle:
            worker = self._idle.pop()
            if self._give(worker, number, task):
                return
            self._end(worker)  # somebody has killed it meanwhile
        worker = self._started()
        if not self._give(worker, number, task):
            self._end(worker)
            raise ExecutorError("A process for trials ended as soon as it was started. Is there memory left?")

    def wait(self, listen: Listen, seconds: float) -> Sequence[Finished]:
        """Listen to the processes until a task is over, or somewhat longer than so many seconds."""
        until = time.monotonic() + seconds
        finished: list[Finished] = []
        while self._busy and not finished:
            for worker in [worker for worker in self._busy if worker.unanswered is not None]:
                self._answer(worker, listen)  # what an interruption of this process has kept from an answer
            patience = min(_TICK, until - time.monotonic())
            with let_in():
                ready = connection.wait([worker.pipe for worker in self._busy], max(0.0, patience))
            for worker in list(self._busy):
                if worker.pipe in ready:
                    finished += self._hear(worker, listen)
                elif worker.has_exited() and not worker.pipe.poll():  # what it has said before is heard first
                    finished += self._lost(worker)
                if worker in self._busy and worker.deadline is not None and self.clock() >= worker.deadline:
                    finished += self._late(worker)
            if time.monotonic() >= until:
                break
        return finished

    def close(self) -> None:
        """End every process, whatever it does."""
        for worker in (*self._idle, *self._busy):
            self._end(worker)
        self._idle.clear()
        self._busy.clear()

    def _end(self, worker: _Worker) -> int:
        """End a process, whose slot is free then; its exit code, or minus its signal."""
        code = worker.end()
        self._free.append(worker.slot)
        return code

    def _started(self) -> _Worker:
        mark, slot = new_mark(), self._free[-1]
        here, there = connection.Pipe()
        ours, theirs = os.pipe()  # read by the process, which ends at the end of the pipe
        try:
            process = subprocess.Popen(  # noqa: S603 - this very program
                program("serve(*map(int, sys.argv[2:]))", str(there.fileno()), str(ours)),
                stdin=subprocess.DEVNULL,
                env=marked({**os.environ, **slot}, mark),
                pass_fds=(there.fileno(), ours),
                start_new_session=True,
            )
        except OSError as error:
            os.close(theirs)
            raise ExecutorError(f"No process can be started for trials: {error}.") from error
        finally:
            there.close()
            os.close(ours)
        worker = _Worker(process, self._free.pop(), mark, here, theirs)
        with suppress(OSError):  # should it be gone already, that shows when it is given a task
            here.send_bytes(self.work)
        return worker

    def _give(self, worker: _Worker, number: int, task: Any) -> bool:
        """Send a task; whether there was somebody to take it."""
        try:
            worker.pipe.send(task)
        except OSError:
            return False
        worker.task = number
        self._busy.append(worker)
        if worker.is_ready:
            self._set_deadline(worker)
        return True

    def _set_deadline(self, worker: _Worker) -> None:
        """From now on its task takes time: neither its process has to start any more, nor what it needs."""
        worker.deadline = None if self.timeout is None else self.clock() + self.timeout

    def _hear(self, worker: _Worker, listen: Listen) -> list[Finished]:
        """Take the next message of a process; a task, if it is over."""
        try:
            kind, message = worker.pipe.recv()
        except (EOFError, OSError):
            return self._lost(worker)
        except Exception:
            if worker.is_late:  # it was asked to leave in the middle of a word
                return self._lost(worker)
            raise
        if worker.is_late:
            return self._lost(worker, patience=0.0) if kind == "end" else []
        if kind == "ready":
            worker.is_ready = True
            self._set_deadline(worker)
        elif kind == "broken":
            raise ExecutorError(
                f"The training function cannot be rebuilt in another process: {message}. Import what it needs by names "
                f"that are found from there."
            )
        elif kind == "end":
            self._busy.remove(worker)
            self._idle.append(worker)
            worker.deadline = None
            assert worker.task is not None  # noqa: S101 - it is busy
            return [Finished(worker.task, message)]
        else:
            worker.unanswered = message
            self._answer(worker, listen)
        return []

    def _answer(self, worker: _Worker, listen: Listen) -> None:
        assert worker.task is not None  # noqa: S101 - it is busy
        assert worker.unanswered is not None  # noqa: S101 - so it is called
        answer = listen(worker.task, *worker.unanswered)
        worker.unanswered = None
        with suppress(OSError):  # it has died meanwhile, which shows in a moment
            worker.pipe.send(answer)

    def _late(self, worker: _Worker) -> list[Finished]:
        """A task has taken too long: it is asked to leave, and when it has had its time for that, killed."""
        if worker.is_late:
            return self._lost(worker, patience=0.0)
        worker.is_late, worker.deadline = True, self.clock() + self.grace
        Tree(worker.process.pid, worker.mark).send(signal.SIGTERM)
        return []

    def _lost(self, worker: _Worker, patience: float = _LAST_BREATH) -> list[Finished]:
        """Clear away a process that has died, or is to die; its task is lost."""
        until = time.monotonic() + patience
        while not worker.has_exited() and time.monotonic() < until:
            time.sleep(0.01)
        code = self._end(worker)
        self._busy.remove(worker)
        assert worker.task is not None  # noqa: S101 - it is busy
        if worker.is_late:
            return [Finished(worker.task, Lost(f"timed out after {self.timeout:g} s", is_transient=False))]
        if not worker.is_ready and code >= 0:
            raise ExecutorError(
                f"A process for trials ended with exit code {code} before it could begin; what it printed says why."
            )
        return [Finished(worker.task, _reason(code))]


def _reason(code: int) -> Lost:
    """What an exit code says."""
    if code >= 0:
        return Lost(f"its process ended with exit code {code}", is_transient=False)
    return Lost(f"its process was {killed_by(-code)}", is_transient=is_from_outside(-code))
