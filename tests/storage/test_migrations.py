from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Connection, inspect, text

from headstock.errors import NewerSchemaError, StorageError
from headstock.storage import NewTrial, open_storage
from headstock.storage.database import Database
from headstock.storage.migrations import MIGRATIONS, Migration, applied, migrate, migration, pending
from headstock.storage.postgresql import PostgresqlDatabase
from headstock.storage.sqlite import SqliteDatabase
from headstock.testing.postgresql import PASSWORD
from headstock.testing.specimen import SPEC


@migration
def notes_on_trials(connection: Connection) -> None:
    connection.execute(text("ALTER TABLE trials ADD COLUMN notes TEXT"))


@migration
def a_table_of_hosts(connection: Connection) -> None:
    connection.execute(text("CREATE TABLE hosts (name TEXT)"))


@migration
def one_that_fails(connection: Connection) -> None:
    connection.execute(text("CREATE TABLE half_done (name TEXT)"))
    connection.execute(text("ALTER TABLE hosts ADD COLUMN name TEXT"))


def names(steps: list[Migration]) -> list[str]:
    return [step.name for step in steps]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "headstock.db"


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, path: Path) -> Iterator[Database]:
    if request.param == "sqlite":
        opened: Database = SqliteDatabase(path)
    else:
        opened = PostgresqlDatabase(request.getfixturevalue("postgresql_url"))
    yield opened
    opened.close()


def test_an_older_database_gets_what_it_lacks_in_order(database: Database):
    migrate(database.alone)
    steps = [*MIGRATIONS, notes_on_trials, a_table_of_hosts]
    with database.reading() as connection:
        assert applied(connection) == {step.name for step in MIGRATIONS}
        assert names(pending(connection, steps)) == ["notes_on_trials", "a_table_of_hosts"]
    migrate(database.alone, steps)
    migrate(database.alone, steps)
    with database.reading() as connection:
        assert pending(connection, steps) == []
        assert "notes" in {column["name"] for column in inspect(connection).get_columns("trials")}
        assert inspect(connection).has_table("hosts")


def test_a_step_that_fails_leaves_nothing_and_can_be_tried_again(database: Database):
    steps = [*MIGRATIONS, a_table_of_hosts, one_that_fails, notes_on_trials]
    with pytest.raises(StorageError, match=r"duplicate column name|already exists"):
        migrate(database.alone, steps)
    with database.reading() as connection:
        assert names(pending(connection, steps)) == ["one_that_fails", "notes_on_trials"]
        assert not inspect(connection).has_table("half_done")
    steps.remove(one_that_fails)
    migrate(database.alone, steps)
    with database.reading() as connection:
        assert pending(connection, steps) == []


def test_processes_that_migrate_at_once_do_not_disturb_one_another(database: Database):
    with ThreadPoolExecutor(4) as threads:
        for done in [threads.submit(migrate, database.alone, [*MIGRATIONS, notes_on_trials]) for _ in range(4)]:
            done.result()
    with database.reading() as connection:
        assert pending(connection, [*MIGRATIONS, notes_on_trials]) == []


def test_a_newer_database_of_a_server_is_refused(postgresql_url: str):
    database = PostgresqlDatabase(postgresql_url)
    migrate(database.alone, [*MIGRATIONS, notes_on_trials])
    database.close()
    with pytest.raises(NewerSchemaError, match=r"written by a newer headstock.*notes_on_trials") as refusal:
        open_storage(postgresql_url)
    assert PASSWORD not in str(refusal.value)


def test_a_newer_database_is_refused_and_left_as_it_is(path: Path):
    database = SqliteDatabase(path)
    migrate(database.alone, [*MIGRATIONS, notes_on_trials])
    database.close()
    before = path.read_bytes()
    with pytest.raises(NewerSchemaError, match=r"headstock\.db was written by a newer headstock.*notes_on_trials"):
        open_storage(str(path))
    assert path.read_bytes() == before


def test_the_tables_of_something_else_are_left_alone(path: Path):
    other = SqliteDatabase(path)
    with other.writing() as connection:
        connection.execute(text("CREATE TABLE trials (trial_id INTEGER)"))
    other.close()
    before = path.read_bytes()
    with pytest.raises(StorageError, match="holds something else: tables called trials"):
        open_storage(str(path))
    assert path.read_bytes() == before


def test_a_database_without_preferences_gets_their_table(path: Path):
    open_storage(str(path)).close()
    database = SqliteDatabase(path)
    with database.writing() as connection:
        connection.execute(text("DROP TABLE comparisons"))
        connection.execute(text("DELETE FROM headstock_migrations WHERE name = 'preferences'"))
    database.close()
    open_storage(str(path)).close()
    again = SqliteDatabase(path)
    with again.reading() as connection:
        assert inspect(connection).has_table("comparisons")
    again.close()


def test_a_database_without_schedulers_gets_their_columns(path: Path):
    storage = open_storage(str(path))
    storage.create(SPEC)
    storage.add_trials(SPEC.name, [NewTrial({"lr": 0.1, "kind": True, "epochs": 10})], created=0, now=1.0)
    storage.close()
    database = SqliteDatabase(path)
    with database.writing() as connection:
        for column in ("until", "steps", "parent", "trained", "saves", "verdicts"):
            connection.execute(text(f"ALTER TABLE trials DROP COLUMN {column}"))
        for column in ("scheduler", "value"):
            connection.execute(text(f"ALTER TABLE experiments DROP COLUMN {column}"))
        connection.execute(text("DELETE FROM headstock_migrations WHERE name = 'pausable_trainings'"))
    database.close()
    again = open_storage(str(path))
    spec, [trial] = again.experiment(SPEC.name), again.changes(SPEC.name).trials
    assert (spec.scheduler, spec.value) == (None, "last")
    assert (trial.until, trial.steps, trial.saves, trial.verdicts) == (None, None, None, ())
    again.close()
