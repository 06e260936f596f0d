import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

import histories
from headstock import Budget, Choice, Experiment, Failed, Float, Int, Space, Trial, cli
from headstock.cli.options import trials_table
from headstock.exports import trials_csv
from headstock.trial import TrialState

Invoke = Callable[..., Result]
HOSTILE = "=1+1 <b>[red]</script>"


@pytest.fixture
def url(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path}/a.db"
    with Experiment("cifar10", Space(lr=Float(0.1, 1.0)), maximize="accuracy", storage=url, seed=0) as experiment:
        experiment.run(lambda t: (t.parameters["lr"], 0.01), budget=Budget(trials=6))
    with Experiment(HOSTILE, Space(lr=Float(0.1, 1.0)), minimize="loss", storage=url):
        pass
    return url


@pytest.fixture
def invoke(url: str) -> Invoke:
    return lambda *words: CliRunner().invoke(cli.app, [*words, "--storage", url])


def test_list(invoke: Invoke):
    listed = json.loads(invoke("list", "--json").stdout)
    assert [e["name"] for e in listed] == ["cifar10", HOSTILE]
    assert listed[0]["trials"] == {"completed": 6}
    assert listed[1]["best"] is None
    shown = invoke("list").stdout
    assert "6 completed" in shown
    assert "[red]" in shown


def test_show(invoke: Invoke):
    shown = invoke("show", "cifar10").stdout
    assert "maximise accuracy" in shown
    assert "best believed: accuracy" in shown
    numbers = json.loads(invoke("show", "cifar10", "--json").stdout)
    assert numbers["counts"] == {"completed": 6}
    assert (numbers["baseline"], numbers["transfer"]) == (None, None)
    assert "No trial has a result" in invoke("show", HOSTILE).stdout


def test_show_says_why_trials_failed_and_names_some_of_many_parameters(tmp_path):
    url = f"sqlite:///{tmp_path / 'wide.db'}"
    space = Space({f"p{i:02}": Float(0, 1) for i in range(60)})
    with Experiment("wide", space, maximize="score", storage=url, seed=0) as experiment:
        assert "latest trials" not in CliRunner().invoke(cli.app, ["show", "wide", "--storage", url]).output
        experiment.tell(experiment.ask(), Failed("CUDA out of memory"))
        experiment.tell(experiment.ask(), 0.5)
    shown = CliRunner().invoke(cli.app, ["show", "wide", "--storage", url]).output
    assert "1 of 2 trials failed. The most frequent reason (once): CUDA out of memory." in " ".join(shown.split())
    assert "more columns need more room" in shown


@pytest.mark.parametrize("room", [60, 80, 100])
def test_a_table_of_trials_cuts_no_number_short(room):
    space = Space(
        {"learning_rate": Float(1e-6, 1, log=True), "[depth]": Int(1, 9)} | {f"p{i}": Float(0, 1) for i in range(9)}
    )
    experiment = Experiment("e", space, maximize="accuracy", seed=0)
    experiment.tell(experiment.ask(), {"accuracy": 0.912345, "loss": 0.1234})
    out = io.StringIO()
    Console(file=out, width=room).print(trials_table(experiment.history.trials, room))
    head, row, note, *_ = out.getvalue().splitlines()
    assert "…" not in out.getvalue()
    assert {"trial", "state", "accuracy", "loss", "seconds"} <= set(head.split())
    assert "0.9123" in row.split()
    assert len(head.split()) + int(note.split()[0]) == 3 + 2 + len(space)


def test_where_no_terminal_is_a_table_has_every_column(url):
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    with Experiment("many", Space({f"p{i:02}": Float(0, 1) for i in range(60)}), maximize="score", storage=url) as many:
        many.tell(many.ask(), 0.5)
    command = [sys.executable, "-c", "from headstock.cli import main; main()", "trials", "many", "--storage", url]
    shown = subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout.splitlines()
    assert [len(line.split()) for line in shown] == [64, 64]


