"""CPU time of ask + tell on a mixed space of six parameters, against the number of results, on one core.

    python benchmarks/speed/suggest.py [--counts 10 100 1000] [--repeats 5] [--out FILE]

Prints one table and writes a JSON line a row. Where Optuna is installed its TPE and GP samplers are measured in the
same run, which gives ratios that hold on any machine.
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
from importlib.util import find_spec
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


def optuna(kind: str) -> Callable[[int, int], list[float]]:
    """Ask and tell of one of Optuna's samplers."""

    def measured(count: int, repeats: int) -> list[float]:
        import optuna as peer

        peer.logging.set_verbosity(peer.logging.ERROR)
        sampler = peer.samplers.TPESampler(seed=0) if kind == "TPE" else peer.samplers.GPSampler(seed=0)
        study = peer.create_study(direction="maximize", sampler=peer.samplers.RandomSampler(seed=count))

        def step() -> None:
            trial = study.ask()
            parameters = {
                "lr": trial.suggest_float("lr", 1e-6, 0.4, log=True),
                "batchsize": trial.suggest_int("batchsize", 16, 128),
                "momentum": trial.suggest_float("momentum", 0.0, 1.0),
                "dropout": trial.suggest_float("dropout", 0.0, 0.5),
                "optimizer": trial.suggest_categorical("optimizer", ["sgd", "adam", "rmsprop", "adagrad"]),
                "width": trial.suggest_int("width", 16, 1024, log=True),
            }
            study.tell(trial, score(parameters))

        for _ in range(count):
            step()
        study.sampler = sampler
        return measure(step, repeats)

    return measured


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--counts", type=int, nargs="+", default=[10, 50, 100, 200, 500, 1000])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/speed/suggest.jsonl"))
    options = parser.parse_args()
    libraries: dict[str, Callable[[int, int], list[float]]] = {"headstock": headstock}
    if find_spec("optuna") is not None:
        libraries |= {"optuna TPE": optuna("TPE"), "optuna GP": optuna("GP")}
    print(f"{'results':>8} {'library':>12} {'median ms':>10} {'min':>8} {'max':>8} {'bar':>6}")
    with options.out.open("w", encoding="utf-8") as lines:
        for count in options.counts:
            for name, run in libraries.items():
                found = run(count, options.repeats)
                row = {"results": count, "library": name, "cpu_ms": found}
                lines.write(json.dumps(row) + "\n")
                bar = f"{BARS[count]:.0f}" if name == "headstock" and count in BARS else ""
                median = statistics.median(found)
                print(
                    f"{count:>8} {name:>12} {median:>10.1f} {min(found):>8.1f} {max(found):>8.1f} {bar:>6}", flush=True
                )


if __name__ == "__main__":
    main()
