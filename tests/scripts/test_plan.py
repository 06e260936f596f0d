from pathlib import Path
from typing import Any

import pytest

from headstock import Budget
from headstock.errors import CommandError, HeadstockError
from headstock.scripts.plan import Design, Plan, Settings, make_design, make_plan, split_words
from headstock.scripts.script import Passing
from headstock.scripts.study_file import read_study_file
from headstock.space import Choice, Fixed, Float, Int, Space

NEEDED: dict[str, Any] = {
    "name": "a",
    "maximize": "score",
    "trials": 3,
    "parameters": {"lr": "0:1"},
    "command": ["python", "train.py"],
}

TOML = """
name = "mnist"
maximize = "accuracy"
trials = 40
command = "python train.py '--note=two words'"
outcome_constraints = ["latency <= 20"]
constraints = ["lr <= 0.3"]
when = ["momentum: layers=1,2"]
patterns.accuracy = 'Acc ([0-9.]+)'
pass = "environment"
timeout = 60

[parameters]
lr = "1e-6:0.4:log"                  # as on the command line
optimizer = ["sgd", "adamw"]
layers = { type = "int", low = 1, high = 4 }
epochs = 10

[parameters.momentum]
low = 0.0
high = 0.99
when = { optimizer = "sgd" }
"""

YAML = """
name: mnist
maximize: accuracy
trials: 40
command: [python, train.py, --note=two words]
parameters:
  lr: 1e-6:0.4:log
  weight_decay: {low: 1e-6, high: 1e-2, log: true}
  optimizer: [sgd, adamw]
  nesterov: {values: [false, true], when: {optimizer: sgd}}
"""


