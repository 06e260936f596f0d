"""Is the ± of a winner honest? How often a 95 % interval holds the true value, by noise and number of trials.

    python benchmarks/regret/winners.py [--seeds 8] [--first-seed 0]

Branin, Hartmann-6, Levy-3, Rosenbrock-3 and the imagined training, searched with noise of a share of the range (the
spread of the middle 90 % of random points). Three kinds of points: the best believed arm, all arms, 100 random points;
each with the most probable hyper-parameters alone ("mode"), and averaged over them as `best()` is ("averaged").
"""

import os

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import argparse
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

import numpy as np

from headstock import Experiment
from headstock.domain import Domain
from headstock.encoding import Encoding
from headstock.testing.problems import Problem, branin, hartmann6, levy, rosenbrock, training

PROBLEMS: Final[tuple[Callable[[int], Problem], ...]] = (
    branin,
    hartmann6,
    partial(levy, 3),
    partial(rosenbrock, 3),
    training,
)
NOISES: Final = (0.0, 0.01, 0.03, 0.1)
AFTER: Final = (12, 20, 40)
WITHIN: Final = 1.96


def judged(problem: Problem, noise: float, seed: int) -> Iterator[tuple[tuple[int, str, str], float]]:
    """For each number of trials, way and kind of points, the share of true values within 1.96 standard errors."""
    rng, encoding = np.random.default_rng([seed, 5]), Encoding.of(problem.space)
    random = Domain.of(encoding, {}).sample(300, rng)

    def truth(X: np.ndarray) -> np.ndarray:
        return np.array([problem.evaluate(encoding.decode(x)) for x in X])

    scale = noise * np.ptp(np.quantile(truth(random), [0.05, 0.95]))
    experiment = Experiment("winners", problem.space, minimize="value", seed=seed)
    for n in range(1, max(AFTER) + 1):
        trial = experiment.ask()
        experiment.tell(trial, problem.evaluate(trial.parameters) + scale * rng.standard_normal())
        if n not in AFTER:
            continue
        model = experiment.model()
        surrogate = model.surrogate()
        for way, posterior in {"mode": surrogate.posterior, "averaged": model.averaged()}.items():
            for kind, X in {"arms": surrogate.X, "random": random[:100]}.items():
                mean, variance = posterior.predict(X)
                within = np.abs(surrogate.transform.apply(truth(X)) - mean) <= WITHIN * np.sqrt(variance)
                yield (n, way, kind), float(within.mean())
                if kind == "arms":
                    yield (n, way, "winner"), float(within[np.argmax(mean)])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--first-seed", type=int, default=0)
    arguments = parser.parse_args()
    print("noise trials   winner: mode averaged   arms: mode averaged   random: mode averaged", flush=True)
    for noise in NOISES:
        shares = defaultdict(list)
        for seed in range(arguments.first_seed, arguments.first_seed + arguments.seeds):
            for make in PROBLEMS:
                for key, share in judged(make(seed), noise, seed):
                    shares[key].append(share)
        for n in AFTER:
            of = {
                kind: [np.mean(shares[n, way, kind]) for way in ("mode", "averaged")]
                for kind in ("winner", "arms", "random")
            }
            cells = "       ".join(f"{mode:13.2f} {averaged:8.2f}" for mode, averaged in of.values())
            print(f"{noise:5.2f} {n:6d} {cells}", flush=True)


if __name__ == "__main__":
    main()
