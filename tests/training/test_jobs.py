from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from headstock import optimize
from headstock.errors import DivergedError
from headstock.trial import TrialState
from pictures import pictures, write_npz

pytest.importorskip("torch", reason="PyTorch is not installed")
import torch
from torch.nn.modules.module import register_module_forward_hook

from headstock.training import jobs
from headstock.training.backbones import ARCHITECTURES, Fire

pytestmark = pytest.mark.torch

GOOD = {"lr": 0.02, "batchsize": 32, "momentum": 0.9}


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "squeezenet.pth"
    torch.save(ARCHITECTURES["squeezenet1_0"]().state_dict(), path)
    return path


@contextmanager
def fires() -> Iterator[list[int]]:
    """The sizes of the batches that go through the fire modules of any SqueezeNet."""
    sizes: list[int] = []
    hook = register_module_forward_hook(
        lambda module, inputs, _: sizes.append(len(inputs[0])) if isinstance(module, Fire) else None
    )
    yield sizes
    hook.remove()


def test_the_backbone_sees_each_image_once_however_many_trials_there_are(tmp_path: Path, weights: Path):
    data = write_npz(tmp_path / "small.npz", 200, 50)
    with fires() as sizes:
        job = jobs.cifar10_job(data, weights=weights, size=32, epochs=1)
        assert sum(sizes) == 8 * 250  # eight fire modules
        found = optimize(job.parameters, job.evaluate, objective_name=job.objective_name, total_trials=3, random_seed=0)
        job.test(found.best_parameters)
        assert sum(sizes) == 8 * 250


@pytest.mark.parametrize("scratch", [True, False])
def test_tuning_never_sees_the_test_images(tmp_path: Path, weights: Path, scratch: bool):
    x_test, y_test = pictures(50, seed=2)
    inverted, moved = 255 - x_test, (y_test + 1) % 10
    one = write_npz(tmp_path / "one.npz", 200, 50)
    other = write_npz(tmp_path / "other.npz", 200, 50, x_test=inverted, y_test=moved)
    first, second = (
        jobs.cifar10_job(data, weights=None if scratch else weights, scratch=scratch, size=32, epochs=2)
        for data in (one, other)
    )
    for parameters in (GOOD, GOOD | {"lr": 0.001}):
        assert first.evaluate(parameters) == second.evaluate(parameters)
    assert first.test(GOOD) != second.test(GOOD)


def test_the_winner_is_trained_on_everything_but_the_test_images(tmp_path: Path):
    data = write_npz(tmp_path / "small.npz", 300, 100)
    job = jobs.cifar10_job(data, scratch=True, epochs=4)
    assert job.test(GOOD) > 0.5
    # Labels of training images that are drawn by lot leave nothing to learn.
    lots = np.random.default_rng(0).permutation(pictures(300, 1)[1])
    senseless = jobs.cifar10_job(write_npz(tmp_path / "lots.npz", 300, 100, y_train=lots), scratch=True, epochs=4)
    assert senseless.test(GOOD) < 0.35


def test_the_same_parameters_give_the_same_number_and_leave_random_numbers_alone():
    job = jobs.digits_job(epochs=1)
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first, again = job.evaluate(GOOD), job.evaluate(dict(reversed(GOOD.items())))
    assert torch.equal(torch.rand(3), expected)
    assert first == again == jobs.digits_job(epochs=1).evaluate(GOOD)
    assert jobs.digits_job(epochs=1, seed=1).evaluate(GOOD) != first


def test_a_training_that_diverges_is_a_failed_trial():
    job = jobs.digits_job(epochs=2)
    with pytest.raises(DivergedError, match="no longer a finite number in epoch"):
        job.evaluate({"lr": 1e6, "batchsize": 16, "momentum": 1.0})

    def evaluate(parameters: dict[str, float]) -> float:
        return job.evaluate({"lr": 1e6, "batchsize": 16, "momentum": 1.0} if parameters["momentum"] < 1 else GOOD)

    _, _, experiment, _ = optimize(
        [*job.parameters[:2], {"name": "momentum", "type": "choice", "values": [0.5, 1.0], "is_ordered": True}],
        evaluate,
        objective_name="accuracy",
        total_trials=4,
        random_seed=0,
    )
    failed = [t for t in experiment.trials.values() if t.state is TrialState.FAILED]
    assert failed
    assert all(t.error.startswith("DivergedError: The loss was no longer") for t in failed)
