"""What Ax's tutorials import from `ax.utils.tutorials.cnn_utils`: a network for MNIST, its data, train and evaluate."""

from collections.abc import Mapping, Sequence
from typing import Any, final

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, Subset

from headstock.errors import DatasetError
from headstock.training.vision import torchvision

Loaders = tuple[DataLoader[Any], DataLoader[Any], DataLoader[Any]]
"""Loaders for training (shuffled), validation and test."""


@final
class CNN(nn.Module):
    """One convolution and two linear layers, from grey images of 28 x 28 pixels to ten log-probabilities."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 20, kernel_size=5)
        self.fc1 = nn.Linear(20 * 8 * 8, 64)
        self.fc2 = nn.Linear(64, 10)

    def forward(self, x: Float[Tensor, "m 1 28 28"]) -> Float[Tensor, "m 10"]:
        """Log-probabilities of the classes."""
        pooled = nn.functional.max_pool2d(self.conv1(x).relu(), 3)
        hidden = self.fc1(pooled.flatten(1)).relu()
        return nn.functional.log_softmax(self.fc2(hidden), dim=-1)


def load_mnist(  # noqa: PLR0917 - as Ax has it
    downsample_pct: float = 0.5,
    train_pct: float = 0.8,
    data_path: str = "./data",
    batch_size: int = 128,
    num_workers: int = 0,
    deterministic_partitions: bool = False,
    downsample_pct_test: float | None = None,
) -> Loaders:
    """Loaders of MNIST, which torchvision downloads into the folder `data_path`.

    The other arguments are those of `get_partition_data_loaders`.

    Raises:
        MissingDependencyError: if torchvision is not there, or does not work.
        DatasetError: if the download fails, or a share is not one.
    """
    vision = torchvision("load MNIST", "give loaders of your own, from get_partition_data_loaders")
    prepare = vision.transforms.Compose(
        [vision.transforms.ToTensor(), vision.transforms.Normalize((0.1307,), (0.3081,))]  # MNIST's mean and deviation
    )
    try:
        training, test = (
            vision.datasets.MNIST(data_path, train=train, download=True, transform=prepare) for train in (True, False)
        )
    except (OSError, RuntimeError) as error:
        raise DatasetError(f"MNIST could not be loaded from or downloaded to {data_path!r}: {error}") from error
    return get_partition_data_loaders(
        training,
        test,
        downsample_pct=downsample_pct,
        train_pct=train_pct,
        batch_size=batch_size,
        num_workers=num_workers,
        deterministic_partitions=deterministic_partitions,
        downsample_pct_test=downsample_pct_test,
    )


def get_partition_data_loaders(  # noqa: PLR0917 - as Ax has it
    train_valid_set: Dataset[Any],
    test_set: Dataset[Any],
    downsample_pct: float = 0.5,
    train_pct: float = 0.8,
    batch_size: int = 128,
    num_workers: int = 0,
    deterministic_partitions: bool = False,
    downsample_pct_test: float | None = None,
) -> Loaders:
    """Loaders of a part of the data: for training, validation and test.

    Args:
        train_valid_set: what training and validation samples are taken from.
        test_set: what test samples are taken from.
        downsample_pct: the share of `train_valid_set` that is used.
        train_pct: the share of that which is for training; the rest is for validation.
        batch_size: how many samples a batch has.
        num_workers: how many processes load; 0 for none of their own.
        deterministic_partitions: take the samples in their order instead of at random.
        downsample_pct_test: the share of `test_set` that is used; `downsample_pct` if None.

    Raises:
        DatasetError: if a share is not between 0 and 1.
    """
    test_share = downsample_pct if downsample_pct_test is None else downsample_pct_test
    named = {"downsample_pct": downsample_pct, "train_pct": train_pct, "downsample_pct_test": test_share}
    for name, share in named.items():
        if not 0 < share <= 1:
            raise DatasetError(f"{name}={share!r}. Give a share of the samples: more than 0, at most 1.")
    used, tested = int(downsample_pct * _size(train_valid_set)), int(test_share * _size(test_set))
    trained = int(train_pct * used)
    training, validation, _ = split_dataset(
        train_valid_set,
        [trained, used - trained, _size(train_valid_set) - used],
        deterministic_partitions=deterministic_partitions,
    )
    test, _ = split_dataset(
        test_set, [tested, _size(test_set) - tested], deterministic_partitions=deterministic_partitions
    )
    return (
        DataLoader(training, batch_size=batch_size, shuffle=True, num_workers=num_workers),
        DataLoader(validation, batch_size=batch_size, num_workers=num_workers),
        DataLoader(test, batch_size=batch_size, num_workers=num_workers),
    )


def split_dataset(
    dataset: Dataset[Any], lengths: Sequence[int], deterministic_partitions: bool = False
) -> list[Subset[Any]]:
    """The samples in parts of these lengths, drawn at random, or in their order.

    Raises:
        DatasetError: if the lengths do not add up to the number of samples.
    """
    size = _size(dataset)
    if sum(lengths) != size:
        raise DatasetError(f"The lengths {list(lengths)} add up to {sum(lengths)}, but there are {size} samples.")
    order = torch.arange(size) if deterministic_partitions else torch.randperm(size)
    return [Subset(dataset, part.tolist()) for part in torch.split(order, list(lengths))]


def train(
    net: nn.Module,
    train_loader: DataLoader[Any],
    parameters: Mapping[str, Any],
    dtype: torch.dtype,
    device: torch.device,
) -> nn.Module:
    """Train a network of log-probabilities by stochastic gradient descent; the same network, trained.

    Args:
        net: the network; trained in place.
        train_loader: batches of inputs and labels.
        parameters: `lr` (0.001), `momentum` (0), `weight_decay` (0), `num_epochs` (1), and a schedule that multiplies
            the rate by `gamma` (1) every `step_size` (30) batches, as Ax's function does: batches, not epochs.
        dtype: the type of the inputs and of the network.
        device: where to train.
    """
    net.to(dtype=dtype, device=device)
    net.train()
    optimizer = torch.optim.SGD(
        net.parameters(),
        lr=parameters.get("lr", 0.001),
        momentum=parameters.get("momentum", 0.0),
        weight_decay=parameters.get("weight_decay", 0.0),
    )
    scheduler = torch.optim.lr_scheduler.StepLR(
        optimizer, step_size=int(parameters.get("step_size", 30)), gamma=parameters.get("gamma", 1.0)
    )
    for _ in range(int(parameters.get("num_epochs", 1))):
        for inputs, labels in train_loader:
            optimizer.zero_grad()
            log_probabilities = net(inputs.to(dtype=dtype, device=device))
            # Summed, not averaged: Ax's learning rates are meant for the sum over a batch.
            nn.functional.nll_loss(log_probabilities, labels.to(device), reduction="sum").backward()
            optimizer.step()
            scheduler.step()
    return net


def evaluate(net: nn.Module, data_loader: DataLoader[Any], dtype: torch.dtype, device: torch.device) -> float:
    """The share of samples whose most probable class is the right one.

    Raises:
        DatasetError: if the loader has no samples.
    """
    net.eval()
    right = total = 0
    with torch.no_grad():
        for inputs, labels in data_loader:
            predicted = net(inputs.to(dtype=dtype, device=device)).argmax(dim=1)
            right += int((predicted == labels.to(device)).sum())
            total += len(labels)
    if not total:
        raise DatasetError("The loader has no samples to evaluate on.")
    return right / total


def _size(dataset: Dataset[Any]) -> int:
    return len(dataset)  # type: ignore[arg-type] # Dataset has no __len__ in its type; every one that can be split has
