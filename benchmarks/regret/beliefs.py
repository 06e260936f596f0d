"""What a belief about the optimum is worth, right or wrong: regret with priors against the same search without.

    python benchmarks/regret/beliefs.py [--problems levy4 training] [--seeds 20] [--trials 50] [--out FILE]

A belief is normal about a point, a tenth of each scale wide (a choice weighs 4 to 1). Beliefs are good (the point is
drawn about the optimum, so that it is off by one standard deviation), wrong (about a random point) or very wrong (about
the corner of the space that lies furthest from the optimum, and twice as narrow). Prints the ratio of each arm's regret
to that without a belief, its geometric mean over problems and seeds with a paired bootstrap interval of 95 %, and how
many trials it takes to reach what the search without a belief has.
"""

import os

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import argparse
import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from headstock import Choice, Experiment, Float, Int, Near, Space
from headstock.encoding import Encoding
from headstock.testing.problems import PROBLEMS, Problem
from paired import ratios, written

BELIEFS: Final = ("none", "good", "wrong", "very wrong")
AFTER: Final = (5, 10, 20, 30, 50)
WIDTH: Final = 0.1
WEIGHT: Final = 4.0


def believing(problem: Problem, belief: str, seed: int) -> Space:
    """The problem's space with a belief about every parameter."""
    space, encoding = problem.space, Encoding.of(problem.space)
    rng = np.random.default_rng([seed, BELIEFS.index(belief)])
    best = encoding.encode([problem.optimisers[0]])[0]
    width = WIDTH / 2 if belief == "very wrong" else WIDTH
    match belief:
        case "good":
            U = np.where(
                encoding.categorical,
                (best + 0.5) / np.maximum(encoding.levels, 1),
                best + width * rng.standard_normal(len(best)),
            )
        case "wrong":
            U = rng.random(len(best))
        case "very wrong":
            last = encoding.levels - 1
            U = np.where(encoding.categorical, np.where(best == last, 0.0, 1.0), np.where(best < 0.5, 0.95, 0.05))
        case _:
            return space
    believed = encoding.decode(encoding.from_uniform(np.clip(U, 0.0, 1.0)[None])[0])
    return Space({name: _with_prior(space, name, believed[name], width, encoding) for name in space})


def _with_prior(space: Space, name: str, value: Any, width: float, encoding: Encoding) -> Any:
    parameter = space[name]
    if isinstance(parameter, Choice):
        return Choice(*parameter.values, ordered=parameter.ordered, prior={value: WEIGHT})
    if isinstance(parameter, Float | Int):
        scaled = width * encoding.axes[name].width
        return replace(parameter, prior=Near(value, math.exp(scaled) if parameter.log else scaled))
    return parameter


def search(problem: Problem, space: Space, seed: int, trials: int) -> list[float]:
    """The regret after each trial."""
    experiment = Experiment("beliefs", space, minimize="value", seed=seed)
    values = []
    for _ in range(trials):
        trial = experiment.ask()
        values.append(problem.evaluate(trial.parameters))
        experiment.tell(trial, values[-1])
    return (np.minimum.accumulate(values) - problem.optimum).tolist()


def runs(problems: list[str], seeds: range, trials: int) -> Iterator[Mapping[str, Any]]:
    """One line a run."""
    for seed in seeds:
        for name in problems:
            problem = PROBLEMS[name](seed)
            for belief in BELIEFS:
                regret = search(problem, believing(problem, belief, seed), seed, trials)
                yield {"problem": name, "arm": belief, "seed": seed, "regret": regret}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--problems", nargs="+", default=list(PROBLEMS), choices=list(PROBLEMS))
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--trials", type=int, default=50)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/regret/beliefs.jsonl"))
    options = parser.parse_args()
    found = written(runs(options.problems, range(options.seeds), options.trials), options.out)
    print(ratios(found, "none", [n for n in AFTER if n <= options.trials]))


if __name__ == "__main__":
    main()