def test_show_and_best_warn_of_what_speaks_against_the_search(tmp_path):
    url = f"sqlite:///{tmp_path / 'flat.db'}"
    with Experiment("flat", Space(x=Float(0, 1)), minimize="[loss]", storage=url, seed=0) as experiment:
        for _ in range(6):
            experiment.tell(experiment.ask(), 0.5)
    expected = (
        "All 6 values of [loss] are the same, so there is nothing to learn from it. Look whether the evaluation uses "
        "the parameters, and what it returns."
    )
    for command in ("show", "best"):
        shown = CliRunner().invoke(cli.app, [command, "flat", "--storage", url]).output
        assert " ".join(shown.split()).count(f"warning: {expected}") == 1
    shown = json.loads(CliRunner().invoke(cli.app, ["show", "flat", "--json", "--storage", url]).output)
    assert shown["warnings"] == [expected]


def test_show_compares_with_the_baseline_and_tells_what_earlier_experiments_count(tmp_path):
    url = f"sqlite:///{tmp_path / 'a.db'}"
    histories.taught(url, "new", earlier=HOSTILE)
    shown = " ".join(CliRunner().invoke(cli.app, ["show", "new", "--storage", url]).output.split())
    assert "is better than the baseline (trial 0) with probability more than 99 %: loss is " in shown
    assert f"The earlier experiment {HOSTILE!r} has " in shown
    numbers = json.loads(CliRunner().invoke(cli.app, ["show", "new", "--json", "--storage", url]).output)
    assert numbers["baseline"]["baseline"] == 0
    assert numbers["baseline"]["changes"][0]["difference"] == pytest.approx(-9, abs=1)
    assert numbers["transfer"]["lessons"][0]["name"] == HOSTILE
    assert numbers["transfer"]["results"] == 6


def test_nothing_is_warned_of_without_a_reason(invoke: Invoke):
    assert "warning" not in invoke("show", HOSTILE).stdout
    assert json.loads(invoke("show", HOSTILE, "--json").stdout)["warnings"] == []


def test_show_draws_the_best_so_far_and_lists_the_best_trials(invoke: Invoke):
    shown = invoke("show", "cifar10").stdout
    spark = next(line for line in shown.splitlines() if line.startswith("best so far"))
    bars = spark.split()[4]
    assert len(bars) == 6
    assert list(bars) == sorted(bars)
    best = shown.split("best trials")[1].split("latest trials")[0].splitlines()[2:]
    values = [float(line.split()[2]) for line in best if line.strip()]
    assert len(values) == 5
    assert values == sorted(values, reverse=True)


def test_widen(invoke: Invoke, url: str):
    assert "lr=Float(0.01, 2.0)" in invoke("widen", "cifar10", "lr=0.01:2").stdout
    with Experiment.open("cifar10", storage=url) as experiment:
        assert experiment.space["lr"] == Float(0.01, 2.0)
    assert "is no range" in str(invoke("widen", "cifar10", "lr=high").exception)
    assert "leaves out part" in str(invoke("widen", "cifar10", "lr=0.5:2").exception)


def test_trials(invoke: Invoke):
    listed = json.loads(invoke("trials", "cifar10", "--json").stdout)
    assert [t["index"] for t in listed] == list(range(6))
    assert listed[0]["state"] == "completed"
    assert set(listed[0]["parameters"]) == {"lr"}
    assert [t["index"] for t in json.loads(invoke("trials", "cifar10", "--json", "--limit", "2").stdout)] == [4, 5]
    assert "4 older trials" in invoke("trials", "cifar10", "--limit", "2").stdout


def test_best(invoke: Invoke):
    best = json.loads(invoke("best", "cifar10", "--json").stdout)
    assert best["seen"]["parameters"]["lr"] == pytest.approx(best["seen"]["mean"])
    assert 0 <= best["believed"]["probability"] <= 1
    assert "best seen" in invoke("best", "cifar10").stdout


