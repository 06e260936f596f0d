"""CPU time of ask + tell on a mixed space of six parameters, against the number of results, on one core.

    python benchmarks/speed/suggest.py [--counts 10 100 1000] [--repeats 5] [--out FILE]

Prints one table and writes a JSON line a row. benchmarks/regret/costs.py compares with other libraries.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import json
import math
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from headstock import Choice, Experiment, Float, Int, Random, Space

SPACE = Space(
    lr=Float(1e-6, 0.4, log=True),
    batchsize=Int(16, 128),
    momentum=Float(0.0, 1.0),
    dropout=Float(0.0, 0.5),
    optimizer=Choice("sgd", "adam", "rmsprop", "adagrad"),
    width=Int(16, 1024, log=True),
)
BARS = {10: 30.0, 50: 50.0, 100: 50.0, 200: 100.0, 500: 250.0, 1000: 500.0}


def score(p: Mapping[str, Any]) -> float:
    """A smooth surface with its best near lr = 0.01, momentum = 0.9, width = 256, adam."""
    misses = (
        math.log10(p["lr"] / 1e-2) / 3,
        (p["batchsize"] - 48) / 112,
        p["momentum"] - 0.9,
        p["dropout"] - 0.2,
        math.log2(p["width"] / 256) / 6,
        0.0 if p["optimizer"] == "adam" else 0.4,
    )
    return 1.0 - sum(m * m for m in misses)


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
    experiment = Experiment("speed", SPACE, maximize="score", seed=count)
    rng = np.random.default_rng(count)
    for suggestion in Random().suggest(experiment.history, count, rng):
        experiment.attach(suggestion.parameters, score(suggestion.parameters))

    def step() -> None:
        trial = experiment.ask()
        experiment.tell(trial, score(trial.parameters))

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
