"""The other side of `headstock.executors.process`: a process that does one task after the other."""

import os
import signal
import threading
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Connection
from typing import Any, final

from headstock.executors.trees import Tree, own_mark


@final
class Terminated(BaseException):
    """This process is asked to end. It is no `Exception`, so that `except Exception` does not keep it."""


def serve(pipe: int, lifeline: int) -> None:
    """Take the work, and do tasks until there are no more.

    Args:
        pipe: the descriptor of the pipe to the runner. What comes through it is the runner's own.
        lifeline: the descriptor of a pipe; at its end the runner is gone, and so is this process.
    """
    signal.signal(signal.SIGTERM, partial(_terminate, os.getpid()))
    try:
        _work(pipe, lifeline)
    except Terminated:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTERM)  # what has ended this process shows


def _work(pipe: int, lifeline: int) -> None:
    """Do tasks until there are no more."""
    threading.Thread(target=_die_with, args=(lifeline,), daemon=True).start()
    runner = Connection(pipe)

    def ask(kind: str, message: Any) -> Any:
        runner.send(("ask", (kind, message)))
        return runner.recv()

    try:
        work = runner.recv()
    except EOFError:
        return
    except Exception as error:  # noqa: BLE001 - a function that is rebuilt imports what it likes
        runner.send(("broken", f"{type(error).__name__}: {error}"))
        return
    with suppress(EOFError, OSError):  # the runner is gone: nobody waits for an end
        runner.send(("ready", None))
        while True:
            runner.send(("end", work(runner.recv(), ask)))


def _terminate(serving: int, number: int, _frame: object) -> None:
    """Leave whatever goes on, by way of its `finally`; processes that were forked from here end as others do."""
    if os.getpid() == serving:
        raise Terminated
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def _die_with(lifeline: int) -> None:
    """Kill this process and all that it has started when the other side of the pipe is closed, by whatever."""
    while os.read(lifeline, 1):
        pass
    Tree(None, own_mark()).kill(spare=os.getpid())
    os.killpg(os.getpgrp(), signal.SIGKILL)


def guard(lifeline: int, mark: str) -> None:
    """Kill everything that bears a mark when the other side of the pipe is closed, by whatever."""
    while os.read(lifeline, 1):
        pass
    Tree(None, mark).kill()
