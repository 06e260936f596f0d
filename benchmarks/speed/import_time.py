"""Seconds that `import headstock` takes in a new process, beside numpy and a Python that imports nothing.

    python benchmarks/speed/import_time.py [--repeats 15] [--out FILE]

Prints one table and writes a JSON line a row. The packages take turns, so that a busy machine slows all of them alike.
Libraries of the same kind are measured where they are installed.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

BAR = 0.15
PEERS = ("optuna", "ax", "botorch")


def measure(package: str) -> tuple[float, float]:
    """Wall and CPU seconds of a new process that imports a package ("": none)."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, "-c", f"import {package}" if package else "pass"], check=True)
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/speed/import_time.jsonl"))
    options = parser.parse_args()
    packages = ["", "numpy", "headstock", *(peer for peer in PEERS if find_spec(peer) is not None)]
    for package in packages:
        measure(package)  # its files are in memory then
    found: dict[str, list[tuple[float, float]]] = {package: [] for package in packages}
    for _ in range(options.repeats):
        for package in packages:
            found[package].append(measure(package))
    bare = statistics.median(cpu for _, cpu in found[""])
    print(f"{'import':>10} {'wall s':>8} {'fastest':>8} {'CPU s':>8} {'less Python':>12} {'bar':>6}")
    with options.out.open("w", encoding="utf-8") as lines:
        for package, runs in found.items():
            walls, cpus = zip(*runs, strict=True)
            name = package or "nothing"
            lines.write(json.dumps({"import": name, "wall_s": walls, "cpu_s": cpus}) + "\n")
            bar = f"{BAR:.2f}" if package == "headstock" else ""
            cpu = statistics.median(cpus)
            wall, fastest = statistics.median(walls), min(walls)
            print(f"{name:>10} {wall:>8.3f} {fastest:>8.3f} {cpu:>8.3f} {cpu - bare:>12.3f} {bar:>6}")


if __name__ == "__main__":
    main()
