"""The other side of `headstock.executors.process`: a process that does one task after the other."""

import os
import signal
import threading
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any


def serve(pipe: int, lifeline: int) -> None:
    """Take the work, and do tasks until there are no more.

    Args:
        pipe: the descriptor of the pipe to the runner. What comes through it is the runner's own.
        lifeline: the descriptor of a pipe; at its end the runner is gone, and so is this process.
    """
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


def _die_with(lifeline: int) -> None:
    """Kill this process and its group when the other side of the pipe is closed, by whatever."""
    while os.read(lifeline, 1):
        pass
    os.killpg(os.getpgrp(), signal.SIGKILL)
