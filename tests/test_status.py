import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from headstock import Budget, Experiment, Float, FullTraining, Space, Trial, cli
from headstock.cli.options import out
from headstock.processes import new_owner
from headstock.status import Status, Unfinished, status_of
from headstock.storage import Command, NewTrial, Outcome, Storage, open_storage
from headstock.trial import TrialState, Verdict

NAME = "many"
ELSEWHERE = "gpu-07/1/42/3.00/abcd"
NO_MORE = f"{new_owner().split('/', maxsplit=1)[0]}/1/999999999/1.00/abcd"


@pytest.fixture
def storage(tmp_path):
    opened = open_storage(f"sqlite:///{tmp_path}/a.db")
    Experiment(NAME, Space(x=Float(0, 1)), maximize="score", storage=opened, seed=0)
    yield opened
    opened.close()


def begin(storage: Storage, owner: str | None, **more: object) -> None:
    storage.add_trials(NAME, [NewTrial({"x": 0.5}, owner=owner, **more)], created=None, now=0.0)


def only(status: Status) -> Unfinished:
    [one] = status.unfinished
    return one


def test_an_experiment_that_nobody_works_on(storage: Storage):
    status = status_of(storage, NAME)
    assert status.why.startswith(
        "nothing runs and nothing waits: no worker is at work. Run again what made it, or start one: headstock worker"
    )
    assert not status.is_stuck


def test_what_runs_here_is_known_to_run(storage: Storage):
    begin(storage, new_owner(), until=4)
    status = status_of(storage, NAME)
    assert only(status).is_alive is True
    assert only(status).place[1] is not None
    assert only(status).why == "trains, before its first report, asks again at step 4"
    assert (status.why, status.is_stuck) == ("1 trial runs", False)
    storage.request(NAME, 0, Command.STOP)
    assert only(status_of(storage, NAME)).why.endswith("; it is asked to stop after its next report")


def test_a_process_that_is_gone_is_known_to_be(storage: Storage):
    begin(storage, NO_MORE)
    status = status_of(storage, NAME)
    assert only(status).why == "its process is gone; the next worker takes it over"
    assert status.why.startswith("every process that ran a trial is gone; the next worker takes 1 trial over.")
    assert status.is_stuck
    storage.request(NAME, 0, Command.STOP)
    assert only(status_of(storage, NAME)).why == "its process is gone; the next worker stops it"


def test_of_another_machine_is_only_known_what_is_seen_of_its_leases(storage: Storage):
    begin(storage, ELSEWHERE)
    once = only(status_of(storage, NAME))
    assert (once.place, once.is_alive) == (("gpu-07", 42), None)
    seen = storage.leases(NAME)
    storage.extend(NAME, ELSEWHERE)
    renewed = status_of(storage, NAME, seen)
    assert (only(renewed).is_alive, renewed.is_stuck) == (True, False)
    silent = status_of(storage, NAME, storage.leases(NAME))
    assert (only(silent).is_alive, silent.is_stuck) == (False, True)
    assert "was not renewed while it was watched" in only(silent).why


def test_what_waits_in_the_queue_and_why(storage: Storage):
    owner = new_owner()
    begin(storage, None, state=TrialState.QUEUED, source="enqueued")
    for retries in (None, 2):
        begin(storage, owner)
        storage.release(NAME, storage.page(NAME)[0].index, owner=owner, now=1.0, retries=retries)
    fresh, left, lost = (one.why for one in status_of(storage, NAME).unfinished)
    assert fresh == "waits for a worker, before anything new is suggested (enqueued)"
    assert left == "its worker left or was lost; waits for the next one"
    assert lost == "retry 1 of 2 after its process was lost; waits for a worker"
    assert status_of(storage, NAME).why.startswith("3 trials wait for a worker, and none is at work.")


