"""What it costs to listen to trainings in other processes: on this machine, and on a Ray cluster of this machine.

    python benchmarks/scale/places.py [--places 1 8 32] [--seconds 5] [--out FILE]

Each place does one task, which asks its runner again and again and does nothing else; nothing is stored. Prints how
long it takes until every place has asked, and what a question costs this process: at most so many reports a second can
one program hear, before it stores them. Needs Ray: pip install 'headstock[ray]'.
"""

import argparse
import json
import math
import os
import resource
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
os.environ["RAY_worker_niceness"] = "0"  # noqa: SIM112 - so Ray calls it; other processes have 0, too

import ray

from headstock.executors.base import Ask, Executor
from headstock.executors.gpus import slots
from headstock.executors.process import Processes
from headstock.executors.ray import Ray


def work(_: int, ask: Ask) -> None:
    """Ask until the answer is no."""
    while ask("question", None):
        pass


def measure(executor: Executor, places: int, seconds: float) -> dict[str, float]:
    """Seconds until all places have asked, and then CPU of this process a question, and questions a second."""
    began = time.perf_counter()
    heard: Counter[int] = Counter()
    until = math.inf

    def listen(number: int, _kind: str, _message: Any) -> bool:
        heard[number] += 1
        return time.perf_counter() < until

    for number in range(places):
        executor.submit(number, number)
    while len(heard) < places:
        executor.wait(listen, 0.1)
    cpu, since, before = _cpu(), time.perf_counter(), heard.total()
    until = since + seconds
    while executor.unfinished:
        executor.wait(listen, 0.1)
    counted, spent, passed = heard.total() - before, _cpu() - cpu, time.perf_counter() - since
    executor.close()
    return {"first_s": since - began, "cpu_ms": 1000 * spent / counted, "per_s": counted / passed}


def rows(counts: list[int], seconds: float) -> Iterator[dict[str, Any]]:
    """One for each number of places and each executor."""
    for places in counts:
        processes = Processes.of(work, slots(places))
        yield {"executor": "processes", "places": places, **measure(processes, places, seconds)}
        yield {"executor": "ray", "places": places, **measure(Ray()(work, places), places, seconds)}


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--places", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".jsonl"))
    options = parser.parse_args()
    ray.init(
        "local",
        num_cpus=max(options.places),
        include_dashboard=False,
        log_to_driver=False,
        logging_level="warning",
        _node_ip_address="127.0.0.1",
    )
    print(f"{'executor':<12}{'places':>8}{'first (s)':>12}{'CPU (ms) a question':>22}{'questions/s':>14}")
    with options.out.open("a", encoding="utf-8") as out:
        for row in rows(options.places, options.seconds):
            numbers = f"{row['first_s']:12.1f}{row['cpu_ms']:22.2f}{row['per_s']:14.0f}"
            print(f"{row['executor']:<12}{row['places']:>8}{numbers}", flush=True)
            out.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
