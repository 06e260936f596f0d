"""Tasks on the nodes of a Ray cluster: Ray finds a place for each, where a process of its own does the task.

A place is an actor with one process of `headstock.executors.process` in it: whatever kills a training costs that task,
and what kills the actor, its node or this program takes the process with it. What a task asks is answered by this
program, so no node needs the storage; the folder with the states of trials is one that all nodes share.
"""

import math
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, final

from headstock.errors import ExecutorError, MissingDependencyError
from headstock.executors.base import Finished, Listen, Lost, Work
from headstock.executors.gpus import slots
from headstock.executors.process import Processes, program
from headstock.executors.trees import MARK, marked, new_mark
from headstock.interrupts import let_in
from headstock.scalars import MOST_AT_ONCE, is_finite
from headstock.wording import given

_FOREVER: Final = 3600.0

_PATIENCE: Final = 10.0
"""For how many seconds somebody has to answer at the address of a cluster."""

_DEATHS: Final = 10
"""How many actors may die before they take a task; then it counts as lost."""

_OPTIONS: Final = {"CPU": "num_cpus", "GPU": "num_gpus", "memory": "memory"}
"""What Ray calls the resources that every node has."""


@final
@dataclass(frozen=True, slots=True)
class Ray:
    """Trials on a Ray cluster: `experiment.run(train, budget=..., executor=hs.Ray("auto", {"CPU": 4, "GPU": 1}))`.

    The nodes need headstock, what the training function imports, and the folder of the experiment's files (`files=`).

    Args:
        address: of the cluster, such as "10.0.0.1:6379", or "auto" for that of this machine. If left out, the Ray that
            this program has already begun, or else a new one on this machine only, is used.
        resources: what a trial gets: "CPU", "GPU" (0.5 for two trials on each), "memory" in bytes, or others by the
            names that the cluster gives them.

    Raises:
        ExecutorError: if a resource makes no sense.
    """

    address: str | None = None
    resources: Mapping[str, float] = field(default_factory=lambda: {"CPU": 1})

    def __post_init__(self) -> None:
        """Check the resources."""
        if not isinstance(self.resources, Mapping):
            raise ExecutorError(f"Ray(resources={given(self.resources)}): give amounts by name, such as {{'CPU': 1}}.")
        for name, amount in self.resources.items():
            if not is_finite(amount) or (amount and amount < 1 / MOST_AT_ONCE) or (amount > 1 and amount % 1):
                raise ExecutorError(
                    f"The resource {name} is {given(amount)}. Give a whole number, or a share such as 0.5."
                )
        if not any(self.resources.values()):
            raise ExecutorError("A trial needs no resources, so any number would run at once. Give {'CPU': 1}.")

    def __call__(self, work: Work, workers: int | None = None, timeout: float | None = None) -> "Places":
        """Places on the cluster where this work is done.

        Args:
            work: does a task.
            workers: how many places there are; those that no node has room for wait, which brings an autoscaling
                cluster to grow. As many as there is room for, if left out.
            timeout: how many seconds a task may take; None for as long as it likes.

        Raises:
            ExecutorError: if there is no such cluster, no node has room for a trial, or the work cannot be handed over.
            MissingDependencyError: if Ray is not installed.
        """
        process = Processes.of(work, slots(workers), timeout)  # which is what is refused
        is_ours = self._connect()
        places = Places(process.work, self.resources, workers, timeout, is_ours)
        if places.capacity:
            return places
        nodes = places.nodes()
        places.close()
        raise ExecutorError(
            f"No node of the Ray cluster has {dict(self.resources)!r}; they have {nodes!r}. Ask for less, or give "
            f"workers= if nodes are still to come."
        )

    def _connect(self) -> bool:
        """Connect to the cluster; whether that was necessary."""
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray tells its makers about every cluster otherwise
        try:
            import ray
        except ImportError:
            raise MissingDependencyError("Trials on a cluster need Ray: pip install 'headstock[ray]'.") from None
        if ray.is_initialized():
            return False
        quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "warning"}
        here: dict[str, Any] = {"include_dashboard": False, "_node_ip_address": "127.0.0.1"}
        try:
            if self.address is not None:
                _check_that_it_listens(self.address)
            with _own_termination():
                ray.init("local", **here, **quiet) if self.address is None else ray.init(self.address, **quiet)
        except (OSError, RuntimeError, ValueError) as error:
            raise ExecutorError(
                f"There is no Ray cluster at {self.address!r} ({_line(error)}). Start one with: ray start --head"
            ) from error
        return True


