"""A thousand and ten thousand workers that never existed: where the first bottleneck of one experiment is.

    python benchmarks/scale/simulation.py [--workers 100 1000 10000] [--minutes 30] [--suggestion 0.3] [--reports 30]
        [--watched 32] [--commit 2] [--simulated 20] [--out FILE]

A discrete-event simulation without any training. First the verbs are timed on real databases, one caller at a time, the
median of some calls; PostgreSQL without waiting for the disk, and `--commit` milliseconds are added for that. Then each
simulated worker suggests in turn, trains for a lognormal time of `--minutes` at the median, reports, finishes, and says
every five seconds that it lives, and looks at the leases of `--watched` others or, every (workers / watched) times, of
all (0: always of all, as headstock once did). What is exclusive is served first come, first served:

* the turn to suggest: the suggestion itself (`--suggestion` seconds) and the writing of the trial;
* the writer: SQLite has one for everything, PostgreSQL one an experiment, where renewals pass it by;
* the database's cores (8) for what is read, and on PostgreSQL for renewals.

Prints how busy each of them is, and how much of their time workers wait. Writes a JSON line a row.
"""

import argparse
import heapq
import json
import math
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from headstock import Float, Space
from headstock.leasing import BEAT, SHARE
from headstock.objective import Objective
from headstock.storage import ExperimentSpec, NewTrial, Outcome, open_storage
from headstock.testing import postgresql
from headstock.trial import Observation, TrialState

NAME = "simulated"
CORES = 8
REPEATS = 60


@dataclass
class Server:
    """Serves so many at a time, in the order of their coming."""

    places: int = 1
    busy: float = 0.0
    free: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.free = [0.0] * self.places

    def serve(self, now: float, seconds: float) -> float:
        """When somebody who comes now has been served."""
        end = max(now, heapq.heappop(self.free)) + seconds
        heapq.heappush(self.free, end)
        self.busy += seconds
        return end


def median(verb: Callable[[], object], repeats: int = REPEATS) -> float:
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        verb()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def costs(url: str) -> dict[str, float]:
    """Seconds of each verb of a lone caller."""
    storage = open_storage(url)
    storage.create(ExperimentSpec(NAME, Space(x=Float(0, 1)), Objective("y")))
    others = [NewTrial({"x": 0.5}, owner=f"other {i}") for i in range(500)]
    storage.add_trials(NAME, others, created=0, now=0.0)
    mine: list[int] = []

    def add() -> None:
        mine.extend(
            t.index for t in storage.add_trials(NAME, [NewTrial({"x": 0.5}, owner="me")], created=None, now=0.0)
        )

    steps = iter(range(1, 10**6))
    found = {"add": median(add)}
    found["report"] = median(
        lambda: storage.report(NAME, mine[0], {"y": Observation(0.5, step=next(steps))}, now=0.0, owner="me")
    )
    done = Outcome(TrialState.COMPLETED, {"y": Observation(0.5)})
    found["finish"] = median(lambda: storage.finish(NAME, mine.pop(), done, now=0.0, owner="me"), REPEATS - 1)
    found["extend"] = median(lambda: storage.extend(NAME, "me"))
    found["share"] = median(lambda: storage.leases(NAME, after=250, count=SHARE))
    found["lease"] = median(lambda: storage.leases(NAME), 20) / 500  # a row
    storage.close()
    return found


