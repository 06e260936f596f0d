"""What the demo tunes: parameters, how to evaluate them, and how to test the winner."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np
import torch

from headstock.parameters import Parameters
from headstock.training.datasets import Images, digits
from headstock.training.loops import accuracy, device, fit
from headstock.training.models import small_cnn

PARAMETERS: Final[Sequence[Mapping[str, Any]]] = (
    {"name": "lr", "type": "range", "bounds": [1e-6, 0.4], "log_scale": True},
    {"name": "batchsize", "type": "range", "bounds": [16, 128]},
    {"name": "momentum", "type": "range", "bounds": [0.0, 1.0]},
)
"""The tutorial's three hyper-parameters."""


@final
@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """Something to tune.

    Args:
        name: a short name.
        title: what it is, in one line.
        parameters: what may be tried.
        objective_name: the metric that `evaluate` gives.
        evaluate: trains with a configuration; gives the metric on the validation images.
        test: trains with a configuration on all images but the test images; gives the metric on these.
    """

    name: str
    title: str
    parameters: Sequence[Mapping[str, Any]]
    objective_name: str
    evaluate: Callable[[Parameters], float]
    test: Callable[[Parameters], float]


def digits_job(*, seed: int = 0, epochs: int = 20) -> Job:
    """A small convolutional network on scikit-learn's handwritten digits."""
    split = digits(seed=seed)

    def trained(parameters: Parameters, images: Images) -> torch.nn.Module:
        torch.manual_seed(seed)
        net = small_cnn(channels=1, size=8, classes=10).to(device())
        fit(
            net,
            images,
            lr=float(parameters["lr"] or 0.0),
            batch_size=int(parameters["batchsize"] or 1),
            momentum=float(parameters["momentum"] or 0.0),
            epochs=epochs,
            seed=seed,
        )
        return net

    def evaluate(parameters: Parameters) -> float:
        return accuracy(trained(parameters, split.train), split.validation)

    def test(parameters: Parameters) -> float:
        known = Images(*(np.concatenate(pair) for pair in _pairs(split.train, split.validation)))
        return accuracy(trained(parameters, known), split.test)

    title = "A small convolutional network on handwritten digits (8 x 8 pixels), tuned by validation accuracy"
    return Job("digits", title, PARAMETERS, "accuracy", evaluate, test)


def _pairs(a: Images, b: Images) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    return (a.x, b.x), (a.y, b.y)
