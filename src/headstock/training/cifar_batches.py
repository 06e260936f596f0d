"""CIFAR-10's official files, read without running anything that they say.

The official batches are Python pickles, and a pickle may have any function of any module called. Here every name that
the official files use stands for one inert record, which keeps what it is given; any other name is refused. The bytes
of the images are taken from the records afterwards.
"""

import pickle
from pathlib import Path
from typing import Any, BinaryIO, Final, final

import numpy as np
from jaxtyping import Int64, UInt8

from headstock.errors import DatasetError

FOLDER: Final = "cifar-10-batches-py"
TRAINING: Final = tuple(f"data_batch_{i}" for i in range(1, 6))
TEST: Final = "test_batch"

_ADMITTED: Final = {
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),  # the same, as numpy 2 writes it
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
}
_ROW: Final = 3 * 32 * 32


@final
class _Record:
    """What stands for everything in a pickle that is not plain data: it can be called and be given a state.

    It has slots and no `__dict__`, and each name gives a new one, so that a file can change nothing that outlives it.
    """

    __slots__ = ("arguments", "state")

    def __init__(self, *arguments: Any) -> None:
        self.arguments = arguments
        self.state: Any = None

    def __call__(self, *arguments: Any) -> "_Record":
        return _Record(*arguments)

    def __setstate__(self, state: Any) -> None:
        self.state = state


@final
class _InertUnpickler(pickle.Unpickler):
    """Reads a pickle of plain data and arrays; arrays come out as records."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file, encoding="bytes")  # the official files were written by Python 2

    def find_class(self, module: str, name: str, /) -> _Record:
        """An inert record for a name that the official files use."""
        if (module, name) not in _ADMITTED:
            raise pickle.UnpicklingError(f"it names {module}.{name}, which no official file does")
        return _Record()


def find(folder: Path) -> Path | None:
    """The folder of the official batches: `folder`, or one of the official name in it; None if there is neither."""
    for candidate in (folder, folder / FOLDER):
        if (candidate / TEST).is_file():
            return candidate
    return None


def read(path: Path) -> tuple[UInt8[np.ndarray, "n 32 32 3"], Int64[np.ndarray, " n"]]:
    """The images and labels of one official batch.

    Raises:
        DatasetError: if the file is missing, damaged, or not one of the official batches.
    """
    if not path.is_file():
        raise DatasetError(
            f"{path} is missing. The official folder holds {', '.join(TRAINING)} and {TEST}; extract the archive again."
        )
    with path.open("rb") as file:
        try:
            content = _InertUnpickler(file).load()
            fields = {key.decode() if isinstance(key, bytes) else key: value for key, value in content.items()}
            pixels = _rows(fields["data"])
            labels = np.asarray(fields["labels"], dtype=np.int64)
        except Exception as error:
            # A damaged or hostile pickle can end in almost any exception.
            raise DatasetError(
                f"{path} is not an official batch of CIFAR-10, or is damaged: {error}. Extract the archive again."
            ) from error
    # Each row is the red, then the green, then the blue plane.
    return np.ascontiguousarray(pixels.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)), labels


def _rows(array: Any) -> UInt8[np.ndarray, "n 3072"]:
    """The rows of an array of bytes that numpy pickled: state (version, shape, dtype, Fortran order, bytes)."""
    match array:
        case _Record(state=(_, (int(n), int(width)), _Record(arguments=(b"u1" | "u1", *_)), False, bytes(raw))) if (
            width == _ROW and len(raw) == n * width
        ):
            return np.frombuffer(raw, dtype=np.uint8).reshape(n, width)
        case _:
            raise ValueError(f"its data is not rows of {_ROW} bytes")
