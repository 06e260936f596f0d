"""Optuna's workers, for throughput.py, run by a Python that has Optuna: the same space, sampler, reports and commits.

    python benchmarks/scale/crowd_optuna.py fill URL COUNT
    python benchmarks/scale/crowd_optuna.py rates URL WORKERS SECONDS [--wal]

Prints one JSON line. With --wal a SQLite file is as durable as headstock's: WAL, synchronous=NORMAL, which are not
Optuna's defaults.
"""

import json
import random
import sys
from collections.abc import Callable
from typing import Any

import optuna
import sqlalchemy
from crowd import rates

NAME = "crowd"
GENUINE = 100
CHOICES = ("sgd", "adam", "rmsprop")


def storage(url: str) -> optuna.storages.RDBStorage:
    waiting = {"connect_args": {"timeout": 100}} if url.startswith("sqlite") else {}
    return optuna.storages.RDBStorage(url, engine_kwargs=waiting)


def suggest(trial: Any) -> None:
    trial.suggest_float("lr", 1e-6, 0.4, log=True)
    trial.suggest_int("batchsize", 16, 128)
    trial.suggest_float("momentum", 0.0, 1.0)
    trial.suggest_categorical("optimizer", CHOICES)


def join(url: str, number: int) -> Callable[[], None]:
    sampler = optuna.samplers.RandomSampler(seed=number)
    study = optuna.load_study(study_name=NAME, storage=storage(url), sampler=sampler)

    def work() -> None:
        trial = study.ask()
        suggest(trial)
        for step in (1, 2, 3):
            trial.report(random.random(), step)
        study.tell(trial, random.random())

    return work


def fill(url: str, count: int) -> None:
    """A study with so many finished trials: some by Optuna, the others as copies of their rows, which is quicker."""
    begin(url, min(count, GENUINE))
    engine = storage(url).engine
    while (there := len_of(engine)) < count:
        copy(engine, there, min(there, count - there))


def len_of(engine: sqlalchemy.Engine) -> int:
    with engine.connect() as connection:
        return int(connection.execute(sqlalchemy.text("SELECT count(*) FROM trials")).scalar_one())


def copy(engine: sqlalchemy.Engine, there: int, count: int) -> None:
    """Copy the rows of the first trials; their numbers and keys follow those that are there."""
    schema = sqlalchemy.MetaData()
    schema.reflect(engine)
    with engine.begin() as connection:
        for name in ("trials", "trial_params", "trial_values", "trial_intermediate_values"):
            table = schema.tables[name]
            [key] = table.primary_key.columns
            last = connection.execute(sqlalchemy.select(sqlalchemy.func.max(key))).scalar_one()
            moved = {key.name: key + last, "trial_id": table.c.trial_id + there}
            moved |= {"number": table.c.number + there} if name == "trials" else {}
            columns = [moved.get(column.name, column) for column in table.columns]
            rows = sqlalchemy.select(*columns).where(table.c.trial_id <= count)
            connection.execute(table.insert().from_select([column.name for column in table.columns], rows))
            if engine.dialect.name == "postgresql":
                sequence = sqlalchemy.func.pg_get_serial_sequence(name, key.name)
                connection.execute(sqlalchemy.select(sqlalchemy.func.setval(sequence, 2 * last)))


def begin(url: str, count: int) -> None:
    study = optuna.create_study(study_name=NAME, storage=storage(url))
    spaces = {
        "lr": optuna.distributions.FloatDistribution(1e-6, 0.4, log=True),
        "batchsize": optuna.distributions.IntDistribution(16, 128),
        "momentum": optuna.distributions.FloatDistribution(0.0, 1.0),
        "optimizer": optuna.distributions.CategoricalDistribution(CHOICES),
    }
    parameters = {"lr": 1e-3, "batchsize": 32, "momentum": 0.9, "optimizer": "adam"}
    for _ in range(count):
        values = {step: random.random() for step in (1, 2, 3)}
        study.add_trial(
            optuna.trial.create_trial(
                params=parameters, distributions=spaces, value=random.random(), intermediate_values=values
            )
        )


def durable_as_headstock(connection: Any, _record: object) -> None:
    if type(connection).__module__.startswith("sqlite3"):
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")


def main() -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    verb, url, *numbers = sys.argv[1:]
    if "--wal" in numbers:
        numbers.remove("--wal")
        sqlalchemy.event.listen(sqlalchemy.engine.Engine, "connect", durable_as_headstock)
    if verb == "fill":
        fill(url, int(numbers[0]))
    else:
        found = rates(lambda number: join(url, number), int(numbers[0]), float(numbers[1]))
        print(json.dumps({"version": optuna.__version__} | found))


if __name__ == "__main__":
    main()
