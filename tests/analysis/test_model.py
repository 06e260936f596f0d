import math
from dataclasses import replace

import numpy as np
import pytest

import histories
from headstock import Float, Space
from headstock.analysis.model import Model
from headstock.analysis.surface import effect_along, slice_along
from headstock.errors import MetricError, NoResultError, ParameterError
from headstock.history import History
from headstock.objective import Objective
from headstock.schedulers.forecast import Forecast
from headstock.trial import Observation, TrialRecord, TrialState


def test_predictions_have_the_form_that_readers_of_ax_know(branching: Model):
    arm = branching.history.observed[0].arm
    means, covariances = branching.predict([arm, dict(arm.parameters)])
    assert set(means) == set(covariances) == {"loss", "latency"}
    assert means["loss"][0] == means["loss"][1]
    assert covariances["loss"]["latency"] == [0.0, 0.0]
    assert covariances["loss"]["loss"][0] > 0


def test_predictions_are_in_the_metric_s_units():
    model = Model.fit(histories.observed(histories.NETWORK, histories.accuracy, 60))
    unseen = histories.drawn(histories.NETWORK, 50, seed=99)
    means, covariances = model.predict(unseen)
    errors = np.abs(np.array(means["accuracy"]) - [histories.accuracy(p) for p in unseen])
    assert np.median(errors) < 0.03
    assert np.median(np.sqrt(covariances["accuracy"]["accuracy"])) < 0.1


def test_one_prediction_is_an_observation(branching: Model):
    parameters = branching.history.observed[0].parameters
    prediction = branching.predict_one(parameters)
    means, covariances = branching.predict([parameters])
    assert prediction["loss"] == Observation(means["loss"][0], covariances["loss"]["loss"][0] ** 0.5)


def test_the_same_history_gives_the_same_model(digits: Model):
    again = Model.fit(histories.digits())
    points = [t.parameters for t in digits.history]
    assert again.predict(points) == digits.predict(points)


def test_too_few_results_are_refused():
    history = histories.digits()
    one = History(history.space, history.objective, history.trials[:1])
    with pytest.raises(NoResultError, match="at least 2 trials with a result; there are 1"):
        Model.fit(one)


def test_equal_results_are_predicted_everywhere():
    model = Model.fit(histories.observed(histories.NETWORK, lambda _: 0.5, 4))
    prediction = model.predict_one({"lr": 0.1, "batchsize": 64, "momentum": 0.5})["accuracy"]
    assert prediction.mean == pytest.approx(0.5)
    assert set(model.feature_importances().values()) == {0.0}


def test_metrics_that_few_trials_have_are_modelled_from_those():
    history = histories.observed(histories.NETWORK, histories.accuracy, 12)
    extra = {"recall": Observation(0.5), **history.trials[0].metrics}
    trials = [
        histories.completed(t.index, t.parameters, "accuracy", **(extra if t.index < 3 else t.metrics)) for t in history
    ]
    model = Model.fit(History(history.space, history.objective, tuple(trials)))
    assert model.metric_names == ("accuracy", "recall")
    assert model.predict_one(trials[5].parameters)["recall"].mean == pytest.approx(0.5)


def left_unfinished() -> History:
    """As freeze-thaw leaves trainings of 12 steps: whole where the learning rate, which alone matters, is large."""
    space = Space(lr=Float(1e-6, 1.0, log=True), seed=Float(0.0, 1.0))
    trials = []
    for i, p in enumerate(histories.drawn(space, 24, seed=2)):
        end = 1 - abs(math.log10(p["lr"]) + 1) / 6
        curve = tuple(Observation(end * (1 - 0.6**step), step=step) for step in range(1, 13))
        trial = TrialRecord(i, TrialState.PAUSED, p, i, objective="accuracy", reports={"accuracy": curve[:3]}, steps=12)
        ended = {"state": TrialState.COMPLETED, "reports": {"accuracy": curve}, "metrics": {"accuracy": curve[-1]}}
        trials.append(replace(trial, **ended) if p["lr"] > 1e-2 else trial)
    history = History(space, Objective("accuracy"), tuple(trials))
    return history.updated([replace(trials[0], memo=Forecast.of(history, 12).memo)])


def test_what_matters_shows_in_trainings_that_freeze_thaw_has_left():
    history = left_unfinished()
    model = Model.fit(history)
    assert set(model.expected) == {t.index for t in history if t.state is TrialState.PAUSED}
    small = slice_along(model, "lr", density=4).means[0]
    assert small < min(t.objective_mean for t in history.observed) - 0.3
    assert effect_along(model, "lr", density=4).means[0] < 0.6
    assert model.importances()[0].parameter == "lr"
    assert model.importances()[0].total > 0.8
    assert set(model.cross_validate().trials) == {t.index for t in history.observed}
    assert len(model.surrogate().X) == len(history.observed)


def test_a_model_of_finished_trials_is_whole(digits: Model):
    assert digits.whole is digits


@pytest.mark.parametrize(
    ("points", "words"),
    [
        ([{"lr": 0.1, "batchsize": 64}], "Missing: momentum"),
        ([{"lr": 9.0, "batchsize": 64, "momentum": 0.5}], "lr=9.0 is outside"),
        ({"lr": 0.1, "batchsize": 64, "momentum": 0.5}, "a list of one"),
        ([0.1], "0.1 is no configuration"),
    ],
)
def test_points_outside_the_space_are_refused(digits: Model, points, words):
    with pytest.raises(ParameterError, match=words):
        digits.predict(points)


def test_an_unknown_metric_is_refused(digits: Model):
    with pytest.raises(MetricError, match=r"no model of 'loss'.*'accuracy'"):
        digits.cross_validate("loss")


def test_shares_of_importance_sum_to_one(digits: Model):
    shares = digits.feature_importances()
    assert sum(shares.values()) == pytest.approx(1.0)
    assert max(shares, key=shares.__getitem__) == "lr"