def written(text: str, folder: Path, name: str = "study.toml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_a_study_in_toml(tmp_path: Path):
    assert make_plan(read_study_file(written(TOML, tmp_path))) == Plan(
        name="mnist",
        budget=Budget(trials=40),
        command=("python", "train.py", "--note=two words"),
        design=Design(
            name="mnist",
            maximize="accuracy",
            budget=Budget(trials=40),
            outcome_constraints=("latency <= 20",),
            space=Space(
                lr=Float(1e-6, 0.4, log=True),
                optimizer=Choice("sgd", "adamw"),
                layers=Int(1, 4),
                epochs=Fixed(10),
                momentum=Float(0, 0.99, when={"optimizer": "sgd", "layers": (1, 2)}),
                constraints=["lr <= 0.3"],
            ),
        ),
        patterns={"accuracy": "Acc ([0-9.]+)"},
        passing=Passing.ENVIRONMENT,
        timeout=60,
    )


def test_a_study_in_yaml(tmp_path: Path):
    pytest.importorskip("yaml")
    plan = make_plan(read_study_file(written(YAML, tmp_path, "study.yaml")))
    assert plan.command == ("python", "train.py", "--note=two words")
    assert plan.design is not None
    assert plan.design.space == Space(
        lr=Float(1e-6, 0.4, log=True),
        weight_decay=Float(1e-6, 1e-2, log=True),
        optimizer=Choice("sgd", "adamw"),
        nesterov=Choice(False, True, when={"optimizer": "sgd"}),
    )


@pytest.mark.parametrize(
    ("name", "old", "new", "words"),
    [
        ("study.toml", "trials = 40", "trials = 'many'", r"line 4: trials is 'many'. Give a whole number"),
        ("study.toml", "trials = 40", "trails = 40", r"line 4: 'trails' is unknown. Do you mean 'trials'\?"),
        ("study.toml", "two words'", "two words", r"line 5: command is .* cannot be split into words: No closing"),
        ("study.toml", "high = 4 }", "high = 4, log = 'false' }", r"line 16: The parameter 'layers': log is 'false'"),
        (
            "study.toml",
            '"sgd", "adamw"]',
            '"a", "b"]\nx = { values = [1, 2], ordered = 0 }',
            r"ordered is 0. Write true",
        ),
        ("study.toml", "trials = 40", "trials 40", r"no TOML: .*line 4"),
        ("study.toml", "maximize =", "minimise =", r"line 3: 'minimise' is unknown"),
        ("study.toml", "1e-6:0.4:log", "1e-6:0.4:lgo", r"line 14: The parameter 'lr': 'lgo' in"),
        ("study.toml", '"sgd", "adamw"]', '"sgd"]', r"line 15: The parameter 'optimizer': .*one value"),
        ("study.toml", "high = 4", "hihg = 4", r"line 16: The parameter 'layers': its entries are type, low, hihg"),
        ("study.toml", 'type = "int"', 'type = "whole"', r"line 16: The parameter 'layers': type is 'whole'"),
        ("study.toml", "epochs = 10", "epochs = 2020-01-01", r"line 17: The parameter 'epochs': .*of type date"),
        ("study.toml", "momentum: layers", "momentum layers", r"line 8: The condition 'momentum layers=1,2'"),
        ("study.toml", "(", "", r"line 9: The pattern .* of 'accuracy' cannot be read"),
        ("study.toml", 'when = { optimizer = "sgd" }', "when = 3", r"line 19: The parameter 'momentum': when is 3"),
        ("study.toml", "timeout = 60", "timeout = -1", r"line 11: timeout is -1. Give a positive number"),
        ("study.toml", '"environment"', '"telepathy"', r"line 10: pass is 'telepathy'. Give one of options"),
        ("study.yaml", "trials: 40", "trials: 4x", r"line 4: trials is '4x'"),
        ("study.yaml", "1e-6:0.4:log", "1e-6", r"line 7: The parameter 'lr': '1e-6' is one value"),
        ("study.yaml", "high: 1e-2", "high: tall", r"line 8: The parameter 'weight_decay': high is 'tall'"),
        ("study.yaml", "  optimizer:", "  lr:", r"line 9: 'lr' is given twice"),
        ("study.yaml", "[sgd, adamw]", "[sgd, adamw", r"line 10: this is no YAML"),
        ("study.yaml", YAML, "- a", r"holds no entries"),
        ("study.yaml", "name: mnist", "name: !!python/object/apply:os.system ['true']", r"line 2: this is no YAML"),
    ],
)
def test_an_error_in_a_file_names_the_line(name: str, old: str, new: str, words: str, tmp_path: Path):
    if name.endswith("yaml"):
        pytest.importorskip("yaml")
    text = TOML if name.endswith("toml") else YAML
    assert old in text
    with pytest.raises(HeadstockError, match=rf"{name}.*{words}"):
        make_plan(read_study_file(written(text.replace(old, new, 1), tmp_path, name)))


def test_a_file_that_is_not_there(tmp_path: Path):
    with pytest.raises(CommandError, match=r"study\.toml cannot be read: .*No such file"):
        read_study_file(tmp_path / "study.toml")


def test_options_go_before_the_file(tmp_path: Path):
    file = read_study_file(written('name = "a"\ntrials = 40\nmaximize = "score"', tmp_path))
    plan = make_plan(Settings({"trials": 3, "parameters": {"lr": "0:1"}, "command": ["sh"]}).over(file))
    assert (plan.name, plan.budget, plan.command) == ("a", Budget(trials=3), ("sh",))


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        ("name", "There is no name. Give the experiment one with --name"),
        ("parameters", "There are no parameters. Write each as --name"),
        ("command", "There is no command. Write it at the end"),
        ("maximize", "Name the metric to optimise"),
        ("trials", r"There is no budget, .* Give trials, .* such as --trials 40\."),
    ],
)
def test_what_is_missing_is_named(missing: str, words: str):
    with pytest.raises(HeadstockError, match=words):
        make_plan(Settings({key: value for key, value in NEEDED.items() if key != missing}))


def test_both_directions_at_once_are_refused():
    with pytest.raises(CommandError, match="in exactly one"):
        make_plan(Settings(NEEDED | {"minimize": "loss"}))


