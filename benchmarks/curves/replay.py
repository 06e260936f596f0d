"""What pausable training saves: searches replayed on tables of real learning curves.

    python benchmarks/regret/install_peers.py optuna smac syne-tune  # the other libraries, in environments of their own
    python benchmarks/curves/replay.py --data FOLDER [--seeds 5] [--methods ...] [--tasks ...] [--out FILE]

For each method the normalised regret (best - found) / (best - median) after 2, 4 and 10 full trainings' worth of
epochs: `found` is the best value that any epoch reported, `best` the best of the table, `median` the median of its
final values. Where curves are noisy, what a search reports as its best counts by the mean of ten runs. Every budget is
a search of its own, as methods that know the budget use it. Prints one table, with bootstrapped 95 % intervals of the
means, and a paired comparison of ours with each other method (Wilcoxon's signed-rank test over tasks and seeds, Holm's
correction over all tests); writes a JSON line a search and skips those that are in the file. Seeds are the outermost
loop: stop it at any time.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import json
import subprocess
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
from tables import Task, tasks

BUDGETS = (2, 4, 10)
OURS = "freeze-thaw"
WORST = 2.0

METHODS: dict[str, Callable[[Table], tuple[Scheduler, Sampler]]] = {
    OURS: lambda table: (FreezeThaw(pool=table.rows), Bayesian()),
    "random, full": lambda _: (FullTraining(), Random()),
    "bayesian, full": lambda _: (FullTraining(), Bayesian()),
    "median stopping": lambda _: (MedianStopping(), Random()),
    "asha": lambda _: (SuccessiveHalving(), Random()),
    "hyperband": lambda _: (Hyperband(), Random()),
    "1 epoch, top 2": lambda _: (TopK(2, 1, 10_000), Random()),
    "3 epochs, top 2": lambda _: (TopK(2, 3, 10_000), Random()),
}
"""A scheduler and a sampler for each method; ours begins with the default sampler, then the rows are candidates."""


PEERS = {
    "optuna tpe, hyperband": ("optuna", "hyperband"),
    "optuna tpe, median": ("optuna", "median"),
    "optuna tpe, full": ("optuna", "full"),
    "smac multi-fidelity": ("smac", "hyperband"),
    "syne tune asha": ("syne-tune", "asha"),
    "syne tune bohb": ("syne-tune", "bohb"),
    "syne tune asha, cqr": ("syne-tune", "cqr"),
}
"""The environment of another library (`benchmarks/regret/install_peers.py`), and what `peers.py` is asked for."""


def search(task: Task, method: str, seed: int, budget: int) -> dict[str, Any]:
    """One search: its regret and what its decisions cost."""
    table, steps_allowed = task.table, budget * task.table.curves.shape[1]
    if method in PEERS:
        steps, seconds, trials = ask_peer(table, *PEERS[method], seed, steps_allowed)
    else:
        scheduler, sampler = METHODS[method](table)
        replay = Replay(table, scheduler, sampler, seed)
        steps = [(s.row, s.step) for s in replay.run(steps_allowed)]
        seconds, trials = replay.decision_seconds, len(replay.trials)
    sign = -1.0 if table.minimize else 1.0
    reported, truth = (np.where(np.isfinite(Y), sign * Y, -np.inf) for Y in (table.curves, task.truth))
    best, median = truth.max(), np.median(truth[:, -1])
    row, step = max(steps, key=lambda s: reported[s[0], s[1] - 1])
    return {
        "regret": float((best - truth[row, step - 1]) / (best - median)),
        "trials": trials,
        "decision_ms": 1e3 * float(np.mean(seconds)),
        "slowest_ms": 1e3 * float(np.max(seconds)),
    }


def ask_peer(
    table: Table, environment: str, method: str, seed: int, budget: int
) -> tuple[list[tuple[int, int]], list[float], int]:
    """The steps of another library's search, as (row, step), the seconds of its decisions, how many trials it began."""
    question = {
        "space": table.space.to_json()["parameters"],
        "rows": table.rows,
        "curves": np.where(np.isfinite(table.curves), table.curves, np.nan).tolist(),
        "minimize": table.minimize,
        "method": method,
        "seed": seed,
        "budget": budget,
    }
    python = Path(__file__).parents[2] / ".venv-peers" / environment / "bin" / "python"
    command = [python, Path(__file__).with_name("peers.py"), environment]
    done = subprocess.run(command, input=json.dumps(question), capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{environment}: {done.stderr[-2000:]}")
    answer = json.loads(done.stdout.splitlines()[-1])
    return [(row, step) for row, step in answer["steps"]], answer["seconds"], answer["trials"]


def holm(p_values: dict[Any, float]) -> dict[Any, float]:
    """P-values corrected for so many tests (Holm 1979)."""
    corrected, largest = {}, 0.0
    for rank, key in enumerate(sorted(p_values, key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[key]))
        corrected[key] = largest
    return corrected


def show(rows: list[dict[str, Any]]) -> None:
    """The table of regrets, then the comparisons."""
    p_values: dict[tuple[str, str, int], float] = {}
    for family in sorted({r["family"] for r in rows}):
        print(f"\n{family}: regret, median, mean and its 95 % interval over tasks and seeds")
        print(f"{'method':>22}" + "".join(f"{f'{b} T':>27}" for b in BUDGETS) + f"{'searches':>10}{'ms':>7}")
        for method in (*METHODS, *PEERS):
            own = [r for r in rows if r["method"] == method and r["family"] == family]
            if not own:
                continue
            cells = "".join(_cell([r["regret"] for r in own if r["budget"] == budget]) for budget in BUDGETS)
            print(f"{method:>22}{cells}{len(own):>10}{np.mean([r['decision_ms'] for r in own]):>7.1f}")
            for budget in BUDGETS if method != OURS else ():
                differences = _differences(rows, family, method, budget)
                if np.count_nonzero(differences):
                    p_values[family, method, budget] = float(wilcoxon(differences, alternative="less").pvalue)
    print("\nours is better than (p, Holm-corrected):")
    for (family, method, budget), p in holm(p_values).items():
        print(f"{family:>10}{method:>24}{budget:>4} T  p = {p:.2g}")


def _cell(regrets: list[float]) -> str:
    """The median, the mean and its interval; regrets above 2 count as 2."""
    if not regrets:
        return f"{'':>27}"
    clipped = np.minimum(regrets, WORST)
    means = np.random.default_rng(0).choice(clipped, (1000, len(clipped))).mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return f"{np.median(clipped):>9.3f}{clipped.mean():>7.3f} {low:.2f}-{high:.2f}"


def _differences(rows: list[dict[str, Any]], family: str, method: str, budget: int) -> np.ndarray:
    """Our regret less a method's, for each task and seed that both have searched."""
    regrets: dict[str, dict[tuple[str, int], float]] = {OURS: {}, method: {}}
    for r in rows:
        if r["family"] == family and r["budget"] == budget and r["method"] in regrets:
            regrets[r["method"]][r["task"], r["seed"]] = min(r["regret"], WORST)
    both = sorted(regrets[OURS].keys() & regrets[method].keys())
    return np.array([regrets[OURS][key] - regrets[method][key] for key in both])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="the folder that holds the tables")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--methods", nargs="+", default=[*METHODS, *PEERS], choices=[*METHODS, *PEERS])
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
            loaded = known[task](seed)
            for budget, method in product(options.budgets, options.methods):
                if (task, method, budget, seed) in done:
                    continue
                key = {"family": task.split("-")[0], "task": task, "method": method, "budget": budget, "seed": seed}
                rows.append(key | search(loaded, method, seed, budget))
                out.write(json.dumps(rows[-1]) + "\n")
                out.flush()
    show(rows)


if __name__ == "__main__":
    main()
