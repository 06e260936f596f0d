"""A training script that knows nothing of headstock: PyTorch on scikit-learn's handwritten digits.

    python examples/train_digits.py --lr 0.1 --batch-size 64 --epochs 3

It takes its options as PyTorch's own examples do, and prints its results as they do. Tune it as it is:

    headstock run --name digits --maximize accuracy --trials 20 --lr 1e-3:1:log --batch-size int:16:256:log \
        --optimizer sgd,adamw --momentum 0:0.99 --when "momentum: optimizer=sgd" \
        -- python examples/train_digits.py --epochs 3
"""

import argparse
from collections.abc import Iterator

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional


def main() -> None:
    """Train, and test after each epoch."""
    parser = argparse.ArgumentParser(description="A small network on handwritten digits")
    parser.add_argument("--batch-size", type=int, default=64, metavar="N")
    parser.add_argument("--epochs", type=int, default=3, metavar="N")
    parser.add_argument("--lr", type=float, default=0.1, metavar="LR")
    parser.add_argument("--optimizer", choices=["sgd", "adamw"], default="sgd")
    parser.add_argument("--momentum", type=float, default=0.0, metavar="M")
    parser.add_argument("--seed", type=int, default=1, metavar="S")
    options = parser.parse_args()

    torch.manual_seed(options.seed)
    torch.set_num_threads(1)
    images, labels = digits()
    train, test = slice(0, 1400), slice(1400, None)
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    if options.optimizer == "sgd":
        optimizer: torch.optim.Optimizer = torch.optim.SGD(model.parameters(), lr=options.lr, momentum=options.momentum)
    else:
        optimizer = torch.optim.AdamW(model.parameters(), lr=options.lr)

    for epoch in range(1, options.epochs + 1):
        model.train()
        for x, y in batches(images[train], labels[train], options.batch_size):
            optimizer.zero_grad()
            loss = functional.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
        print(f"Train Epoch: {epoch} \tLoss: {loss.item():.6f}")
        evaluate(model, images[test], labels[test])


def digits() -> tuple[Tensor, Tensor]:
    """1,797 images of 8 by 8 pixels, in [0, 1], and what they show."""
    images, labels = load_digits(return_X_y=True)
    return torch.tensor(images, dtype=torch.float32) / 16, torch.tensor(labels)


def batches(images: Tensor, labels: Tensor, size: int) -> Iterator[tuple[Tensor, Tensor]]:
    """The images once, in random order."""
    order = torch.randperm(len(images))
    for start in range(0, len(images), size):
        chosen = order[start : start + size]
        yield images[chosen], labels[chosen]


@torch.no_grad()
def evaluate(model: nn.Module, images: Tensor, labels: Tensor) -> None:
    """Print the loss and the accuracy on test images."""
    model.eval()
    output = model(images)
    loss = functional.cross_entropy(output, labels).item()
    correct = int((output.argmax(1) == labels).sum())
    share = 100.0 * correct / len(labels)
    print(f"Test set: Average loss: {loss:.4f}, Accuracy: {correct}/{len(labels)} ({share:.0f}%)", flush=True)


if __name__ == "__main__":
    main()
