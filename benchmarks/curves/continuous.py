"""Pausable training in continuous spaces: simulated networks, whose curves cost nothing.

    python benchmarks/curves/continuous.py [--seeds 8] [--problems saturating scheduled] [--methods ...]

Tables of real curves hold a few thousand configurations; what a search makes of a whole space they do not tell. Here a
training of `STEPS` steps ends where Hartmann's function in six dimensions says, moved by the seed, and begins

    saturating   to rise at once, faster with some parameters than with others
    scheduled    low and rough, and comes to its end in the last third, as with a learning rate that falls on a schedule

Prints how far the best value that was reached, without its noise, lies from the best there is (from 0 to 1): means over
the seeds after 3, 6, 12 and 18 full trainings' worth of steps.
"""

import os

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import argparse
from collections.abc import Callable
from typing import Any, Final

import numpy as np

import headstock as hs
from headstock.testing.problems import hartmann6

STEPS: Final = 20
AT: Final = (3, 6, 12, 18)
NOISE: Final = 0.005

METHODS: Final[dict[str, Callable[[], dict[str, Any]]]] = {
    "freeze-thaw": dict,
    "bayesian, full": lambda: {"scheduler": hs.FullTraining()},
    "random, full": lambda: {"scheduler": hs.FullTraining(), "sampler": hs.Random()},
    "asha": lambda: {"scheduler": hs.SuccessiveHalving()},
    "hyperband": lambda: {"scheduler": hs.Hyperband()},
}


def curve(problem: str, x: np.ndarray, end: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A training's values without noise, and as reported."""
    progress = np.arange(1, STEPS + 1) / STEPS
    if problem == "saturating":
        values = end * (1.0 - np.exp(-(2.0 + 6.0 * x[0] + 2.0 * x[1]) * progress)) / (1.0 - np.exp(-2.0))
        return np.minimum(values, end), np.minimum(values, end) + NOISE * rng.standard_normal(STEPS)
    values = end * (0.5 + 0.5 * progress**3)
    return values, values + (NOISE + 0.1 * (1.0 - progress)) * rng.standard_normal(STEPS)


def search(problem: str, method: str, seed: int) -> list[float]:
    """How far from the best there is, after each of `AT`."""
    function = hartmann6(seed)
    reached: list[float] = []

    def train(trial: hs.Trial) -> None:
        x = np.array([*trial.parameters.values()])
        end = function.evaluate(trial.parameters) / function.optimum
        values, reported = curve(problem, x, end, np.random.default_rng([seed, trial.index]))
        trial.attach(state={})
        for step in trial.steps(STEPS):
            trial.report(accuracy=reported[step])
            reached.append(max(reached[-1] if reached else 0.0, values[step]))

    experiment = hs.Experiment("continuous", function.space, maximize="accuracy", seed=seed, **METHODS[method]())
    experiment.run(train, budget=hs.Budget(steps=max(AT) * STEPS), progress=False)
    return [1.0 - reached[min(len(reached), at * STEPS) - 1] for at in AT]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--problems", nargs="+", default=["saturating", "scheduled"])
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=METHODS)
    options = parser.parse_args()
    print(f"{'problem':>12}{'method':>18}" + "".join(f"{at:>6} T" for at in AT))
    for problem in options.problems:
        for method in options.methods:
            found = [search(problem, method, seed) for seed in range(options.seeds)]
            print(f"{problem:>12}{method:>18}" + "".join(f"{mean:8.3f}" for mean in np.mean(found, axis=0)), flush=True)


if __name__ == "__main__":
    main()
