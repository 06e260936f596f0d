"""Small labelled pictures in the layouts that CIFAR-10 comes in."""

import pickle
from itertools import count
from pathlib import Path

import numpy as np

TRAINING = [f"data_batch_{i}" for i in range(1, 6)]


def pictures(n: int, seed: int = 0, size: int = 32) -> tuple[np.ndarray, np.ndarray]:
    """`n` images (n, size, size, 3) of ten colours with noise, and their labels, as many of each."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(n) % 10)
    colours = np.random.default_rng(0).integers(40, 216, size=(10, 3))
    noisy = colours[labels][:, None, None, :] + rng.integers(-40, 40, size=(n, size, size, 3))
    return noisy.astype(np.uint8), labels


def write_npz(path: Path, training: int = 200, test: int = 50, **replaced: np.ndarray) -> Path:
    """An .npz file of pictures; `replaced` stands in for arrays of these names."""
    x_train, y_train = pictures(training, seed=1)
    x_test, y_test = pictures(test, seed=2)
    np.savez(path, **({"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test} | replaced))
    return path


def write_official(folder: Path, a_batch: int = 20) -> Path:
    """The official folder with batches of `a_batch` pictures."""
    folder.mkdir(parents=True)
    for seed, name in enumerate([*TRAINING, "test_batch"]):
        (folder / name).write_bytes(python2_batch(*pictures(a_batch, seed), name))
    return folder


def python2_batch(pixels: np.ndarray, labels: np.ndarray, name: str) -> bytes:
    """A batch as Python 2 pickled the official ones: its strings are bytes, by opcodes that Python 3 never writes."""
    slots = count()
    keep = lambda: pickle.BINPUT + bytes([next(slots)])  # noqa: E731 - everything is put into the memo, as there
    number = lambda i: pickle.BININT + i.to_bytes(4, "little", signed=True)  # noqa: E731

    def string(value: bytes) -> bytes:
        length = len(value)
        head = pickle.SHORT_BINSTRING + bytes([length]) if length < 256 else b"T" + length.to_bytes(4, "little")
        return head + value + keep()

    def listed(items: list[bytes]) -> bytes:
        return pickle.EMPTY_LIST + keep() + pickle.MARK + b"".join(items) + pickle.APPENDS

    def named(module: str, attribute: str) -> bytes:
        return pickle.GLOBAL + f"{module}\n{attribute}\n".encode() + keep()

    rows = pixels.transpose(0, 3, 1, 2).reshape(len(pixels), -1)
    empty = named("numpy.core.multiarray", "_reconstruct") + named("numpy", "ndarray")
    empty += number(0) + pickle.TUPLE1 + keep() + string(b"b") + pickle.TUPLE3 + keep() + pickle.REDUCE + keep()
    kind = named("numpy", "dtype") + string(b"u1") + number(0) + number(1) + pickle.TUPLE3 + keep()
    kind += pickle.REDUCE + keep() + pickle.MARK + number(3) + string(b"|") + 3 * pickle.NONE
    kind += number(-1) + number(-1) + number(0) + pickle.TUPLE + keep() + pickle.BUILD
    shape = number(rows.shape[0]) + number(rows.shape[1]) + pickle.TUPLE2 + keep()
    state = pickle.MARK + number(1) + shape + kind + pickle.NEWFALSE + string(rows.tobytes()) + pickle.TUPLE + keep()
    content = {
        b"batch_label": string(f"{name}, made for a test".encode()),
        b"labels": listed([number(int(label)) for label in labels]),
        b"data": empty + state + pickle.BUILD,
        b"filenames": listed([string(b"picture.png")] * 2),
    }
    items = b"".join(string(key) + value for key, value in content.items())
    return pickle.PROTO + b"\x02" + pickle.EMPTY_DICT + keep() + pickle.MARK + items + pickle.SETITEMS + pickle.STOP
