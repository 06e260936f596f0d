"""A trial's way to its runner from other processes: scripts, and processes that a training function starts.

The process that evaluates a trial listens on a Unix socket in a folder that only its user may enter. Messages and
answers are lines of JSON. A line {"kind": "introduce"} is answered by all that there is to know about the trial.
"""

import json
import os
import shutil
import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast, final

from headstock.errors import HeadstockError
from headstock.executors.base import Ask
from headstock.messages import REPORT, Answer, Report, Word
from headstock.temporary import own_folder

CHANNEL: Final = "HEADSTOCK_CHANNEL"
"""The environment variable with the path of the socket."""

INTRODUCE: Final = "introduce"
"""The kind of message that asks what the trial is."""

LONGEST: Final = 2**20
"""How many bytes a message may have."""


@final
@dataclass(slots=True)
class Shared:
    """A way to the runner that other processes may use as well, one of them for reports.

    Pickled, it is such a way from the process that it is handed to.

    Args:
        ask: the way of this process.
        introduction: gives all that there is to know about the trial, as JSON.

    Attributes:
        is_halting: whether the run ends: others hear HALT then.
        is_used: whether others have asked for the trial, or reported.
        told: what others have heard last.
        last: what others have reported last.
    """

    ask: Ask
    introduction: Callable[[], Mapping[str, Any]]
    is_halting: bool = field(default=False, init=False)
    is_used: bool = field(default=False, init=False)
    told: Word = field(default=Word.GO_ON, init=False)
    last: Report | None = field(default=None, init=False)
    _turn: threading.Lock = field(default_factory=threading.Lock, init=False)
    _socket: socket.socket | None = field(default=None, init=False)
    _path: Path | None = field(default=None, init=False)
    _reporter: int | None = field(default=None, init=False)

    def __call__(self, kind: str, message: Any) -> Any:
        """Send a message of this process, and wait for the answer."""
        with self._turn:
            return self.ask(kind, message)

    def __reduce__(self) -> tuple[type["Client"], tuple[str]]:
        """The way from another process."""
        return Client, (self.open(),)

    def open(self) -> str:
        """Listen to other processes from now on; the path of the socket."""
        if self._path is None:
            folder = own_folder()
            self._path = folder / "trial"
            self._socket = socket.socket(socket.AF_UNIX)
            self._socket.bind(str(self._path))
            self._socket.listen()
            threading.Thread(target=self._accept, args=(self._socket,), name="headstock-channel", daemon=True).start()
        return str(self._path)

    def close(self) -> None:
        """Listen no more."""
        if self._socket is not None and self._path is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)  # which wakes the thread that waits for others
            self._socket.close()
            shutil.rmtree(self._path.parent, ignore_errors=True)

    def _accept(self, listening: socket.socket) -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:  # closed
                return
            threading.Thread(target=self._talk, args=(connection,), name="headstock-channel", daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        """Answer one process until it closes its end."""
        me = threading.get_ident()
        try:
            with connection, connection.makefile("rb") as lines:
                while line := lines.readline(LONGEST):
                    connection.sendall(json.dumps(self._answer(line, me)).encode() + b"\n")
        except OSError:  # it is gone in the middle of a word
            return
        finally:
            if self._reporter == me:
                self._reporter = None

    def _answer(self, line: bytes, who: int) -> Mapping[str, Any]:
        """The answer to a line; what goes wrong is for the one who has sent it."""
        self.is_used = True
        try:
            said = json.loads(line)
            return self.introduction() if said["kind"] == INTRODUCE else self._relay(said["kind"], said["message"], who)
        except HeadstockError as error:
            return {"error": f"{error}"}
        except Exception as error:  # noqa: BLE001 - a line that is none of ours, or whoever observes the run
            return {"error": f"{type(error).__name__}: {error}"}

    def _relay(self, kind: str, stored: Any, who: int) -> Mapping[str, Any]:
        """Send another process's message, and give the answer."""
        if self._reporter not in (None, who):
            raise HeadstockError(
                "Another process reports for this trial already. Where processes train together, initialise "
                "torch.distributed before trial.steps(...) and trial.report(...): the first one reports for all."
            )
        self._reporter = who
        message = Report.from_json(stored) if kind == REPORT else int(stored)
        answer = cast("Answer", self(kind, message))
        if isinstance(message, Report):
            self.last = message
        if self.is_halting and answer.word is Word.GO_ON:
            answer = Answer(Word.HALT)
        self.told = answer.word
        return answer.to_json()


@final
@dataclass(slots=True)
class Client:
    """The way to the runner from another process.

    Args:
        path: of the socket.
    """

    path: str
    _connection: socket.socket | None = field(default=None, init=False)
    _pid: int | None = field(default=None, init=False)

    def __call__(self, kind: str, message: Any) -> Answer:
        """Send a message, and wait for the answer.

        Raises:
            HeadstockError: if it is refused, or the runner is gone.
        """
        return Answer.from_json(self._exchange(kind, message.to_json() if isinstance(message, Report) else message))

    def introduce(self) -> Mapping[str, Any]:
        """All that there is to know about the trial.

        Raises:
            HeadstockError: if the runner is gone.
        """
        return self._exchange(INTRODUCE, None)

    def _exchange(self, kind: str, message: Any) -> Mapping[str, Any]:
        try:
            if self._connection is None or self._pid != os.getpid():  # one that was forked needs its own
                self._connection, self._pid = socket.socket(socket.AF_UNIX), os.getpid()
                self._connection.connect(self.path)
            self._connection.sendall(json.dumps({"kind": kind, "message": message}).encode() + b"\n")
            with self._connection.makefile("rb") as lines:
                line = lines.readline()
        except OSError as error:
            raise HeadstockError(f"The headstock that runs this trial cannot be reached: {error}.") from error
        if not line:
            raise HeadstockError("The headstock that runs this trial is gone.")
        answer = json.loads(line)
        if "error" in answer:
            raise HeadstockError(answer["error"])
        return cast("Mapping[str, Any]", answer)
