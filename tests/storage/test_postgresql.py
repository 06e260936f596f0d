import builtins
import threading
from dataclasses import replace

import pytest
from sqlalchemy import text

from headstock.errors import ConnectionLostError, MissingDependencyError, StorageError
from headstock.objective import Objective
from headstock.space import Float, Space
from headstock.storage import ExperimentSpec, NewTrial, Outcome, open_storage
from headstock.storage.postgresql import PostgresqlDatabase
from headstock.storage.sql import SqlStorage
from headstock.testing import postgresql
from headstock.testing.postgresql import PASSWORD
from headstock.trial import Observation, TrialState

SPEC = ExperimentSpec("kept", Space(x=Float(0, 1)), Objective("y"))
DONE = Outcome(TrialState.COMPLETED, {"y": Observation(0.5)})


def test_a_storage_goes_on_when_the_server_is_restarted(postgresql_server: postgresql.Server):
    del postgresql_server  # skips where there is none
    with postgresql.server() as server:
        storage = replace(open_storage(server.new_url()), patience=1000.0)
        storage.create(SPEC)
        for mode in ("fast", "immediate"):
            created = storage.changes("kept").created
            storage.add_trials("kept", [NewTrial({"x": 0.5}, owner="me")], created=created, now=1.0)
            server.stop(mode=mode)
            back = threading.Timer(0.3, server.start)
            back.start()
            storage.finish("kept", created, DONE, now=2.0, owner="me")
            back.join()
        assert [trial.state for trial in storage.changes("kept").trials] == [TrialState.COMPLETED] * 2
        server.stop()
        with pytest.raises(ConnectionLostError, match="Check that the server runs"):
            replace(storage, patience=0.0).changes("kept")
        storage.close()
        server.start()


def test_writers_of_one_experiment_wait_for_one_another_and_readers_for_nobody(postgresql_url: str):
    storage = open_storage(postgresql_url)
    storage.create(SPEC)
    storage.create(replace(SPEC, name="other"))
    database = PostgresqlDatabase(postgresql_url)
    writer = threading.Thread(
        target=lambda: storage.add_trials("kept", [NewTrial({"x": 0.5})], created=1, now=2.0), daemon=True
    )
    with SqlStorage(database)._advancing("kept", now=1.0, added=1):
        writer.start()
        assert storage.changes("kept").created == 0
        storage.add_trials("other", [NewTrial({"x": 0.5})], created=0, now=1.0)
    writer.join()
    assert storage.changes("kept").created == 2
    database.close()
    storage.close()


def test_who_holds_locks_may_not_fall_asleep_but_a_reader_may_take_its_time(postgresql_url: str):
    open_storage(postgresql_url).close()
    database = PostgresqlDatabase(postgresql_url)
    asked = text("SHOW idle_in_transaction_session_timeout")
    with database.writing() as connection:
        assert connection.scalar(asked) == "30s"
    with database.reading() as connection:
        assert connection.scalar(asked) == "0"
    database.close()


def test_no_message_shows_a_password(postgresql_url: str):
    storage = open_storage(postgresql_url)
    messages = [storage.url, repr(storage)]
    assert "headstock@127.0.0.1" in storage.url
    storage.close()
    in_query = postgresql_url.replace(f":{PASSWORD}@", "@") + f"&password={PASSWORD}"
    storage = open_storage(in_query)
    messages += [storage.url, repr(storage)]
    storage.close()
    wrong = postgresql_url.replace(PASSWORD, PASSWORD + "x")
    for url in (
        wrong,
        in_query + "x",
        postgresql_url.replace("/postgres?", "/missing?"),
        postgresql_url.replace("127.0.0.1", "127.0.0.1:x"),
    ):
        with pytest.raises(StorageError) as refusal:
            open_storage(url)
        messages += [str(refusal.value), repr(refusal.value.__cause__)]
    assert not [message for message in messages if PASSWORD in message]
    assert "password authentication failed" in messages[4]


@pytest.mark.parametrize("url", ["postgresql://me:se@cret@host:x/db", "postgres://[half", "postgresql://:port/"])
def test_a_url_that_cannot_be_read_is_refused(url: str):
    pytest.importorskip("psycopg")
    with pytest.raises(StorageError) as refusal:
        open_storage(url)
    assert "cret" not in str(refusal.value)


def test_what_to_install_is_said(monkeypatch: pytest.MonkeyPatch):
    load = builtins.__import__

    def without_psycopg(name: str, *rest: object) -> object:
        if name == "psycopg":
            raise ImportError("no such module")
        return load(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without_psycopg)
    with pytest.raises(MissingDependencyError, match=r"pip install 'headstock\[postgres\]'"):
        open_storage("postgresql://me@host/db")
