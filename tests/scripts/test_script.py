import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from headstock import Budget, Experiment, Fixed, Float, Random, Space
from headstock.errors import CommandError
from headstock.objective import Objective
from headstock.runner import Ended
from headstock.scripts.folders import LOG, files_of, trial_folder
from headstock.scripts.output import Listener
from headstock.scripts.script import Passing, Script, to_config, to_options
from headstock.space import Choice
from headstock.storage import ExperimentSpec
from headstock.trial import TrialRecord, TrialState

SPACE = Space({"lr": Float(0.1, 1.0), "batch-size": Fixed(32), "optimizer": Choice("sgd", "adam")})
# Prints what it was given as JSON under the objective's line.
TELL = "import sys, os, json; print(json.dumps(sys.argv[1:])); print('score=1')"


def evaluated(
    code: str, folder: Path, *arguments: str, space: Space = SPACE, trials: int = 1, **options: Any
) -> list[TrialRecord]:
    path = folder / "script.py"
    path.write_text(code)
    with Experiment("script", space, maximize="score", sampler=Random(), seed=0) as experiment:
        script = Script(
            [sys.executable, str(path), *arguments],
            Listener(["score"]),
            ["score"],
            list(space.parameters),
            folder / "files",
            **options,
        )
        experiment.run(script, budget=Budget(trials=trials))
        return list(experiment.history)


def told(folder: Path, index: int = 0) -> list[str]:
    arguments: list[str] = json.loads((trial_folder(folder / "files", index) / LOG).read_text().splitlines()[0])
    return arguments


def test_values_are_appended_as_options(tmp_path: Path):
    [trial] = evaluated(TELL, tmp_path, "--epochs", "10")
    lr, optimizer = trial.parameters["lr"], trial.parameters["optimizer"]
    assert trial.objective_mean == 1.0
    assert told(tmp_path) == ["--epochs", "10", "--lr", str(lr), "--batch-size", "32", "--optimizer", optimizer]
    assert float(told(tmp_path)[3]) == lr


def test_braces_stand_for_values_anywhere(tmp_path: Path):
    arguments = ["optimizer.lr={lr}", "{other} {lr", "{trial}/{directory}", "-o{optimizer}"]
    [trial] = evaluated(TELL, tmp_path, *arguments)
    lr, optimizer = trial.parameters["lr"], trial.parameters["optimizer"]
    folder = trial_folder(tmp_path / "files", 0)
    expected = [f"optimizer.lr={lr}", "{other} {lr", f"0/{folder}", f"-o{optimizer}", "--batch-size", "32"]
    assert told(tmp_path) == expected


def test_what_is_not_active_is_left_out(tmp_path: Path):
    space = Space(
        optimizer=Choice("sgd", "adam"),
        momentum=Float(0.5, 0.9, when={"optimizer": "sgd"}),
        nesterov=Choice(False, True),
    )
    trials = evaluated(TELL, tmp_path, "m={momentum}", "{optimizer}", space=space, trials=8)
    for trial in trials:
        rest = ["--nesterov"] if trial.parameters["nesterov"] else []
        momentum = [f"m={trial.parameters['momentum']}"] if trial.parameters["optimizer"] == "sgd" else []
        assert told(tmp_path, trial.index) == [*momentum, trial.parameters["optimizer"], *rest]
    assert {(t.parameters["optimizer"], t.parameters["nesterov"]) for t in trials} > {("sgd", True), ("adam", False)}


def test_options_of_awkward_values():
    options = to_options({"a": -1e-5, "b": None, "c": False, "d": True, "e": "-x y", "f": 0, "g": ""})
    assert options == ["--a=-1e-05", "--d", "--e=-x y", "--f", "0", "--g", ""]


def test_parameters_as_environment_variables(tmp_path: Path):
    code = (
        "import os; print(os.environ['BATCH_SIZE'], os.environ['HEADSTOCK_TRIAL']); print('score=' + os.environ['LR'])"
    )
    [trial] = evaluated(code, tmp_path, passing=Passing.ENVIRONMENT)
    assert trial.objective_mean == trial.parameters["lr"]
    assert (trial_folder(tmp_path / "files", 0) / LOG).read_text().startswith("32 0\n")


