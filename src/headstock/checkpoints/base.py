"""What can be kept of a training, and who knows how to keep it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BufferedIOBase
from typing import Any, Protocol, final, runtime_checkable


@runtime_checkable
class Stateful(Protocol):
    """Anything that gives its state away and takes it back, as PyTorch's modules and optimisers do."""

    def state_dict(self) -> Any:
        """The state; it may share memory with the object."""
        ...

    def load_state_dict(self, state: Any, /) -> Any:
        """Take a state back."""
        ...


@final
@dataclass(frozen=True, slots=True)
class Handled:
    """An object that has no such methods, with functions that do their work.

    Args:
        take: gives the state.
        put: takes it back.
    """

    take: Callable[[], Any]
    put: Callable[[Any], object]

    def state_dict(self) -> Any:
        """The state."""
        return self.take()

    def load_state_dict(self, state: Any) -> None:
        """Take a state back."""
        self.put(state)


@runtime_checkable
class Ranks(Protocol):
    """Processes that train one thing together. All of them have to call each method, in the same order."""

    @property
    def rank(self) -> int:
        """The number of this process, from 0."""
        ...

    def first(self, message: bytes) -> bytes:
        """What the process of rank 0 gives; what the others give is left out."""
        ...

    def each(self, number: int) -> list[int]:
        """What each process gives, by rank. It returns when all have called it."""
        ...

    def gather(self, message: bytes) -> list[bytes]:
        """What each process gives, by rank."""
        ...

    def part(self) -> None:
        """Train together no more; each process may do that at its own time."""
        ...


@runtime_checkable
class Framework(Protocol):
    """Knows the objects of one library: how to get at their state, and how to write it without running what is read."""

    @property
    def name(self) -> str:
        """A short name; it is stored beside what this framework wrote."""
        ...

    def stateful(self, thing: object) -> Stateful | None:
        """The object as something with a state; None if this framework does not know its kind."""
        ...

    def randomness(self) -> Mapping[str, Stateful]:
        """The library's global sources of random numbers, by name."""
        ...

    def ranks(self) -> Ranks | None:
        """The processes that train together with this one by means of the library; None if it is alone."""
        ...

    def write(self, state: Any, file: BufferedIOBase) -> None:
        """Write a state, of which no byte is written if it is refused.

        Raises:
            CheckpointError: if the state holds something that this framework does not write.
        """
        ...

    def read(self, file: BufferedIOBase) -> Any:
        """The state that was written, equal bit by bit. Nothing that the file says is run.

        Raises:
            CheckpointError: if this framework did not write it, or would not read it back.
        """
        ...