def test_export_and_delete(invoke: Invoke, tmp_path: Path):
    rows = list(csv.DictReader(io.StringIO(invoke("export", "cifar10").stdout)))
    assert len(rows) == 6
    assert float(rows[0]["accuracy"]) == pytest.approx(float(rows[0]["lr"]))
    path = tmp_path / "all.json"
    invoke("export", "cifar10", "--format", "json", "--out", str(path))
    assert len(Experiment.from_json(json.loads(path.read_text(encoding="utf-8"))).trials) == 6
    assert invoke("rename", "cifar10", "cifar10").exit_code == 1
    assert invoke("rename", "cifar10", "cifar").exit_code == 0
    assert invoke("rename", "cifar", "cifar10").exit_code == 0
    asked = invoke("delete", "cifar10")
    assert asked.exit_code == 1
    assert "trials (" in asked.output
    assert invoke("delete", "cifar10", "--yes").exit_code == 0
    assert [e["name"] for e in json.loads(invoke("list", "--json").stdout)] == [HOSTILE]


def test_report(invoke: Invoke, tmp_path: Path):
    path = tmp_path / "report.html"
    assert invoke("report", "cifar10", "--out", str(path)).exit_code == 0
    assert path.read_text(encoding="utf-8").startswith("<!")


@pytest.mark.parametrize("words", [("report", "cifar10"), ("plot", "cifar10", "trace"), ("export", "cifar10")])
def test_what_is_written_makes_the_folders_that_are_missing(invoke: Invoke, tmp_path: Path, words: tuple[str, ...]):
    path = tmp_path / "new" / "folder" / "a.html"
    assert invoke(*words, "--out", str(path)).exit_code == 0
    assert path.stat().st_size


def test_cells_that_a_spreadsheet_would_run_are_text():
    experiment = Experiment("x", Space({"=lr": Float(0, 1)}), maximize="@score")
    experiment.tell(experiment.ask(), {"@score": -1.0})
    rows = list(csv.reader(io.StringIO(trials_csv(experiment.history))))
    assert "'=lr" in rows[0]
    assert "'@score" in rows[0]
    assert rows[1][rows[0].index("'@score")] == "-1.0"


def test_what_a_terminal_would_obey_is_shown_as_letters(tmp_path: Path):
    url = f"sqlite:///{tmp_path}/strange.db"
    with Experiment("strange", Space(kind=Choice("\x1b[2J", "[red]")), maximize="score", storage=url) as experiment:
        for _ in range(2):
            experiment.tell(experiment.ask(), 0.5)
    for words in (["trials", "strange"], ["show", "strange"], ["best", "strange"]):
        shown = CliRunner().invoke(cli.app, [*words, "--storage", url]).output
        assert "\x1b" not in shown
        assert "[red]" in shown or words[0] != "trials"


