"""CPU time of ask + tell on a mixed space of six parameters, against the number of results, on one core.

    python benchmarks/speed/suggest.py [--counts 10 100 1000] [--repeats 5] [--out FILE]

Prints one table and writes a JSON line a row. benchmarks/regret/costs.py compares with other libraries.
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


def headstock(count: int, repeats: int) -> list[float]:
    """Ask and tell with `count` results."""
    experiment = Experiment("speed", PROBLEM.space, minimize="error", seed=count)
    rng = np.random.default_rng(count)
    for suggestion in Random().suggest(experiment.history, count, rng):
        experiment.attach(suggestion.parameters, PROBLEM.evaluate(suggestion.parameters))

    def step() -> None:
        trial = experiment.ask()
        experiment.tell(trial, PROBLEM.evaluate(trial.parameters))

    return measure(step, repeats)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--counts", type=int, nargs="+", default=[10, 50, 100, 200, 500, 1000])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/speed/suggest.jsonl"))
    options = parser.parse_args()
    print(f"{'results':>8} {'median ms':>10} {'min':>8} {'max':>8} {'bar':>6}")
    with options.out.open("w", encoding="utf-8") as lines:
        for count in options.counts:
            found = headstock(count, options.repeats)
            lines.write(json.dumps({"results": count, "cpu_ms": found}) + "\n")
            bar = f"{BARS[count]:.0f}" if count in BARS else ""
            median = statistics.median(found)
            print(f"{count:>8} {median:>10.1f} {min(found):>8.1f} {max(found):>8.1f} {bar:>6}", flush=True)


if __name__ == "__main__":
    main()
