import subprocess
import sys
from pathlib import Path

import pytest

from headstock.errors import StorageError
from headstock.objective import Objective
from headstock.space import Float, Space
from headstock.storage import ExperimentSpec, Storage, open_storage

SPEC = ExperimentSpec("kept", Space(x=Float(0, 1)), Objective("y"))


def closed(storage: Storage) -> Storage:
    storage.close()
    return storage


@pytest.mark.parametrize("form", ["sqlite:///{folder}/a.db", "sqlite:///{folder}/results", "{folder}/a.sqlite", "a.db"])
def test_a_file_can_be_named_by_url_or_path(form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    url = form.format(folder=tmp_path)
    storage = open_storage(url)
    storage.create(SPEC)
    storage.close()
    assert len(list(tmp_path.iterdir())) == 1
    again = open_storage(url, create=False)
    assert again.experiment("kept") == SPEC
    again.close()


def test_a_relative_path_stays_the_same_file_in_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    storage = open_storage("sqlite:///here.db")
    assert storage.url == f"sqlite:///{tmp_path}/here.db"
    monkeypatch.chdir("/")
    again = open_storage(storage.url, create=False)
    again.create(SPEC)
    assert storage.experiment("kept") == SPEC
    storage.close()
    again.close()


def test_a_path_in_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert closed(open_storage("sqlite:///~/mine.db")).url == f"sqlite:///{tmp_path}/mine.db"
    assert closed(open_storage("~/mine.db", create=False)).url == f"sqlite:///{tmp_path}/mine.db"


@pytest.mark.parametrize("url", [None, "sqlite://", "sqlite:///:memory:"])
def test_storages_in_memory_are_apart_and_gone_when_closed(url: str | None):
    first, second = open_storage(url), open_storage(url)
    assert first.url == "sqlite://"
    first.create(SPEC)
    assert list(second.experiments()) == []
    first.close()
    second.close()
    with pytest.raises(StorageError, match="was closed"):
        first.experiments()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "headstock",
        "sqlite:",
        "sqlite:/a.db",
        "sqlite:///",
        "sqlite:///a.db?mode=ro",
        "mysql:///a.db",
        "http://a.db",
    ],
)
def test_what_is_no_storage_is_refused_with_an_example(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StorageError, match=r"is no storage\. Give a file as 'sqlite:///headstock.db'.*'postgresql://"):
        open_storage(url)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("url", ["me:secret@host", "x://me:se@cret@host"])
def test_a_password_is_not_shown(url: str):
    with pytest.raises(StorageError, match="@host") as refusal:
        open_storage(url)
    assert "cret" not in str(refusal.value)


def test_a_file_that_cannot_be_used_is_refused_and_left_as_it_is(tmp_path: Path):
    with pytest.raises(StorageError, match=r"there is no folder .*missing"):
        open_storage(f"sqlite:///{tmp_path}/missing/a.db")
    with pytest.raises(StorageError, match="is a folder"):
        open_storage(f"sqlite:///{tmp_path}")
    with pytest.raises(StorageError, match="There is no storage"):
        open_storage(f"sqlite:///{tmp_path}/a.db", create=False)
    assert list(tmp_path.iterdir()) == []
    text = tmp_path / "notes.db"
    text.write_text("no database, but notes" * 100)
    with pytest.raises(StorageError, match=r"file is not a database\. The file is something else"):
        open_storage(str(text))
    assert text.read_text() == "no database, but notes" * 100


def test_sql_is_loaded_when_a_storage_is_opened():
    listing = "import sys, headstock.storage; print('sqlalchemy' in sys.modules, 'sqlite3' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", listing], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
