"""Random spaces with random histories: no exception, no warning, no point outside the space, none twice.

    python benchmarks/robustness/spaces.py [--cases 10000] [--first 0] [--processes 1]

Duplicates, constant values, huge and tiny scales, whole numbers with a million levels, 50 categories, conditions,
constraints, beliefs, everything failed. Of every case the metric is also scaled by a power of two, which must change no
suggestion. Prints one line for each case that breaks a promise, and a summary.
"""

import os

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import argparse
import time
import traceback
import warnings
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

import numpy as np

from cases import Case, drawn_case
from headstock import Bayesian
from headstock.errors import SpaceExhaustedError
from headstock.history import History
from headstock.samplers import Suggestion
from headstock.trial import Observation


def suggest(case: Case) -> list[Suggestion]:
    """What is suggested; nothing if there is nothing left."""
    rng = np.random.default_rng([case.history.seed, len(case.history)])
    try:
        return list(Bayesian().suggest(case.history, case.count, rng, case.given))
    except SpaceExhaustedError:
        assert case.history.space.size is not None
        return []


def scaled(history: History, factor: float) -> History:
    """The history with another unit of the objective."""

    def changed(o: Observation) -> Observation:
        return Observation(factor * o.mean, None if o.sem is None else factor * o.sem)

    trials = (
        replace(t, metrics={m: changed(o) if m == "value" else o for m, o in t.metrics.items()}) for t in history.trials
    )
    return replace(history, trials=tuple(trials))


def check(seed: int, *, units: bool = True) -> str:
    """Check one case.

    Args:
        seed: which.
        units: whether to check that the unit of the metric does not matter.

    Returns:
        Who suggested; "fallback" if the model could not be used.

    Raises:
        AssertionError: if a promise is broken.
    """
    case = drawn_case(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        suggestions = suggest(case)
        space = case.history.space
        for suggestion in suggestions:
            assert space.validate(suggestion.parameters) == suggestion.parameters, "outside the space"
            for name, value in case.given.items():
                assert suggestion.parameters[name] == value, "not as given"
        different = {repr(s.parameters) for s in suggestions}
        assert len(different) == len(suggestions), "the same twice"
        tried = {repr(dict(t.parameters)) for t in case.history}
        decided = set(case.given) >= set(space.searched)
        assert decided or not different & tried or case.given, "tried before"
        if units and case.style not in {"huge", "tiny", "many scales"}:  # these leave the range of normal numbers
            other = suggest(replace(case, history=scaled(case.history, 0.125)))
            assert [s.parameters for s in other] == [s.parameters for s in suggestions], "depends on the unit"
    if any("could not be used" in s.because for s in suggestions):
        return "fallback"
    return suggestions[0].source if suggestions else "exhausted"


def checked(seed: int) -> tuple[str, str | None]:
    """Who suggested, or what is broken, with where."""
    try:
        return check(seed), None
    except Exception as error:  # noqa: BLE001 - whatever it is, it is reported
        where = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{os.path.basename(where.filename)}:{where.lineno}"  # noqa: PTH119
        return "broken", f"case {seed} ({drawn_case(seed).style}): {type(error).__name__}: {error} [{place}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--processes", type=int, default=1)
    options = parser.parse_args()
    began, counts = time.perf_counter(), Counter[str]()
    seeds = range(options.first, options.first + options.cases)
    with ProcessPoolExecutor(options.processes) as pool:
        for source, broken in pool.map(checked, seeds, chunksize=20):
            counts[source] += 1
            if broken:
                print(broken, flush=True)
    summary = ", ".join(f"{count} {source}" for source, count in counts.most_common())
    print(f"{options.cases} cases in {time.perf_counter() - began:.0f} s: {summary}")


if __name__ == "__main__":
    main()
