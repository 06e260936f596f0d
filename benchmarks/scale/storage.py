"""How long the verbs of a storage take in one SQLite file with many trials.

    python benchmarks/scale/storage.py [--trials 100000] [--steps 0] [--repeats 20] [--out FILE]

The trials lie in one experiment; each tenth has failed, and each has `--steps` reports. Prints one table of median and
slowest milliseconds, beside the bar where there is one, and writes a JSON line a row.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

import numpy as np

from headstock import Choice, Float, Int, Space
from headstock.objective import Objective
from headstock.storage import ExperimentSpec, NewTrial, Outcome, Storage, open_storage
from headstock.trial import Observation, TrialRecord, TrialState

NAME = "scale"
SPACE = Space(
    lr=Float(1e-6, 0.4, log=True),
    batchsize=Int(16, 128),
    momentum=Float(0.0, 1.0),
    dropout=Float(0.0, 0.5),
    optimizer=Choice("sgd", "adam", "rmsprop", "adagrad"),
    width=Int(16, 1024, log=True),
)
PARAMETERS = {"lr": 1e-3, "batchsize": 32, "momentum": 0.9, "dropout": 0.1, "optimizer": "adam", "width": 256}
BARS = {"open": 100.0, "best": 100.0, "newest page": 100.0, "page of the middle": 100.0, "failed page": 100.0}


def history(trials: int, steps: int) -> list[TrialRecord]:
    """Finished trials with random results."""
    values = np.random.default_rng(0).random((trials, steps + 1))
    return [
        TrialRecord(
            index,
            TrialState.COMPLETED if index % 10 else TrialState.FAILED,
            PARAMETERS,
            batch=index,
            source="bayesian",
            because="expected gain 0.8 % here, uncertain in lr",
            objective="accuracy",
            metrics={"accuracy": Observation(float(values[index, steps]))} if index % 10 else {},
            reports={"accuracy": tuple(Observation(float(values[index, s]), step=s + 1) for s in range(steps))},
            error=None if index % 10 else "RuntimeError: CUDA out of memory",
            created=1.7e9 + index,
            started=1.7e9 + index,
            finished=1.7e9 + index + 0.5,
        )
        for index in range(trials)
    ]


def verbs(storage: Storage, trials: int) -> dict[str, Callable[[], object]]:
    """What is measured, by name."""
    revision = storage.changes(NAME).revision
    numbers = count(trials)
    steps = count(1)
    running = NewTrial(PARAMETERS)
    [reporting] = storage.add_trials(NAME, [running], created=None, now=2e9)
    next(numbers)

    def add_and_finish() -> None:
        [trial] = storage.add_trials(NAME, [running], created=next(numbers), now=2e9)
        storage.finish(NAME, trial.index, Outcome(TrialState.COMPLETED, {"accuracy": Observation(0.5)}), now=2e9)

    def report() -> None:
        storage.report(NAME, reporting.index, {"accuracy": Observation(0.5, step=next(steps))}, now=2e9)

    def reopen() -> None:
        opened = open_storage(storage.url)
        opened.experiment(NAME)
        opened.close()

    newest = storage.changes(NAME, revision)
    return {
        "open": reopen,
        "best": lambda: storage.best(NAME),
        "newest page": lambda: storage.page(NAME, limit=100),
        "page of the middle": lambda: storage.page(NAME, offset=trials // 2, limit=100),
        "failed page": lambda: storage.page(NAME, states=[TrialState.FAILED], limit=100),
        "list of experiments": storage.experiments,
        "no changes": lambda: storage.changes(NAME, newest.revision),
        "add and finish": add_and_finish,
        "report": report,
        "recent changes": lambda: storage.changes(NAME, newest.revision),
        "lease from an empty queue": lambda: storage.lease(NAME, "me", now=2e9),
    }


def measure(verb: Callable[[], object], repeats: int) -> list[float]:
    """Milliseconds of each of some repeats, after one that is not counted."""
    verb()
    found = []
    for _ in range(repeats):
        began = time.perf_counter()
        verb()
        found.append(1000 * (time.perf_counter() - began))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=100_000)
    parser.add_argument("--steps", type=int, default=0)
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".jsonl"))
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        storage = open_storage(f"sqlite:///{folder}/scale.db")
        trials = history(options.trials, options.steps)
        once = {
            "create all": lambda: storage.create(ExperimentSpec(NAME, SPACE, Objective("accuracy")), trials),
            "read all": lambda: storage.changes(NAME),
        }
        for name, verb in once.items():
            began = time.perf_counter()
            verb()
            rows.append((name, [1000 * (time.perf_counter() - began)]))
        rows += [(name, measure(verb, options.repeats)) for name, verb in verbs(storage, options.trials).items()]
        storage.close()
        print(
            f"{options.trials} trials of {options.steps} steps, {Path(folder, 'scale.db').stat().st_size / 1e6:.0f} MB"
        )
    print(f"{'':28}{'median ms':>12}{'slowest ms':>12}{'bar ms':>10}")
    with options.out.open("w", encoding="utf-8") as lines:
        for name, times in rows:
            median, slowest, bar = statistics.median(times), max(times), BARS.get(name)
            print(f"{name:28}{median:12.2f}{slowest:12.2f}{'' if bar is None else format(bar, '10.0f')}")
            row = {"verb": name, "trials": options.trials, "steps": options.steps, "median_ms": median, "bar_ms": bar}
            lines.write(json.dumps(row | {"slowest_ms": slowest}) + "\n")


if __name__ == "__main__":
    main()
