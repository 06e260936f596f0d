"""On a real Ray, begun on the loopback interface; several nodes of one machine stand for several machines."""

import os
import re
import secrets
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import headstock as hs
import tasks
from headstock.cli import app
from headstock.errors import ExecutorError
from headstock.executors.base import Ask, Finished
from headstock.history import History
from headstock.runner import Ended
from headstock.trial import TrialState
from killed import has_ended

# Ray reads its settings when it is imported, so it is only looked for here. One cluster is enough for all processes.
pytestmark = [
    pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed"),
    pytest.mark.xdist_group("ray"),
]

SPACE = hs.Space(x=hs.Float(0, 1))
TESTS = str(Path(__file__).parents[1])
PAGE = (Path(__file__).parents[2] / "docs" / "machines.md").read_text(encoding="utf-8")
LOOPBACK = {"node_ip_address": "127.0.0.2"}  # Ray takes 127.0.0.1 for an address that others are to reach


@pytest.fixture(scope="module", autouse=True)
def _settings() -> Iterator[None]:
    """What is started finds the tests' own modules, and nobody else may use it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([TESTS, *filter(None, [os.environ.get("PYTHONPATH")])]))
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_worker_niceness", "0")  # 15 otherwise, which is for ever on a busy machine
        patch.setenv("RAY_AUTH_MODE", "token")
        patch.setenv("RAY_AUTH_TOKEN", secrets.token_hex(32))
        yield


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A cluster with room for two trials; nodes with other resources are for tests to add."""
    from ray.cluster_utils import Cluster

    found = Cluster(initialize_head=True, head_node_args={"num_cpus": 2, "include_dashboard": False, **LOOPBACK})
    yield found
    found.shutdown()


def experiment(path: Path, **options: Any) -> hs.Experiment:
    scheduler = hs.FullTraining()
    return hs.Experiment(
        "e", SPACE, maximize="score", seed=1, storage=f"sqlite:///{path}/e.db", scheduler=scheduler, **options
    )


def check_went_on(trial: hs.TrialRecord) -> None:
    """It was killed once, as `tasks.wait_in_the_middle` waits for, and went on from its state in another process."""
    assert trial.state is TrialState.COMPLETED
    assert trial.attempt == 1
    assert [(o.step, o.mean) for o in trial.reports["score"]] == [(1, 1.0), (2, 2.0), (3, 3.0), (4, 4.0)]
    pids = [o.mean for o in trial.reports["pid"]]
    assert pids[0] == pids[1] != pids[2] == pids[3]


def waiting(history: History) -> list[int]:
    """The processes that wait in the middle."""
    return [int(o.mean) for trial in history for o in trial.reports.get("waits", ())]


def test_the_page_s_example_runs_on_a_ray_of_this_program():
    [code] = [code for code in re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL) if "Ray(" in code]
    exec(compile(code, "<snippet>", "exec"), {"__name__": "__main__"})


def test_what_kills_a_process_costs_its_trial_and_no_other(cluster: Any, tmp_path: Path):
    with experiment(tmp_path) as found:
        executor = hs.Ray(cluster.address)
        assert found.run(tasks.climb, budget=hs.Budget(trials=4), workers=2, executor=executor) is Ended.BUDGET
        assert found.history.counts == {TrialState.COMPLETED: 4}
        for trial in found.history:
            expected = [trial.parameters["x"] * k for k in range(1, 7)]
            assert [o.mean for o in trial.reports["score"]] == pytest.approx(expected)
        assert (found.trials[1].attempt, found.trials[1].retries) == (1, 0)
        found.run(tasks.hang, budget=hs.Budget(trials=5), executor=executor, timeout=0.5)
        assert found.trials[4].error == "timed out after 0.5 s"


def test_resources_say_where_trials_run_and_how_many(cluster: Any, tmp_path: Path):
    node = cluster.add_node(num_cpus=1, num_gpus=4, **LOOPBACK)
    running = []

    def observe(history: History) -> None:
        running.append(history.counts.get(TrialState.RUNNING, 0))

    with experiment(tmp_path) as found:
        for resources, words in (({"GPU": 8}, "No node of the Ray cluster has"), ({"TPU": 1}, "or give workers=")):
            with pytest.raises(ExecutorError, match=words):
                found.run(tasks.count_gpus, budget=hs.Budget(trials=1), executor=hs.Ray(cluster.address, resources))
        assert len(found.history) == 0
        executor = hs.Ray(cluster.address, {"GPU": 2})
        found.run(tasks.count_gpus, budget=hs.Budget(trials=6), executor=executor, observe=observe)
        assert [trial.objective_mean for trial in found.history] == [2.0] * 6
    assert max(running) == 2
    cluster.remove_node(node)


def test_tasks_that_talk_all_the_time_keep_the_runner_from_nothing_else(cluster: Any):
    def talk(_: Any, ask: Ask) -> str:
        for number in range(20):
            ask("says", number)
        return "done"

    now = 0.0

    def listen(*_: Any) -> None:
        nonlocal now
        now += 1.0

    places = hs.Ray(cluster.address)(talk, 1)
    places.clock = lambda: now
    places.submit(7, None)
    waits = 1
    while not (finished := places.wait(listen, 5.0)):
        waits += 1
    places.close()
    assert finished == [Finished(7, "done")]
    assert waits >= 4, "it listened for longer than it was told to"


