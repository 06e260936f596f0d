"""The race: problems x libraries x seeds, one JSON line a run; what the file holds already is not run again.

    python benchmarks/regret/race.py --libraries headstock optuna-tpe --problems tuning --seeds 10 --out FILE

Problems are named, or by group, or `tuning`, or `held-out`. Seeds are outermost, so that what an interrupted race
leaves is balanced. `--label` names another version of headstock, run with PYTHONPATH pointing at its src.
"""

import os

# One thread here and in the processes of the other libraries, before NumPy starts its own.
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = "1"

import argparse
import heapq
import json
import math
import sys
import traceback
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from headstock.parameters import Parameters
from optimizers import LIBRARIES, Optimizer, Ours, Peer
from problems import PROBLEMS, Entry, Task, chosen

RECOMMENDED_EVERY: Final = 5
"""On noisy problems each library is asked what it recommends after so many trials."""


class Job(NamedTuple):
    """One run."""

    problem: str
    library: str
    label: str
    seed: int
    trials: int


@cache
def _optimizer(library: str) -> Ours | Peer:
    """A process of the pool keeps what it has opened, for importing costs more than many a run."""
    return LIBRARIES[library].make()


def run(job: Job) -> dict[str, Any]:
    """One run as one line: the value of the best so far after each trial, without noise, and what it took."""
    entry = PROBLEMS[job.problem]
    task = entry.make(job.seed)
    try:
        optimizer = _optimizer(job.library)
        optimizer.start(task.space, job.seed, job.trials, entry.workers)
        best, failed, cpu = play(entry, task, optimizer, job.seed, job.trials)
    except Exception:
        _optimizer.cache_clear()  # its process is gone, or in an unknown state
        raise
    return {
        **job._asdict(),
        "optimum": task.optimum,
        "best": [None if math.isnan(value) else float(f"{value:.8g}") for value in best],
        "failed": failed,
        "cpu": [float(f"{seconds:.3g}") for seconds in cpu],
        "versions": dict(optimizer.versions),
    }


def play(
    entry: Entry, task: Task, optimizer: Optimizer, seed: int, trials: int
) -> tuple[list[float], list[int], list[float]]:
    """Let workers evaluate what the optimizer asks for, on a clock of the simulation's own.

    Noise and durations belong to the seed and the trial's number, so that they are the same for every library.

    Returns:
        The value without noise of the best so far after each finished trial (NaN before the first that works), the
        numbers of those that failed, and the CPU seconds of asking and telling by trial.
    """
    durations = np.random.default_rng([seed, 1]).lognormal(0.0, 0.5, trials)
    noise = np.random.default_rng([seed, 2]).standard_normal(trials)
    noise *= entry.noise * task.spread() if entry.noise else 0.0
    seen: list[tuple[float, float]] = []
    running: list[tuple[float, int, int, Parameters]] = []
    best: list[float] = []
    failed: list[int] = []
    cpu = np.zeros(trials)

    def finish() -> float:
        now, number, key, parameters = heapq.heappop(running)
        value = task.evaluate(parameters)
        before = optimizer.cpu
        optimizer.tell(key, None if math.isnan(value) else value + noise[number])
        cpu[number] += optimizer.cpu - before
        if math.isnan(value):
            failed.append(number)
        if entry.noise:
            seen.append((value + noise[number], value))
            best.append(_recommended(task, optimizer, seen, best))
        else:
            best.append(float(np.fmin(value, best[-1] if best else math.nan)))
        return now

    now = 0.0
    for number in range(trials):
        if len(running) == entry.workers:
            now = finish()
        before = optimizer.cpu
        key, parameters = optimizer.ask()
        cpu[number] += optimizer.cpu - before
        heapq.heappush(running, (now + durations[number], number, key, parameters))
    while running:
        finish()
    return best, failed, cpu.tolist()


def _recommended(task: Task, optimizer: Optimizer, seen: list[tuple[float, float]], best: list[float]) -> float:
    """The value without noise of what is recommended now; between two recommendations the older one stands."""
    if best and len(seen) % RECOMMENDED_EVERY:
        return best[-1]
    parameters = optimizer.best()
    return min(seen)[1] if parameters is None else task.evaluate(parameters)


def _finished(out: Path) -> set[Job]:
    """The runs that a file holds."""
    if not out.exists():
        return set()
    rows = map(json.loads, out.read_text(encoding="utf-8").splitlines())
    return {Job(*(row[name] for name in Job._fields)) for row in rows}


def main() -> int:
    """Run what is missing, and append each line when it is there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--libraries", nargs="+", default=["headstock"], choices=LIBRARIES, metavar="LIBRARY")
    parser.add_argument("--problems", nargs="+", default=["tuning"], metavar="PROBLEM")
    parser.add_argument("--seeds", type=int, default=10, help="how many, from --first-seed on")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--trials", type=int, default=100, help="at most; slow libraries have fewer")
    parser.add_argument("--patient", action="store_true", help="slow libraries have as many trials, too")
    parser.add_argument("--label", help="what headstock is called in the tables")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    jobs = [
        Job(
            problem,
            library,
            options.label if options.label and library == "headstock" else library,
            seed,
            options.trials if options.patient else min(options.trials, LIBRARIES[library].most),
        )
        for seed in range(options.first_seed, options.first_seed + options.seeds)
        for problem in chosen(options.problems)
        for library in options.libraries
    ]
    finished = _finished(options.out)
    jobs = [job for job in jobs if job not in finished]
    broken = 0
    options.out.parent.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(options.processes) as pool, options.out.open("a", encoding="utf-8") as lines:
        futures = {pool.submit(run, job): job for job in jobs}
        for done, future in enumerate(as_completed(futures), 1):
            job = futures[future]
            error = future.exception()
            if error is None:
                lines.write(json.dumps(future.result()) + "\n")
                lines.flush()
            else:
                broken += 1
                traceback.print_exception(error)
            print(f"{done}/{len(jobs)} {job.label} on {job.problem}, seed {job.seed}", file=sys.stderr, flush=True)
    return broken > 0


if __name__ == "__main__":
    sys.exit(main())
