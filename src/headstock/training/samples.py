"""Samples that a network trains on or is measured on: pixels, or features of a backbone."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias, final

import numpy as np
import torch
from jaxtyping import Int64
from torch import Tensor

from headstock.training.backbones import Backbone
from headstock.training.datasets import Images
from headstock.training.features import Progress, embed, features
from headstock.training.preparation import Standardise, augment, to_centred, to_unit


@final
@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Labelled inputs on one device.

    Attributes:
        inputs: n inputs, along the first axis.
        labels: the class of each.
        prepare: what each batch of inputs goes through before the network; it may be random (augmentation).
    """

    inputs: Tensor
    labels: Int64[Tensor, " n"]
    prepare: Callable[[Tensor], Tensor]

    def batch(self, rows: Int64[Tensor, " m"]) -> Tensor:
        """What the network takes for these rows."""
        return self.prepare(self.inputs[rows])


Rows: TypeAlias = Int64[np.ndarray, " _"]
Pairing: TypeAlias = Callable[[Rows, Rows], tuple[Samples, Samples]]
"""From rows to learn from and rows to be judged by, to the samples of each."""


def pixel_samples(images: Images, device: torch.device, *, augmented: bool = False) -> Pairing:
    """The images themselves, augmented while learning if wanted."""
    pixels, labels = _tensors(images, device)

    def pairing(learnt: Rows, judged: Rows) -> tuple[Samples, Samples]:
        learning = (lambda batch: to_centred(augment(batch))) if augmented else to_centred
        return (
            Samples(pixels[learnt], labels[learnt], learning),
            Samples(pixels[judged], labels[judged], to_centred),
        )

    return pairing


def feature_samples(
    images: Images,
    backbone: Backbone,
    device: torch.device,
    *,
    size: int,
    augmented: bool = False,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> Pairing:
    """Features of the images, standardised by those to learn from.

    Computed once, here; those of augmented images, which are new in every epoch, batch by batch while learning.
    """
    pixels, labels = _tensors(images, device)
    computed = features(images.pixels, backbone, size=size, device=device, cache=cache, progress=progress)
    values = torch.from_numpy(computed).to(device)

    def pairing(learnt: Rows, judged: Rows) -> tuple[Samples, Samples]:
        standardise = Standardise.of(values[learnt])
        learning = Samples(values[learnt], labels[learnt], standardise)
        if augmented:
            learning = Samples(
                pixels[learnt],
                labels[learnt],
                lambda batch: standardise(embed(backbone, to_unit(augment(batch)), size)),
            )
        return learning, Samples(values[judged], labels[judged], standardise)

    return pairing


def _tensors(images: Images, device: torch.device) -> tuple[Tensor, Tensor]:
    """Pixels (n, channels, height, width) and labels."""
    pixels = torch.from_numpy(images.pixels).permute(0, 3, 1, 2).contiguous()
    return pixels.to(device), torch.from_numpy(images.labels).to(device)
