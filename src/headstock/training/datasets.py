"""Labelled images, split honestly into training, validation and test."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, final

import numpy as np
from jaxtyping import Int64, UInt8

from headstock.errors import DatasetError, MissingDependencyError
from headstock.training import cifar_batches
from headstock.training.vision import torchvision

_ARRAYS: Final = ("x_train", "y_train", "x_test", "y_test")
_LAYOUT: Final = (
    f"Expected: the official folder {cifar_batches.FOLDER} ({cifar_batches.TRAINING[0]} ... {cifar_batches.TEST}), "
    f"or an .npz file with {', '.join(_ARRAYS)} (images uint8, n x height x width x 3; labels 0 to 9)."
)


@final
@dataclass(frozen=True, slots=True, eq=False)
class Images:
    """Labelled images.

    Attributes:
        pixels: 0 to 255.
        labels: the class of each image, from 0.
    """

    pixels: UInt8[np.ndarray, "n height width channels"]
    labels: Int64[np.ndarray, " n"]

    def __len__(self) -> int:
        """How many images there are."""
        return len(self.labels)

    def __getitem__(self, rows: Int64[np.ndarray, " m"]) -> "Images":
        """Some of the images."""
        return Images(self.pixels[rows], self.labels[rows])


@final
@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Images in three parts that share none: trials train on one, are judged by the next, and never see the last.

    Attributes:
        images: all of them.
        train: the rows that a trial trains on.
        validation: the rows that a trial is judged by.
        test: the rows that only the winner is measured on.
        classes: how many classes there are.
    """

    images: Images
    train: Int64[np.ndarray, " train"]
    validation: Int64[np.ndarray, " validation"]
    test: Int64[np.ndarray, " test"]
    classes: int

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width of an image."""
        _, height, width, channels = self.images.pixels.shape
        return channels, height, width


def digits(rng: np.random.Generator) -> Split:
    """scikit-learn's handwritten digits: 1,797 images of 8 x 8 pixels, split 3 : 1 : 1.

    Raises:
        MissingDependencyError: if scikit-learn is not installed.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise MissingDependencyError(
            "The handwritten digits come with scikit-learn. Install it: pip install 'headstock[training]'"
        ) from error
    bunch = load_digits()
    pixels = np.rint(bunch.images * (255 / 16)).astype(np.uint8)[..., np.newaxis]
    images = Images(pixels, bunch.target.astype(np.int64))
    rest, test = _parted(np.arange(len(images)), images.labels, 1 / 5, rng)
    train, validation = _parted(rest, images.labels, 1 / 4, rng)
    return Split(images, train, validation, test, classes=10)


def cifar10(
    data: Path,
    rng: np.random.Generator,
    *,
    download: bool = False,
    validation: float = 0.2,
    limit: int | None = None,
) -> Split:
    """CIFAR-10, a part of its training images kept back for validation.

    Args:
        data: the official folder `cifar-10-batches-py` or the one that it lies in; or an .npz file.
        rng: chooses the validation images, and those that a limit leaves.
        download: whether to fetch the official archive into `data` if it is not there (through torchvision).
        validation: the share of the training images that trials are judged by.
        limit: use that many training images (those for validation included) and that many test images at most.

    Raises:
        DatasetError: if the data are not there, damaged or of another layout.
        MissingDependencyError: if they are to be downloaded and torchvision is not there.
    """
    if not 0 < validation < 1:
        raise DatasetError(f"validation={validation!r}. Give a share of the training images, between 0 and 1.")
    if limit is not None and limit < 1:
        raise DatasetError(f"limit={limit!r}. Give a number of images.")
    if download and not data.is_file() and cifar_batches.find(data) is None:
        _download(data)
    training, test = _npz(data) if data.is_file() else _official(data)
    training, test = _limited(training, limit, rng), _limited(test, limit, rng)
    images = _joined([training, test])
    rows = np.arange(len(images))
    train, judged = _parted(rows[: len(training)], images.labels, validation, rng)
    return Split(images, train, judged, rows[len(training) :], classes=10)


