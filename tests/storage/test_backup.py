from pathlib import Path

import pytest
from sqlalchemy import Connection, text
from typer.testing import CliRunner

from headstock.cli import app
from headstock.errors import StorageError
from headstock.objective import Objective
from headstock.space import Float, Space
from headstock.storage import ExperimentSpec, NewTrial, open_storage
from headstock.storage.backup import back_up
from headstock.storage.migrations import MIGRATIONS, migrate, migration
from headstock.storage.sqlite import SqliteDatabase

SPEC = ExperimentSpec("kept", Space(x=Float(0, 1)), Objective("y"))


@migration
def one_more_column(connection: Connection) -> None:
    connection.execute(text("ALTER TABLE trials ADD COLUMN notes TEXT"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "headstock.db"


def created(path: Path) -> int:
    storage = open_storage(str(path), create=False)
    try:
        return storage.changes("kept").created
    finally:
        storage.close()


def test_a_copy_is_of_one_moment_and_complete(path: Path, tmp_path: Path):
    storage = open_storage(str(path))
    storage.create(SPEC)
    storage.add_trials("kept", [NewTrial({"x": 0.5})] * 3, created=0, now=1.0)
    with storage.database.writing() as connection:
        connection.execute(text("UPDATE experiments SET trials_created = 77"))
        done = CliRunner().invoke(app, ["backup", str(tmp_path / "copy.db"), "--storage", str(path)])
        assert (done.exit_code, done.output.strip()) == (0, str(tmp_path / "copy.db")), done.exception
    storage.add_trials("kept", [NewTrial({"x": 0.5})], created=None, now=2.0)
    storage.close()
    assert created(tmp_path / "copy.db") == 3
    assert sorted(p.name for p in tmp_path.iterdir()) == ["copy.db", "headstock.db"]


def test_what_is_there_is_not_overwritten_and_what_is_missing_is_named(path: Path, tmp_path: Path):
    with pytest.raises(StorageError, match=r"no file .*headstock\.db to copy"):
        back_up(str(path), tmp_path / "copy.db")
    open_storage(str(path)).close()
    (tmp_path / "copy.db").write_text("mine")
    with pytest.raises(StorageError, match="is there already"):
        back_up(str(path), tmp_path / "copy.db")
    assert (tmp_path / "copy.db").read_text() == "mine"
    with pytest.raises(StorageError, match=r"copy\.db"):
        back_up(str(path), tmp_path / "missing" / "copy.db")
    with pytest.raises(StorageError, match="pg_dump"):
        back_up("postgresql://me:secret@host/db", tmp_path / "another.db")


def test_a_copy_is_kept_before_a_migration_and_none_of_a_new_file(path: Path, tmp_path: Path):
    storage = open_storage(str(path))
    storage.create(SPEC)
    storage.close()
    assert [p.name for p in tmp_path.iterdir()] == ["headstock.db"]
    database = SqliteDatabase(path)
    steps = [*MIGRATIONS, one_more_column]
    migrate(database.alone, steps, before=database.keep_copy)
    migrate(database.alone, steps, before=database.keep_copy)
    database.close()
    copy = tmp_path / "headstock.db.before-one_more_column"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["headstock.db", copy.name]
    assert created(copy.rename(tmp_path / "old.db")) == 0
