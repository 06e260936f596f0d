"""The networks that are trained here: a small convolutional one, and a head for the features of a frozen backbone."""

from collections.abc import Sequence

from torch import nn


def convolutional(shape: tuple[int, int, int], widths: Sequence[int], classes: int) -> nn.Sequential:
    """Blocks of 3 x 3 convolution, ReLU and 2 x 2 pooling, then one linear layer.

    Args:
        shape: channels, height and width of the images.
        widths: the channels of each block; each halves height and width.
        classes: how many classes there are.
    """
    channels, height, width = shape
    layers: list[nn.Module] = []
    for outputs in widths:
        layers += [nn.Conv2d(channels, outputs, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
        channels, height, width = outputs, height // 2, width // 2
    return nn.Sequential(*layers, nn.Flatten(), nn.Dropout(0.2), nn.Linear(channels * height * width, classes))


def head(features: int, classes: int) -> nn.Sequential:
    """The tutorial's fresh head: features, 512 hidden units, dropout of 0.2, classes."""
    return nn.Sequential(nn.Linear(features, 512), nn.ReLU(), nn.Dropout(0.2), nn.Linear(512, classes))
