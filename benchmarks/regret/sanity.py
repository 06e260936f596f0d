"""Is the engine sane? Regret after 30 trials against random and Sobol search, median and quartiles over seeds.

    python benchmarks/regret/sanity.py [--seeds 20] [--trials 30] [--out FILE]

Optima are shifted by the seed, so that a start in the centre flatters nobody. Prints one table, writes a JSON line a
run. The race against other libraries is something else.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import json
import math
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from headstock import Bayesian, Budget, Choice, Experiment, Float, Int, Random, Sobol, Space

SAMPLERS = {"random": Random(), "sobol": Sobol(), "bayesian": Bayesian()}


class Problem(NamedTuple):
    """A function to minimise whose optimum is known."""

    space: Space
    regret: Callable[[Mapping[str, Any]], float]


def shifted(d: int, seed: int, function: Callable[[np.ndarray], float]) -> Problem:
    """A function on the unit cube, moved by up to 0.15 a coordinate (mirrored at the walls)."""
    shift = np.random.default_rng(seed).uniform(-0.15, 0.15, d)
    names = [f"x{i}" for i in range(d)]

    def regret(p: Mapping[str, Any]) -> float:
        moved = np.array([p[name] for name in names]) + shift
        return function(np.abs(np.where(moved > 1, 2 - moved, moved)))

    return Problem(Space({name: Float(0.0, 1.0) for name in names}), regret)


def branin(u: np.ndarray) -> float:
    """Branin, whose minimum is 0.397887."""
    x, y = 15 * u[0] - 5, 15 * u[1]
    bowl = (y - 5.1 / (4 * math.pi**2) * x**2 + 5 / math.pi * x - 6) ** 2
    return bowl + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10 - 0.397887


A = np.array(
    [[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]]
)
P = 1e-4 * np.array(
    [
        [1312, 1696, 5569, 124, 8283, 5886],
        [2329, 4135, 8307, 3736, 1004, 9991],
        [2348, 1451, 3522, 2883, 3047, 6650],
        [4047, 8828, 8732, 5743, 1091, 381],
    ]
)


def hartmann6(u: np.ndarray) -> float:
    """Hartmann's function of six variables, whose minimum is -3.32237."""
    return 3.32237 - float(np.array([1.0, 1.2, 3.0, 3.2]) @ np.exp(-(A * (u - P) ** 2).sum(axis=1)))


def ackley(u: np.ndarray) -> float:
    """Ackley's function on [-32.768, 32.768]^d, whose minimum is 0."""
    x = 65.536 * (u - 0.5)
    return 20 + math.e - 20 * math.exp(-0.2 * math.sqrt(np.mean(x**2))) - math.exp(np.mean(np.cos(2 * math.pi * x)))


def mixed(seed: int) -> Problem:
    """Six parameters like those of a training, with one best configuration that the seed chooses."""
    rng = np.random.default_rng(seed)
    lr, batch, momentum, dropout, width = rng.uniform(0.15, 0.85, 5)
    order = rng.permutation(4)
    space = Space(
        lr=Float(1e-6, 0.4, log=True),
        batchsize=Int(16, 128),
        momentum=Float(0.0, 1.0),
        dropout=Float(0.0, 0.5),
        optimizer=Choice("sgd", "adam", "rmsprop", "adagrad"),
        width=Int(16, 1024, log=True),
    )

    def regret(p: Mapping[str, Any]) -> float:
        misses = (
            2.0 * (math.log(p["lr"] / 1e-6) / math.log(0.4 / 1e-6) - lr),
            0.4 * ((p["batchsize"] - 16) / 112 - batch),
            p["momentum"] - momentum,
            0.5 * (p["dropout"] / 0.5 - dropout),
            0.8 * (math.log(p["width"] / 16) / math.log(64) - width),
        )
        kind = ("sgd", "adam", "rmsprop", "adagrad").index(p["optimizer"])
        return sum(m * m for m in misses) + 0.1 * float(order[kind])

    return Problem(space, regret)


PROBLEMS: dict[str, Callable[[int], Problem]] = {
    "branin": lambda seed: shifted(2, seed, branin),
    "hartmann6": lambda seed: shifted(6, seed, hartmann6),
    "ackley5": lambda seed: shifted(5, seed, ackley),
    "mixed6": mixed,
}


def run(job: tuple[str, str, int, int]) -> dict[str, Any]:
    """The best regret after each trial of one run."""
    problem_name, sampler_name, seed, trials = job
    problem = PROBLEMS[problem_name](seed)
    experiment = Experiment("run", problem.space, minimize="regret", sampler=SAMPLERS[sampler_name], seed=seed)
    experiment.run(lambda trial: problem.regret(trial.parameters), budget=Budget(trials=trials))
    curve = np.minimum.accumulate([t.objective_mean for t in experiment.trials.values()])
    return {"problem": problem_name, "sampler": sampler_name, "seed": seed, "regret": curve.tolist()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--trials", type=int, default=30)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/regret/sanity.jsonl"))
    options = parser.parse_args()
    jobs = [(p, s, seed, options.trials) for p, s, seed in product(PROBLEMS, SAMPLERS, range(options.seeds))]
    with ProcessPoolExecutor() as pool, options.out.open("w", encoding="utf-8") as lines:
        rows = list(pool.map(run, jobs))
        lines.writelines(json.dumps(row) + "\n" for row in rows)
    print(f"{'problem':>10} {'sampler':>10} {'lower':>9} {'median':>9} {'upper':>9}   ({options.seeds} seeds)")
    for problem, sampler in product(PROBLEMS, SAMPLERS):
        final = [r["regret"][-1] for r in rows if r["problem"] == problem and r["sampler"] == sampler]
        lower, median, upper = np.quantile(final, [0.25, 0.5, 0.75])
        print(f"{problem:>10} {sampler:>10} {lower:>9.4f} {median:>9.4f} {upper:>9.4f}")


if __name__ == "__main__":
    main()
