"""Training and evaluation of a classifier on samples that fit into memory."""

from dataclasses import dataclass
from typing import final

import torch
from torch import nn

from headstock.errors import DivergedError
from headstock.training.samples import Samples


@final
@dataclass(frozen=True, slots=True)
class Recipe:
    """Stochastic gradient descent: its hyper-parameters."""

    lr: float
    momentum: float
    batch_size: int
    epochs: int


def train(network: nn.Module, samples: Samples, recipe: Recipe) -> None:
    """Minimise the cross-entropy by stochastic gradient descent, in place.

    Each epoch goes through the samples in a new random order, in whole batches.

    Raises:
        DivergedError: after the epoch in which the loss was no longer a number.
    """
    optimizer = torch.optim.SGD(network.parameters(), lr=recipe.lr, momentum=recipe.momentum)
    network.train()
    count, device = len(samples.labels), samples.labels.device
    # A rest of a few samples would end the epoch with a far noisier step, which large learning rates do not forgive.
    whole = count - count % recipe.batch_size or count
    for epoch in range(recipe.epochs):
        total = torch.zeros((), device=device)
        for rows in torch.randperm(count)[:whole].to(device).split(recipe.batch_size):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(network(samples.batch(rows)), samples.labels[rows])
            loss.backward()
            optimizer.step()
            total += loss.detach()
        # Once an epoch: reading the loss after each step would make a GPU wait.
        if not torch.isfinite(total):
            raise DivergedError(f"The loss was no longer a finite number in epoch {epoch + 1}, with {recipe}.")


@torch.inference_mode()
def accuracy(network: nn.Module, samples: Samples, *, batch_size: int = 512) -> float:
    """The share of samples whose most probable class is the right one."""
    network.eval()
    rows = torch.arange(len(samples.labels), device=samples.labels.device).split(batch_size)
    right = sum(int((network(samples.batch(r)).argmax(1) == samples.labels[r]).sum()) for r in rows)
    return right / len(samples.labels)
