"""Neural baselines for the ends of learning curves: deep power laws, and a deep kernel in the manner of DyHPO.

Both are written anew from their papers; what these leave open is as in the programs that their authors published
(machinelearningnuremberg/DPL and machinelearningnuremberg/DyHPO on GitHub). Both get what the other models get, on the
same standard scale; budgets are shares t / T of a full training, unordered choices one indicator for each value.

Deep power laws (DPL; Kadra et al. 2023, arXiv 2302.00441) never look at a curve when they predict it: they have learned
it together with all others. Five networks map a configuration to a power law of the loss,

    -y = α(x) + g(β(x)) (t / T)^-g(γ(x)) ,     g(z) = z sigmoid(z) (a gated linear unit of z with itself)

with two hidden layers of 128 units, leaky ReLU, L1 loss, Adam at 1e-3, batches of 64, 250 epochs, each network with its
own initial weights and order of the data. The variance over the five is how uncertain the curve is. A reported value
has noise besides, which L1 does not learn and without which the density of five networks that agree is next to nothing:
added is its maximum likelihood estimate, the mean square of the residuals.

DyHPO (Wistuba, Kadra and Grabocka 2022, arXiv 2202.09774) is a Gaussian process with an RBF kernel on features that a
network makes of the configuration, the budget j and the curve up to j - 1: a layer of 64 units with batch normalisation
for the first two; four convolutions of width 3 and the largest value of each for the curve, filled up with zeros; and
a layer of 128 units for all. Network, kernel and noise maximise the marginal likelihood: 1,000 steps of Adam at 1e-3.
**DyHPO asks this model for the next step only.** Here the model, trained as ever, is asked for step T right away, with
what was reported of the curve so far; hence "DyHPO-like".

Widened standard deviations are both models' times the factor that `headstock.gp.curve_calibration` finds for ours, from
how far off the newest value of every curve is when it is predicted from the first half of all curves; there it applies
to the curve alone, here to curve and noise.
"""

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import torch
from torch.func import functional_call, stack_module_state, vmap
from torch.nn import functional

Prediction = tuple[np.ndarray, np.ndarray]
"""Means and standard deviations."""

Model = Callable[[np.ndarray, np.ndarray, np.ndarray], Prediction]
"""From encoded configurations, curves with NaN where nothing is known, and a column of each, to its values there."""

MEMBERS, DPL_EPOCHS, BATCH = 5, 250, 64

DYHPO_EPOCHS = 1000

LEAST_NOISE = 1e-4

PRIOR_CURVES = 3.0


def one_hot(X: np.ndarray, categorical: np.ndarray) -> np.ndarray:
    """Every categorical column replaced by one indicator for each of its values."""
    columns = [
        (x[:, None] == np.unique(x)).astype(float) if is_categorical else x[:, None]
        for x, is_categorical in zip(X.T, categorical, strict=True)
    ]
    return np.concatenate(columns, axis=1)


