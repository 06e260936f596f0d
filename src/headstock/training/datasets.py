"""Labelled images, split honestly: tuning sees the training and validation parts, never the test part."""

from dataclasses import dataclass
from typing import Any, final

import numpy as np
from jaxtyping import Float32, Int64

from headstock.errors import MissingDependencyError


@final
@dataclass(frozen=True, slots=True, eq=False)
class Images:
    """Labelled images.

    Args:
        x: pixels, channels first.
        y: classes, from 0.
    """

    x: Float32[np.ndarray, "n c h w"]
    y: Int64[np.ndarray, " n"]

    def __len__(self) -> int:
        """How many images there are."""
        return len(self.y)

    def part(self, rows: Int64[np.ndarray, " m"]) -> "Images":
        """Some of the images."""
        return Images(self.x[rows], self.y[rows])


@final
@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Images to train on, to tune by, and to test the winner on."""

    train: Images
    validation: Images
    test: Images


def split_images(images: Images, *, validation: float, test: float, seed: int) -> Split:
    """Split at random into parts; `validation` and `test` are shares of all images."""
    order = np.random.default_rng(seed).permutation(len(images))
    tests, validations = round(test * len(images)), round(validation * len(images))
    return Split(
        train=images.part(order[tests + validations :]),
        validation=images.part(order[tests : tests + validations]),
        test=images.part(order[:tests]),
    )


def digits(*, seed: int = 0) -> Split:
    """Scikit-learn's 1,797 handwritten digits, 8 x 8 grey pixels in [0, 1]: 60 % train, 20 % validation, 20 % test.

    Raises:
        MissingDependencyError: if scikit-learn is not installed.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise MissingDependencyError(
            "The digits come with scikit-learn, which is not installed. Install it with: "
            "pip install 'headstock[training]'"
        ) from None
    loaded: Any = load_digits()
    x = (loaded.images / 16.0).astype(np.float32)[:, None]
    return split_images(Images(x, loaded.target.astype(np.int64)), validation=0.2, test=0.2, seed=seed)
