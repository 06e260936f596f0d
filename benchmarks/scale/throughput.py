"""Trials and reports a second of 1, 8 and 64 workers on one SQLite file and on PostgreSQL, beside Optuna's storage.

    python -m venv /tmp/optuna && /tmp/optuna/bin/pip install optuna 'psycopg[binary]'
    python benchmarks/scale/throughput.py --optuna /tmp/optuna/bin/python [--workers 1 8 64] [--stored 0 10000 100000]
        [--databases sqlite postgresql] [--seconds 10] [--out FILE]

Each worker is a process. A trial is a random suggestion in a space of four parameters, three reports and the result;
each of them is committed. Both libraries wait for the disk as often as headstock does: a SQLite file in WAL mode with
synchronous=NORMAL, PostgreSQL with synchronous_commit=on. "optuna (its defaults)" is SQLite as Optuna leaves it, with
a journal and synchronous=FULL. PostgreSQL is a server of this script's own on loopback. Prints a table, and writes a
JSON line a row.
"""

import argparse
import json
import random
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from crowd import rates

from headstock import Choice, Float, Int, Random, Space
from headstock.objective import Objective
from headstock.storage import ExperimentSpec, Outcome, open_storage
from headstock.study import Study
from headstock.testing import postgresql
from headstock.trial import Observation, TrialRecord, TrialState

NAME = "crowd"
SPACE = Space(
    lr=Float(1e-6, 0.4, log=True),
    batchsize=Int(16, 128),
    momentum=Float(0.0, 1.0),
    optimizer=Choice("sgd", "adam", "rmsprop"),
)
PARAMETERS = {"lr": 1e-3, "batchsize": 32, "momentum": 0.9, "optimizer": "adam"}
COLUMNS = ("trials_per_s", "reports_per_s", "median_ms", "slowest_ms", "first_s", "errors")


def fill(url: str, count: int) -> None:
    """An experiment with so many finished trials."""
    curve = tuple(Observation(random.random(), step=step) for step in (1, 2, 3))
    done = [
        TrialRecord(
            index,
            TrialState.COMPLETED,
            PARAMETERS,
            batch=index,
            source="random",
            because="drawn at random",
            objective="accuracy",
            metrics={"accuracy": Observation(random.random())},
            reports={"accuracy": curve},
        )
        for index in range(count)
    ]
    storage = open_storage(url)
    storage.create(ExperimentSpec(NAME, SPACE, Objective("accuracy")), done)
    storage.close()


def join(url: str, number: int) -> Callable[[], None]:
    storage = open_storage(url)
    study = Study(storage, storage.experiment(NAME), Random())
    owner = f"worker {number}"

    def work() -> None:
        [trial] = study.ask(now=time.time(), owner=owner)
        for step in (1, 2, 3):
            metrics = {"accuracy": Observation(random.random(), step=step)}
            storage.report(NAME, trial.index, metrics, now=time.time(), owner=owner)
        done = Outcome(TrialState.COMPLETED, {"accuracy": Observation(random.random())})
        study.tell(trial.index, done, now=time.time(), owner=owner)

    return work


def of_headstock(url: str, stored: int, workers: list[int], seconds: float) -> Iterator[dict[str, Any]]:
    fill(url, stored)
    for count in workers:
        yield rates(lambda number: join(url, number), count, seconds)


def of_optuna(
    python: str, url: str, stored: int, workers: list[int], seconds: float, *options: str
) -> Iterator[dict[str, Any]]:
    script = [python, str(Path(__file__).with_name("crowd_optuna.py"))]
    subprocess.run([*script, "fill", url, str(stored), "--wal"], check=True)
    for count in workers:
        command = [*script, "rates", url, str(count), str(seconds), *options]
        yield json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


@contextmanager
def places(database: str) -> Iterator[Callable[[str], str]]:
    """Makes URLs of empty databases."""
    if database == "postgresql":
        with postgresql.server(is_durable=True) as server:
            yield lambda _: server.new_url()
    else:
        with tempfile.TemporaryDirectory() as folder:
            yield lambda name: f"sqlite:///{folder}/{name}.db"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 8, 64])
    parser.add_argument("--stored", type=int, nargs="+", default=[0, 10_000, 100_000])
    parser.add_argument("--databases", nargs="+", default=["sqlite", "postgresql"])
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--optuna", help="a Python that has Optuna; left out if it is")
    parser.add_argument("--optuna-stored", type=int, default=100_000, help="Optuna is not measured with more trials")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".jsonl"))
    options = parser.parse_args()
    print(f"{'':42}" + "".join(f"{name:>15}" for name in COLUMNS), flush=True)
    with options.out.open("a", encoding="utf-8") as lines:

        def show(library: str, database: str, stored: int, found: Iterator[dict[str, Any]]) -> None:
            for one in found:
                row = {"library": library, "database": database, "stored": stored, **one}
                row["reports_per_s"] = 3 * row["trials_per_s"]
                values = "".join(f"{row[name]:15.3g}" if row[name] is not None else f"{'':15}" for name in COLUMNS)
                print(
                    f"{library + ' ' + database:24}{stored:8}{row['workers']:6} w {values} {row['error'] or ''}",
                    flush=True,
                )
                lines.write(json.dumps(row) + "\n")
                lines.flush()

        for database in options.databases:
            with places(database) as place:
                for stored in options.stored:
                    work = (stored, options.workers, options.seconds)
                    show("headstock", database, stored, of_headstock(place(f"headstock{stored}"), *work))
                    if options.optuna is None or stored > options.optuna_stored:
                        continue
                    theirs = place(f"optuna{stored}").replace("postgresql://", "postgresql+psycopg://")
                    show("optuna", database, stored, of_optuna(options.optuna, theirs, *work, "--wal"))
                    if database == "sqlite":
                        theirs = place(f"optuna_as_it_is{stored}")
                        show("optuna (its defaults)", database, stored, of_optuna(options.optuna, theirs, *work))


if __name__ == "__main__":
    main()