def power_laws(X: np.ndarray, Z: np.ndarray, columns: np.ndarray) -> Prediction:
    networks = []
    with torch.random.fork_rng(devices=[]):
        for member in range(MEMBERS):
            torch.manual_seed(member)
            layers = [
                m for a, b in pairwise((X.shape[1], 128, 128)) for m in (torch.nn.Linear(a, b), torch.nn.LeakyReLU())
            ]
            networks.append(torch.nn.Sequential(*layers, torch.nn.Linear(128, 3)))
    weights, _ = stack_module_state(networks)
    last = Z.shape[1]

    def values(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        raw = vmap(lambda own, points: functional_call(networks[0], own, (points,)))(weights, x)
        alpha, beta, gamma = raw.unbind(-1)
        return -(alpha + functional.silu(beta) * t ** -functional.silu(gamma))

    rows, steps = np.nonzero(~np.isnan(Z))
    x, y = (torch.tensor(a, dtype=torch.float32) for a in (X[rows], Z[rows, steps]))
    t = torch.tensor((steps + 1.0) / last, dtype=torch.float32)
    generator = torch.Generator().manual_seed(0)
    optimizer = torch.optim.Adam(weights.values(), lr=1e-3)
    for _ in range(DPL_EPOCHS):
        for batch in torch.rand(MEMBERS, len(y), generator=generator).argsort(dim=1).split(BATCH, dim=1):
            optimizer.zero_grad()
            (values(x[batch], t[batch]) - y[batch]).abs().mean(dim=1).sum().backward()
            optimizer.step()
    with torch.no_grad():
        noise = float((values(x.expand(MEMBERS, -1, -1), t).mean(dim=0) - y).square().mean())
        asked = torch.tensor((columns + 1.0) / last, dtype=torch.float32)
        all_values = values(torch.tensor(X, dtype=torch.float32).expand(MEMBERS, -1, -1), asked).double().numpy()
    return all_values.mean(axis=0), np.sqrt(all_values.var(axis=0) + max(noise, LEAST_NOISE))


class DeepKernel(torch.nn.Module):
    """A Gaussian process on features of (configuration, budget, curve so far)."""

    def __init__(self, dimensions: int) -> None:
        super().__init__()
        self.first = torch.nn.Linear(dimensions + 1, 64)
        self.norm = torch.nn.BatchNorm1d(64)
        self.convolution = torch.nn.Conv1d(1, 4, 3)
        self.second = torch.nn.Linear(64 + 4, 128)
        self.mean = torch.nn.Parameter(torch.zeros(()))
        self.raw = torch.nn.Parameter(torch.zeros(3))

    def features(self, points: torch.Tensor, curves: torch.Tensor) -> torch.Tensor:
        """In units of the kernel's lengthscale."""
        hidden = functional.leaky_relu(self.norm(self.first(points)))
        shapes = self.convolution(curves[:, None]).amax(dim=2)
        return functional.leaky_relu(self.second(torch.cat([hidden, shapes], dim=1))) / functional.softplus(self.raw[0])

    @property
    def variance(self) -> torch.Tensor:
        return functional.softplus(self.raw[1])

    @property
    def noise(self) -> torch.Tensor:
        return functional.softplus(self.raw[2]) + LEAST_NOISE

    def covariance(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        lengths_a, lengths_b = a.square().sum(dim=1)[:, None], b.square().sum(dim=1)
        return torch.exp((a @ b.T - 0.5 * lengths_a - 0.5 * lengths_b).clamp_max(0.0) + self.variance.log())

    def covariance_of_values(self, features: torch.Tensor) -> torch.Tensor:
        return self.covariance(features, features) + self.noise * torch.eye(len(features))

    def backpropagate(self, points: torch.Tensor, curves: torch.Tensor, y: torch.Tensor) -> None:
        """Adds the slopes of -ln p(y) / n to the gradients (Rasmussen and Williams 2006, eq. 5.9)."""
        covariance, rest = self.covariance_of_values(self.features(points, curves)), y - self.mean
        with torch.no_grad():
            inverse = torch.cholesky_inverse(torch.linalg.cholesky(covariance))
            weights = inverse @ rest
            slope = 0.5 * (inverse - torch.outer(weights, weights))
        # Half the time of going back through the Cholesky factor.
        torch.autograd.backward([covariance, rest], [slope / len(y), weights / len(y)])


def deep_kernel(X: np.ndarray, Z: np.ndarray, columns: np.ndarray) -> Prediction:
    rows, steps = np.nonzero(~np.isnan(Z))
    last = Z.shape[1]

    def inputs(own: np.ndarray, steps: np.ndarray, known: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        points = np.column_stack([X[own], (steps + 1.0) / last])
        curves = np.zeros((len(own), max(last, 3)))
        curves[:, :last] = np.where(np.arange(last) < known[:, None], Z[own], 0.0)
        return torch.tensor(points, dtype=torch.float32), torch.tensor(curves, dtype=torch.float32)

    training = inputs(rows, steps, steps)
    asked = inputs(np.arange(len(X)), columns, (~np.isnan(Z)).sum(axis=1))
    y = torch.tensor(Z[rows, steps], dtype=torch.float32)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = DeepKernel(X.shape[1])
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    for _ in range(DYHPO_EPOCHS):
        optimizer.zero_grad()
        model.backpropagate(*training, y)
        optimizer.step()
    model.eval()
    with torch.no_grad():
        features, ends = model.features(*training), model.features(*asked)
        factor = torch.linalg.cholesky(model.covariance_of_values(features))
        both = torch.cat([(y - model.mean)[:, None], model.covariance(features, ends)], dim=1)
        white = torch.linalg.solve_triangular(factor, both, upper=False)
        mean = model.mean + white[:, 1:].T @ white[:, 0]
        variance = (model.variance - white[:, 1:].square().sum(dim=0)).clamp_min(0.0) + model.noise
        return mean.double().numpy(), variance.sqrt().double().numpy()


def widening(model: Model, X: np.ndarray, Z: np.ndarray) -> float:
    """By which factor the model's standard deviations are to be widened, at least 1; as for our model."""
    reported = ~np.isnan(Z)
    lengths = reported.sum(axis=1)
    early = reported & (np.cumsum(reported, axis=1) <= np.maximum(1, lengths // 2)[:, None])
    rows = np.flatnonzero(lengths > 1)
    if not len(rows):
        return 1.0
    mean, sd = model(X, np.where(early, Z, np.nan), lengths - 1)
    squares = ((Z[rows, lengths[rows] - 1] - mean[rows]) / sd[rows]) ** 2
    return math.sqrt(max(1.0, (PRIOR_CURVES + float(squares.sum())) / (PRIOR_CURVES + len(rows))))


def ends(
    model: Model, X: np.ndarray, Z: np.ndarray, categorical: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The means, the standard deviations, and the widened standard deviations of the ends of all curves."""
    X = one_hot(X, categorical)
    torch.set_flush_denormal(True)  # the covariances of points far apart, which slow a step down fourfold
    try:
        mean, sd = model(X, Z, np.full(len(X), Z.shape[1] - 1))
        return mean, sd, widening(model, X, Z) * sd
    finally:
        torch.set_flush_denormal(False)
