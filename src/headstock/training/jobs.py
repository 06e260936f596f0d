"""The demo's jobs: what is tuned, how a trial is judged, and how the winner is tested."""

import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, final

import numpy as np
import torch
from torch import nn

from headstock.training import backbones, datasets, loops, networks
from headstock.training.computing import best_device, one_thread, seeded
from headstock.training.datasets import Split
from headstock.training.features import Progress
from headstock.training.samples import Pairing, Samples, feature_samples, pixel_samples

PARAMETERS: Final[Sequence[Mapping[str, Any]]] = (
    {"name": "lr", "type": "range", "bounds": [1e-6, 0.4], "log_scale": True},
    {"name": "batchsize", "type": "range", "bounds": [16, 128]},
    {"name": "momentum", "type": "range", "bounds": [0.0, 1.0]},
)
"""The tutorial's three hyper-parameters, as its dictionaries."""


@final
@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """Something to tune.

    Attributes:
        name: a name for the experiment.
        title: one line for a person.
        parameters: what is searched, as Ax's dictionaries.
        objective_name: the metric that `evaluate` returns, to be maximised.
        evaluate: trains with these parameters; the accuracy on the validation images. The same parameters give the
            same number. A standard error is not given: how much a training varies is for the surrogate to infer.
        test: trains with these parameters on the training and the validation images; the accuracy on the test images.
    """

    name: str
    title: str
    parameters: Sequence[Mapping[str, Any]]
    objective_name: str
    evaluate: Callable[[Mapping[str, Any]], float]
    test: Callable[[Mapping[str, Any]], float]


def digits_job(*, seed: int = 0, epochs: int = 10) -> Job:
    """A small convolutional network on scikit-learn's handwritten digits: about a second a trial on one core.

    Args:
        seed: fixes the split and every training.
        epochs: how often a training goes through its images.

    Raises:
        MissingDependencyError: if scikit-learn is not installed.
    """
    device = torch.device("cpu")
    split = datasets.digits(np.random.default_rng(seed))
    return _job(
        "digits",
        "A small convolutional network on scikit-learn's handwritten digits",
        split,
        pixel_samples(split.images, device),
        _Training(
            partial(networks.convolutional, split.shape, (32, 64), split.classes),
            epochs,
            seed,
            device,
            single_threaded=True,
        ),
    )


def cifar10_job(
    data: Path | None = None,
    *,
    download: bool = False,
    weights: Path | None = None,
    backbone: str = "resnet18",
    scratch: bool = False,
    augmented: bool = False,
    size: int = 96,
    epochs: int = 3,
    limit: int | None = None,
    seed: int = 0,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> Job:
    """The tutorial's job on CIFAR-10: a fresh head on the features of a frozen, pretrained network.

    Args:
        data: the official folder or an .npz file, see `datasets.cifar10`; the folder "data" if None.
        download: whether to fetch CIFAR-10 there if it is not there yet.
        weights: a file of pretrained weights; torchvision's weights of `backbone` are downloaded if None.
        backbone: the architecture, where there is no file of weights to tell.
        scratch: whether to train a small convolutional network from scratch instead.
        augmented: whether to shift and mirror the images trained on; their features are then computed in every epoch.
        size: height and width in pixels to which images are brought for the backbone.
        epochs: how often a training goes through its images.
        limit: use that many training and that many test images at most.
        seed: fixes the split and every training.
        cache: a folder to keep features in for the next time.
        progress: told how far the computing of features is.

    Raises:
        DatasetError: if the images or the weights cannot be used.
        MissingDependencyError: if something is to be downloaded and torchvision is not there, or does not work.
    """
    device = best_device()
    trunk = None if scratch else backbones.from_file(weights) if weights else backbones.from_torchvision(backbone)
    split = datasets.cifar10(data or Path("data"), np.random.default_rng(seed), download=download, limit=limit)
    if trunk is None:
        title = "A small convolutional network from scratch on CIFAR-10"
        pairing = pixel_samples(split.images, device, augmented=augmented)
        build = partial(networks.convolutional, split.shape, (32, 64, 128), split.classes)
    else:
        title = f"A fresh head on the features of a frozen {trunk.name}, on CIFAR-10"
        pairing = feature_samples(
            split.images, trunk, device, size=size, augmented=augmented, cache=cache, progress=progress
        )
        build = partial(networks.head, trunk.width, split.classes)
    single_threaded = trunk is not None and not augmented
    return _job(
        "cifar10", title, split, pairing, _Training(build, epochs, seed, device, single_threaded=single_threaded)
    )


@final
@dataclass(frozen=True, slots=True, eq=False)
class _Training:
    """A network to train with given parameters."""

    build: Callable[[], nn.Module]
    epochs: int
    seed: int
    device: torch.device
    single_threaded: bool

    def accuracy(self, parameters: Mapping[str, Any], learnt: Samples, judged: Samples, *, run: int) -> float:
        """Train on some samples, measure on others; each `run` of the same parameters has random numbers of its own."""
        described = json.dumps(dict(parameters), sort_keys=True)
        own = np.random.SeedSequence([self.seed, zlib.crc32(described.encode()), run]).generate_state(1)
        recipe = loops.Recipe(
            lr=parameters["lr"], momentum=parameters["momentum"], batch_size=parameters["batchsize"], epochs=self.epochs
        )
        with seeded(int(own[0]), self.device), one_thread() if self.single_threaded else nullcontext():
            network = self.build().to(self.device)
            loops.train(network, learnt, recipe)
            return loops.accuracy(network, judged)


def _job(name: str, title: str, split: Split, pairing: Pairing, training: _Training) -> Job:
    tuning = pairing(split.train, split.validation)

    def evaluate(parameters: Mapping[str, Any]) -> float:
        return training.accuracy(parameters, *tuning, run=0)

    def test(parameters: Mapping[str, Any]) -> float:
        final_pair = pairing(np.concatenate([split.train, split.validation]), split.test)
        return training.accuracy(parameters, *final_pair, run=1)

    return Job(name, title, PARAMETERS, "accuracy", evaluate, test)
