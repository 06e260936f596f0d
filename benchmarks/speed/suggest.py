"""CPU time of ask + tell on a mixed space of six parameters, against the number of results, on one core.

    python benchmarks/speed/suggest.py [--counts 10 100 1000] [--repeats 5] [--plateau SHARE] [--out FILE]

With a plateau so large a share of the results equals the best one; every second suggestion weighs that, and an
acquisition function that is nearly flat takes longer to climb. Prints one table and writes a JSON line a row.
benchmarks/regret/costs.py compares with other libraries.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from headstock import Experiment, Random
from headstock.testing.problems import training

PROBLEM = training()
BARS = {10: 30.0, 50: 50.0, 100: 50.0, 200: 100.0, 500: 250.0, 1000: 500.0}


def measure(step: Callable[[], None], repeats: int) -> list[float]:
    """CPU milliseconds of each of some repeats, after one that is not counted."""
    step()
    found = []
    for _ in range(repeats):
        began = time.process_time()
        step()
        found.append(1000 * (time.process_time() - began))
    return found


def headstock(count: int, repeats: int, plateau: float) -> list[float]:
    """Ask and tell with `count` results, of which so large a share is the best."""
    experiment = Experiment("speed", PROBLEM.space, minimize="error", seed=count)
    rng = np.random.default_rng(count)
    suggested = [s.parameters for s in Random().suggest(experiment.history, count, rng)]
    results = [PROBLEM.evaluate(parameters) for parameters in suggested]
    floor = float(np.quantile(results, plateau)) if plateau else 0.0
    for parameters, result in zip(suggested, results, strict=True):
        experiment.attach(parameters, max(result, floor))

    def step() -> None:
        trial = experiment.ask()
        experiment.tell(trial, max(PROBLEM.evaluate(trial.parameters), floor))

    return measure(step, repeats)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--counts", type=int, nargs="+", default=[10, 50, 100, 200, 500, 1000])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--plateau", type=float, default=0.0, help="share of the results that equal the best")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/speed/suggest.jsonl"))
    options = parser.parse_args()
    print(f"{'results':>8} {'median ms':>10} {'min':>8} {'max':>8} {'bar':>6}")
    with options.out.open("w", encoding="utf-8") as lines:
        for count in options.counts:
            found = headstock(count, options.repeats, options.plateau)
            lines.write(json.dumps({"results": count, "plateau": options.plateau, "cpu_ms": found}) + "\n")
            bar = f"{BARS[count]:.0f}" if count in BARS else ""
            median = statistics.median(found)
            print(f"{count:>8} {median:>10.1f} {min(found):>8.1f} {max(found):>8.1f} {bar:>6}", flush=True)


if __name__ == "__main__":
    main()
