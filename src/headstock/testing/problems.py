"""Functions to minimise whose optimum is known.

Each takes a `seed` that moves the optimum, so that a search that starts in the centre is not flattered. The formulas of
the real functions are those of Surjanovic and Bingham, Virtual Library of Simulation Experiments:
www.sfu.ca/~ssurjano/optimization.html.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeAlias, final

import numpy as np
from jaxtyping import Float64

from headstock.parameters import Parameters
from headstock.space import Choice, Float, Int, Space

_Formula: TypeAlias = Callable[[Float64[np.ndarray, " d"]], float]


@final
@dataclass(frozen=True, slots=True)
class Problem:
    """A function to minimise.

    Args:
        name: what it is called.
        space: where it is defined.
        evaluate: its value at a configuration.
        optimum: its smallest value.
        optimisers: where it has that value.
    """

    name: str
    space: Space
    evaluate: Callable[[Parameters], float]
    optimum: float
    optimisers: tuple[Parameters, ...]


def branin(seed: int | None = None) -> Problem:
    """Two parameters, three equal minima (those that a seed moves out of the bounds are gone)."""
    minima = [[math.pi, 2.275], [-math.pi, 12.275], [3.0 * math.pi, 2.475]]
    bounds, lowest = [(-5.0, 10.0), (0.0, 15.0)], 10.0 / (8.0 * math.pi)
    return _real("branin", _branin, bounds=bounds, optimum=lowest, minima=minima, seed=seed)


def hartmann6(seed: int | None = None) -> Problem:
    """Six parameters, six minima, one of them the lowest."""
    minimum = [0.20168950616, 0.15001069756, 0.47687397870, 0.27533243149, 0.31165161695, 0.65730053546]
    bounds, lowest = [(0.0, 1.0)] * 6, -3.322368011415514
    return _real("hartmann6", _hartmann6, bounds=bounds, optimum=lowest, minima=[minimum], seed=seed)


def ackley(d: int, seed: int | None = None) -> Problem:
    """Any number of parameters: a funnel under many small hills."""
    return _real(f"ackley{d}", _ackley, bounds=[(-32.768, 32.768)] * d, optimum=0.0, minima=[[0.0] * d], seed=seed)


def levy(d: int, seed: int | None = None) -> Problem:
    """Any number of parameters: waves in every direction."""
    return _real(f"levy{d}", _levy, bounds=[(-10.0, 10.0)] * d, optimum=0.0, minima=[[1.0] * d], seed=seed)


def rosenbrock(d: int, seed: int | None = None) -> Problem:
    """Two parameters or more: a curved valley with a nearly flat floor."""
    return _real(f"rosenbrock{d}", _rosenbrock, bounds=[(-5.0, 10.0)] * d, optimum=0.0, minima=[[1.0] * d], seed=seed)


def training(seed: int | None = None) -> Problem:
    """The error of an imagined network: six parameters, real, whole and categorical, that depend on each other.

    The best learning rate depends on batch size, momentum and optimiser, the best dropout on the width; a learning rate
    that is too high hurts more than one that is too low, and the error saturates far from the optimum.
    """
    space = Space(
        lr=Float(1e-6, 0.4, log=True),
        batchsize=Int(16, 128),
        momentum=Float(0.0, 1.0),
        dropout=Float(0.0, 0.5),
        optimizer=Choice(*_OPTIMISERS),
        width=Int(16, 1024, log=True),
    )
    best: dict[str, Any] = {
        "lr": 0.01,
        "batchsize": 40,
        "momentum": 0.85,
        "dropout": 0.15,
        "optimizer": "adamw",
        "width": 300,
    }
    if seed is not None:
        rng = np.random.default_rng(seed)
        best = {
            "lr": 10.0 ** rng.uniform(-5.0, -1.0),
            "batchsize": int(rng.integers(24, 112)),
            "momentum": rng.uniform(0.1, 0.95),
            "dropout": rng.uniform(0.05, 0.45),
            "optimizer": _OPTIMISERS[rng.integers(len(_OPTIMISERS))],
            "width": int(rng.integers(48, 800)),
        }
    return Problem("training", space, partial(_training, best=best), _LOWEST_ERROR, (best,))


PROBLEMS: Final[Mapping[str, Callable[[int | None], Problem]]] = {
    "branin": branin,
    "hartmann6": hartmann6,
    "ackley8": partial(ackley, 8),
    "levy4": partial(levy, 4),
    "rosenbrock4": partial(rosenbrock, 4),
    "training": training,
}
"""One problem of each kind, by name; each takes the seed that moves its optimum."""


def _real(
    name: str,
    formula: _Formula,
    *,
    bounds: list[tuple[float, float]],
    optimum: float,
    minima: list[list[float]],
    seed: int | None,
) -> Problem:
    """A problem of real parameters x1, x2 ..., moved by at most a quarter of the bounds' distance."""
    low, high = np.array(bounds).T
    shift = np.zeros(len(bounds))
    if seed is not None:
        first = (minima[0] - low) / (high - low)
        target = np.random.default_rng(seed).uniform(np.maximum(first - 0.25, 0.05), np.minimum(first + 0.25, 0.95))
        shift = (target - first) * (high - low)
    names = [f"x{i}" for i in range(1, len(bounds) + 1)]
    moved = [minimum for minimum in np.array(minima) + shift if ((low <= minimum) & (minimum <= high)).all()]
    return Problem(
        name,
        Space({n: Float(*b) for n, b in zip(names, bounds, strict=True)}),
        partial(_evaluate, formula=formula, shift=shift),
        optimum,
        tuple(dict(zip(names, minimum.tolist(), strict=True)) for minimum in moved),
    )


