"""How long freeze-thaw takes to decide: milliseconds of the processor, the sampler's proposal included.

    python benchmarks/curves/decision_time.py [--out FILE]

Simulated curves of random lengths, all but the whole ones paused. The first decision fits the hyper-parameters of both
models; the later ones, of which the median is printed, find those of the curves in the history.
"""

import os

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = "1"

import argparse
import json
import statistics
import time
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from headstock.history import History
from headstock.objective import Objective
from headstock.samplers.bayesian import Bayesian
from headstock.schedulers.base import Decision, Start
from headstock.schedulers.freeze_thaw import FreezeThaw
from headstock.testing.schedulers import table
from headstock.trial import Observation, TrialRecord, TrialState

SIZES: Final = ((20, 50), (100, 50), (200, 50), (300, 50), (1000, 100))
REPETITIONS: Final = 7


def drawn(n: int, last: int) -> History:
    """A history of n curves, each as long as chance has it."""
    curves, rng, trials = table(rows=n, steps=last), np.random.default_rng(0), []
    for i, values in enumerate(curves.curves):
        length = int(rng.integers(1, last + 1))
        reports = tuple(Observation(float(y), step=step + 1) for step, y in enumerate(values[:length]))
        whole = length == last
        state, metrics = (TrialState.COMPLETED, {"value": reports[-1]}) if whole else (TrialState.PAUSED, {})
        trials.append(TrialRecord(i, state, curves.rows[i], batch=i, reports={"value": reports}, metrics=metrics))
    return History(curves.space, Objective("value"), tuple(trials), seed=0)


def decision(history: History, last: int) -> tuple[float, Decision]:
    """A decision, and the seconds that it took."""
    rng, fresh = np.random.default_rng(1), replace(history)  # that nothing which was found out before is kept
    began = time.process_time()
    [decided] = FreezeThaw(max_steps=last).decide(
        fresh, 1, lambda count, given=None: Bayesian().suggest(given or fresh, count, rng), rng, steps_left=1e5
    )
    return time.process_time() - began, decided


def measure(n: int, last: int) -> dict[str, float]:
    """Milliseconds of the first decision and of those after it."""
    history = drawn(n, last)
    first, decided = decision(history, last)
    memo = decided.suggestion.memo if isinstance(decided, Start) else decided.memo
    known = replace(history, trials=(replace(history.trials[0], memo=memo), *history.trials[1:]))
    later = [decision(known, last)[0] for _ in range(1 + REPETITIONS)][1:]
    return {"curves": n, "steps": last, "first": round(1e3 * first), "later": round(1e3 * statistics.median(later), 1)}


def main() -> None:
    """Print a line a size, and write it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("decision_time.jsonl"))
    with parser.parse_args().out.open("w", encoding="utf-8") as out:
        for size in SIZES:
            found = measure(*size)
            print("{curves:5} curves of {steps} steps: {first:4} ms at first, then {later} ms".format(**found))
            print(json.dumps(found), file=out, flush=True)


if __name__ == "__main__":
    main()
