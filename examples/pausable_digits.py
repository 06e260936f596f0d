"""A pausable training: a small convolutional network on handwritten digits, tuned by freeze-thaw.

    python examples/pausable_digits.py

Forty-eight epochs, the price of four whole trainings, are spent on about twenty configurations: poor ones wait after
their first epochs, promising ones train on, and the best two are trained to their end. The winner's weights come
back from its saved state. Give --storage, kill it at any time, and the same call goes on.
"""

import argparse
from collections.abc import Mapping
from typing import Any

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional

import headstock as hs

EPOCHS = 12

SPACE = hs.Space(
    lr=hs.Float(1e-4, 0.3, log=True),
    batch_size=hs.Int(16, 256, log=True),
    width=hs.Int(4, 32, log=True),
    dropout=hs.Float(0.0, 0.6),
)


def build(parameters: Mapping[str, Any]) -> nn.Sequential:
    """Two convolutions and a linear layer."""
    width = int(parameters["width"])
    return nn.Sequential(
        nn.Conv2d(1, width, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(width, 2 * width, 3, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Dropout(parameters["dropout"]),
        nn.Linear(2 * width * 16, 10),
    )


def digits() -> tuple[Tensor, Tensor]:
    """1,797 images of 8 by 8 pixels, in [0, 1], and what they show."""
    images, labels = load_digits(return_X_y=True)
    return torch.tensor(images, dtype=torch.float32).reshape(-1, 1, 8, 8) / 16, torch.tensor(labels)


def accuracy(net: nn.Module, images: Tensor, labels: Tensor) -> float:
    """The share that the network names rightly."""
    net.eval()
    with torch.no_grad():
        return (net(images).argmax(dim=1) == labels).double().mean().item()


def train(trial: hs.Trial) -> None:
    """An ordinary training; what makes it pausable is the line with `attach`."""
    torch.set_num_threads(1)
    torch.manual_seed(trial.seed)
    images, labels = digits()
    net = build(trial.parameters)
    optimizer = torch.optim.AdamW(net.parameters(), lr=trial.parameters["lr"])
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
    trial.attach(model=net, optimizer=optimizer, schedule=schedule)
    for _ in trial.steps(EPOCHS):
        net.train()
        for rows in torch.randperm(1200).split(trial.parameters["batch_size"]):
            optimizer.zero_grad()
            functional.cross_entropy(net(images[rows]), labels[rows]).backward()
            optimizer.step()
        schedule.step()
        trial.report(accuracy=accuracy(net, images[1200:1500], labels[1200:1500]))


def main() -> None:
    """Tune, and test the winner with the weights that it was seen with."""
    options = argparse.ArgumentParser(description="A pausable training on handwritten digits")
    options.add_argument("--steps", type=int, default=4 * EPOCHS, help="how many epochs of all trainings together")
    options.add_argument("--workers", type=int, help="train in so many processes")
    options.add_argument("--storage", help="a file to keep everything in")
    chosen = options.parse_args()
    with hs.Experiment("pausable-digits", SPACE, maximize="accuracy", storage=chosen.storage, seed=0) as experiment:
        experiment.run(train, budget=hs.Budget(steps=chosen.steps), workers=chosen.workers)
        for record in experiment.trials.values():
            print(f"trial {record.index:2}  {record.state:9}  epoch {record.step:2}  {record.verdicts[-1]}")
        best = experiment.best()
        print(f"best believed: {best}")
        net = build(best.parameters)
        net.load_state_dict(best.load_checkpoint()["model"])
        images, labels = digits()
        print(f"test accuracy of the best believed: {accuracy(net, images[1500:], labels[1500:]):.4f}")


if __name__ == "__main__":
    main()