def _evaluate(parameters: Parameters, formula: _Formula, shift: Float64[np.ndarray, " d"]) -> float:
    return float(formula(np.array(list(parameters.values()), dtype=np.float64) - shift))


def _branin(x: Float64[np.ndarray, "2"]) -> float:
    """(x2 - 5.1 x1^2 / (4 pi^2) + 5 x1 / pi - 6)^2 + 10 (1 - 1 / (8 pi)) cos x1 + 10."""
    valley = x[1] - 5.1 * x[0] ** 2 / (4.0 * math.pi**2) + 5.0 * x[0] / math.pi - 6.0
    return float(valley**2 + 10.0 * (1.0 - 1.0 / (8.0 * math.pi)) * np.cos(x[0]) + 10.0)


_HARTMANN_ALPHA: Final = (1.0, 1.2, 3.0, 3.2)
_HARTMANN_A: Final = (
    (10.0, 3.0, 17.0, 3.5, 1.7, 8.0),
    (0.05, 10.0, 17.0, 0.1, 8.0, 14.0),
    (3.0, 3.5, 1.7, 10.0, 17.0, 8.0),
    (17.0, 8.0, 0.05, 10.0, 0.1, 14.0),
)
_HARTMANN_P: Final = (
    (0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886),
    (0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991),
    (0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650),
    (0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381),
)


def _hartmann6(x: Float64[np.ndarray, "6"]) -> float:
    """-sum_i alpha_i exp(-sum_j A_ij (x_j - P_ij)^2)."""
    exponents = (np.array(_HARTMANN_A) * (x - np.array(_HARTMANN_P)) ** 2).sum(axis=1)
    return float(-np.array(_HARTMANN_ALPHA) @ np.exp(-exponents))


def _ackley(x: Float64[np.ndarray, " d"]) -> float:
    """-20 exp(-0.2 sqrt(mean x^2)) - exp(mean cos(2 pi x)) + 20 + e."""
    funnel = -20.0 * np.exp(-0.2 * np.sqrt((x**2).mean()))
    return float(funnel - np.exp(np.cos(2.0 * math.pi * x).mean()) + 20.0 + math.e)


def _levy(x: Float64[np.ndarray, " d"]) -> float:
    """sin^2(pi w_1) + sum_{i<d} (w_i - 1)^2 (1 + 10 sin^2(pi w_i + 1)) + (w_d - 1)^2 (1 + sin^2(2 pi w_d)).

    w = 1 + (x - 1) / 4.
    """
    w = 1.0 + (x - 1.0) / 4.0
    inner = (w[:-1] - 1.0) ** 2 * (1.0 + 10.0 * np.sin(math.pi * w[:-1] + 1.0) ** 2)
    last = (w[-1] - 1.0) ** 2 * (1.0 + np.sin(2.0 * math.pi * w[-1]) ** 2)
    return float(np.sin(math.pi * w[0]) ** 2 + inner.sum() + last)


def _rosenbrock(x: Float64[np.ndarray, " d"]) -> float:
    """sum_{i<d} 100 (x_{i+1} - x_i^2)^2 + (x_i - 1)^2."""
    return float((100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (x[:-1] - 1.0) ** 2).sum())


_OPTIMISERS: Final = ("sgd", "adamw", "rmsprop", "adagrad")
_LOWEST_ERROR: Final = 0.05
_HIGHEST_ERROR: Final = 0.9


def _training(parameters: Mapping[str, Any], best: Mapping[str, Any]) -> float:
    """Squares of what is off, each zero at the optimum, on their way to saturation."""
    worse = (_OPTIMISERS.index(parameters["optimizer"]) - _OPTIMISERS.index(best["optimizer"])) % len(_OPTIMISERS)
    batchsize = math.log2(parameters["batchsize"] / best["batchsize"])
    momentum = parameters["momentum"] - best["momentum"]
    width = math.log2(parameters["width"] / best["width"])
    lr = math.log10(parameters["lr"] / best["lr"]) - 0.3 * batchsize + 1.5 * momentum + 0.5 * worse
    off = (
        (0.4 if lr > 0.0 else 0.1) * lr**2
        + 0.02 * batchsize**2
        + 0.3 * momentum**2
        + 1.5 * (parameters["dropout"] - best["dropout"] - 0.05 * width) ** 2
        + 0.02 * width**2
        + 0.03 * worse
    )
    return _HIGHEST_ERROR - (_HIGHEST_ERROR - _LOWEST_ERROR) * math.exp(-off)