def test_parameters_as_a_file(tmp_path: Path):
    code = "import json, os, sys; print(len(sys.argv)); print('score=', json.load(open(sys.argv[1]))['lr'])"
    [trial] = evaluated(code, tmp_path, "{config}")
    assert trial.objective_mean == trial.parameters["lr"]
    assert (trial_folder(tmp_path / "files", 0) / LOG).read_text().startswith("2\n")


def test_the_file_is_json_and_yaml():
    yaml = pytest.importorskip("yaml")
    parameters = {
        "a": 1e-05,
        "b": -2e20,
        "c": 1.5e-7,
        "d": "1e-05",
        "e": 3,
        "f": True,
        "g": None,
        "h: 1e-5": 'x": 1e-05',
    }
    text = to_config(parameters)
    assert json.loads(text) == parameters
    assert yaml.safe_load(text) == parameters


def test_what_is_printed_on_the_way_is_the_curve_and_the_last_is_the_result(tmp_path: Path):
    code = "for i in range(3): print(f'loss: {1 / (i + 1)}'); print(f'Score: {i}/4')"
    [trial] = evaluated(code, tmp_path)
    assert [(o.step, o.mean) for o in trial.reports["score"]] == [(1, 0.0), (2, 0.25), (3, 0.5)]
    assert trial.metrics["score"].mean == 0.5


def test_a_line_of_json_brings_its_other_numbers(tmp_path: Path):
    [trial] = evaluated('print(\'{"score": [0.5, 0.1], "loss": 2, "epoch": 7}\')', tmp_path)
    assert {name: (o.mean, o.sem) for name, o in trial.metrics.items()} == {"score": (0.5, 0.1), "loss": (2.0, None)}


def test_results_in_a_file(tmp_path: Path):
    code = "import os, sys; print('score=1'); open(sys.argv[2], 'w').write('{\"score\": 2}')"
    [trial] = evaluated(code, tmp_path, "--out", "{directory}/out.json", "--ignored", results="{directory}/out.json")
    assert trial.objective_mean == 2.0


EVENTS = """
import sys
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.event_file_writer import EventFileWriter

writer = EventFileWriter(sys.argv[1])
for step in (1, 3, 2):
    for tag in ("score", "loss", "other/score"):
        value = Summary.Value(tag=tag, simple_value=step / 4)
        writer.add_event(Event(step=step, summary=Summary(value=[value])))
writer.close()
"""


def test_results_for_tensorboard(tmp_path: Path):
    pytest.importorskip("tensorboard")
    (tmp_path / "files" / "0" / "runs").mkdir(parents=True)
    (tmp_path / "files" / "0" / "runs" / "tfevents.garbage").write_bytes(b"\x00\xff" * 999)
    [trial] = evaluated(EVENTS, tmp_path, "{directory}/runs/now", events="{directory}/runs")
    assert {name: o.mean for name, o in trial.metrics.items()} == {"score": 0.75}
    assert [(o.step, o.mean) for o in trial.reports["score"]] == [(1, 0.25), (2, 0.5), (3, 0.75)]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("pass", "there are none"),
        (EVENTS.replace('"score", ', ""), "they have 'loss', 'other/score'"),
        (
            "import os, sys; os.makedirs(sys.argv[1]); open(sys.argv[1] + '/tfevents', 'wb').write(bytes(999))",
            "no scalars",
        ),
    ],
)
def test_no_results_for_tensorboard(code: str, words: str, tmp_path: Path):
    pytest.importorskip("tensorboard")
    [trial] = evaluated(code, tmp_path, "{directory}/runs", events="{directory}/runs")
    assert trial.state is TrialState.FAILED
    assert words in (trial.error or "")


