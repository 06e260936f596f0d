"""Many processes write one database, and some of them are killed."""

import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from headstock.objective import Objective
from headstock.space import Float, Space
from headstock.storage import ExperimentSpec, NewTrial, Outcome, Storage, open_storage
from headstock.trial import Observation, TrialState

SPEC = ExperimentSpec("shared", Space(x=Float(0, 1)), Objective("y"))

PROLOGUE = """
import os, sys
from headstock.errors import ExperimentExistsError, StaleHistoryError
from headstock.objective import Objective
from headstock.space import Float, Space
from headstock.storage import ExperimentSpec, NewTrial, Outcome, open_storage
from headstock.trial import Observation, TrialState

url, owner = sys.argv[1:]
QUEUED = NewTrial({"x": 0.5}, state=TrialState.QUEUED, source=owner)
print("ready", flush=True)
sys.stdin.readline()
storage = open_storage(url)
try:
    storage.create(ExperimentSpec("shared", Space(x=Float(0, 1)), Objective("y")))
except ExperimentExistsError:
    pass

def work(index):
    for step in (1, 2):
        storage.report("shared", index, {"y": Observation(index + step / 10, step=step)}, now=3.0, owner=owner)
    done = Outcome(TrialState.COMPLETED, {"y": Observation(float(index))})
    storage.finish("shared", index, done, now=4.0, owner=owner)
"""

ADD_AND_WORK = """
for number in range(15):
    while True:
        created = storage.changes("shared").created
        try:
            storage.add_trials("shared", [QUEUED, QUEUED], created=created, now=1.0)
            break
        except StaleHistoryError:
            print("stale")
    for _ in range(2):
        work(storage.lease("shared", owner, now=2.0).index)
print("done")
"""

WORK_FOR_EVER = """
while True:
    [trial] = storage.add_trials("shared", [NewTrial({"x": 0.5}, owner=owner)], created=None, now=1.0)
    work(trial.index)
    print(trial.index, flush=True)
"""

DIE_WITHIN_A_TRANSACTION = """
[trial] = storage.add_trials("shared", [NewTrial({"x": 0.5}, owner=owner)], created=None, now=1.0)
with getattr(storage, "storage", storage).database.writing() as connection:
    connection.exec_driver_sql("UPDATE trials SET state = 'completed', metrics = 'null'")
    connection.exec_driver_sql("UPDATE experiments SET revision = revision + 1, trials_created = 7")
    os.kill(os.getpid(), 9)
"""


