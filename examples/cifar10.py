"""A training function that reports after every epoch: a small network on CIFAR-10, six hyper-parameters.

    python examples/cifar10.py cifar10.npz [--trials 20] [--epochs 5] [--limit N] [--storage cifar10.db]

Takes the official folder `cifar-10-batches-py`, or an .npz file. With `--storage`, run it again and it goes on.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import headstock as hs
from headstock.training.datasets import Split, cifar10

SPACE = hs.Space(
    lr=hs.Float(1e-4, 1.0, log=True),
    batch_size=hs.Int(16, 256, log=True),
    optimizer=hs.Choice("sgd", "adamw"),
    momentum=hs.Float(0.0, 0.99, when={"optimizer": "sgd"}),
    width=hs.Int(8, 32, log=True),
    dropout=hs.Float(0.0, 0.5),
)


def build(p: Mapping[str, Any]) -> tuple[nn.Module, torch.optim.Optimizer]:
    """The network and the optimiser that these hyper-parameters describe."""
    width = p["width"]
    net = nn.Sequential(
        *(nn.Conv2d(3, width, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(width, 2 * width, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Dropout(p["dropout"]), nn.Linear(2 * width * 8 * 8, 10)),
    )
    if p["optimizer"] == "sgd":
        return net, torch.optim.SGD(net.parameters(), lr=p["lr"], momentum=p["momentum"])
    return net, torch.optim.AdamW(net.parameters(), lr=p["lr"])


def train_epoch(net: nn.Module, optimizer: torch.optim.Optimizer, x: Tensor, y: Tensor, batch_size: int) -> None:
    """Go once through the images, in a new order."""
    net.train()
    for rows in torch.randperm(len(x)).split(batch_size):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(x[rows]), y[rows]).backward()
        optimizer.step()


@torch.inference_mode()
def accuracy(net: nn.Module, x: Tensor, y: Tensor) -> float:
    """The share of images whose class is found."""
    net.eval()
    return float((torch.cat([net(part) for part in x.split(500)]).argmax(dim=1) == y).float().mean())


def tensors(split: Split, rows: np.ndarray) -> tuple[Tensor, Tensor]:
    """Images as numbers from -1 to 1 with the channels first, and their classes."""
    images = split.images[rows]
    return torch.from_numpy(images.pixels).permute(0, 3, 1, 2).float() / 127.5 - 1, torch.from_numpy(images.labels)


def main() -> None:
    """Tune; write a report; train the winner on all but the test images, and test it once."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("data", type=Path, help="the official folder, or an .npz file")
    options.add_argument("--trials", type=int, default=20)
    options.add_argument("--epochs", type=int, default=5)
    options.add_argument("--limit", type=int, help="use that many training images at most")
    options.add_argument("--storage", help="a file to keep the trials in")
    options.add_argument("--out", type=Path, default=Path("cifar10.html"), help="the report to write")
    chosen = options.parse_args()

    torch.set_num_threads(1)  # so small a network gains little from more, and loses much where the cores are busy
    split = cifar10(chosen.data, np.random.default_rng(0), limit=chosen.limit)
    learnt, judged = tensors(split, split.train), tensors(split, split.validation)

    def train(trial: hs.Trial) -> None:
        torch.manual_seed(trial.seed)
        net, optimizer = build(trial.parameters)
        for _ in trial.steps(chosen.epochs):
            train_epoch(net, optimizer, *learnt, trial.parameters["batch_size"])
            trial.report(accuracy=accuracy(net, *judged))

    with hs.Experiment("cifar10", SPACE, maximize="accuracy", storage=chosen.storage, seed=0) as experiment:
        experiment.run(train, budget=hs.Budget(trials=chosen.trials))
        print(f"best believed: {experiment.best()}")
        print(f"best seen:     {experiment.best_seen()}")
        print(f"report:        {experiment.report(chosen.out)}")
        winner = experiment.best().parameters

    torch.manual_seed(0)
    net, optimizer = build(winner)
    everything = tensors(split, np.concatenate([split.train, split.validation]))
    for _ in range(chosen.epochs):
        train_epoch(net, optimizer, *everything, winner["batch_size"])
    print(f"test accuracy of the best believed: {accuracy(net, *tensors(split, split.test)):.4f}")


if __name__ == "__main__":
    main()
