"""What it is worth to count seconds: the same time with improvement per trial, per second, and per second with cooling.

    python benchmarks/regret/durations.py [--problems levy4 lcbench] [--seeds 10] [--out FILE]

A simulated clock. On synthetic problems the duration grows 30 times from one corner of the space to another; on LCBench
it is the measured one, which varies 80 times. The time is what 25 evaluations at random points take. Prints the regret
over that of the search that counts trials, after each fifth of the time.
"""

import os

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import argparse
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from headstock import Bayesian, Space
from headstock.domain import Domain
from headstock.encoding import Encoding
from headstock.objective import Objective
from headstock.parameters import Parameters
from headstock.storage import open_storage
from headstock.storage.records import ExperimentSpec
from headstock.study import Study
from headstock.testing import problems as synthetic
from paired import ratios, written
from problems.tables import lcbench, lcbench_seconds, missing

ARMS: Final = {"per trial": 0.0, "per second": 1.0, "cooled": None}
EVALUATIONS: Final = 25
SHARES: Final = (0.2, 0.4, 0.6, 0.8, 1.0)
SLOWEST: Final = 30.0

Function = Callable[[Parameters], float]


def durations_of(space: Space, seed: int) -> Function:
    """Seconds that grow `SLOWEST`-fold from one corner of two directions to the other."""
    encoding, rng = Encoding.of(space), np.random.default_rng([seed, 3])
    weights = rng.standard_normal(encoding.dimensions) * ~encoding.categorical
    if not weights.any():
        weights[:] = 1.0
    low, high = np.minimum(weights, 0.0).sum(), np.maximum(weights, 0.0).sum()
    return lambda p: float(SLOWEST ** ((encoding.encode([p])[0] @ weights - low) / (high - low)))


def case(name: str, seed: int) -> tuple[Space, Function, float, Function]:
    """Space, function, optimum and seconds."""
    if name == "lcbench":
        task = lcbench(seed)
        return task.space, task.evaluate, task.optimum or 0.0, lcbench_seconds(seed)
    problem = synthetic.PROBLEMS[name](seed)
    return problem.space, problem.evaluate, problem.optimum, durations_of(problem.space, seed)


def search(space: Space, function: Function, seconds: Function, seed: int, exponent: float | None) -> list[float]:
    """The best value after each share of the time."""
    encoding = Encoding.of(space)
    sample = Domain.of(encoding, {}).sample(500, np.random.default_rng(0))
    total = EVALUATIONS * float(np.mean([seconds(encoding.decode(x)) for x in sample]))
    spec = ExperimentSpec("durations", space, Objective("value", minimize=True), seed=seed, created=0.0)
    storage = open_storage(None)
    storage.create(spec)
    study, clock = Study(storage, spec, Bayesian()), 0.0
    ends: list[float] = []
    values: list[float] = []
    while clock < total:
        study.sampler = replace(Bayesian(), cost_exponent=1.0 - clock / total if exponent is None else exponent)
        [trial] = study.ask(now=clock)
        clock += seconds(trial.parameters)
        values.append(function(trial.parameters))
        study.tell(trial.index, study.read(values[-1]), now=clock)
        ends.append(clock)
    worst = max(values)
    return [min([worst, *(v for v, end in zip(values, ends, strict=True) if end <= s * total)]) for s in SHARES]


def runs(names: list[str], seeds: range) -> Iterator[Mapping[str, Any]]:
    """One line a run."""
    for seed in seeds:
        for name in names:
            space, function, optimum, seconds = case(name, seed)
            for arm, exponent in ARMS.items():
                best = search(space, function, seconds, seed, exponent)
                yield {"problem": name, "arm": arm, "seed": seed, "regret": [b - optimum for b in best]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    known = [*synthetic.PROBLEMS, *([] if missing() else ["lcbench"])]
    parser.add_argument("--problems", nargs="+", default=known, choices=known)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/regret/durations.jsonl"))
    options = parser.parse_args()
    found = written(runs(options.problems, range(options.seeds)), options.out)
    print("after 1, 2 ... 5 fifths of the time:")
    print(ratios(found, "per trial", range(1, len(SHARES) + 1)))


if __name__ == "__main__":
    main()
