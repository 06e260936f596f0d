from pathlib import Path
from typing import Any

import pytest

from headstock import Float, Sobol, Space, optimize
from headstock.errors import HeadstockError, NoResultError, SpaceError, StorageError, TooManyFailuresError

XY = [
    {"name": "x", "type": "range", "bounds": [-1.0, 1.0]},
    {"name": "y", "type": "range", "bounds": [-1.0, 1.0]},
]


def bowl(parameters: dict[str, Any]) -> float:
    return (parameters["x"] - 0.3) ** 2 + (parameters["y"] + 0.5) ** 2


def test_the_tutorial_s_call_and_what_it_returns():
    best, values, experiment, model = optimize(XY, bowl, objective_name="loss", minimize=True, random_seed=0)
    assert values is not None
    assert model is not None
    means, covariances = values
    assert bowl(dict(best)) < 0.01
    assert means["loss"] == pytest.approx(bowl(dict(best)), abs=0.05)
    assert covariances["loss"]["loss"] >= 0
    assert len(experiment.trials) == 20
    assert set(model.feature_importances()) == {"x", "y"}
    predicted, _ = model.predict([{"x": 0.3, "y": -0.5}])
    assert abs(predicted["loss"][0]) < 0.1


def test_the_same_seed_gives_the_same_trials():
    runs = [optimize(XY, bowl, minimize=True, random_seed=5, total_trials=8).experiment for _ in range(2)]
    assert [t.parameters for t in runs[0].trials.values()] == [t.parameters for t in runs[1].trials.values()]


def test_total_trials_are_the_total_over_calls(tmp_path: Path):
    options: dict[str, Any] = {"minimize": True, "storage": f"sqlite:///{tmp_path}/a.db", "experiment_name": "bowl"}
    optimize(XY, bowl, total_trials=4, **options).experiment.close()
    experiment = optimize(XY, bowl, total_trials=6, **options).experiment
    assert len(experiment.trials) == 6


def test_arms_per_trial():
    experiment = optimize(XY, bowl, minimize=True, total_trials=3, arms_per_trial=2).experiment
    assert list(experiment.arms_by_name) == ["0_0", "0_1", "1_0", "1_1", "2_0", "2_1"]
    assert set(experiment.fetch_data().df.trial_index) == {0, 1, 2}


def test_a_space_typed_parameters_and_a_weight():
    def weighted(parameters: dict[str, Any], weight: float | None) -> tuple[float, float]:
        assert weight is None
        return parameters["x"], 0.01

    for parameters in (Space(x=Float(0, 1)), {"x": Float(0, 1)}):
        found = optimize(parameters, weighted, total_trials=3, generation_strategy=Sobol())
        assert found.experiment.trials[0].metrics["objective"].sem == 0.01


def test_failures_are_recorded_and_the_loop_goes_on():
    def fragile(parameters: dict[str, Any]) -> float:
        if parameters["x"] > 0.5:
            raise ValueError("diverged")
        return bowl(parameters)

    experiment = optimize(XY, fragile, minimize=True, random_seed=0).experiment
    assert len(experiment.trials) == 20
    with pytest.raises(TooManyFailuresError, match="ZeroDivisionError"):
        optimize(XY, lambda _: 1 / 0)
    with pytest.raises(NoResultError):
        optimize(XY, lambda _: 1 / 0, total_trials=2)


def test_one_result_is_no_model():
    best, values, _, model = optimize(XY, bowl, total_trials=1)
    assert set(best) == {"x", "y"}
    assert values is None
    assert model is None


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"total_trials": 0}, HeadstockError, "at least 1"),
        ({"arms_per_trial": 1.5}, HeadstockError, "whole number"),
        ({"storage": "sqlite:///x.db"}, StorageError, "experiment_name"),
        ({"generation_strategy": "sobol"}, HeadstockError, "sampler"),
        ({"parameters": Space(x=Float(0, 1)), "parameter_constraints": ["x <= 0.5"]}, SpaceError, "its own"),
        ({"evaluation_function": 3}, HeadstockError, "cannot be called"),
    ],
)
def test_what_makes_no_sense_is_refused(options: dict[str, Any], error: type[Exception], words: str):
    with pytest.raises(error, match=words):
        optimize(**{"parameters": XY, "evaluation_function": bowl} | options)
