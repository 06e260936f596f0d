"""What is done to a batch before the network takes it: scaling, and augmentation while training."""

from dataclasses import dataclass
from typing import Final, final

import torch
from jaxtyping import Float32, UInt8
from torch import Tensor, nn

_PADDING: Final = 4  # pixels on each side


def to_unit(pixels: UInt8[Tensor, "m c h w"]) -> Float32[Tensor, "m c h w"]:
    """Bytes to numbers between 0 and 1."""
    return pixels.float() / 255


def to_centred(pixels: UInt8[Tensor, "m c h w"]) -> Float32[Tensor, "m c h w"]:
    """Bytes to numbers between -1 and 1."""
    return pixels.float() / 127.5 - 1


def augment(pixels: UInt8[Tensor, "m c h w"]) -> UInt8[Tensor, "m c h w"]:
    """Each image shifted by up to four pixels, and mirrored or not (He et al. 2016, arXiv:1512.03385, section 4.2)."""
    m, c, h, w = pixels.shape
    padded = nn.functional.pad(pixels, (_PADDING,) * 4)
    top, left = torch.randint(2 * _PADDING + 1, (2, m, 1), device=pixels.device)
    mirrored = torch.rand(m, 1, device=pixels.device) < 0.5
    across = torch.arange(w, device=pixels.device)
    rows = top + torch.arange(h, device=pixels.device)
    columns = left + torch.where(mirrored, across.flip(0), across)
    images = torch.arange(m, device=pixels.device).view(m, 1, 1, 1)
    channels = torch.arange(c, device=pixels.device).view(1, c, 1, 1)
    return padded[images, channels, rows.view(m, 1, h, 1), columns.view(m, 1, 1, w)]


@final
@dataclass(frozen=True, slots=True, eq=False)
class Standardise:
    """Brings every feature to mean 0 and standard deviation 1 over the samples that it was made from.

    The features of a backbone are of any size, and the learning rates worth trying should not depend on it.
    """

    mean: Float32[Tensor, " features"]
    std: Float32[Tensor, " features"]

    @classmethod
    def of(cls, values: Float32[Tensor, "n features"]) -> "Standardise":
        """The standardisation of these features; one that never varies is only centred."""
        std, mean = torch.std_mean(values, dim=0)
        return cls(mean, torch.where(std > 0, std, torch.ones_like(std)))

    def __call__(self, values: Float32[Tensor, "m features"]) -> Float32[Tensor, "m features"]:
        """The features, standardised."""
        return (values - self.mean) / self.std
