import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headstock.errors import DatasetError
from pictures import pictures, python2_batch

pytest.importorskip("torch", reason="PyTorch is not installed")
from headstock.training import cifar_batches

pytestmark = pytest.mark.torch


class Runs:
    """Pickles as a call of a function."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def test_the_batches_that_python_2_wrote(tmp_path: Path):
    pixels, labels = pictures(30)
    read, classes = cifar_batches.read(written(tmp_path / "batch", python2_batch(pixels, labels, "data_batch_1")))
    np.testing.assert_array_equal(read, pixels)
    np.testing.assert_array_equal(classes, labels)
    assert (read.dtype, classes.dtype) == (np.uint8, np.int64)


def test_the_same_content_written_by_python_3(tmp_path: Path):
    pixels, labels = pictures(30)
    rows = pixels.transpose(0, 3, 1, 2).reshape(30, -1)
    batch = pickle.dumps({"data": rows, "labels": labels.tolist()}, protocol=4)
    read, classes = cifar_batches.read(written(tmp_path / "batch", batch))
    np.testing.assert_array_equal(read, pixels)
    np.testing.assert_array_equal(classes, labels)


def test_nothing_that_a_file_asks_for_is_run(tmp_path: Path):
    trace = tmp_path / "trace"
    hostile = [
        Runs(os.mkdir, str(trace)),
        Runs(eval, f"__import__('os').mkdir({str(trace)!r})"),
        {"data": Runs(os.mkdir, str(trace)), "labels": []},
        {"data": pictures(1)[0].reshape(1, -1), "labels": Runs(os.mkdir, str(trace))},
        Runs(np.save, str(trace), np.zeros(3)),
    ]
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        for content in hostile:
            path = written(tmp_path / "batch", pickle.dumps(content, protocol))
            with pytest.raises(DatasetError, match="not an official batch"):
                cifar_batches.read(path)
            assert sorted(p.name for p in tmp_path.iterdir()) == ["batch"]


@pytest.mark.parametrize(
    "content",
    [
        b"\x80\x04\x8c\x05numpy\x8c\x0endarray.tofile\x93.",  # a dotted name, from a module that official files name
        b"\x80\x02cbuiltins\ngetattr\n.",
        b"\x80\x02\x82\x01.",  # a name by its number in the registry of extensions
        b"\x80\x02U\x01xQ.",  # an object by a persistent name
    ],
)
def test_other_ways_to_name_something_are_refused_too(tmp_path: Path, content: bytes):
    with pytest.raises(DatasetError, match="not an official batch"):
        cifar_batches.read(written(tmp_path / "batch", content))


def test_a_file_leaves_nothing_behind_for_the_next(tmp_path: Path):
    # It sets attributes on what stands for numpy.dtype; the next file, which is sound, is read as ever.
    poisoned = b"\x80\x02cnumpy\ndtype\n(dU\x05stateU\x01xU\x09argumentsU\x01yub."
    with pytest.raises(DatasetError):
        cifar_batches.read(written(tmp_path / "poisoned", poisoned))
    pixels, labels = pictures(10)
    read, _ = cifar_batches.read(written(tmp_path / "batch", python2_batch(pixels, labels, "test_batch")))
    np.testing.assert_array_equal(read, pixels)


def test_damaged_and_foreign_files(tmp_path: Path):
    sound = python2_batch(*pictures(10), "test_batch")
    contents = [
        b"",
        b"not a pickle",
        sound[:-1],
        sound[: len(sound) // 2],
        sound.replace(b"labels", b"fables"),
        sound.replace(b"U\x02u1", b"U\x02f1"),
        pickle.dumps([1, 2, 3], 2),
        pickle.dumps({"data": [1], "labels": [1]}, 2),
        pickle.dumps({"data": np.zeros((2, 7), np.uint8), "labels": [1, 2]}, 4),
        pickle.dumps({"data": np.zeros((2, 3072), np.int64), "labels": [1, 2]}, 4),
        pickle.dumps({"data": np.zeros((2, 3072), np.uint8), "labels": [[1], [2, 3]]}, 4),
        b"\x80\x04\x8d" + (2**62).to_bytes(8, "little") + b"x.",  # says that a string of 4 EiB follows
    ]
    for content in contents:
        with pytest.raises(DatasetError, match="not an official batch"):
            cifar_batches.read(written(tmp_path / "batch", content))


def test_a_missing_batch(tmp_path: Path):
    with pytest.raises(DatasetError, match=r"data_batch_3 is missing.*extract the archive again"):
        cifar_batches.read(tmp_path / "data_batch_3")


def test_the_folder_or_the_one_that_it_lies_in(tmp_path: Path):
    folder = tmp_path / cifar_batches.FOLDER
    folder.mkdir()
    assert cifar_batches.find(tmp_path) is None
    (folder / cifar_batches.TEST).touch()
    assert cifar_batches.find(tmp_path) == cifar_batches.find(folder) == folder