def simulate(cost: dict[str, float], database: str, workers: int, options: argparse.Namespace) -> dict[str, float]:
    """How busy everything is, as shares of the time simulated."""
    rng = random.Random(0)
    turn, writer, cores = Server(), Server(), Server(CORES)
    renewals = writer if database == "sqlite" else cores
    rarely = workers // options.watched + 1 if options.watched else 1
    share, all_of_them = cost["share"] * options.watched / SHARE, workers * cost["lease"]
    beats = [rng.randrange(rarely) for _ in range(workers)]
    end, waited, trials, late = 60.0 * options.simulated, 0.0, 0, 0.0
    events: list[tuple[float, int, str, float, int]] = []

    def train(now: float, worker: int) -> None:
        length = 60 * options.minutes * math.exp(rng.gauss(0, 0.7)) / options.reports
        heapq.heappush(events, (now + length, worker, "report", length, options.reports))

    for worker in range(workers):
        heapq.heappush(events, (rng.uniform(0, BEAT), worker, "beat", 0.0, 0))
        length = 60 * options.minutes * math.exp(rng.gauss(0, 0.7)) / options.reports  # at some point of a training
        heapq.heappush(events, (rng.uniform(0, length), worker, "report", length, rng.randint(1, options.reports)))
    while events and events[0][0] < end:
        now, worker, kind, length, left = heapq.heappop(events)
        if kind == "beat":
            heapq.heappush(events, (renewals.serve(now, cost["extend"]), worker, "watch", now, 0))
        elif kind == "watch":  # `length` is when the beat began
            beats[worker] += 1
            ready = cores.serve(now, share if beats[worker] % rarely else all_of_them)
            late = max(late, ready - length)
            heapq.heappush(events, (ready + BEAT, worker, "beat", 0.0, 0))
        elif kind == "add":  # `length` is when the worker had finished its last trial
            ready = writer.serve(now, cost["add"])
            waited += ready - length
            trials += 1
            train(ready, worker)
        elif left > 0:
            ready = writer.serve(now, cost["report"])
            waited += ready - now
            heapq.heappush(events, (ready + length, worker, "report", length, left - 1))
        else:
            ready = writer.serve(now, cost["finish"])
            suggested = turn.serve(ready, options.suggestion + cost["add"]) - cost["add"]
            heapq.heappush(events, (suggested, worker, "add", ready, 0))
    waited += sum(end - since for _, _, kind, since, _ in events if kind == "add" and since < end)
    return {
        "trials_per_s": trials / end,
        "turn": turn.busy / end,
        "writer": writer.busy / end,
        "cores": cores.busy / end / CORES,
        "waiting": min(1.0, waited / (workers * end)),
        "slowest_beat_s": late,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, nargs="+", default=[100, 1000, 10_000])
    parser.add_argument("--minutes", type=float, default=30.0, help="of a training, at the median")
    parser.add_argument("--suggestion", type=float, default=0.3, help="seconds of a suggestion")
    parser.add_argument("--reports", type=int, default=30, help="of a training")
    parser.add_argument("--watched", type=int, default=SHARE, help="leases that each worker watches; 0: all")
    parser.add_argument("--commit", type=float, default=2.0, help="milliseconds of a commit to the server's disk")
    parser.add_argument("--simulated", type=float, default=20.0, help="minutes simulated")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".jsonl"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, postgresql.server() as server:
        measured = {"sqlite": costs(f"sqlite:///{folder}/costs.db"), "postgresql": costs(server.new_url())}
    for verb in ("add", "report", "finish"):
        measured["postgresql"][verb] += options.commit / 1000
    for database, cost in measured.items():
        print(f"{database:12}" + "  ".join(f"{verb} {1000 * seconds:.3f} ms" for verb, seconds in cost.items()))
    columns = ("trials_per_s", "turn", "writer", "cores", "waiting", "slowest_beat_s")
    print(f"{'':20}" + "".join(f"{column:>16}" for column in columns))
    with options.out.open("a", encoding="utf-8") as lines:
        for database, cost in measured.items():
            for workers in options.workers:
                found = simulate(cost, database, workers, options)
                print(f"{database:12}{workers:8}" + "".join(f"{found[name]:16.3g}" for name in columns), flush=True)
                settings = {name: getattr(options, name) for name in ("minutes", "suggestion", "reports", "watched")}
                row = {"database": database, "workers": workers, **settings, "costs": cost, **found}
                lines.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
