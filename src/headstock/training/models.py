"""Networks that are small enough to be trained while one waits."""

from torch import nn


def small_cnn(*, channels: int, size: int, classes: int) -> nn.Sequential:
    """Two convolutions, each with a halving of the size, and two linear layers.

    Args:
        channels: how many channels an image has.
        size: its height and width, divisible by 4.
        classes: how many classes there are.
    """
    return nn.Sequential(
        nn.Conv2d(channels, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(32 * (size // 4) ** 2, 64),
        nn.ReLU(),
        nn.Linear(64, classes),
    )
