"""torchvision, where it is: downloads come from files that the test made. Its absence is tested everywhere."""

import hashlib
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from threading import Thread
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from headstock.errors import DatasetError, MissingDependencyError
from pictures import write_official

pytest.importorskip("torch", reason="PyTorch is not installed")
import torch

from headstock.training import backbones, datasets
from headstock.training.tutorial import load_mnist

pytestmark = pytest.mark.torch

INSTALLED = find_spec("torchvision") is not None
RNG = np.random.default_rng(0)


@pytest.fixture(scope="session")
def operators() -> Any:
    """What torchvision's build for accelerators lacks beside a CPU-only torch: the names of two operators."""
    library = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return library


@pytest.fixture
def vision(request: pytest.FixtureRequest) -> ModuleType:
    if not INSTALLED:
        pytest.skip("torchvision is not installed")
    try:
        import torchvision
    except RuntimeError:
        request.getfixturevalue("operators")
        import torchvision
    return torchvision


@pytest.mark.parametrize("name", backbones.ARCHITECTURES)
def test_the_architectures_are_torchvision_s(vision: ModuleType, name: str):
    torch.manual_seed(0)
    theirs = vision.models.get_model(name).eval()
    ours = backbones.ARCHITECTURES[name]().eval()
    state = theirs.state_dict()
    assert list(ours.state_dict()) == list(state)
    ours.load_state_dict(state)
    images = torch.rand(2, 3, 64, 64)
    with torch.inference_mode():
        logits = theirs(images)
        if name == "squeezenet1_0":  # there the classifier stands before the mean
            found = ours(images).relu().mean(dim=(2, 3))
        else:
            found = ours[-1](ours[:-1](images).mean(dim=(2, 3)))
    torch.testing.assert_close(found, logits, rtol=1e-4, atol=1e-4)


class _Runs:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.path),)


@pytest.fixture
def kept(vision: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file in which torch.hub would keep SqueezeNet's weights after a download."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    url = vision.models.get_model_weights("squeezenet1_0").DEFAULT.url
    path = tmp_path / "hub" / "checkpoints" / url.rsplit("/", maxsplit=1)[-1]
    path.parent.mkdir(parents=True)
    return path


def test_weights_through_torchvision(kept: Path):
    torch.save(backbones.ARCHITECTURES["squeezenet1_0"]().state_dict(), kept)
    backbone = backbones.from_torchvision("squeezenet1_0")
    assert (backbone.name, backbone.width) == ("squeezenet1_0", 512)
    torch.save({"weight": torch.zeros(3)}, kept)
    with pytest.raises(DatasetError, match="belong to none of"):
        backbones.from_torchvision("squeezenet1_0")


def test_nothing_that_was_downloaded_is_unpickled(kept: Path, tmp_path: Path):
    torch.save({"weight": _Runs(tmp_path / "trace")}, kept)
    with pytest.raises(DatasetError, match="could not be downloaded"):
        backbones.from_torchvision("squeezenet1_0")
    assert not (tmp_path / "trace").exists()


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address under which the files of a folder can be fetched."""
    handler = partial(_Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


def test_the_official_archive_is_fetched_once(vision: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = write_official(tmp_path / "made" / "cifar-10-batches-py")
    archive = tmp_path / "served" / "cifar-10-python.tar.gz"
    archive.parent.mkdir()
    with tarfile.open(archive, mode="w:gz") as packed:
        packed.add(folder, folder.name)
    official = vision.datasets.CIFAR10
    monkeypatch.setattr(official, "tgz_md5", hashlib.md5(archive.read_bytes()).hexdigest())
    data = tmp_path / "data"
    with served(archive.parent) as address:
        monkeypatch.setattr(official, "url", f"{address}/{archive.name}")
        split = datasets.cifar10(data, RNG, download=True)
        assert len(split.images) == 120
        monkeypatch.setattr(official, "tgz_md5", "0" * 32)
        with pytest.raises(DatasetError, match="could not be downloaded"):  # what arrives is something else
            datasets.cifar10(tmp_path / "other", RNG, download=True)
    assert len(datasets.cifar10(data, RNG, download=True).images) == 120  # there is no server any more
    with pytest.raises(DatasetError, match="could not be downloaded"):
        datasets.cifar10(tmp_path / "elsewhere", RNG, download=True)


def test_what_needs_torchvision_says_so_where_it_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "torchvision", None)
    for call, purpose, instead in (
        (lambda: backbones.from_torchvision("resnet18"), "download the weights of resnet18", "give a file of weights"),
        (lambda: datasets.cifar10(tmp_path, RNG, download=True), "download CIFAR-10", "extract the archive"),
        (load_mnist, "load MNIST", "give loaders of your own"),
    ):
        with pytest.raises(MissingDependencyError, match=rf"{purpose}.*headstock\[vision\].*{instead}"):
            call()


@pytest.mark.skipif(not INSTALLED, reason="torchvision is not installed")
@pytest.mark.skipif(torch.version.cuda is not None, reason="torchvision belongs to this torch")
def test_a_torchvision_that_does_not_work_here_is_named_as_such():
    code = "from headstock.training import backbones; backbones.from_torchvision('resnet18')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    if "could not be downloaded" in done.stderr:
        pytest.skip("torchvision works beside this torch")
    assert "MissingDependencyError: torchvision is needed to download the weights of resnet18" in done.stderr
    assert "Install the release that belongs to your torch" in done.stderr
