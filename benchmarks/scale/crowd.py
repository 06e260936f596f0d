"""A crowd of workers on one storage, and how fast it is. Only the standard library: every library's workers use it."""

import multiprocessing
import statistics
import time
from collections.abc import Callable
from typing import Any

Join = Callable[[int], Callable[[], None]]
"""Makes a process a worker, given its number; what it gives does one trial, from the suggestion to the result."""


def rates(join: Join, workers: int, seconds: float) -> dict[str, Any]:
    """Trials a second of some workers that begin together, and the milliseconds of a trial as a worker sees it.

    Args:
        join: makes a forked process a worker. What takes time there happens before the clock starts, up to its first
            trial, the seconds of which are given as `first_s`.
        workers: how many there are.
        seconds: for how long they work.
    """
    fork = multiprocessing.get_context("fork")
    barrier, results = fork.Barrier(workers + 1), fork.SimpleQueue()

    def work(number: int) -> None:
        times, error = [], None
        began = time.perf_counter()
        try:
            trial = join(number)
            trial()
            first = time.perf_counter() - began
        except Exception as problem:  # noqa: BLE001 - a worker that cannot join is a result
            first, error = float("nan"), f"{type(problem).__name__}: {problem}"
        barrier.wait()
        end = time.perf_counter() + seconds
        while error is None and (began := time.perf_counter()) < end:
            try:
                trial()
            except Exception as problem:  # noqa: BLE001 - as is one that fails
                error = f"{type(problem).__name__}: {problem}"
            times.append(1000 * (time.perf_counter() - began))
        results.put((times, first, error))

    processes = [fork.Process(target=work, args=(number,)) for number in range(workers)]
    for process in processes:
        process.start()
    barrier.wait()
    began = time.perf_counter()
    found = [results.get() for _ in processes]
    took = time.perf_counter() - began
    for process in processes:
        process.join()
    times = sorted(t for one, _, _ in found for t in one)
    errors = [error for _, _, error in found if error is not None]
    return {
        "workers": workers,
        "trials_per_s": len(times) / took,
        "median_ms": statistics.median(times) if times else None,
        "slowest_ms": times[-1] if times else None,
        "first_s": statistics.median(first for _, first, _ in found),
        "errors": len(errors),
        "error": errors[0][:300] if errors else None,
    }
