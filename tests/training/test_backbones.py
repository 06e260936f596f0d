import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headstock.errors import DatasetError
from shared_data import shared

pytest.importorskip("torch", reason="PyTorch is not installed")
import torch

from headstock.training import backbones, datasets
from headstock.training.features import features

pytestmark = pytest.mark.torch

# Names and shapes as torchvision's files have them, and how many numbers are trained; all of it is compared with
# torchvision itself where that works.
ANATOMY: dict[str, tuple[int, int, dict[str, tuple[int, ...]]]] = {
    "squeezenet1_0": (
        1_248_424,
        512,
        {
            "features.0.weight": (96, 3, 7, 7),
            "features.3.squeeze.weight": (16, 96, 1, 1),
            "features.12.expand3x3.weight": (256, 64, 3, 3),
            "classifier.1.weight": (1000, 512, 1, 1),
        },
    ),
    "mobilenet_v2": (
        3_504_872,
        1280,
        {
            "features.0.0.weight": (32, 3, 3, 3),
            "features.1.conv.1.weight": (16, 32, 1, 1),
            "features.18.1.running_mean": (1280,),
            "classifier.1.weight": (1000, 1280),
        },
    ),
    "resnet18": (
        11_689_512,
        512,
        {
            "bn1.running_var": (64,),
            "layer2.0.downsample.0.weight": (128, 64, 1, 1),
            "layer4.1.conv2.weight": (512, 512, 3, 3),
            "fc.weight": (1000, 512),
        },
    ),
    "resnet50": (
        25_557_032,
        2048,
        {
            "layer1.0.conv3.weight": (256, 64, 1, 1),
            "layer1.0.downsample.1.bias": (256,),
            "layer4.2.bn3.running_var": (2048,),
            "fc.weight": (1000, 2048),
        },
    ),
}


def saved(path: Path, name: str, **changed: Any) -> Path:
    torch.manual_seed(0)
    torch.save(dict(backbones.ARCHITECTURES[name]().state_dict()) | changed, path)
    return path


def test_there_are_no_others():
    assert set(backbones.ARCHITECTURES) == set(ANATOMY)


@pytest.mark.parametrize("name", ANATOMY)
def test_names_and_shapes(name: str):
    count, _, shapes = ANATOMY[name]
    with torch.device("meta"):
        network = backbones.ARCHITECTURES[name]()
    assert sum(p.numel() for p in network.parameters()) == count
    state = network.state_dict()
    assert {key: tuple(state[key].shape) for key in shapes} == shapes


@pytest.mark.parametrize("name", ANATOMY)
def test_a_saved_state_is_recognised_and_loaded_whole(name: str, tmp_path: Path):
    path = saved(tmp_path / "weights.pth", name)
    backbone = backbones.from_file(path)
    assert (backbone.name, backbone.width) == (name, ANATOMY[name][1])
    network = backbones.ARCHITECTURES[name]()
    network.load_state_dict(torch.load(path, weights_only=True))
    network.eval()[-1] = torch.nn.Identity()  # the classifier
    images = torch.rand(2, 3, 64, 64)
    with torch.inference_mode():
        # What stands between the trunk and the classifier differs: here it is always the mean over the positions.
        trunk = torch.nn.Sequential(*list(network)[:-1])
        expected = trunk(images).mean(dim=(2, 3))
        embedded = backbone.network(images)
    torch.testing.assert_close(embedded, expected, rtol=1e-4, atol=1e-5)
    assert not any(p.requires_grad for p in backbone.network.parameters())
    assert not any(module.training for module in backbone.network.modules())


def test_half_precision_and_files_without_counters_of_batches(tmp_path: Path):
    state = backbones.ARCHITECTURES["mobilenet_v2"]().state_dict()
    old = {key: value.half() for key, value in state.items() if not key.endswith("num_batches_tracked")}
    torch.save(old, tmp_path / "old.pth")
    backbone = backbones.from_file(tmp_path / "old.pth")
    assert backbone.name == "mobilenet_v2"
    assert next(backbone.network.parameters()).dtype == torch.float32


def test_the_fingerprint_is_that_of_the_weights(tmp_path: Path):
    first, again = (backbones.from_file(saved(tmp_path / "weights.pth", "squeezenet1_0")) for _ in range(2))
    other = backbones.from_file(saved(tmp_path / "other.pth", "squeezenet1_0", **{"features.0.bias": torch.ones(96)}))
    assert first.fingerprint == again.fingerprint != other.fingerprint


def test_weights_of_something_else(tmp_path: Path):
    weight = torch.zeros(1000, 512, 1, 2)
    path = saved(tmp_path / "weights.pth", "squeezenet1_0", **{"classifier.1.weight": weight})
    with pytest.raises(DatasetError, match="belong to none of squeezenet1_0, mobilenet_v2, resnet18, resnet50"):
        backbones.from_file(path)
    with pytest.raises(DatasetError, match="belong to none of"):
        backbones.from_file(saved(path, "resnet18", extra=torch.zeros(1)))
    torch.save({"epoch": 3, "state": {}}, path)
    with pytest.raises(DatasetError, match="holds more than tensors by name"):
        backbones.from_file(path)
    with pytest.raises(DatasetError, match="The backbone 'vgg' is unknown"):
        backbones.from_torchvision("vgg")


class _Runs:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.path),)


def test_broken_and_hostile_files_are_refused_and_nothing_is_run(tmp_path: Path):
    path, trace = tmp_path / "weights.pth", tmp_path / "trace"
    whole = saved(path, "squeezenet1_0").read_bytes()
    for content in (b"", b"no weights", whole[: len(whole) // 2]):
        path.write_bytes(content)
        with pytest.raises(DatasetError, match="cannot be read as a file of weights"):
            backbones.from_file(path)
    for zipped in (True, False):
        torch.save({"weight": _Runs(trace)}, path, _use_new_zipfile_serialization=zipped)
        with pytest.raises(DatasetError, match="cannot be read as a file of weights"):
            backbones.from_file(path)
        assert not trace.exists()
    with pytest.raises(DatasetError, match="cannot be read as a file of weights"):
        backbones.from_file(tmp_path / "missing.pth")


@pytest.mark.shared
@pytest.mark.parametrize(("name", "least"), [("squeezenet1_0", 0.55), ("mobilenet_v2", 0.45)])
def test_real_weights_tell_real_images_apart(name: str, least: float):
    [weights] = shared("weights").glob(f"{name}_imagenet_*.pth")
    backbone = backbones.from_file(weights)
    assert backbone.name == name
    split = datasets.cifar10(shared("cifar10_small.npz"), np.random.default_rng(0), limit=600)
    learnt, tested = split.images[split.train], split.images[split.test]
    known, asked = (
        features(images.pixels, backbone, size=96, device=torch.device("cpu")) for images in (learnt, tested)
    )
    # To the nearest mean of a class, each feature measured in its own deviation.
    scale = known.std(axis=0) + 1e-6
    means = np.stack([(known[learnt.labels == c] / scale).mean(axis=0) for c in range(10)])
    distances = ((asked[:, None] / scale - means) ** 2).sum(axis=2)
    assert (distances.argmin(axis=1) == tested.labels).mean() > least
