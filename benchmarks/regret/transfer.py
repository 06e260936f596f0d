"""What earlier experiments are worth to a new one, and what misleading ones cost: regret with warm_start= and without.

    python benchmarks/regret/transfer.py [--problems levy4 training lcbench] [--seeds 10] [--trials 40] [--out FILE]

The earlier experiments are headstock's own searches of as many trials. On synthetic problems `alike` searched the
problem moved by about 5 % of each scale, `unlike` the problem as another seed poses it, `mirrored` the problem turned
round (each number from the other end, each choice renamed), `opposite` its negative. On LCBench `alike` are searches on
three other data sets. Prints each arm's regret over that of the searches without
a history, of which each seed has five.
"""

import os

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import argparse
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from headstock import Experiment, Space
from headstock.encoding import Encoding
from headstock.parameters import Parameters
from headstock.testing import problems as synthetic
from paired import ratios, written
from problems.tables import lcbench, missing

AFTER: Final = (3, 5, 10, 20, 30, 40)
MOVED: Final = 0.05
DATA_SETS: Final = 12
WITHOUT: Final = 5
"""How many searches without a history each problem and seed has."""

Function = Callable[[Parameters], float]


def search(space: Space, function: Function, seed: int, trials: int, earlier: list[Experiment]) -> Experiment:
    """An experiment that minimises a function."""
    experiment = Experiment(f"search {seed}", space, minimize="value", seed=seed, warm_start=earlier)
    for _ in range(trials):
        trial = experiment.ask()
        experiment.tell(trial, function(trial.parameters))
    return experiment


def moved(space: Space, function: Function, seed: int) -> Function:
    """A function whose numeric parameters are moved a little."""
    encoding = Encoding.of(space)
    step = np.where(
        encoding.categorical, 0.0, MOVED * np.random.default_rng([seed, 1]).standard_normal(encoding.dimensions)
    )

    def evaluate(parameters: Parameters) -> float:
        return function(encoding.decode(encoding.snap(encoding.encode([parameters]) + step)[0]))

    return evaluate


def mirrored(space: Space, function: Function) -> Function:
    """A function of a space turned round."""
    encoding = Encoding.of(space)
    ends = np.where(encoding.categorical, encoding.levels - 1.0, 1.0)
    return lambda parameters: function(encoding.decode(encoding.snap(ends - encoding.encode([parameters]))[0]))


def cases(name: str, seed: int) -> tuple[Space, Function, float, Mapping[str, list[Function]]]:
    """A problem's space, function and optimum, and for each arm the functions that were searched before."""
    if name == "lcbench":
        tasks = [lcbench((seed + i) % DATA_SETS) for i in range(4)]
        return (
            tasks[0].space,
            tasks[0].evaluate,
            tasks[0].optimum or 0.0,
            {
                "alike": [t.evaluate for t in tasks[1:]],
                "mirrored": [mirrored(tasks[0].space, tasks[0].evaluate)],
                "opposite": [lambda p: -tasks[0].evaluate(p)],
            },
        )
    problem, other = synthetic.PROBLEMS[name](seed), synthetic.PROBLEMS[name](seed + 1000)
    before = {
        "alike": [moved(problem.space, problem.evaluate, seed)],
        "unlike": [other.evaluate],
        "opposite": [lambda p: -problem.evaluate(p)],
        "mirrored": [mirrored(problem.space, problem.evaluate)],
    }
    return problem.space, problem.evaluate, problem.optimum, before


def runs(names: list[str], seeds: range, trials: int) -> Iterator[Mapping[str, Any]]:
    """One line a run."""
    for seed in seeds:
        for name in names:
            space, function, optimum, before = cases(name, seed)
            for arm, functions in {"none": [], **before}.items():
                earlier = [search(space, f, seed + 500 + i, trials, []) for i, f in enumerate(functions)]
                for again in range(WITHOUT if arm == "none" else 1):
                    found = search(space, function, seed + 10_000 * again, trials, earlier)
                    regret = np.minimum.accumulate([t.objective_mean for t in found.history]) - optimum
                    yield {"problem": name, "arm": arm, "seed": seed, "regret": regret.tolist()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    known = [*synthetic.PROBLEMS, *([] if missing() else ["lcbench"])]
    parser.add_argument("--problems", nargs="+", default=known, choices=known)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/regret/transfer.jsonl"))
    options = parser.parse_args()
    found = written(runs(options.problems, range(options.seeds), options.trials), options.out)
    print(ratios(found, "none", [n for n in AFTER if n <= options.trials]))


if __name__ == "__main__":
    main()
