import gc
import signal
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event, text

from headstock.errors import StorageError, UnknownTrialError
from headstock.objective import Objective
from headstock.space import Float, Space
from headstock.storage import Command, ExperimentSpec, NewTrial, Outcome, open_storage, sqlite, transaction
from headstock.storage.sqlite import SqliteDatabase
from headstock.trial import Observation, TrialState

SPEC = ExperimentSpec("kept", Space(x=Float(0, 1)), Objective("y"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "headstock.db"


def filled(path: Path, trials: int = 1) -> None:
    storage = open_storage(str(path))
    storage.create(SPEC)
    storage.add_trials("kept", [NewTrial({"x": 0.5})] * trials, created=0, now=0.0)
    storage.report("kept", 0, {"y": Observation(0.5, step=1)}, now=0.0)
    storage.finish("kept", 0, Outcome(TrialState.COMPLETED, {"y": Observation(0.5)}), now=1.0)
    storage.close()


def edited(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path)
    with connection:
        connection.execute(statement)
    connection.close()


def test_readers_see_one_moment_and_do_not_wait_for_a_writer(path: Path):
    storage = open_storage(str(path))
    storage.create(SPEC)
    database = SqliteDatabase(path)
    count = text("SELECT count(*) FROM trials")
    with database.reading() as reader:
        assert reader.scalar(count) == 0
        with database.writing() as writer:
            writer.execute(text("UPDATE experiments SET revision = revision + 1"))
            assert storage.changes("kept").trials == ()
        storage.add_trials("kept", [NewTrial({"x": 0.5})], created=0, now=0.0)
        assert reader.scalar(count) == 0
    assert len(storage.changes("kept").trials) == 1
    database.close()
    storage.close()


def test_a_block_that_raises_changes_nothing(path: Path):
    filled(path)
    database = SqliteDatabase(path)

    def interrupted() -> None:
        with database.writing() as connection:
            connection.execute(text("DELETE FROM experiments"))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    with database.reading() as connection:
        assert connection.scalar(text("SELECT count(*) FROM experiments")) == 1
    database.close()


def test_an_interruption_waits_for_the_end_of_a_block(path: Path):
    filled(path)
    database = SqliteDatabase(path)

    def interrupted() -> None:
        with database.writing() as connection:
            signal.raise_signal(signal.SIGINT)
            connection.execute(text("DELETE FROM experiments"))

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    with database.reading() as connection:
        assert connection.scalar(text("SELECT count(*) FROM experiments")) == 0
    database.close()


def test_a_writer_that_waits_too_long_says_so(path: Path, monkeypatch: pytest.MonkeyPatch):
    filled(path)
    monkeypatch.setattr(sqlite, "PATIENCE", 0.05)
    storage = open_storage(str(path))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert storage.experiment("kept") == SPEC
    with pytest.raises(StorageError, match=r"headstock\.db: database is locked\. Another process is writing"):
        storage.add_trials("kept", [NewTrial({"x": 0.5})], created=None, now=0.0)
    other.execute("ROLLBACK")
    assert len(storage.add_trials("kept", [NewTrial({"x": 0.5})], created=None, now=0.0)) == 1
    other.close()
    storage.close()


def test_a_full_disk_says_so_and_loses_nothing(path: Path):
    filled(path)
    storage = open_storage(str(path))

    def shrink(connection: Connection, *_: object) -> None:
        connection.execute("PRAGMA max_page_count = 1")

    event.listen(storage.database.engine(), "checkout", shrink)
    with pytest.raises(StorageError, match=r"disk is full\. Make room"):
        storage.add_trials("kept", [NewTrial({"x": 0.5}, because="b" * 10_000)] * 50, created=None, now=0.0)
    assert storage.changes("kept").created == 1
    storage.close()


def test_no_trial_has_a_number_too_large_for_the_database(path: Path):
    storage = open_storage(str(path))
    storage.create(SPEC)
    with pytest.raises(UnknownTrialError):
        storage.finish("kept", 2**63, Outcome(TrialState.ABANDONED), now=0.0)
    assert not storage.page("kept", offset=2**63)
    storage.close()


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE trials SET parameters = '{\"x\": '", "is not JSON"),
        ("UPDATE trials SET state = 'lost'", "Trial 0 of 'kept' is damaged: 'lost'"),
        ('UPDATE trials SET metrics = \'{"y": {"mean": NaN}}\'', "Trial 0 of 'kept' is damaged: .*not finite"),
        ('UPDATE trials SET metrics = \'{"y": {"value": 1}}\'', "Trial 0 of 'kept' is damaged"),
        ("UPDATE trials SET metrics = '[1]'", "Trial 0 of 'kept' is damaged"),
        ("UPDATE trials SET parameters = '[1]'", "Trial 0 of 'kept' is damaged"),
        ("UPDATE trials SET number = 'one'", "damaged|FOREIGN KEY"),
        ("UPDATE reports SET mean = 9e999", "damaged"),
        ("UPDATE experiments SET objective = '{}'", "'kept' is damaged"),
        ("UPDATE experiments SET outcome_constraints = '[{}]'", "'kept' is damaged"),
        ("UPDATE experiments SET seed = -1", "'kept' is damaged"),
        ('UPDATE spaces SET space = \'{"parameters": [], "constraints": []}\'', "space of 'kept' is damaged"),
        ("UPDATE spaces SET space = 'null'", "space of 'kept' is damaged"),
        ("DELETE FROM spaces", "damaged"),
        ("DROP TABLE reports", "no such table: reports"),
    ],
)
def test_a_damaged_entry_is_named(path: Path, statement: str, words: str):
    filled(path)
    edited(path, statement)
    storage = open_storage(str(path))

    def read() -> None:
        storage.experiment("kept")
        storage.changes("kept")
        storage.experiments()

    with pytest.raises(StorageError, match=words):
        read()
    storage.close()


