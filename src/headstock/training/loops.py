"""Train a classifier by stochastic gradient descent, and measure its accuracy."""

import torch
from torch import Tensor, nn

from headstock.errors import HeadstockError
from headstock.training.datasets import Images


def device() -> torch.device:
    """The fastest device there is."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def fit(net: nn.Module, images: Images, *, lr: float, batch_size: int, momentum: float, epochs: int, seed: int) -> None:
    """Train `net` on `images` with SGD and cross-entropy; the order of the images derives from `seed`.

    Raises:
        HeadstockError: if the loss diverges.
    """
    where = next(net.parameters()).device
    x, y = _tensors(images, where)
    optimizer = torch.optim.SGD(net.parameters(), lr=lr, momentum=momentum)
    order = torch.Generator().manual_seed(seed)
    net.train()
    for epoch in range(epochs):
        total = torch.zeros((), device=where)
        for rows in torch.randperm(len(y), generator=order).to(where).split(batch_size):
            loss = nn.functional.cross_entropy(net(x[rows]), y[rows])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            total += loss.detach()
        if not bool(torch.isfinite(total)):
            raise HeadstockError(f"The training diverged in epoch {epoch + 1}: the loss is not finite.")


@torch.no_grad()
def accuracy(net: nn.Module, images: Images) -> float:
    """The share of images that `net` classifies correctly."""
    net.eval()
    x, y = _tensors(images, next(net.parameters()).device)
    correct = sum(int((net(a).argmax(dim=1) == b).sum()) for a, b in zip(x.split(1024), y.split(1024), strict=True))
    return correct / len(y)


def _tensors(images: Images, where: torch.device) -> tuple[Tensor, Tensor]:
    return torch.from_numpy(images.x).to(where), torch.from_numpy(images.y).to(where)
