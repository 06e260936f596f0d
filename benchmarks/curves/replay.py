"""What pausable training saves: searches replayed on tables of real learning curves.

    python benchmarks/curves/replay.py --data FOLDER [--seeds 5] [--methods ...] [--tasks ...] [--out FILE]

For each method the normalised regret (best - found) / (best - median) after 2, 4 and 10 full trainings' worth of
epochs: `found` is the best value that any epoch reported, `best` the best of the table, `median` the median of its
final values. Every budget is a search of its own, as methods that know the budget use it. Prints one table and a paired
comparison of ours with each other method (Wilcoxon's signed-rank test over tasks and seeds, Holm's correction); writes
a JSON line a search and skips those that are in the file. Seeds are the outermost loop: stop it at any time.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import json
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import wilcoxon

from headstock import (
    Bayesian,
    FreezeThaw,
    FullTraining,
    Hyperband,
    MedianStopping,
    Random,
    SuccessiveHalving,
    TopK,
)
from headstock.samplers import Sampler
from headstock.schedulers import Scheduler
from headstock.testing.replay import Replay, Table
from tables import tasks

BUDGETS = (2, 4, 10)
OURS = "freeze-thaw"

METHODS: dict[str, Callable[[Table], tuple[Scheduler, Sampler]]] = {
    OURS: lambda table: (FreezeThaw(pool=table.rows), Random()),
    "random, full": lambda _: (FullTraining(), Random()),
    "bayesian, full": lambda _: (FullTraining(), Bayesian()),
    "median stopping": lambda _: (MedianStopping(), Random()),
    "asha": lambda _: (SuccessiveHalving(), Random()),
    "hyperband": lambda _: (Hyperband(), Random()),
    "1 epoch, top 2": lambda _: (TopK(2, 1, 10_000), Random()),
    "3 epochs, top 2": lambda _: (TopK(2, 3, 10_000), Random()),
}
"""A scheduler and a sampler for each method; rows are drawn at random unless a model chooses them."""


def search(table: Table, method: str, seed: int, budget: int) -> dict[str, Any]:
    """One search: its regret and what its decisions cost."""
    scheduler, sampler = METHODS[method](table)
    replay = Replay(table, scheduler, sampler, seed)
    steps = replay.run(budget * table.curves.shape[1])
    sign = -1.0 if table.minimize else 1.0
    values = np.where(np.isfinite(table.curves), sign * table.curves, -np.inf)
    best, median = values.max(), np.median(values[:, -1])
    found = max(sign * s.value for s in steps if np.isfinite(s.value))
    return {
        "regret": float((best - found) / (best - median)),
        "trials": len(replay.trials),
        "decision_ms": 1e3 * float(np.mean(replay.decision_seconds)),
        "slowest_ms": 1e3 * float(np.max(replay.decision_seconds)),
    }


def holm(p_values: dict[Any, float]) -> dict[Any, float]:
    """P-values corrected for so many tests (Holm 1979)."""
    corrected, largest = {}, 0.0
    for rank, key in enumerate(sorted(p_values, key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[key]))
        corrected[key] = largest
    return corrected


def show(rows: list[dict[str, Any]]) -> None:
    """The table of regrets, then the comparisons."""
    by_key = {(r["family"], r["method"], r["budget"], r["task"], r["seed"]): r for r in rows}
    p_values: dict[tuple[str, str, int], float] = {}
    for family in sorted({r["family"] for r in rows}):
        print(f"\n{family}: regret, median and mean over tasks and seeds")
        print(f"{'method':>18}" + "".join(f"{f'{b} T':>16}" for b in BUDGETS) + f"{'searches':>10}{'ms':>8}")
        for method in METHODS:
            own = [r for r in rows if r["method"] == method and r["family"] == family]
            if not own:
                continue
            line = f"{method:>18}"
            for budget in BUDGETS:
                regrets = [r["regret"] for r in own if r["budget"] == budget]
                line += f"{np.median(regrets):>9.3f}{np.mean(regrets):>7.3f}" if regrets else f"{'':>16}"
                pairs = [
                    (by_key[family, OURS, budget, r["task"], r["seed"]]["regret"], r["regret"])
                    for r in own
                    if r["budget"] == budget and (family, OURS, budget, r["task"], r["seed"]) in by_key
                ]
                differences = np.array([a - b for a, b in pairs])
                if method != OURS and np.count_nonzero(differences) >= 5:
                    p_values[family, method, budget] = float(wilcoxon(differences, alternative="less").pvalue)
            print(line + f"{len(own):>10}{np.mean([r['decision_ms'] for r in own]):>8.1f}")
    print("\nours is better than (p, Holm-corrected):")
    for (family, method, budget), p in holm(p_values).items():
        print(f"{family:>10}{method:>18}{budget:>4} T  p = {p:.3g}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="the folder that holds the tables")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=list(METHODS))
    parser.add_argument("--tasks", nargs="+", help="some of the tasks; all if left out")
    parser.add_argument("--budgets", nargs="+", type=int, default=list(BUDGETS), choices=BUDGETS)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/curves/replay.jsonl"))
    options = parser.parse_args()
    known = tasks(options.data)
    lines = options.out.read_text(encoding="utf-8").splitlines() if options.out.exists() else []
    rows = [json.loads(line) for line in lines]
    done = {(r["task"], r["method"], r["budget"], r["seed"]) for r in rows}
    with options.out.open("a", encoding="utf-8") as out:
        for seed, task in product(range(options.seeds), options.tasks or known):
            table = known[task]()
            for budget, method in product(options.budgets, options.methods):
                if (task, method, budget, seed) in done:
                    continue
                key = {"family": task.split("-")[0], "task": task, "method": method, "budget": budget, "seed": seed}
                rows.append(key | search(table, method, seed, budget))
                out.write(json.dumps(rows[-1]) + "\n")
                out.flush()
    show(rows)


if __name__ == "__main__":
    main()
