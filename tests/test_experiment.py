import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from headstock import Budget, Choice, Experiment, Failed, Float, Int, Sobol, Space, Trial
from headstock.errors import (
    ExperimentExistsError,
    HeadstockError,
    MetricError,
    NoResultError,
    ObjectiveError,
    SpaceError,
    TrialStateError,
    UnknownExperimentError,
    UnknownTrialError,
)
from headstock.runner import Ended
from headstock.storage import open_storage
from headstock.trial import TrialState

SPACE = Space(lr=Float(1e-4, 1.0, log=True), width=Int(1, 64), optimizer=Choice("sgd", "adam"))


def score(parameters: Any) -> float:
    return -abs(math.log10(parameters["lr"]) + 2) - abs(parameters["width"] - 20) / 50


def filled(count: int, **options: Any) -> Experiment:
    experiment = Experiment("filled", SPACE, maximize="score", seed=1, **options)
    experiment.run(lambda trial: score(trial.parameters), budget=Budget(trials=count))
    return experiment


def test_best_believed_beside_best_seen():
    experiment = filled(12)
    believed, seen = experiment.best(), experiment.best_seen()
    assert seen.mean == max(t.objective_mean for t in experiment.trials.values())
    assert believed.probability is not None
    assert believed.sem is not None
    assert "score" in str(believed)
    prediction = experiment.predict(believed.parameters)["score"]
    assert prediction.mean == pytest.approx(believed.mean)


def test_reading_needs_results():
    experiment = Experiment("empty", SPACE, maximize="score")
    with pytest.raises(NoResultError, match="Run more trials"):
        experiment.best()
    with pytest.raises(NoResultError, match="at least 2"):
        experiment.model()


def test_many_asks_may_be_open_at_once():
    experiment = filled(6)
    trials = experiment.ask(8)
    assert len({trial.record.arm.signature for trial in trials}) == 8
    for trial in trials:
        experiment.tell(trial, score(trial.parameters))
    assert len(experiment.history.observed) == 14


def test_a_trial_reports_and_is_told_by_what_it_reported():
    experiment = Experiment("reports", SPACE, maximize="score")
    trial = experiment.ask()
    trial.report(score=0.1)
    trial.report(score=0.3)
    record = experiment.tell(trial)
    assert record.objective_mean == 0.3
    assert [o.mean for o in record.reports["score"]] == [0.1, 0.3]


def test_the_same_name_goes_on_and_another_space_is_refused(tmp_path: Path):
    url = f"sqlite:///{tmp_path}/a.db"
    filled(3, storage=url).close()
    with Experiment("filled", SPACE, maximize="score", storage=url) as again:
        assert len(again.trials) == 3
        assert again.seed == 1
    for space, options in (
        (Space(x=Float(0, 1)), {"maximize": "score"}),
        (SPACE, {"minimize": "score"}),
        (SPACE, {"maximize": "score", "seed": 2}),
        (SPACE, {"maximize": "score", "outcome_constraints": ["latency <= 3"]}),
    ):
        with pytest.raises(ExperimentExistsError, match="there:"):
            Experiment("filled", space, storage=url, **options)
    with pytest.raises(UnknownExperimentError, match="filled"):
        Experiment.open("other", storage=url)


def test_a_reopened_experiment_suggests_exactly_what_the_old_process_would_have(tmp_path: Path):
    url = f"sqlite:///{tmp_path}/a.db"
    with filled(9, storage=url) as experiment:
        expected = filled(9).ask(3)
        del experiment
    with Experiment.open("filled", storage=url) as reopened:
        assert [t.parameters for t in reopened.ask(3)] == [t.parameters for t in expected]
        assert [t.because for t in reopened.trials.values()][-3:] == [t.because for t in expected]


def test_json_gives_the_same_experiment_back():
    experiment = filled(8)
    experiment.tell(experiment.ask(), Failed("out of memory"))
    experiment.enqueue({"lr": 0.01})
    stored = json.loads(json.dumps(experiment.to_json(), allow_nan=False))
    again = Experiment.from_json(stored)
    assert again.history.trials == experiment.history.trials
    assert again.to_json() == experiment.to_json()
    assert [t.parameters for t in again.ask(2)] == [t.parameters for t in experiment.ask(2)]


def test_the_sampler_is_kept(tmp_path: Path):
    url = f"sqlite:///{tmp_path}/a.db"
    Experiment("sobol", SPACE, maximize="score", storage=url, sampler=Sobol()).close()
    with Experiment.open("sobol", storage=url) as opened:
        assert opened.sampler == Sobol()


def test_data_frames_and_arms():
    experiment = filled(5)
    df = experiment.fetch_data().df
    assert list(df.columns[:5]) == ["arm_name", "metric_name", "mean", "sem", "trial_index"]
    assert len(df) == 5
    name = df.arm_name[df["mean"] == df["mean"].max()].to_numpy()[0]
    assert experiment.arms_by_name[name].parameters == experiment.best_seen().parameters
    best_so_far = np.maximum.accumulate([t.objective_mean for t in experiment.trials.values()])
    assert best_so_far[-1] == experiment.best_seen().mean


@pytest.mark.parametrize(
    ("build", "error", "words"),
    [
        (lambda: Experiment("x", SPACE), ObjectiveError, "exactly one"),
        (lambda: Experiment("x", SPACE, maximize="a", minimize="b"), ObjectiveError, "exactly one"),
        (lambda: Experiment("x", {"lr": Float(0, 1)}, maximize="a"), SpaceError, "Give a Space"),  # type: ignore[arg-type]
        (lambda: Experiment("x", SPACE, maximize="a", outcome_constraints="b <= 1"), ObjectiveError, "Give a list"),
    ],
)
def test_what_makes_no_sense_is_refused(build: Any, error: type[Exception], words: str):
    with pytest.raises(error, match=words):
        build()