def test_help_names_every_command():
    shown = CliRunner().invoke(cli.app, ["--help"])
    assert shown.exit_code == 0
    for command in ("demo", "list", "show", "trials", "best", "report", "export", "delete"):
        assert command in shown.stdout
        assert CliRunner().invoke(cli.app, [command, "--help"]).exit_code == 0


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["best", "nothing"], 1, "no experiment 'nothing'"),
        (["best", HOSTILE], 1, "No trial has a result"),
        (["export", "cifar10", "--out", "/dev/null/a.csv"], 1, "exists: '/dev/null'"),
        (["frobnicate"], 2, ""),
        (["--version"], 0, ""),
    ],
)
def test_exit_codes(
    words: list[str],
    code: int,
    message: str,
    url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    monkeypatch.setenv("HEADSTOCK_STORAGE", url)
    monkeypatch.setattr("sys.argv", ["headstock", *words])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert (ended.value.code or 0) == code
    errors = capsys.readouterr().err
    assert message in errors
    assert code != 1 or errors.count("\n") == 1


def test_a_storage_that_is_not_there_is_not_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr("sys.argv", ["headstock", "list", "--storage", f"sqlite:///{tmp_path}/no.db"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 1
    assert "There is no storage" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_plot(invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    assert invoke("plot", "cifar10", "trace").stdout.strip() == "cifar10-trace.html"
    assert "accuracy per trial" in Path("cifar10-trace.html").read_text("utf-8")
    assert invoke("plot", "cifar10", "slices", "--out", "a.html").exit_code == 0
    assert "There are trace, curves" in str(invoke("plot", "cifar10", "traces").exception)
    assert "No trial has a result" in str(invoke("plot", HOSTILE, "trace").exception)
    assert sorted(p.name for p in tmp_path.iterdir() if p.suffix == ".html") == ["a.html", "cifar10-trace.html"]


@pytest.mark.usefixtures("untimed")
def test_show_tells_what_is_paused_and_why(invoke: Invoke, url: str):
    def climb(trial: Trial) -> None:
        trial.attach(state={})
        for step in trial.steps(5):
            trial.report(height=trial.parameters["lr"] * step)

    with Experiment("climb", Space(lr=Float(0.1, 1.0)), maximize="height", storage=url, seed=0) as experiment:
        experiment.run(climb, budget=Budget(steps=20))
    shown = invoke("show", "climb").stdout
    assert " paused" in shown.split("trainings")[1]
    assert "/5" in shown
    listed = json.loads(invoke("trials", "climb", "--json").stdout)
    assert all(why for trial in listed for _, _, why in trial["verdicts"])
    assert {"start", "pause"} <= {decision for trial in listed for _, decision, _ in trial["verdicts"]}


def test_a_person_judges(invoke: Invoke, url: str):
    with Experiment("posters", Space(hue=Float(0.0, 1.0)), maximize="appeal", storage=url, judged=True) as experiment:
        assert "no two finished trials" in invoke("prefer", "posters").stdout
        for trial in experiment.ask(3):
            experiment.tell(trial)
    asked = invoke("prefer", "posters").stdout
    assert asked.startswith("Which is better?\n")
    assert "hue" in asked
    assert invoke("prefer", "posters", "2", "0", "1").stdout.startswith("trial 2 is better than 0, 1\n")
    assert json.loads(invoke("best", "posters", "--json").stdout)["seen"]["trial"] == 2
    assert invoke("prefer", "posters", "--back").stdout.startswith("taken back: trial 2 is better than 0, 1\n")
    assert "nothing to take back" in str(invoke("prefer", "posters", "--back").exception)
    assert "better than nothing" in str(invoke("prefer", "posters", "1").exception)
    assert invoke("prefer", "posters", "1", "0", "--back").exit_code == 2
    assert "takes no preferences" in str(invoke("prefer", "cifar10", "1", "0").exception)
    assert "takes no preferences" in str(invoke("prefer", "cifar10").exception)


def test_failed_trials_are_retried_together_or_not_at_all(invoke: Invoke, url: str):
    with Experiment.open("cifar10", storage=url) as experiment:
        failed = [experiment.tell(experiment.ask(), Failed("no power")).index for _ in range(2)]
        refused = invoke("retry", "cifar10", str(failed[0]), "0")
        assert "Trial 0 of 'cifar10' has not failed" in str(refused.exception)
        assert experiment.history.counts.get(TrialState.QUEUED, 0) == 0
        assert invoke("retry", "cifar10", *map(str, [*failed, failed[0]])).exit_code == 0
        assert experiment.history.counts[TrialState.QUEUED] == 2


def test_steering(invoke: Invoke, url: str):
    assert invoke("note", "cifar10", "the long weekend").exit_code == 0
    assert invoke("note", "cifar10", "odd", "--trial", "3").exit_code == 0
    assert invoke("budget", "cifar10", "--steps", "1234567").stdout == "budget: steps 1,234,567\n"
    assert invoke("budget", "cifar10", "--trials", "40", "--target", "0.9").stdout == "budget: trials 40, target 0.9\n"
    with Experiment.open("cifar10", storage=url) as experiment:
        assert experiment.notes == {None: "the long weekend", 3: "odd"}
        assert experiment._study.spec.budget == {"trials": 40, "target": 0.9}
        queued = experiment.enqueue({"lr": 0.5})
    assert invoke("stop", "cifar10", str(queued.index)).stdout == f"Trial {queued.index} is abandoned.\n"
    assert invoke("budget", "cifar10").stdout == "budget: as each run is told\n"
    assert "not running" in str(invoke("pause", "cifar10", "0").exception)
    assert "not paused" in str(invoke("unpause", "cifar10", "0").exception)
    assert "give a positive number" in str(invoke("budget", "cifar10", "--trials", "-1").exception)
