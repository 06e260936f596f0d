import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
pytestmark = pytest.mark.torch

FOLDER = Path(__file__).parents[2] / "benchmarks" / "curves"


@pytest.fixture
def deep() -> ModuleType:
    spec = importlib.util.spec_from_file_location("deep_baselines", FOLDER / "deep_baselines.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def searched(rows: int, steps: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Configurations, curves that follow a power law of which two thirds are known to their third part, and ends."""
    X = np.random.default_rng(0).random((rows, 2))
    t = np.arange(1.0, steps + 1.0) / steps
    curves = 2.0 * X[:, :1] - 0.3 * t ** -(0.3 + 0.4 * X[:, 1:])
    known = np.where(np.arange(rows) % 3 == 0, steps, steps // 3)
    return X, np.where(np.arange(steps) < known[:, None], curves, np.nan), curves[:, -1]


@pytest.mark.parametrize("model", ["power_laws", "deep_kernel"])
def test_ends_of_power_laws_are_predicted(deep, model, monkeypatch):
    monkeypatch.setattr(deep, "DPL_EPOCHS", 100)
    monkeypatch.setattr(deep, "DYHPO_EPOCHS", 200)
    X, Z, truth = searched(24, 9)
    mean, sd, widened = deep.ends(getattr(deep, model), X, Z, np.array([False, False]))
    cut = np.isnan(Z[:, -1])
    assert np.corrcoef(mean[cut], truth[cut])[0, 1] > 0.8
    assert (np.abs(mean - truth) < 4.0 * widened).all()
    assert (widened >= sd).all()
    assert np.finfo(float).tiny * np.float64(0.5) > 0.0, "the smallest numbers are numbers again"
    assert (sd > 0.0).all()


@pytest.mark.parametrize("model", ["power_laws", "deep_kernel"])
def test_the_same_curves_give_the_same_predictions_and_other_random_numbers_stay_as_they_were(deep, model, monkeypatch):
    monkeypatch.setattr(deep, "DPL_EPOCHS", 2)
    monkeypatch.setattr(deep, "DYHPO_EPOCHS", 2)
    X, Z, _ = searched(8, 5)
    before = torch.random.get_rng_state()
    first, second = (getattr(deep, model)(X, Z, np.full(8, 4)) for _ in range(2))
    assert np.array_equal(first, second)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_the_deep_kernel_follows_the_slope_of_its_marginal_likelihood(deep):
    torch.manual_seed(0)
    model = deep.DeepKernel(2).double()
    points, curves, y = (torch.randn(*shape, dtype=torch.float64) for shape in ((9, 3), (9, 5), (9,)))
    model.backpropagate(points, curves, y)
    slopes = [p.grad.clone() for p in model.parameters()]
    model.zero_grad()
    covariance = model.covariance_of_values(model.features(points, curves))
    values = torch.distributions.MultivariateNormal(model.mean.expand(9), covariance)
    (-values.log_prob(y) / 9).backward()
    for slope, p in zip(slopes, model.parameters(), strict=True):
        torch.testing.assert_close(slope, p.grad)


def test_widening_is_that_of_our_calibration(deep):
    Z = np.where(np.arange(6) < np.array([[1], [4], [6]]), 1.0, np.nan)
    seen = []

    def two_deviations_off(X, halves, columns):
        seen.append(((~np.isnan(halves)).sum(axis=1).tolist(), columns.tolist()))
        return np.zeros(len(X)), np.full(len(X), 0.5)

    assert deep.widening(two_deviations_off, np.zeros((3, 1)), Z) == pytest.approx(((3 + 2 * 4.0) / (3 + 2)) ** 0.5)
    assert seen == [([1, 2, 3], [0, 3, 5])]
    assert deep.widening(lambda *_: (np.ones(3), np.ones(3)), np.zeros((3, 1)), Z) == 1.0


def test_categories_become_indicators(deep):
    X = np.array([[0.3, 2.0], [0.4, 0.0], [0.5, 2.0]])
    assert deep.one_hot(X, np.array([False, True])).tolist() == [[0.3, 0.0, 1.0], [0.4, 1.0, 0.0], [0.5, 0.0, 1.0]]
