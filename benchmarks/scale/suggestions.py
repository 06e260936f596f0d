"""What a suggestion and a look at the budget cost after up to 100,000 results, and how much memory it takes.

    python benchmarks/scale/suggestions.py [--counts 1000 10000 100000] [--steps 0] [--plateau 0] [--repeats 5]
        [--out FILE]

One SQLite file on a mixed space of six parameters, `--steps` reports a trial, one core; each count in a process of its
own. With a plateau so large a share of the results equals the best one. The first suggestion of a worker that joins is
also given with the start of Python and all imports. A look at the budget is what a run does at each decision: what is
left of its steps and cost. Prints one table and writes a JSON line a row.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from headstock import Bayesian, Budget, Experiment, Random
from headstock.history import History
from headstock.objective import Objective
from headstock.storage import ExperimentSpec, open_storage
from headstock.testing.problems import training
from headstock.trial import Observation, TrialRecord, TrialState

PROBLEM = training()
BUDGET = Budget(steps=10**8, cost=1e9)


def fill(url: str, count: int, steps: int, plateau: float) -> float:
    """An experiment with so many random results, of which so large a share is the best one; no result is less."""
    objective = Objective("error", minimize=True)
    suggestions = Random().suggest(History(PROBLEM.space, objective), count, np.random.default_rng(count))
    errors = [PROBLEM.evaluate(suggestion.parameters) for suggestion in suggestions]
    floor = float(np.quantile(errors, plateau)) if plateau else 0.0
    results = np.maximum(errors, floor).tolist()
    trials = [
        TrialRecord(
            index,
            TrialState.COMPLETED,
            suggestion.parameters,
            batch=index,
            objective="error",
            metrics={"error": Observation(result)},
            reports={"error": tuple(Observation(result, step=step) for step in range(1, steps + 1))} if steps else {},
            created=1.7e9 + index,
            started=1.7e9 + index,
            finished=1.7e9 + index + 0.5,
        )
        for index, (suggestion, result) in enumerate(zip(suggestions, results, strict=True))
    ]
    storage = open_storage(url)
    storage.create(ExperimentSpec("scale", PROBLEM.space, objective, seed=count, sampler=Bayesian().to_json()), trials)
    storage.close()
    return floor


def measure(url: str, repeats: int, floor: float) -> dict[str, Any]:
    """Milliseconds of CPU of the first ask and tell of this process, of those after it, and of looks at the budget."""
    began = time.process_time()
    experiment = Experiment.open("scale", storage=url)

    def step() -> float:
        trial = experiment.ask()
        experiment.tell(trial, max(PROBLEM.evaluate(trial.parameters), floor))
        return time.process_time()

    ends = [step() for _ in range(repeats + 2)]
    later = [1000 * (end - start) for start, end in pairwise(ends[1:])]
    looks = []
    for _ in range(repeats + 1):
        history = experiment.history
        since = time.process_time()
        BUDGET.is_over(history, 0.0)
        BUDGET.left(history, 0.0, 1)
        looks.append(1000 * (time.process_time() - since))
        experiment.attach(history.trials[0].parameters, 0.5)  # so that the next look is at another history
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "first_ms": 1000 * (ends[0] - began),
        "with_imports_ms": 1000 * ends[0],
        "later_ms": later,
        "budget_ms": looks[1:],
        "peak_mib": peak,
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--counts", type=int, nargs="+", default=[1_000, 3_000, 10_000, 30_000, 100_000])
    parser.add_argument("--steps", type=int, default=0, help="reports of each trial")
    parser.add_argument("--plateau", type=float, default=0.0, help="share of the results that equal the best")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/scale/suggestions.jsonl"))
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    parser.add_argument("--floor", type=float, default=0.0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.measure, options.repeats, options.floor)))
        return
    print("CPU time of ask + tell, and of a look at the budget, in ms")
    names = f"{'results':>8} {'first':>9} {'with imports':>13} {'later: median':>14} {'max':>8}"
    print(f"{names} {'budget':>7} {'peak MiB':>9}")
    with options.out.open("w", encoding="utf-8") as lines, tempfile.TemporaryDirectory() as folder:
        for count in options.counts:
            url = f"sqlite:///{folder}/{count}.db"
            floor = fill(url, count, options.steps, options.plateau)
            command = [
                sys.executable,
                __file__,
                "--measure",
                url,
                "--floor",
                str(floor),
                "--repeats",
                str(options.repeats),
            ]
            row = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            lines.write(json.dumps({"results": count, **row}) + "\n")
            later = row["later_ms"]
            print(
                f"{count:>8} {row['first_ms']:>9.0f} {row['with_imports_ms']:>13.0f} {statistics.median(later):>14.1f} "
                f"{max(later):>8.1f} {statistics.median(row['budget_ms']):>7.2f} {row['peak_mib']:>9.0f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