def test_no_verb_walks_through_all_trials_or_reports(path: Path):
    filled(path, trials=50)
    storage = open_storage(str(path))
    statements: list[tuple[str, Any]] = []
    event.listen(
        storage.database.engine(),
        "before_cursor_execute",
        lambda _connection, _cursor, statement, parameters, *_: statements.append((statement, parameters)),
    )
    since = storage.changes("kept").revision - 1
    statements.clear()
    storage.changes("kept", since)
    storage.best("kept")
    storage.page("kept", states=[TrialState.FAILED, TrialState.RUNNING])
    storage.page("kept", limit=5)
    storage.lease("kept", "me", now=0.0)
    storage.lease("kept", "me", now=0.0, index=3)
    storage.add_trials("kept", [NewTrial({"x": 0.5}, owner="me")], created=None, now=0.0)
    storage.report("kept", 1, {"y": Observation(0.5, step=1)}, now=0.0)
    storage.finish("kept", 1, Outcome(TrialState.COMPLETED, {"y": Observation(0.5)}), now=1.0)
    storage.extend("kept", "me")
    storage.leases("kept")
    storage.request("kept", 50, Command.STOP)
    storage.release("kept", 50, owner="me", now=1.0, renewals=1)
    storage.release("kept", 2, owner=None, now=1.0)
    storage.close()
    connection = sqlite3.connect(path)
    explained = 0
    for statement, parameters in statements:
        if statement.split()[0] in ("SELECT", "UPDATE", "DELETE"):
            plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)]
            assert not [step for step in plan if step.startswith("SCAN")], (statement, plan)
            explained += 1
    connection.close()
    assert explained >= 30


def test_who_lists_experiments_again_counts_trials_only_where_something_was_written(path: Path):
    filled(path, trials=5)
    storage, other = open_storage(str(path)), open_storage(str(path))
    for name in ("second", "third"):
        storage.create(ExperimentSpec(name, Space(x=Float(0, 1)), Objective("y")))
    before = storage.experiments()
    statements: list[str] = []
    event.listen(
        storage.database.engine(),
        "before_cursor_execute",
        lambda _connection, _cursor, statement, *_: statements.append(statement),
    )
    assert storage.experiments() == before
    assert not [statement for statement in statements if "FROM trials" in statement]
    other.add_trials("second", [NewTrial({"x": 0.5})], created=0, now=1.0)
    other.delete("third")
    after = storage.experiments()
    assert [statement.count("count(") for statement in statements if "FROM trials" in statement] == [1, 0]
    assert [(summary.spec.name, sum(summary.counts.values())) for summary in after] == [("kept", 5), ("second", 1)]
    assert storage.experiments() == other.experiments() == after
    storage.close()
    other.close()


def test_a_long_history_comes_in_order_and_is_old_at_once(path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(transaction, "MANY", 1_000)
    filled(path, trials=2_500)
    storage = open_storage(str(path))
    trials = storage.changes("kept").trials
    assert [trial.index for trial in trials] == list(range(2_500))
    oldest = {id(one) for one in gc.get_objects(generation=2)}
    assert {id(trial) for trial in trials} <= oldest, "the search for garbage goes through a history soon"
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0
    edited(path, "UPDATE trials SET memo = '[1]' WHERE number = 2345")
    with pytest.raises(StorageError, match="Trial 2345 of 'kept' is damaged"):
        storage.changes("kept")
    storage.close()