@contextmanager
def _own_termination() -> Iterator[None]:
    """What this program does when it is asked to end stays its own: Ray puts an exit in its place."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread() and before is not None:
            signal.signal(signal.SIGTERM, before)


def _check_that_it_listens(address: str) -> None:
    """Refuse an address where nobody listens: Ray tries for minutes.

    Raises:
        OSError: if nobody does.
    """
    host, _, port = address.rpartition(":")
    if host and "/" not in host and port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), timeout=_PATIENCE).close()


@final
class Place:
    """What runs as an actor on a node: one process, and what it says, call by call.

    Args:
        work: does a task, as bytes.
        timeout: how many seconds a task may take; None for as long as it likes.
        folder: where to be, if the node has such a folder.
    """

    def __init__(self, work: bytes, timeout: float | None, folder: str) -> None:
        with suppress(OSError):
            os.chdir(folder)
        mark = new_mark()
        self.lifeline = _guarded(mark)
        os.environ[MARK] = marked(os.environ, mark)[MARK]
        self.process = Processes(work, ({},), timeout)

    def begin(self, number: int, task: Any) -> None:
        """Take a task."""
        self.process.submit(number, task)

    def listen(self, *answer: Any) -> tuple[str, Any] | Finished:
        """What the task asks next, or how it ended.

        Args:
            *answer: the answer to what it asked before.
        """
        answers = list(answer)

        def hear(_: int, kind: str, message: Any) -> Any:
            if answers:
                return answers.pop()
            raise _AskedError(kind, message)

        try:
            while not (finished := self.process.wait(hear, _FOREVER)):
                pass
            return finished[0]
        except _AskedError as asked:
            return asked.kind, asked.message


def _guarded(mark: str) -> int:
    """Whatever bears the mark is killed when this process ends; the descriptor that the guard watches.

    Ray kills an actor's own children when it ends, but not theirs. So the guard is nobody's child.
    """
    theirs, ours = os.pipe()
    guard = program("guard(int(sys.argv[2]), sys.argv[3])", str(theirs), mark)
    try:
        subprocess.run(  # noqa: S603 - this very program; the shell gets it as arguments
            ["/bin/sh", "-c", '"$@" &', "sh", *guard], pass_fds=(theirs,), start_new_session=True, check=True
        )
    finally:
        os.close(theirs)
    return ours


class _AskedError(Exception):
    """A task has asked something. It is answered in a later call: `Processes.wait` keeps what it is interrupted at."""

    def __init__(self, kind: str, message: Any) -> None:
        super().__init__(kind)
        self.kind, self.message = kind, message


@final
@dataclass(slots=True)
class _Busy:
    """An actor that does a task.

    Args:
        actor: the actor.
        number: the task's number.
        task: the task.
        deaths: how many actors have died before they could take it.
        has_begun: whether the actor has taken it.
    """

    actor: Any
    number: int
    task: Any
    deaths: int = 0
    has_begun: bool = False


@final
@dataclass(slots=True)
class Places:
    """Runs tasks in actors, each of which does one task after the other.

    Args:
        work: does a task, as bytes.
        resources: what a task gets.
        workers: how many actors there are; None for as many as there is room for.
        timeout: how many seconds a task may take; None for as long as it likes.
        is_ours: whether the connection to Ray is to be closed in the end.
        clock: seconds.
    """

    work: bytes
    resources: Mapping[str, float]
    workers: int | None
    timeout: float | None
    is_ours: bool
    clock: Callable[[], float] = time.monotonic
    capacity: int = field(init=False)
    _idle: list[Any] = field(default_factory=list, init=False)
    _busy: dict[Any, _Busy] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        """Look how much room there is."""
        self.capacity = self.workers or sum(_room(node, self.resources) for node in self.nodes())

    @property
    def unfinished(self) -> int:
        """How many tasks it has."""
        return len(self._busy)

    def nodes(self) -> list[dict[str, float]]:
        """What each node that lives has in all."""
        import ray

        return [
            {name: amount for name, amount in node["Resources"].items() if ":" not in name}
            for node in ray.nodes()
            if node["Alive"]
        ]

    def submit(self, number: int, task: Any) -> None:
        """Give a task to an idle actor, or to a new one, which waits where no node has room."""
        self._begin(number, task)

    def wait(self, listen: Listen, seconds: float) -> Sequence[Finished]:
        """Listen to the actors until a task is over, or somewhat longer than so many seconds."""
        import ray

        if self.workers is None:  # nodes come and go; one that is to come may be the only one
            self.capacity = max(1, sum(_room(node, self.resources) for node in self.nodes()))
        until = self.clock() + seconds
        finished: list[Finished] = []
        while self._busy and not finished:
            with let_in():
                ready, _ = ray.wait(list(self._busy), timeout=max(0.0, until - self.clock()))
            if ready:
                finished += self._hear(ready[0], listen)
            if not ready or self.clock() >= until:
                break
        return finished

    def close(self) -> None:
        """End every actor, whatever it does."""
        import ray

        for actor in (*self._idle, *(busy.actor for busy in self._busy.values())):
            _kill(actor)
        self._idle.clear()
        self._busy.clear()
        if self.is_ours:
            ray.shutdown()

    def _new(self) -> Any:
        import ray

        named = {option: self.resources.get(name, 0) for name, option in _OPTIONS.items()}
        others = {name: amount for name, amount in self.resources.items() if name not in _OPTIONS}
        options = {**named, "resources": others, "max_restarts": 0, "max_task_retries": 0}
        return ray.remote(Place).options(**options).remote(self.work, self.timeout, str(Path.cwd()))

    def _begin(self, number: int, task: Any, deaths: int = 0) -> None:
        actor = self._idle.pop() if self._idle else self._new()
        self._busy[actor.begin.remote(number, task)] = _Busy(actor, number, task, deaths)

    def _hear(self, ref: Any, listen: Listen) -> list[Finished]:
        """Take what an actor says. Only when it is answered is it forgotten, should an interruption come between."""
        import ray

        busy = self._busy[ref]
        try:
            with _refusals():
                said = ray.get(ref)
        except ray.exceptions.RayError as error:
            return self._lost(ref, error)
        if isinstance(said, Finished):
            self._idle.append(busy.actor)
            del self._busy[ref]
            return [said]
        answer = (listen(busy.number, *said),) if busy.has_begun else ()
        busy.has_begun = True
        del self._busy[ref]
        self._busy[busy.actor.listen.remote(*answer)] = busy
        return []

    def _lost(self, ref: Any, error: Exception) -> list[Finished]:
        """An actor has died, with its task, unless it was dead before it could take that, as one of a dead node is."""
        busy = self._busy.pop(ref)
        _kill(busy.actor)
        if not busy.has_begun and busy.deaths < _DEATHS:
            self._begin(busy.number, busy.task, busy.deaths + 1)
            return []
        return [
            Finished(busy.number, Lost(f"its place in the Ray cluster is lost: {_reason(error)}", is_transient=True))
        ]


@contextmanager
def _refusals() -> Iterator[None]:
    """What an actor refuses to do is refused here."""
    import ray

    try:
        yield
    except ray.exceptions.RayTaskError as error:
        cause = error.cause if isinstance(error.cause, ExecutorError) else error
        raise ExecutorError(f"{_line(cause)}") from error
    except ray.exceptions.RayActorError as error:
        if error.actor_init_failed:
            raise ExecutorError(f"A node of the Ray cluster cannot do trials: {_line(error)}") from error
        raise


def _room(node: Mapping[str, float], resources: Mapping[str, float]) -> int:
    """How many tasks a node can do at once; a share of a GPU is of one."""
    rooms = []
    for name, amount in resources.items():
        if amount:
            there = node.get(name, 0.0)
            share = name == "GPU" and amount < 1
            rooms.append(int(there) * math.floor(1 / amount + 1e-9) if share else math.floor(there / amount + 1e-9))
    return min(rooms)


def _kill(actor: Any) -> None:
    import ray

    with suppress(ray.exceptions.RayError):
        ray.kill(actor)


def _line(error: BaseException) -> str:
    """What an error says in its last line, which is where Ray has the cause."""
    return (str(error).strip() or type(error).__name__).splitlines()[-1]


def _reason(error: BaseException) -> str:
    """Why an actor is gone, in a line: Ray has its cause after some lines about the actor."""
    lines = [line.strip() for line in str(error).splitlines()]
    return next((line for line in lines if " because " in line), lines[0] if lines else type(error).__name__)
