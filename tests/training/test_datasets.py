from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headstock.errors import DatasetError
from pictures import TRAINING, pictures, write_npz, write_official

pytest.importorskip("torch", reason="PyTorch is not installed")
from headstock.training import datasets

pytestmark = pytest.mark.torch


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def assert_honest(split: datasets.Split) -> None:
    """Three parts that share nothing and hold every class."""
    parts = (split.train, split.validation, split.test)
    everything = np.concatenate(parts)
    assert len(np.unique(everything)) == len(everything) == len(split.images)
    for part in parts:
        assert set(split.images.labels[part]) == set(range(10))


def test_digits():
    split = datasets.digits(rng())
    assert_honest(split)
    assert split.shape == (1, 8, 8)
    assert [len(part) for part in (split.train, split.validation, split.test)] == [1079, 359, 359]
    assert split.images.pixels.max() == 255


@pytest.mark.parametrize("inside", [True, False])
def test_the_official_folder(tmp_path: Path, inside: bool):
    folder = write_official(tmp_path / "cifar-10-batches-py", a_batch=20)
    split = datasets.cifar10(tmp_path if inside else folder, rng())
    assert_honest(split)
    assert (len(split.train), len(split.validation), len(split.test)) == (80, 20, 20)
    expected = np.concatenate([pictures(20, seed)[0] for seed in range(6)])
    np.testing.assert_array_equal(split.images.pixels, expected)
    np.testing.assert_array_equal(split.images.pixels[split.test], pictures(20, 5)[0])


def test_a_file_of_arrays(tmp_path: Path):
    split = datasets.cifar10(write_npz(tmp_path / "small.npz", 200, 50), rng(), validation=0.3)
    assert_honest(split)
    assert (len(split.train), len(split.validation), len(split.test)) == (140, 60, 50)
    np.testing.assert_array_equal(split.images.pixels[split.test], pictures(50, 2)[0])
    counts = np.bincount(split.images.labels[split.validation])
    assert counts.tolist() == [6] * 10  # the share of each class


def test_the_seed_chooses_what_is_kept_back_from_training_alone(tmp_path: Path):
    path = write_npz(tmp_path / "small.npz")
    first, again, other = (datasets.cifar10(path, rng(seed)) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.validation, again.validation)
    assert not np.array_equal(first.validation, other.validation)
    np.testing.assert_array_equal(first.test, other.test)


def test_a_limit(tmp_path: Path):
    split = datasets.cifar10(write_npz(tmp_path / "small.npz", 200, 50), rng(), limit=100)
    assert (len(split.train) + len(split.validation), len(split.test)) == (100, 50)


def test_labels_may_stand_in_a_column(tmp_path: Path):
    column = pictures(200, 1)[1][:, None].astype(np.uint8)
    split = datasets.cifar10(write_npz(tmp_path / "small.npz", y_train=column), rng())
    np.testing.assert_array_equal(split.images.labels[:200], column[:, 0])


@pytest.mark.parametrize(
    ("replaced", "message"),
    [
        ({"x_train": np.zeros((200, 32, 32, 3))}, "the images are float64"),
        ({"x_train": np.zeros((200, 3, 32, 32), np.uint8)}, "200 x 3 x 32 x 32"),
        ({"x_test": np.zeros((50, 28, 28, 3), np.uint8)}, "differ in size"),
        ({"y_test": np.full(50, 10)}, r"labels \[10\]"),
        ({"y_test": np.full(50, -1)}, r"labels \[-1\]"),
        ({"y_train": np.zeros(199, int)}, "for 200 images the labels are int64, 199"),
        ({"y_train": np.zeros(200)}, "float64"),
        ({"y_train": np.array("bird")}, "a single number"),
        ({"x_test": np.zeros((0, 32, 32, 3), np.uint8), "y_test": np.zeros(0, int)}, "ten classes"),
        ({"y_train": np.array([{}] * 200, dtype=object)}, "cannot be read"),  # pickled objects
    ],
)
def test_arrays_of_another_layout_are_refused(tmp_path: Path, replaced: dict[str, Any], message: str):
    with pytest.raises(DatasetError, match=message):
        datasets.cifar10(write_npz(tmp_path / "small.npz", **replaced), rng())


def test_files_that_are_no_archive_or_lack_arrays(tmp_path: Path):
    path = tmp_path / "small.npz"
    np.savez(path, x_train=pictures(10)[0], y_train=pictures(10)[1])
    with pytest.raises(DatasetError, match="lacks x_test, y_test"):
        datasets.cifar10(path, rng())
    whole = write_npz(path).read_bytes()
    for content in (b"", b"plain text", whole[: len(whole) // 2], whole[:2000] + bytes(2000) + whole[4000:]):
        path.write_bytes(content)
        with pytest.raises(DatasetError, match="cannot be read as an"):
            datasets.cifar10(path, rng())


def test_an_official_folder_that_lacks_a_batch(tmp_path: Path):
    folder = write_official(tmp_path / "cifar-10-batches-py")
    (folder / TRAINING[2]).unlink()
    with pytest.raises(DatasetError, match="data_batch_3 is missing"):
        datasets.cifar10(folder, rng())


def test_what_is_not_there_or_makes_no_sense(tmp_path: Path):
    with pytest.raises(DatasetError, match="There is no CIFAR-10 at"):
        datasets.cifar10(tmp_path, rng())
    path = write_npz(tmp_path / "small.npz")
    for share in (0.0, 1.0, -0.5, float("nan")):
        with pytest.raises(DatasetError, match="validation="):
            datasets.cifar10(path, rng(), validation=share)
    with pytest.raises(DatasetError, match="limit=0"):
        datasets.cifar10(path, rng(), limit=0)
    with pytest.raises(DatasetError, match="too few"):
        datasets.cifar10(path, rng(), limit=1)
