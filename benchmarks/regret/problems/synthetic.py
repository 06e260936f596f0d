"""Formulas with a known optimum that the seed moves, and turns where a function lies along the axes."""

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

import numpy as np

from headstock.domain import Domain
from headstock.encoding import Encoding
from headstock.parameters import Parameters
from headstock.space import Choice, Float, Int, Space
from headstock.testing.problems import Problem
from problems.task import Task

SHARE_THAT_FAILS: Final = 1 / 3
_SAMPLES: Final = 4_000
_WAVES: Final = 3


def classic(make: Callable[[int | None], Problem]) -> Callable[[int], Task]:
    """One of headstock's own test problems, its optimum moved."""

    def task(seed: int) -> Task:
        problem = make(seed)
        return Task(problem.space, problem.evaluate, problem.optimum)

    return task


def bbob(function: int, d: int) -> Callable[[int], Task]:
    """A function of the BBOB suite (Hansen et al. 2009), moved and turned: one instance a seed."""

    def task(seed: int) -> Task:
        import ioh

        problem = ioh.get_problem(function, instance=seed + 1, dimension=d, problem_class=ioh.ProblemClass.BBOB)
        names = [f"x{i}" for i in range(1, d + 1)]

        def evaluate(parameters: Parameters) -> float:
            return float(problem([parameters[name] for name in names]))

        return Task(Space({name: Float(-5.0, 5.0) for name in names}), evaluate, float(problem.optimum.y))

    return task


_SURFACES: Final[Mapping[str, Callable[[float, float], float]]] = {
    "bowl": lambda x, y: x**2 + y**2,
    "valley": lambda x, y: 0.3 * abs(x - y) + 2.0 * (x + y) ** 2 + 0.05,
    "waves": lambda x, y: 0.5 * (x**2 + y**2) + 0.2 * (1.0 - math.cos(6.0 * x) * math.cos(6.0 * y)) + 0.1,
    "ridge": lambda x, y: abs(x) + 0.1 * y**2 + 0.15,
}


def crossed(seed: int) -> Task:
    """Two choices and two real numbers: one choice picks the surface, the other where on it the optimum lies."""
    rng = np.random.default_rng([seed, 11])
    centres = {name: rng.uniform(-0.7, 0.7, 2) for name in ("north", "east", "south")}
    order = rng.permutation(list(_SURFACES))
    prices = dict(zip(rng.permutation(list(centres)).tolist(), (0.0, 0.1, 0.25), strict=True))
    space = Space(surface=Choice(*sorted(_SURFACES)), place=Choice(*centres), x=Float(-1.0, 1.0), y=Float(-1.0, 1.0))
    renamed = dict(zip(sorted(_SURFACES), order.tolist(), strict=True))  # which name means which surface is the seed's

    def evaluate(p: Mapping[str, Any]) -> float:
        u, v = np.array([p["x"], p["y"]]) - centres[p["place"]]
        return float(_SURFACES[renamed[p["surface"]]](u, v) + prices[p["place"]])

    return Task(space, evaluate, 0.0)


def whole(seed: int, d: int = 6) -> Task:
    """A turned ellipsoid over whole numbers, its minimum at one of them; axes differ by a factor of 100 in all."""
    rng = np.random.default_rng([seed, 12])
    turn, _ = np.linalg.qr(rng.standard_normal((d, d)))
    curvatures = np.geomspace(1.0, 100.0, d)
    optimum = rng.integers(-15, 16, d)
    names = [f"k{i}" for i in range(1, d + 1)]

    def evaluate(parameters: Parameters) -> float:
        turned = turn @ (np.array([parameters[name] for name in names]) - optimum)
        return float(np.log1p(curvatures @ turned**2))

    return Task(Space({name: Int(-20, 20) for name in names}), evaluate, 0.0)


def network(seed: int, d: int = 6, operations: int = 5) -> Task:
    """Choices alone, as those of a network's operations: each counts for itself, and in pairs for about as much."""
    rng = np.random.default_rng([seed, 14])
    alone = rng.standard_normal((d, operations))
    together = rng.standard_normal((d, d, operations, operations)) / math.sqrt(d - 1)
    one, other = np.triu_indices(d, 1)

    def total(picks: np.ndarray) -> np.ndarray:
        pairs = together[one, other, picks[..., one], picks[..., other]]
        return alone[np.arange(d), picks].sum(axis=-1) + pairs.sum(axis=-1)

    every = np.stack(np.meshgrid(*[np.arange(operations)] * d), axis=-1).reshape(-1, d)
    names, letters = [f"c{i}" for i in range(1, d + 1)], [chr(ord("a") + i) for i in range(operations)]
    space = Space({name: Choice(*letters) for name in names})
    return Task(
        space, lambda p: float(total(np.array([letters.index(p[name]) for name in names]))), float(total(every).min())
    )


def beyond_a_plane(make: Callable[[int | None], Problem]) -> Callable[[int], Task]:
    """A third of the space, on one side of a plane that passes near the optimum, fails."""
    return partial(_failing, make, _plane)


def in_pockets(make: Callable[[int | None], Problem]) -> Callable[[int], Task]:
    """A third of the space, in pockets of which some lie near the optimum, fails."""
    return partial(_failing, make, _pockets)


def _failing(
    make: Callable[[int | None], Problem],
    draw: Callable[[int, np.random.Generator], Callable[[np.ndarray], np.ndarray]],
    seed: int,
) -> Task:
    """Where a random function is in its upper third, evaluations fail; it is drawn until the optimum is just below."""
    problem = make(seed)
    encoding = Encoding.of(problem.space)
    rng = np.random.default_rng([seed, 13])
    numeric = ~encoding.categorical
    X = Domain.of(encoding, {}).sample(_SAMPLES, rng)[:, numeric]
    best = encoding.encode([problem.optimisers[0]])[:, numeric]
    while True:
        risk = draw(int(numeric.sum()), rng)
        low, threshold = np.quantile(risk(X), [0.5 - SHARE_THAT_FAILS / 2, 1.0 - SHARE_THAT_FAILS])
        if low < risk(best)[0] < threshold - 0.05 * (threshold - low):
            break

    def evaluate(parameters: Parameters) -> float:
        fails = risk(encoding.encode([parameters])[:, numeric])[0] > threshold
        return math.nan if fails else problem.evaluate(parameters)

    return Task(problem.space, evaluate, problem.optimum)


def _plane(d: int, rng: np.random.Generator) -> Callable[[np.ndarray], np.ndarray]:
    direction = rng.standard_normal(d)
    return lambda X: X @ direction


def _pockets(d: int, rng: np.random.Generator) -> Callable[[np.ndarray], np.ndarray]:
    directions = rng.standard_normal((d, _WAVES)) * 4.0
    phases = rng.uniform(0.0, 2.0 * math.pi, _WAVES)
    return lambda X: np.cos(X @ directions + phases).sum(axis=1)