def _download(folder: Path) -> None:
    vision = torchvision("download CIFAR-10", f"extract the archive cifar-10-python.tar.gz in {folder} yourself")
    official = vision.datasets.CIFAR10
    try:
        vision.datasets.utils.download_and_extract_archive(official.url, str(folder), md5=official.tgz_md5)
    except (OSError, RuntimeError) as error:
        raise DatasetError(f"CIFAR-10 could not be downloaded from {official.url}: {error}. {_LAYOUT}") from error


def _official(data: Path) -> tuple[Images, Images]:
    folder = cifar_batches.find(data)
    if folder is None:
        raise DatasetError(f"There is no CIFAR-10 at {data}. {_LAYOUT} With download it is fetched there.")
    *training, test = (
        _images(*cifar_batches.read(folder / name), str(folder / name))
        for name in (*cifar_batches.TRAINING, cifar_batches.TEST)
    )
    return _joined(training), test


def _npz(path: Path) -> tuple[Images, Images]:
    try:
        # Opened here, for numpy leaves a file open that proves damaged.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in _ARRAYS if name in stored}
    except Exception as error:
        # numpy and zipfile raise errors of many kinds for what is not an archive, damaged, or holds objects.
        raise DatasetError(f"{path} cannot be read as an .npz file: {error}. {_LAYOUT}") from error
    missing = [name for name in _ARRAYS if name not in arrays]
    if missing:
        raise DatasetError(f"{path} lacks {', '.join(missing)}. {_LAYOUT}")
    training, test = (
        _images(arrays[f"x_{part}"], arrays[f"y_{part}"], f"{path}: x_{part}, y_{part}") for part in ("train", "test")
    )
    if training.pixels.shape[1:] != test.pixels.shape[1:]:
        raise DatasetError(f"{path}: images to train and to test on differ in size. {_LAYOUT}")
    return training, test


def _joined(parts: Sequence[Images]) -> Images:
    return Images(np.concatenate([part.pixels for part in parts]), np.concatenate([part.labels for part in parts]))


def _images(pixels: Any, labels: Any, where: str) -> Images:
    if pixels.dtype != np.uint8 or pixels.ndim != 4 or pixels.shape[-1] != 3:
        raise DatasetError(f"{where}: the images are {pixels.dtype}, {_shape(pixels)}. {_LAYOUT}")
    if labels.dtype.kind not in "iu" or labels.shape not in {(len(pixels),), (len(pixels), 1)}:
        raise DatasetError(
            f"{where}: for {len(pixels)} images the labels are {labels.dtype}, {_shape(labels)}. {_LAYOUT}"
        )
    flat = labels.reshape(-1).astype(np.int64)
    if not len(flat) or flat.min() < 0 or flat.max() > 9:
        raise DatasetError(
            f"{where}: the labels {sorted(set(flat.tolist()))[:20]} are not those of ten classes. {_LAYOUT}"
        )
    return Images(pixels, flat)


def _shape(array: Any) -> str:
    return " x ".join(map(str, array.shape)) or "a single number"


def _limited(images: Images, limit: int | None, rng: np.random.Generator) -> Images:
    if limit is None or limit >= len(images):
        return images
    return images[np.sort(rng.permutation(len(images))[:limit])]


def _parted(
    rows: Int64[np.ndarray, " n"], labels: Int64[np.ndarray, " all"], share: float, rng: np.random.Generator
) -> tuple[Int64[np.ndarray, " first"], Int64[np.ndarray, " second"]]:
    """The rows in two parts, the second with this share of the rows of each class."""
    shuffled = rng.permutation(rows)
    members = [shuffled[labels[shuffled] == label] for label in np.unique(labels[rows])]
    second = np.concatenate([of_class[: max(1, round(share * len(of_class)))] for of_class in members])
    first = np.setdiff1d(rows, second)
    if not len(first):
        raise DatasetError(f"{len(rows)} images are too few to keep some of each class back. Give more.")
    return first, np.sort(second)