def test_results_of_an_earlier_trial_do_not_count(tmp_path: Path):
    (tmp_path / "out.json").write_text('{"score": 2}')
    [trial] = evaluated("print('score=1')", tmp_path, results=str(tmp_path / "out.json"))
    assert trial.state is TrialState.FAILED
    assert "without writing" in (trial.error or "")


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("pass", "without saying 'score': let it print score=0.5"),
        ("print('score=nan')", "score is nan, so the training has diverged"),
        ("print('score=1'); raise ValueError('bad luck')", "exit code 1: ValueError: bad luck"),
        ("raise SystemExit(77)", "exit code 77"),
        ("import os; os.kill(os.getpid(), 11)", "killed by SIGSEGV"),
        ("import os; os.kill(os.getpid(), 9)", "killed by SIGKILL, as the system does when there is no memory left"),
        (
            "raise RuntimeError('CUDA out of memory. Tried to allocate 2.00 GiB')",
            "out of memory: RuntimeError: CUDA out of memory. Tried to allocate 2.00 GiB",
        ),
        ("raise MemoryError", "out of memory: MemoryError"),
    ],
)
def test_failures_say_what_happened(code: str, error: str, tmp_path: Path):
    [trial] = evaluated(code, tmp_path)
    assert trial.state is TrialState.FAILED
    assert error in (trial.error or "")
    assert "raise" not in code or "SystemExit" in code or "Traceback" in (trial.traceback or "")


@pytest.mark.parametrize("death", ["raise SystemExit(75)", "os.kill(os.getpid(), 15)", "os.kill(os.getpid(), 9)"])
def test_what_fails_in_passing_is_tried_twice_more(death: str, tmp_path: Path):
    once = (
        f"import os, sys\nif not os.path.exists('{tmp_path}/a'): open('{tmp_path}/a', 'w'); {death}\nprint('score=1')"
    )
    [trial] = evaluated(once, tmp_path)
    assert (trial.state, trial.retries) == (TrialState.COMPLETED, 1)
    [trial] = evaluated(f"import os; {death}", tmp_path)
    assert (trial.state, trial.retries) == (TrialState.FAILED, 2)
    assert "as in 2 tries before" in (trial.error or "")


def test_what_would_fail_again_is_tried_once(tmp_path: Path):
    for death in ("raise SystemExit(1)", "raise MemoryError", "import os; os.kill(os.getpid(), 11)"):
        [trial] = evaluated(death, tmp_path)
        assert (trial.state, trial.attempt) == (TrialState.FAILED, 0)


def test_a_timeout(tmp_path: Path):
    [trial] = evaluated("import time; print('score=1', flush=True); time.sleep(1000)", tmp_path, timeout=0.5)
    assert (trial.state, trial.error) == (TrialState.FAILED, "timed out after 0.5 s")


def test_one_that_is_halted_is_queued_again_and_says_so_in_its_log(tmp_path: Path):
    with Experiment("script", SPACE, maximize="score", sampler=Random(), seed=0) as experiment:
        waiting = Script(
            [sys.executable, "-c", "import time; print('score=1', flush=True); time.sleep(1000)"],
            Listener(["score"]),
            ["score"],
            list(SPACE.parameters),
            tmp_path,
            halted=lambda: bool(experiment.history.trials[0].reports),
        )
        assert experiment.run(waiting, budget=Budget(trials=1)) is Ended.INTERRUPTED
        assert [t.state for t in experiment.history] == [TrialState.QUEUED]
        ending = replace(waiting, command=[sys.executable, "-c", "print('score=2')"], halted=lambda: False)
        experiment.run(ending, budget=Budget(trials=1))
        assert experiment.history.trials[0].objective_mean == 2.0
    assert (trial_folder(tmp_path, 0) / LOG).read_text() == "score=1\n\n=== attempt 2 ===\nscore=2\n"


@pytest.mark.parametrize(
    ("command", "options", "words"),
    [
        ([], {}, "There is no command"),
        (["pyhton", "train.py"], {}, "There is no program 'pyhton'"),
        (["sh"], {"timeout": 0.0}, "The time-out is 0.0 seconds"),
        (["sh"], {"grace": float("nan")}, "The grace is nan seconds"),
    ],
)
def test_what_cannot_run_is_refused_before_there_is_a_trial(
    command: list[str], options: dict[str, Any], words: str, tmp_path: Path
):
    with pytest.raises(CommandError, match=words):
        Script(command, Listener(["score"]), ["score"], ["lr"], tmp_path, **options)


def test_the_folder_of_an_experiment_derives_from_ids():
    spec = ExperimentSpec("../../etc", SPACE, Objective("score"), created=1.5)
    folder = files_of("sqlite:////home/me/a.db", spec)
    assert folder is not None
    assert folder.parent == Path("/home/me/a.db.files")
    assert folder.name.isalnum()
    assert files_of("sqlite://", spec) is None
    assert files_of("postgresql://host/db", spec) is None
