"""What an executor is: it runs opaque tasks, here or elsewhere, and passes on what they and their runner say."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, final

Listen = Callable[[int, str, Any], Any]
"""Is told (the task, what kind of message it is, the message), and gives the answer."""


class Ask(Protocol):
    """A task's way to its runner."""

    def __call__(self, kind: str, message: Any) -> Any:
        """Send a message, and wait for the answer. Both can be pickled."""
        ...


Work = Callable[[Any, Ask], Any]
"""Does a task: takes it and the way to the runner, gives how it ended."""


@final
@dataclass(frozen=True, slots=True)
class Lost:
    """What is left of a task whose process died.

    Args:
        reason: what happened, in one line.
        is_transient: whether it may go better another time.
    """

    reason: str
    is_transient: bool


@final
@dataclass(frozen=True, slots=True)
class Finished:
    """A task that is over.

    Args:
        task: its number.
        end: what the work gave, or how it was lost.
    """

    task: int
    end: Any | Lost


class Executor(Protocol):
    """Runs tasks. Only the thread that made it may use it."""

    @property
    def capacity(self) -> int:
        """How many tasks it runs at once."""
        ...

    @property
    def unfinished(self) -> int:
        """How many tasks it has taken that are not over."""
        ...

    def submit(self, number: int, task: Any) -> None:
        """Take a task; there is room for it."""
        ...

    def wait(self, listen: Listen, seconds: float) -> Sequence[Finished]:
        """Let tasks run until one is over, or somewhat longer than so many seconds.

        Args:
            listen: hears the messages of tasks meanwhile.
            seconds: how long to wait; an executor that works in this very thread waits until a task is over.
        """
        ...

    def close(self) -> None:
        """End what still runs, whatever it does."""
        ...


MakeExecutor = Callable[[Work, int | None, float | None], Executor]
"""Makes an executor of work that has so many places, as many as there are if None, and a time-out in seconds."""
