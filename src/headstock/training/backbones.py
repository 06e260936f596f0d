"""Pretrained image networks: written from their papers, with torchvision's names for the parameters.

So a file of torchvision's weights loads strictly, and torchvision itself is needed only to download one.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, Final, final

import torch
from jaxtyping import Float32
from torch import Tensor, nn

from headstock.errors import DatasetError
from headstock.training.vision import torchvision

_CLASSES: Final = 1000  # of ImageNet


@final
@dataclass(frozen=True, slots=True, eq=False)
class Backbone:
    """A frozen network from images, normalised as ImageNet's, to features.

    Attributes:
        name: the architecture, by torchvision's name.
        network: images (m, 3, height, width) to features (m, features), in evaluation mode and without gradients.
        width: how many features there are.
        fingerprint: a digest of the weights.
    """

    name: str
    network: nn.Module
    width: int
    fingerprint: str


def from_file(weights: Path) -> Backbone:
    """A backbone with the weights of a local file: a dictionary of tensors, as torchvision's files are.

    The architecture is recognised by the names and shapes in it. Nothing is unpickled but tensors.

    Raises:
        DatasetError: if the file is missing, holds something else, or fits no architecture known here.
    """
    try:
        state = torch.load(weights, map_location="cpu", weights_only=True)
    except Exception as error:
        # torch, pickle and zipfile raise errors of many kinds for what is not a file of weights.
        raise DatasetError(
            f"{weights} cannot be read as a file of weights: {error}. Give a file of tensors that torch.save wrote."
        ) from error
    return _recognised(state, str(weights))


def from_torchvision(name: str) -> Backbone:
    """A backbone with torchvision's ImageNet weights, downloaded on first use.

    Raises:
        MissingDependencyError: if torchvision is not there, or does not work.
        DatasetError: if the architecture is unknown here, or the weights cannot be downloaded.
    """
    if name not in ARCHITECTURES:
        raise DatasetError(f"The backbone {name!r} is unknown. Name one of {', '.join(ARCHITECTURES)}.")
    vision = torchvision(f"download the weights of {name}", "give a file of weights")
    try:
        state = vision.models.get_model_weights(name).DEFAULT.get_state_dict(
            progress=False,
            check_hash=True,
            weights_only=True,  # or torch.hub unpickles whatever it has downloaded
        )
    except (OSError, RuntimeError, UnpicklingError) as error:
        raise DatasetError(
            f"The weights of {name} could not be downloaded: {error}. Give a file of weights."
        ) from error
    return _recognised(state, f"torchvision's file for {name}")


def _recognised(state: Any, source: str) -> Backbone:
    """The backbone whose names and shapes a dictionary of weights has."""
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise DatasetError(f"{source} holds more than tensors by name. Save network.state_dict() alone.")
    shapes = _shapes(state)
    for name, build in ARCHITECTURES.items():
        with torch.device("meta"):  # names and shapes without memory
            expected = _shapes(build().state_dict())
        if expected == shapes:
            return _backbone(name, state)
    raise DatasetError(
        f"The weights in {source} belong to none of {', '.join(ARCHITECTURES)}. Give a file of one of them."
    )


def _backbone(name: str, state: Mapping[str, Tensor]) -> Backbone:
    network = ARCHITECTURES[name]()
    network.load_state_dict(state, strict=True)
    width = next(network[-1].parameters()).shape[1]
    trunk = nn.Sequential(*list(network.children())[:-1], nn.AdaptiveAvgPool2d(1), nn.Flatten())
    nn.utils.convert_conv2d_weight_memory_format(trunk, torch.channels_last)  # up to twice as fast on a CPU
    digest = hashlib.sha256()
    for key in sorted(state):
        digest.update(key.encode())
        digest.update(state[key].contiguous().numpy().tobytes())
    return Backbone(name, trunk.eval().requires_grad_(requires_grad=False), width, digest.hexdigest())


def _shapes(state: Mapping[str, Tensor]) -> dict[str, torch.Size]:
    """The shapes by name, less the counters of batches, which files from before PyTorch 0.4.1 lack."""
    return {key: value.shape for key, value in state.items() if not key.endswith("num_batches_tracked")}


@final
class Fire(nn.Module):
    """The fire module: squeeze to few channels, expand with 1x1 and 3x3 filters side by side (Iandola 2016, Fig. 2)."""

    def __init__(self, inputs: int, squeezed: int, expanded: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(inputs, squeezed, 1)
        self.expand1x1 = nn.Conv2d(squeezed, expanded, 1)
        self.expand3x3 = nn.Conv2d(squeezed, expanded, 3, padding=1)

    def forward(self, x: Float32[Tensor, "m inputs h w"]) -> Float32[Tensor, "m outputs h w"]:
        """Both expansions, stacked."""
        x = self.squeeze(x).relu()
        return torch.cat([self.expand1x1(x).relu(), self.expand3x3(x).relu()], dim=1)


def squeezenet1_0() -> nn.Sequential:
    """SqueezeNet 1.0 (Iandola et al. 2016, arXiv:1602.07360, Table 1)."""
    pool = partial(nn.MaxPool2d, 3, stride=2, ceil_mode=True)
    features = nn.Sequential(
        *(nn.Conv2d(3, 96, 7, stride=2), nn.ReLU(), pool()),
        *(Fire(96, 16, 64), Fire(128, 16, 64), Fire(128, 32, 128), pool()),
        *(Fire(256, 32, 128), Fire(256, 48, 192), Fire(384, 48, 192), Fire(384, 64, 256), pool()),
        Fire(512, 64, 256),
    )
    classifier = nn.Sequential(nn.Dropout(), nn.Conv2d(512, _CLASSES, 1))
    return nn.Sequential(OrderedDict(features=features, classifier=classifier))


@final
class InvertedResidual(nn.Module):
    """Expand, filter each channel, project linearly; added to the input where shapes allow (Sandler 2018, Fig. 3b)."""

    def __init__(self, inputs: int, outputs: int, *, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        self.residual = stride == 1 and inputs == outputs
        self.conv = nn.Sequential(
            *([_convolution(inputs, hidden, 1)] if expansion > 1 else []),
            _convolution(hidden, hidden, 3, stride=stride, groups=hidden),
            *(nn.Conv2d(hidden, outputs, 1, bias=False), nn.BatchNorm2d(outputs)),
        )

    def forward(self, x: Float32[Tensor, "m inputs h w"]) -> Float32[Tensor, "m outputs h2 w2"]:
        """The block."""
        y: Tensor = self.conv(x)
        return x + y if self.residual else y


def mobilenet_v2() -> nn.Sequential:
    """MobileNetV2 (Sandler et al. 2018, arXiv:1801.04381, Table 2)."""
    layers: list[nn.Module] = [_convolution(3, 32, 3, stride=2)]
    width = 32
    # expansion t, channels c, repeats n, stride s of the first repeat
    for t, c, n, s in (
        *((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2)),
        *((6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)),
    ):
        for repeat in range(n):
            layers.append(InvertedResidual(width, c, stride=s if repeat == 0 else 1, expansion=t))
            width = c
    layers.append(_convolution(width, 1280, 1))
    classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(1280, _CLASSES))
    return nn.Sequential(OrderedDict(features=nn.Sequential(*layers), classifier=classifier))


def _convolution(inputs: int, outputs: int, kernel: int, *, stride: int = 1, groups: int = 1) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU6())


@final
class Residual(nn.Module):
    """The residual block: basic, or with a bottleneck of a quarter of the outputs (He 2016, Fig. 5)."""

    def __init__(self, inputs: int, width: int, *, stride: int, bottleneck: bool) -> None:
        super().__init__()
        outputs = 4 * width if bottleneck else width
        widths, kernels = (
            ((inputs, width, width, outputs), (1, 3, 1)) if bottleneck else ((inputs, width, width), (3, 3))
        )
        # The first 3 x 3 convolution strides, as in torchvision's weights (in the paper: the first of all).
        strides = (1, stride, 1) if bottleneck else (stride, 1)
        for i, ((a, b), kernel, s) in enumerate(zip(pairwise(widths), kernels, strides, strict=True), start=1):
            self.add_module(f"conv{i}", nn.Conv2d(a, b, kernel, s, kernel // 2, bias=False))
            self.add_module(f"bn{i}", nn.BatchNorm2d(b))
        self.depth = len(kernels)
        self.downsample: nn.Module | None = None
        if stride > 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: Float32[Tensor, "m inputs h w"]) -> Float32[Tensor, "m outputs h2 w2"]:
        """The block."""
        y: Tensor = x
        for i in range(1, self.depth + 1):
            y = self.get_submodule(f"bn{i}")(self.get_submodule(f"conv{i}")(y))
            y = y.relu() if i < self.depth else y
        shortcut: Tensor = x if self.downsample is None else self.downsample(x)
        return (y + shortcut).relu()


def resnet(repeats: tuple[int, int, int, int], *, bottleneck: bool) -> nn.Sequential:
    """A residual network (He et al. 2016, arXiv:1512.03385, Table 1); `repeats` are its blocks of each width."""
    parts: OrderedDict[str, nn.Module] = OrderedDict(
        conv1=nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False),
        bn1=nn.BatchNorm2d(64),
        relu=nn.ReLU(),
        maxpool=nn.MaxPool2d(3, stride=2, padding=1),
    )
    inputs = 64
    for i, (width, n) in enumerate(zip((64, 128, 256, 512), repeats, strict=True)):
        layer = nn.Sequential()
        for repeat in range(n):
            layer.append(Residual(inputs, width, stride=2 if repeat == 0 and i > 0 else 1, bottleneck=bottleneck))
            inputs = 4 * width if bottleneck else width
        parts[f"layer{i + 1}"] = layer
    return nn.Sequential(parts | OrderedDict(fc=nn.Linear(inputs, _CLASSES)))


ARCHITECTURES: Final[Mapping[str, Callable[[], nn.Sequential]]] = {
    "squeezenet1_0": squeezenet1_0,
    "mobilenet_v2": mobilenet_v2,
    "resnet18": partial(resnet, (2, 2, 2, 2), bottleneck=False),
    "resnet50": partial(resnet, (3, 4, 6, 3), bottleneck=True),
}
"""The networks by torchvision's names; the last part of each is the classifier of ImageNet, which is left off."""