def test_what_is_paused_and_why(storage: Storage):
    for because in ("predicted 0.8, needs 0.9", "somebody asked for it"):
        begin(storage, ELSEWHERE)
        index = storage.page(NAME)[0].index
        storage.pause(NAME, index, ELSEWHERE, verdict=Verdict(3, "pause", because), now=1.0)
    predicted, asked = (one.why for one in status_of(storage, NAME).unfinished)
    assert predicted == "the scheduler paused it after step 3: predicted 0.8, needs 0.9"
    assert asked == "somebody paused it after step 3; it waits for headstock unpause"
    assert status_of(storage, NAME).why.startswith("1 trial waits for a worker, and none is at work.")
    storage.finish(NAME, 0, Outcome(TrialState.ABANDONED), now=2.0)
    assert status_of(storage, NAME).why == "somebody paused 1 trial. Let it go on: headstock unpause many N"
    assert not status_of(storage, NAME).is_stuck


def test_what_a_person_asked_for(storage: Storage):
    begin(storage, None)
    assert status_of(storage, NAME).why == "somebody asked for 1 trial, and has not told the result"


def test_a_training_tells_where_it_is(storage: Storage):
    seen: list[str] = []

    def train(trial: Trial) -> None:
        for step in trial.steps(3):
            trial.report(score=float(step))
            seen.append(only(status_of(storage, NAME)).why)

    Experiment.open(NAME, storage=storage, scheduler=FullTraining()).run(train, budget=Budget(trials=1))
    assert seen == [f"trains, after step {step} of 3" for step in (1, 2, 3)]


def test_the_turn_to_suggest_is_seen(storage: Storage):
    with storage.turn(NAME):
        assert status_of(storage, NAME).why.startswith("a worker has the turn to suggest a trial")


@pytest.mark.parametrize(
    ("bounds", "spent"),
    [
        ({"trials": 2}, "the budget is spent: trials 2"),
        ({"steps": 2}, "the budget is spent: steps 2"),
        ({"target": 0.1}, "the target 0.1 is reached"),
        ({"trials": 3}, None),
        (None, None),
    ],
)
def test_what_is_spent_of_the_stored_budget(storage: Storage, bounds: dict[str, float] | None, spent: str | None):
    experiment = Experiment.open(NAME, storage=storage)
    experiment.run(lambda trial: 0.2 + trial.parameters["x"], budget=Budget(trials=2))
    storage.limit(NAME, bounds, now=0.0)
    begin(storage, None, state=TrialState.QUEUED)
    status = status_of(storage, NAME)
    assert status.spent == spent
    assert status.is_stuck == (spent is None)


def test_the_command_says_it_in_a_table_as_json_and_by_its_exit_code(storage: Storage, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(out, "_width", 200)

    def invoke(*words: str, code: int = 0) -> str:
        done = CliRunner().invoke(cli.app, ["status", *words, "--storage", storage.url])
        assert done.exit_code == code, done.output
        return done.stdout

    assert invoke() == "No experiment has unfinished trials.\n"
    assert json.loads(invoke("--json")) == []
    begin(storage, NO_MORE)
    begin(storage, "[red]\x1b/1/42/3.00/abcd")
    shown = invoke(NAME)
    assert "many: 2 running" in shown
    assert "its process is gone; the next worker takes it over" in shown
    assert "[red]\\x1b 42 (not known whether it lives: --watch 20)" in shown
    invoke(NAME, "--check")
    invoke(NAME, "--check", "--watch", "0", code=3)
    [found] = json.loads(invoke("--json"))
    assert found == json.loads(invoke(NAME, "--json")) | {"unfinished": found["unfinished"]}
    assert [one["is_alive"] for one in found["unfinished"]] == [False, None]
    assert "no experiment 'other'" in str(
        CliRunner().invoke(cli.app, ["status", "other", "--storage", storage.url]).exception
    )


def test_another_process_is_seen_at_work_and_gone(storage: Storage):
    source = (
        "import sys, headstock as hs\n"
        "def train(trial):\n"
        "    print(trial.record.index, flush=True)\n"
        "    sys.stdin.read()\n"
        f"hs.Experiment.open({NAME!r}, storage=sys.argv[1]).run(train, budget=hs.Budget(trials=1))\n"
    )
    command = [sys.executable, "-c", source, storage.url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "0\n"
        at_work = only(status_of(storage, NAME))
        assert (at_work.is_alive, at_work.place[1]) == (True, worker.pid)
        worker.kill()
    assert only(status_of(storage, NAME)).is_alive is False