def start(script: str, url: str, owner: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", PROLOGUE + script, url, owner],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


def wait_until_ready(processes: list[subprocess.Popen[str]]) -> None:
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"


def assert_sound(url: str) -> None:
    if not url.startswith("sqlite"):
        return
    connection = sqlite3.connect(url.removeprefix("sqlite:///"))
    try:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    finally:
        connection.close()


@pytest.fixture(params=["file", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgresql":
        return request.getfixturevalue("postgresql_url")
    return f"sqlite:///{tmp_path}/shared.db"


def test_four_processes_lose_nothing_and_double_nothing(url: str):
    workers = [start(ADD_AND_WORK, url, f"worker {i}") for i in range(4)]
    wait_until_ready(workers)
    for worker in workers:
        go(worker)
    for worker in workers:
        output, errors = worker.communicate()
        assert worker.returncode == 0, errors
        assert output.endswith("done\n")
    storage = open_storage(url)
    changes = storage.changes("shared")
    assert changes.created == 120
    assert [trial.index for trial in changes.trials] == list(range(120))
    assert {trial.source for trial in changes.trials} == {f"worker {i}" for i in range(4)}
    assert len({trial.arm.name for trial in changes.trials}) == 120
    for trial in changes.trials:
        assert trial.state is TrialState.COMPLETED
        assert trial.objective_mean == trial.index
        assert [o.mean for o in trial.reports["y"]] == [trial.index + 0.1, trial.index + 0.2]
    storage.close()
    assert_sound(url)


def finish_what_was_left(storage: Storage, lost: str) -> int:
    """Take over from a lost process, and say how many trials that were."""
    left = storage.page("shared", states=[TrialState.RUNNING, TrialState.QUEUED])
    for trial in left:
        storage.release("shared", trial.index, owner=lost, now=4.5)
        assert storage.lease("shared", "heir", now=5.0) is not None
        done = Outcome(TrialState.COMPLETED, {"y": Observation(0.0)})
        storage.finish("shared", trial.index, done, now=6.0, owner="heir")
    return len(left)


@pytest.mark.parametrize("patience", [1, 8, 30])
def test_what_a_killed_process_had_finished_stays_finished(url: str, patience: int):
    victim = start(WORK_FOR_EVER, url, "victim")
    wait_until_ready([victim])
    go(victim)
    assert victim.stdout is not None
    said = [int(victim.stdout.readline()) for _ in range(patience)]
    victim.send_signal(signal.SIGKILL)
    said += [int(line) for line in victim.stdout]  # communicate() forgets what was read ahead
    victim.communicate()
    storage = open_storage(url)
    trials = storage.changes("shared").trials
    finished = [trial.index for trial in trials if trial.state is TrialState.COMPLETED]
    assert set(said) <= set(finished)
    assert len(finished) - len(said) <= 1
    assert all(len(trials[index].reports["y"]) == 2 for index in finished)
    assert finish_what_was_left(storage, "victim") <= 1
    assert [trial.state for trial in storage.changes("shared").trials] == [TrialState.COMPLETED] * len(trials)
    storage.close()
    assert_sound(url)


def test_a_transaction_of_a_killed_process_did_not_happen(url: str):
    victim = start(DIE_WITHIN_A_TRANSACTION, url, "victim")
    wait_until_ready([victim])
    _, errors = victim.communicate("go\n")
    assert victim.returncode == -signal.SIGKILL, errors
    storage = open_storage(url)
    changes = storage.changes("shared")
    assert changes.created == 1
    assert [trial.state for trial in changes.trials] == [TrialState.RUNNING]
    assert finish_what_was_left(storage, "victim") == 1
    storage.close()
    assert_sound(url)


FORK = """
import os, sys
from headstock.errors import StorageError
from headstock.objective import Objective
from headstock.space import Float, Space
from headstock.storage import ExperimentSpec, NewTrial, open_storage

storage = open_storage(sys.argv[1])
storage.create(ExperimentSpec("shared", Space(x=Float(0, 1)), Objective("y")))
children = []
for _ in range(3):
    child = os.fork()
    if child == 0:
        for _ in range(20):
            storage.add_trials("shared", [NewTrial({"x": 0.5})], created=None, now=1.0)
        sys.exit(0)
    children.append(child)
    for _ in range(20):
        storage.add_trials("shared", [NewTrial({"x": 0.5})], created=None, now=1.0)
assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0]
print(storage.changes("shared").created)

memory = open_storage()
child = os.fork()
if child == 0:
    try:
        memory.experiments()
    except StorageError as error:
        print(error)
    sys.exit(0)
os.waitpid(child, 0)
"""


def test_a_forked_process_may_go_on_with_a_file_but_not_with_memory(url: str):
    done = subprocess.run([sys.executable, "-c", FORK, url], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    created, refusal = done.stdout.splitlines()
    assert created == "120"
    assert "belongs to another process" in refusal
    assert done.stderr == ""
    assert_sound(url)


def test_the_file_is_complete_when_a_process_ends_without_closing(tmp_path: Path):
    url = f"sqlite:///{tmp_path}/shared.db"
    process = start(
        "[work(t.index) for t in storage.add_trials('shared', [NewTrial({}, owner=owner)], created=0, now=1.0)]",
        url,
        "a",
    )
    _, errors = process.communicate("go\n")
    assert process.returncode == 0, errors
    assert [path.name for path in tmp_path.iterdir()] == ["shared.db"]
    storage = open_storage(url)
    assert storage.add_trials("shared", [NewTrial({})], created=1, now=0.0)[0].index == 1
    storage.close()
