from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pictures import pictures

pytest.importorskip("torch", reason="PyTorch is not installed")
import torch
from torch import nn

from headstock.training.backbones import Backbone
from headstock.training.datasets import Images
from headstock.training.features import embed, features
from headstock.training.preparation import to_unit
from headstock.training.samples import feature_samples

pytestmark = pytest.mark.torch

CPU = torch.device("cpu")


@pytest.fixture
def backbone() -> Backbone:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return Backbone("small", network.eval().requires_grad_(requires_grad=False), 8, "weights of this test")


@contextmanager
def counted(backbone: Backbone) -> Iterator[list[int]]:
    """The sizes of the batches that go through a backbone."""
    sizes: list[int] = []
    hook = backbone.network.register_forward_hook(lambda _, inputs, __: sizes.append(len(inputs[0])))
    yield sizes
    hook.remove()


def test_features_are_what_the_backbone_says_of_each_image(backbone: Backbone):
    pixels, _ = pictures(70)  # three batches, the last one short
    told: list[tuple[int, int]] = []
    computed = features(pixels, backbone, size=16, device=CPU, progress=lambda done, total: told.append((done, total)))
    whole = embed(backbone, to_unit(torch.from_numpy(pixels).permute(0, 3, 1, 2)), 16)
    np.testing.assert_allclose(computed, whole.numpy(), rtol=1e-5, atol=1e-6)
    assert told == [(32, 70), (64, 70), (70, 70)]


def test_images_are_brought_to_what_imagenet_s_weights_expect():
    seen = Backbone("eyes", nn.Flatten(), 3, "none")
    white = embed(seen, torch.ones(1, 3, 4, 4), 1)
    torch.testing.assert_close(white, (1 - torch.tensor([[0.485, 0.456, 0.406]])) / torch.tensor([0.229, 0.224, 0.225]))


def test_features_are_computed_once_for_all_trials(backbone: Backbone):
    images = Images(*pictures(60))
    with counted(backbone) as sizes:
        pairing = feature_samples(images, backbone, CPU, size=16)
        assert sum(sizes) == 60
        for _ in range(3):
            learnt, judged = pairing(np.arange(40), np.arange(40, 60))
            learnt.batch(torch.arange(10))
            judged.batch(torch.arange(10))
        assert sum(sizes) == 60


def test_augmented_images_are_new_each_time_and_those_to_be_judged_by_are_not(backbone: Backbone):
    images = Images(*pictures(60))
    with counted(backbone) as sizes:
        learnt, judged = feature_samples(images, backbone, CPU, size=16, augmented=True)(
            np.arange(40), np.arange(40, 60)
        )
        rows = torch.arange(10)
        assert not torch.equal(learnt.batch(rows), learnt.batch(rows))
        assert sum(sizes) == 60 + 20
        assert torch.equal(judged.batch(rows), judged.batch(rows))
        assert sum(sizes) == 60 + 20


def test_features_are_standardised_by_those_to_learn_from_alone(backbone: Backbone):
    images = Images(*pictures(60))
    pairing = feature_samples(images, backbone, CPU, size=16)
    first, _ = pairing(np.arange(40), np.arange(40, 60))
    second, _ = pairing(np.arange(40), np.arange(50, 60))
    values = first.batch(torch.arange(40))
    torch.testing.assert_close(values.mean(dim=0), torch.zeros(8), rtol=0, atol=1e-4)
    torch.testing.assert_close(values.std(dim=0), torch.ones(8), rtol=1e-3, atol=1e-3)
    assert torch.equal(second.batch(torch.arange(40)), values)


def test_a_feature_that_never_varies_stays_a_number():
    flat = Backbone("flat", nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()), 3, "none")
    images = Images(np.full((20, 8, 8, 3), 100, np.uint8), np.arange(20) % 10)
    learnt, _ = feature_samples(images, flat, CPU, size=8)(np.arange(10), np.arange(10, 20))
    assert torch.isfinite(learnt.batch(torch.arange(10))).all()


def test_the_cache_gives_the_same_numbers_and_knows_what_they_depend_on(backbone: Backbone, tmp_path: Path):
    pixels, _ = pictures(40)
    with counted(backbone) as sizes:
        first = features(pixels, backbone, size=16, device=CPU, cache=tmp_path)
        again = features(pixels, backbone, size=16, device=CPU, cache=tmp_path)
        np.testing.assert_array_equal(first, again)
        assert sum(sizes) == 40
        for other in (
            lambda: features(pixels, backbone, size=12, device=CPU, cache=tmp_path),
            lambda: features(255 - pixels, backbone, size=16, device=CPU, cache=tmp_path),
            lambda: features(pixels, replace(backbone, fingerprint="others"), size=16, device=CPU, cache=tmp_path),
        ):
            before = sum(sizes)
            other()
            assert sum(sizes) == before + 40


def test_a_damaged_cache_is_computed_again(backbone: Backbone, tmp_path: Path):
    pixels, _ = pictures(40)
    first = features(pixels, backbone, size=16, device=CPU, cache=tmp_path)
    [kept] = tmp_path.iterdir()
    whole = kept.read_bytes()
    foreign = tmp_path / "foreign.npy"
    np.save(foreign, np.array([{"an": "object"}], dtype=object), allow_pickle=True)
    for content in (b"", b"nothing", whole[:200], foreign.read_bytes()):
        kept.write_bytes(content)
        np.testing.assert_array_equal(features(pixels, backbone, size=16, device=CPU, cache=tmp_path), first)
        assert kept.read_bytes() == whole
