"""CPU time of a suggestion after many results: the same random results given to every library, on one thread.

    python benchmarks/regret/costs.py [--libraries headstock ax ...] [--counts 100 1000] [--repeats 3] [--out FILE]

Each repeat is an ask and its tell on the `training` problem, six mixed parameters; one that is not counted goes before.
Prints one table, with the ratio to headstock in the same run, and writes a JSON line a row.
"""

import os

# One thread here and in the processes of the other libraries, before NumPy starts its own.
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = "1"

import argparse
import json
import statistics
from pathlib import Path

import numpy as np

from headstock.domain import Domain
from headstock.encoding import Encoding
from headstock.testing.problems import training
from optimizers import LIBRARIES, Peer


def measure(library: str, count: int, repeats: int) -> list[float]:
    """CPU seconds of ask and tell, repeatedly, with `count` results or a few more."""
    problem = training(0)
    encoding = Encoding.of(problem.space)
    X = Domain.of(encoding, {}).sample(count, np.random.default_rng(count))
    configurations = [encoding.decode(x) for x in X]
    optimizer = LIBRARIES[library].make()
    try:
        optimizer.start(problem.space, 0, count + repeats + 1, 1)
        optimizer.know([(parameters, problem.evaluate(parameters)) for parameters in configurations])
        found = []
        for _ in range(repeats + 1):
            before = optimizer.cpu
            key, parameters = optimizer.ask()
            optimizer.tell(key, problem.evaluate(parameters))
            found.append(optimizer.cpu - before)
        return found[1:]
    finally:
        if isinstance(optimizer, Peer):
            optimizer.close()


def main() -> None:
    """Measure and print, library by library."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--libraries", nargs="+", default=list(LIBRARIES), choices=LIBRARIES, metavar="LIBRARY")
    parser.add_argument("--counts", nargs="+", type=int, default=[100, 1000])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/regret/costs.jsonl"))
    options = parser.parse_args()
    print("| results | library | CPU seconds, median | least | most | ratio to headstock |")
    print("|--------:|---------|--------------------:|------:|-----:|-------------------:|")
    with options.out.open("w", encoding="utf-8") as lines:
        for count in options.counts:
            ours = None
            for library in options.libraries:
                found = measure(library, count, options.repeats)
                lines.write(json.dumps({"results": count, "library": library, "cpu": found}) + "\n")
                median = statistics.median(found)
                ours = median if library == "headstock" else ours
                ratio = f"{median / ours:.1f}" if ours else ""
                print(
                    f"| {count} | {library} | {median:.3g} | {min(found):.3g} | {max(found):.3g} | {ratio} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