def test_a_node_s_death_costs_its_trials_what_was_not_saved(cluster: Any, tmp_path: Path):
    first = cluster.add_node(num_cpus=1, resources={"doomed": 1}, **LOOPBACK)

    def observe(history: History) -> None:
        if waiting(history) and first in cluster.worker_nodes:
            cluster.remove_node(first, allow_graceful=False)
            cluster.add_node(num_cpus=1, resources={"doomed": 1}, **LOOPBACK)

    with experiment(tmp_path) as found:
        executor = hs.Ray(cluster.address, {"doomed": 1})
        found.run(tasks.wait_in_the_middle, budget=hs.Budget(trials=1), executor=executor, observe=observe)
        check_went_on(found.trials[0])


def test_an_interrupted_run_leaves_nothing_behind_and_goes_on(
    cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    terminated = []

    def observe(history: History) -> None:
        if waiting(history) and not terminated:
            os.kill(os.getpid(), signal.SIGTERM)

    def interrupt(*_: Any) -> None:
        terminated.append(True)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    monkeypatch.setattr("headstock.runner.GRACE", 0.0)
    with experiment(tmp_path) as found:
        run = {"budget": hs.Budget(trials=1), "executor": hs.Ray(cluster.address)}
        assert found.run(tasks.wait_in_the_middle, observe=observe, **run) is Ended.INTERRUPTED
        assert found.history.counts == {TrialState.QUEUED: 1}
        assert has_ended(*waiting(found.history))
        assert signal.signal(signal.SIGTERM, before) is interrupt, "Ray has left another handler behind"
        assert found.run(tasks.wait_in_the_middle, **run) is Ended.BUDGET
        check_went_on(found.trials[0])


DRIVER = """
import sys
import headstock as hs
import tasks

experiment = hs.Experiment.open("e", storage=sys.argv[1])
experiment.run(tasks.wait_in_the_middle, budget=hs.Budget(trials=2), executor=hs.Ray(sys.argv[2]))
"""


def test_a_killed_driver_takes_its_trials_with_it_and_the_next_goes_on(cluster: Any, tmp_path: Path):
    with experiment(tmp_path) as found:
        command = [sys.executable, "-c", DRIVER, found.storage, cluster.address]
        with subprocess.Popen(command) as driver:
            while len(waiting(found.history)) < 2:
                assert driver.poll() is None
                time.sleep(0.1)
            driver.kill()
        assert all(has_ended(pid) for pid in waiting(found.history))
        found.run(tasks.wait_in_the_middle, budget=hs.Budget(trials=2), executor=hs.Ray(cluster.address))
        for trial in found.history:
            check_went_on(trial)


SCRIPT = """
import os, pathlib, sys, time
print(os.getpid(), flush=True)
if "--wait" in sys.argv:
    time.sleep(1000)
print("accuracy=0.5")
"""


def test_scripts_run_on_the_nodes(cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    Path("train.py").write_text(SCRIPT)
    [line] = re.findall(r"^headstock (.*--executor ray.*)$", PAGE.replace("\\\n", " "), re.MULTILINE)
    replaced = {"auto": cluster.address, "python": sys.executable}
    words = [replaced.get(word, word) for word in shlex.split(line)]
    start = [sys.executable, "-c", "from headstock.cli import main; main()", *words, "--wait"]
    with subprocess.Popen(start, stderr=subprocess.DEVNULL) as driver:
        while len(logs := [log.read_text() for log in tmp_path.rglob("output.log") if log.stat().st_size]) < 2:
            assert driver.poll() is None
            time.sleep(0.1)
        driver.kill()
    assert all(has_ended(int(log)) for log in logs), "a script has outlived the driver"
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, (done.output, done.exception)
    assert "2 trials, 0 failed" in done.stdout
    logged = CliRunner().invoke(app, ["logs", "nodes", "0"]).stdout
    assert "=== attempt 2 ===" in logged


@pytest.mark.parametrize("evaluates", ["a function", "a script"])
def test_a_cluster_joins_an_experiment_as_a_worker(cluster: Any, tmp_path: Path, evaluates: str):
    with experiment(tmp_path) as found:
        of_cluster = ["--executor", "ray", "--address", cluster.address, "--resources", "CPU=1", "--workers", "1"]
        command = ["--function", "tasks:climb", *of_cluster]
        if evaluates == "a script":
            command = [*of_cluster, "--", sys.executable, "-c", "print('score=0.5')"]
        words = ["worker", "--name", "e", "--storage", found.storage, "--trials", "2", *command]
        start = [sys.executable, "-c", "from headstock.cli import main; main()", *words]
        done = subprocess.run(start, capture_output=True, text=True, check=False, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert "2 trials, 0 failed" in done.stdout
        assert [trial.state for trial in found.history] == [TrialState.COMPLETED] * 2


@pytest.mark.parametrize(
    ("resources", "words"),
    [
        ({}, "no resources"),
        ({"CPU": 0}, "no resources"),
        ({"CPU": -1}, "CPU is -1"),
        ({"GPU": 1.5}, "GPU is 1.5"),
        (5, "by name"),
    ],
)
def test_resources_that_make_no_sense_are_refused(resources: Any, words: str):
    with pytest.raises(ExecutorError, match=words):
        hs.Ray(resources=resources)


def test_what_is_not_there_is_said(tmp_path: Path):
    with experiment(tmp_path) as found:
        with pytest.raises(ExecutorError, match="no Ray cluster at"):
            found.run(tasks.climb, budget=hs.Budget(trials=1), executor=hs.Ray("127.0.0.1:1"))
        with pytest.raises(ExecutorError, match="this machine's"):
            found.run(tasks.climb, budget=hs.Budget(trials=1), executor=hs.Ray(), gpus=[0])
        assert len(found.history) == 0
