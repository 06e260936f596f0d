"""What a trial of a script costs beyond the script: CPU time of headstock itself, for a script that does nothing.

    python benchmarks/speed/command.py [--trials 100] [--out FILE]

The script is `sh -c 'echo score=1'`, the sampler is random, the storage a SQLite file; the first trial is not counted.
Prints one table beside the bar of 60 ms, and writes a JSON line.
"""

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from headstock import Budget, Experiment, Float, Random, Space
from headstock.scripts.output import Listener
from headstock.scripts.script import Script

BAR = 60.0


def measure(trials: int) -> dict[str, float]:
    """Milliseconds a trial: CPU of this process, CPU of the scripts, and wall clock."""
    with tempfile.TemporaryDirectory() as folder:
        space = Space(lr=Float(1e-6, 1.0, log=True), momentum=Float(0.0, 1.0))
        script = Script(
            ["sh", "-c", "echo score=1"], Listener(["score"]), ["score"], list(space.parameters), Path(folder)
        )
        url = f"sqlite:///{folder}/speed.db"
        with Experiment("speed", space, maximize="score", storage=url, sampler=Random(), seed=0) as experiment:
            experiment.run(script, budget=Budget(trials=1))
            before = _clocks()
            experiment.run(script, budget=Budget(trials=trials + 1))
            passed = [1000 * (after - first) / trials for after, first in zip(_clocks(), before, strict=True)]
    return dict(zip(("headstock_cpu_ms", "script_cpu_ms", "wall_ms"), passed, strict=True))


def _clocks() -> Sequence[float]:
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime, children.ru_utime + children.ru_stime, time.perf_counter()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".jsonl"))
    options = parser.parse_args()
    found = measure(options.trials)
    print(f"{'a trial of a script that does nothing':40}{'ms':>8}{'bar ms':>8}")
    for name, value in found.items():
        print(f"{name:40}{value:8.1f}{format(BAR, '8.0f') if name == 'headstock_cpu_ms' else ''}")
    options.out.write_text(json.dumps(found | {"trials": options.trials, "bar_ms": BAR}) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