def test_telling_something_else_is_refused():
    experiment = Experiment("x", SPACE, maximize="score", outcome_constraints=["latency <= 3"])
    trial = experiment.ask()
    with pytest.raises(MetricError, match="not 'latency'"):
        experiment.tell(trial, {"score": 1.0})
    with pytest.raises(UnknownTrialError, match="no trial"):
        experiment.tell("0_0", 1.0)  # type: ignore[arg-type]
    experiment.tell(trial, {"score": 1.0, "latency": 2.0})


def test_outcome_constraints_are_respected():
    space = Space(x=Float(0, 1))
    experiment = Experiment("bounded", space, maximize="y", outcome_constraints=["c <= 0.5"], seed=0)
    experiment.run(lambda t: {"y": t.parameters["x"], "c": t.parameters["x"]}, budget=Budget(trials=15))
    assert experiment.best_seen().mean <= 0.5
    assert 0.4 < experiment.best().mean <= 0.55


def test_a_wider_range_is_searched_by_everybody_and_old_trials_count(tmp_path):
    """The optimum at 3 lies outside; a second process has the experiment open while the first one widens it."""
    url = f"sqlite:///{tmp_path / 'wide.db'}"
    space = Space(x=Float(-1.0, 1.0), y=Float(-1.0, 1.0))
    loss = lambda trial: (trial.parameters["x"] - 3) ** 2 + trial.parameters["y"] ** 2  # noqa: E731
    first = Experiment("wide", space, minimize="loss", storage=url, seed=0)
    second = Experiment.open("wide", storage=url)
    first.run(loss, budget=Budget(trials=8))
    assert second.best().parameters["x"] <= 1.0
    first.widen(x=(-1.0, 5.0))
    second.run(loss, budget=Budget(trials=20))
    assert second.space["x"] == Float(-1.0, 5.0)
    assert len(second.model().history.observed) == 20
    assert second.best().parameters["x"] == pytest.approx(3.0, abs=0.5)
    assert {t.space_version for t in second.trials.values()} == {1, 2}
    again = Experiment("wide", space, minimize="loss", storage=url)  # the same script, run again
    assert again.space == second.space
    for experiment in (first, second, again):
        experiment.close()


def test_a_trial_is_given_up_once():
    experiment = Experiment("e", Space(x=Float(0, 1)), minimize="loss")
    trial = experiment.ask()
    assert experiment.abandon(trial).state == "abandoned"
    assert not experiment.history.pending
    with pytest.raises(TrialStateError):
        experiment.abandon(trial)


@pytest.mark.parametrize("end", [Experiment.tell, Experiment.abandon])
def test_what_a_process_takes_after_a_look_at_it_is_not_taken_from_it(tmp_path: Path, end: Any):
    url = f"sqlite:///{tmp_path / 'a.db'}"
    result = {"result": 0.5} if end is Experiment.tell else {}
    with Experiment("e", Space(x=Float(0, 1)), minimize="loss", storage=url) as experiment:
        seen = experiment.enqueue({})
        worker = open_storage(url)
        taken = worker.lease("e", "a worker", now=1.0)
        with pytest.raises(TrialStateError, match="run by 'a worker'"):
            end(experiment, seen, **result)
        assert experiment.trials[0] == taken
        assert worker.release("e", 0, owner="a worker", now=2.0) is not None
        worker.close()
        assert end(experiment, seen, **result).state.is_finished


def test_a_queued_trial_that_is_stopped_ends_with_what_it_reported():
    experiment = Experiment("e", Space(x=Float(0, 1)), maximize="score", seed=0)

    def train(trial: Trial) -> None:
        for step in trial.steps(3):
            trial.report(score=step / 10)
            if step == 1:
                raise KeyboardInterrupt

    assert experiment.run(train, budget=Budget(trials=1)) is Ended.INTERRUPTED
    assert experiment.trials[0].state is TrialState.QUEUED
    stopped = experiment.stop(0)
    assert (stopped.state, stopped.objective_mean) == (TrialState.STOPPED, 0.1)
    assert experiment.best_seen().trial == stopped


def test_a_file_that_is_refused_is_closed_again(tmp_path: Path):
    url, space = f"sqlite:///{tmp_path / 'a.db'}", Space(x=Float(0, 1))
    with Experiment("e", space, minimize="loss", storage=url) as experiment:
        stored = experiment.to_json()

    def is_open() -> bool:
        return any(str(tmp_path) in file.path for file in psutil.Process().open_files())

    with pytest.raises(UnknownExperimentError) as refused:
        Experiment.open("other", storage=url)
    assert not is_open(), refused
    with pytest.raises(ExperimentExistsError) as refused:
        Experiment("e", space, maximize="loss", storage=url)
    assert not is_open(), refused
    with pytest.raises(ExperimentExistsError) as refused:
        Experiment.from_json(stored, storage=url)
    assert not is_open(), refused
    with Experiment.open("e", storage=url):
        assert is_open()


def test_a_run_without_a_budget_keeps_to_the_stored_one():
    experiment = Experiment("stored", Space(x=Float(0, 1)), maximize="score", seed=0)
    with pytest.raises(HeadstockError, match="none is stored"):
        experiment.run(lambda trial: trial.parameters["x"])
    experiment.change_budget(Budget(trials=3))
    assert experiment.run(lambda trial: trial.parameters["x"]) == "the budget is spent"
    assert len(experiment.trials) == 3
