"""States of Python and NumPy: JSON values, tuples, bytes and arrays, in containers of any depth.

A state becomes one `.npz` archive: its arrays, and a tree of JSON in which each stands by its number. Types are kept
exactly, so what is a subclass of dict or int is refused and left to others.
"""

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from io import BufferedIOBase
from typing import Any, ClassVar, Final, final

import numpy as np

from headstock.checkpoints.base import Handled, Stateful
from headstock.errors import CheckpointError

_AS_THEY_ARE: Final = (type(None), bool, int, str)
_TREE: Final = "tree"


@final
@dataclass(frozen=True, slots=True)
class Plain:
    """Python's and NumPy's objects; see `Framework` for what each method does.

    Example:
        >>> Plain().stateful(numpy.random.default_rng(0)).state_dict()["bit_generator"]
        'PCG64'
    """

    name: ClassVar[str] = "plain"

    def stateful(self, thing: object) -> Stateful | None:  # noqa: PLR0911 - one line for each kind
        """A generator of random numbers, an array, a dictionary or a list: each is restored in place."""
        if isinstance(thing, Stateful):
            return thing
        if isinstance(thing, np.random.Generator):
            return Handled(
                lambda: thing.bit_generator.state, lambda state: setattr(thing.bit_generator, "state", state)
            )
        if isinstance(thing, np.random.RandomState):
            return Handled(lambda: thing.get_state(legacy=False), thing.set_state)
        if isinstance(thing, random.Random):
            return Handled(thing.getstate, thing.setstate)
        if isinstance(thing, np.ndarray):
            return Handled(lambda: thing, lambda state: _fill(thing, state))
        if type(thing) is dict:
            return Handled(lambda: thing, lambda state: _refill(thing, state))
        if type(thing) is list:
            return Handled(lambda: thing, lambda state: thing.__setitem__(slice(None), state))
        return None

    def randomness(self) -> Mapping[str, Stateful]:
        """The generators behind `random` and `numpy.random`."""
        numpys = Handled(lambda: np.random.get_state(legacy=False), np.random.set_state)  # noqa: NPY002 - users use it
        return {"python": Handled(random.getstate, random.setstate), "numpy": numpys}

    def ranks(self) -> None:
        """Python and NumPy train alone."""

    def write(self, state: Any, file: BufferedIOBase) -> None:
        """Write a state as an `.npz` archive."""
        arrays: list[np.ndarray] = []
        tree = json.dumps(_encoded(state, arrays), allow_nan=False).encode()
        numbered = {str(number): array for number, array in enumerate(arrays)}
        np.savez(file, allow_pickle=False, **{_TREE: np.frombuffer(tree, np.uint8)}, **numbered)

    def read(self, file: BufferedIOBase) -> Any:
        """The state of an `.npz` archive; pickled arrays are refused."""
        try:
            with np.load(file, allow_pickle=False) as archive:
                return _decoded(json.loads(archive[_TREE].tobytes()), archive)
        except (AttributeError, EOFError, KeyError, TypeError, ValueError) as error:
            raise CheckpointError(f"This is no state of plain values and arrays ({error}).") from error


def _refill(dictionary: dict[Any, Any], state: Any) -> None:
    dictionary.clear()
    dictionary.update(state)


def _fill(array: np.ndarray, state: Any) -> None:
    """Put the numbers of a saved array into the one that is there.

    Raises:
        CheckpointError: if they do not fit.
    """
    if not isinstance(state, np.ndarray) or (state.shape, state.dtype) != (array.shape, array.dtype):
        found = f"{state.dtype}{list(state.shape)}" if isinstance(state, np.ndarray) else type(state).__name__
        raise CheckpointError(
            f"What was saved is {found}, which does not fit into {array.dtype}{list(array.shape)}. "
            f"Attach an array of the same type and shape."
        )
    array[...] = state


def _encoded(state: Any, arrays: list[np.ndarray]) -> Any:  # noqa: PLR0911 - one for each kind of value
    """A state as JSON; its arrays are appended to `arrays`.

    Raises:
        CheckpointError: if the state holds something else.
    """
    kind = type(state)
    if kind in _AS_THEY_ARE:
        return state
    if kind is float:
        return {"float": state.hex()}
    if kind is list:
        return [_encoded(item, arrays) for item in state]
    if kind is tuple:
        return {"tuple": [_encoded(item, arrays) for item in state]}
    if kind is dict:
        return {"dict": [[_encoded(key, arrays), _encoded(value, arrays)] for key, value in state.items()]}
    if kind is bytes:
        return {"bytes": state.hex()}
    if (kind is np.ndarray or isinstance(state, np.generic)) and not state.dtype.hasobject:
        arrays.append(np.asarray(state))
        return {"array" if kind is np.ndarray else "scalar": len(arrays) - 1}
    raise CheckpointError(
        f"A state holds {str(state)[:60]!r}, of type {kind.__name__}. Plain states hold None, booleans, numbers, "
        f"strings, bytes and NumPy arrays, in lists, tuples and dictionaries."
    )


def _decoded(tree: Any, arrays: Mapping[str, np.ndarray]) -> Any:  # noqa: PLR0911 - one for each kind of value
    """The state of `_encoded`."""
    if isinstance(tree, list):
        return [_decoded(item, arrays) for item in tree]
    if not isinstance(tree, dict):
        return tree
    [(kind, value)] = tree.items()
    match kind:
        case "float":
            return float.fromhex(value)
        case "tuple":
            return tuple(_decoded(item, arrays) for item in value)
        case "dict":
            return {_decoded(key, arrays): _decoded(item, arrays) for key, item in value}
        case "bytes":
            return bytes.fromhex(value)
        case "array":
            return arrays[str(value)]
        case "scalar":
            return arrays[str(value)][()]
    raise CheckpointError(f"A state holds something of the unknown kind {kind!r}. Read it with a newer headstock.")