@pytest.mark.parametrize("key", ["results", "tensorboard"])
def test_trials_that_run_at_once_do_not_share_files(key: str):
    with pytest.raises(CommandError, match=rf"{key} is 'out', which 2 trials at once would share"):
        make_plan(Settings(NEEDED | {key: "out", "workers": 2}))
    make_plan(Settings(NEEDED | {key: "{directory}/out", "workers": 2}))
    make_plan(Settings(NEEDED | {key: "out"}))


def test_an_experiment_that_is_there_needs_no_space():
    plan = make_plan(Settings({"name": "a", "command": ["sh"], "trials": 3}), is_new=False)
    assert plan.design is None


@pytest.mark.parametrize(
    ("words", "parameters", "rest"),
    [
        (
            ["--lr", "0:1", "--x=1,2", "python", "train.py", "--y", "3"],
            {"lr": "0:1", "x": "1,2"},
            ["python", "train.py", "--y", "3"],
        ),
        (["--lr", "-1:1", "study.toml"], {"lr": "-1:1"}, ["study.toml"]),
        ([], {}, []),
    ],
)
def test_parameters_stand_before_the_command(words: list[str], parameters: dict[str, str], rest: list[str]):
    assert split_words(words) == (parameters, rest)


@pytest.mark.parametrize(
    ("words", "message"), [(["--lr"], "--lr has no values"), (["--lr", "0:1", "--lr", "0:2"], "--lr is given twice")]
)
def test_words_that_make_no_sense_are_refused(words: list[str], message: str):
    with pytest.raises(CommandError, match=message):
        split_words(words)


def test_a_design_is_what_a_plan_searches_without_what_evaluates_it():
    entries = {key: value for key, value in NEEDED.items() if key != "command"}
    assert make_design(Settings(entries)) == make_plan(Settings(NEEDED)).design
    assert make_design(Settings({**entries, "seed": 0})).seed == 0
    without = {key: value for key, value in entries.items() if key != "trials"}
    assert make_design(Settings(without)) == Design("a", Space(lr=Float(0, 1)), maximize="score")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"command": "rm -rf /"}, "'command' is not stored"),
        ({"workers": 2}, "'workers' is not stored"),
        ({"storage": "sqlite:///other.db"}, "'storage' is not stored"),
        ({"trails": 3}, "Do you mean 'trials'"),
        ({"minimize": "loss"}, "exactly one of maximize and minimize"),
        ({"parameters": {}}, "There are no parameters"),
        ({"parameters": {"lr": {"low": 0, "high": "ten"}}}, "'lr': high is 'ten', which is no number"),
        ({"parameters": {"lr": {"low": 1, "high": 0}}}, "'lr'"),
        ({"when": ["lr: optimizer=sgd"]}, "names 'optimizer'"),
        ({"trials": "many"}, "trials is 'many'"),
        ({"target": float("nan")}, "target"),
    ],
)
def test_a_design_that_makes_no_sense_is_refused(change, words):
    entries = {key: value for key, value in NEEDED.items() if key != "command"}
    with pytest.raises(HeadstockError, match=words):
        make_design(Settings({**entries, **change}))


@pytest.mark.parametrize("digits", [400, 5000])
@pytest.mark.parametrize("entry", ["trials", "seconds", "target"])
@pytest.mark.parametrize(("name", "text"), [("study.toml", TOML), ("study.yaml", YAML)])
def test_a_number_that_no_float_holds_is_refused_in_a_file(name, text, entry, digits, tmp_path: Path):
    mark = "=" if name == "study.toml" else ":"
    lines = [line for line in text.splitlines() if not line.startswith(f"{entry} ")]
    file = written("\n".join([f"{entry}{mark} 1{'0' * digits}", *lines]), tmp_path, name)
    with pytest.raises(HeadstockError) as refused:
        make_plan(read_study_file(file))
    assert len(str(refused.value)) < 400
