import math

import numpy as np
import pytest

import histories
from headstock.analysis.model import Model
from headstock.analysis.surface import effect_along, grid, slice_along, surface
from headstock.analysis.winner import best_believed
from headstock.errors import NoResultError, ParameterError
from headstock.history import History
from headstock.objective import Objective, parse_outcome_constraint
from headstock.space import Choice, Fixed, Float, Int, Space
from headstock.trial import Observation


def test_a_surface_agrees_with_predictions(digits: Model):
    found = surface(digits, "lr", "momentum", density=5)
    assert found.means.shape == found.sems.shape == (5, 5)
    for row, column in ((0, 0), (2, 4), (4, 1)):
        point = {**found.at, "lr": found.x_values[column], "momentum": found.y_values[row]}
        expected = digits.predict_one(point)["accuracy"]
        assert found.means[row, column] == pytest.approx(expected.mean)
        assert found.sems[row, column] == pytest.approx(expected.sem)


def test_the_others_are_held_at_the_best_believed_arm(digits: Model):
    assert surface(digits, "lr", "momentum").at == dict(best_believed(digits).parameters)
    held = {"lr": 0.1, "batchsize": 100, "momentum": 0.5}
    assert slice_along(digits, "lr", at=held).at == held


def test_a_logarithmic_parameter_is_spaced_evenly_in_its_logarithm(digits: Model):
    values = slice_along(digits, "lr", density=7).values
    assert values[0] == 1e-6
    assert values[-1] == 0.4
    np.testing.assert_allclose(np.diff(np.log(values)), math.log(0.4 / 1e-6) / 6)


def test_a_slice_of_another_metric(branching: Model):
    found = slice_along(branching, "width", metric="latency")
    assert found.metric == "latency"
    assert found.values == (32, 64, 128, 256)
    np.testing.assert_allclose(found.means, [3.2, 6.4, 12.8, 25.6], atol=1.5)


def test_a_slice_lies_within_its_band(digits: Model):
    found = slice_along(digits, "lr", density=9)
    predicted = [digits.predict_one({**found.at, "lr": lr})["accuracy"].mean for lr in found.values]
    np.testing.assert_allclose(found.means, predicted)
    assert (found.lower < found.means).all()
    assert (found.means < found.upper).all()


def test_where_a_condition_switches_a_parameter_off_there_is_no_value(branching: Model):
    found = surface(branching, "optimizer", "momentum", density=4)
    assert found.x_values == ("sgd", "adamw", "rmsprop")
    assert np.isfinite(found.means[:, 0]).all()
    assert np.isnan(found.means[:, 1:]).all()
    under_sgd = slice_along(branching, "momentum", density=4)
    np.testing.assert_allclose(found.means[:, 0], under_sgd.means)


def test_a_condition_is_fulfilled_to_show_what_is_under_it(branching: Model):
    at = {"lr": 0.003, "optimizer": "adamw", "width": 128}
    found = slice_along(branching, "momentum", at=at)
    assert found.at["optimizer"] == "sgd"
    assert np.isfinite(found.means).all()


def test_what_is_switched_off_is_not_held():
    space = Space(kind=Choice("a", "b"), x=Float(0, 1, when={"kind": "a"}), y=Float(0, 1, when={"kind": "b"}))
    model = Model.fit(histories.observed(space, lambda p: p.get("x", 0.0), 10))
    assert slice_along(model, "y", at={"kind": "a", "x": 0.3}).at == {"kind": "b"}


def test_parameters_that_exclude_each_other_have_no_surface():
    space = Space(kind=Choice("a", "b"), x=Float(0, 1, when={"kind": "a"}), y=Float(0, 1, when={"kind": "b"}))
    model = Model.fit(histories.observed(space, lambda p: p.get("x", 0.0) + p.get("y", 0.0), 10))
    with pytest.raises(NoResultError, match="x and y are never active together"):
        surface(model, "x", "y")


def test_points_that_break_a_linear_constraint_have_no_value():
    space = Space(x=Float(0, 1), y=Float(0, 1), constraints=["x + y <= 1"])
    trials = [
        histories.completed(i, {"x": x, "y": y}, "z", z=Observation(x - y))
        for i, (x, y) in enumerate([(0.1, 0.2), (0.5, 0.3), (0.2, 0.7), (0.9, 0.05)])
    ]
    found = surface(Model.fit(History(space, Objective("z"), tuple(trials))), "x", "y", density=3)
    np.testing.assert_array_equal(np.isnan(found.means), [[0, 0, 0], [0, 0, 1], [0, 1, 1]])


@pytest.mark.parametrize(
    ("parameter", "density", "values"),
    [
        (Float(0, 1), 3, (0.0, 0.5, 1.0)),
        (Float(1, 100, log=True), 3, (1.0, 10.0, 100.0)),
        (Float(0, 1, step=0.25), 9, (0.0, 0.25, 0.5, 0.75, 1.0)),
        (Float(0, 1, step=0.3), 9, (0.0, 0.3, 0.6, 0.9)),
        (Int(1, 4), 9, (1, 2, 3, 4)),
        (Int(1, 1000), 3, (1, 501, 1000)),
        (Int(1, 8, log=True), 4, (1, 2, 4, 8)),
        (Int(2, 11, step=3), 9, (2, 5, 8, 11)),
        (Choice("a", None), 1, ("a", None)),
    ],
)
def test_grids_hold_values_of_the_parameter(parameter, density, values):
    found = grid(parameter, density)
    assert found == pytest.approx(values) if isinstance(values[0], float) else found == values
    for value in found:
        parameter.validate("x", value)
    assert len(found) <= density or isinstance(parameter, Choice)


@pytest.mark.parametrize(("x", "y"), [("lr", "lr"), ("lr", "depth"), ("epochs", "lr")])
def test_axes_that_do_not_vary_are_refused(x, y):
    space = Space(lr=Float(0, 1), momentum=Float(0, 1), epochs=Fixed(3))
    model = Model.fit(histories.observed(space, lambda p: p["lr"], 5))
    with pytest.raises(ParameterError, match=r"two different|that varies"):
        surface(model, x, y)


def test_without_a_feasible_arm_something_must_be_held(branching: Model):
    given = branching.history
    strict = History(given.space, given.objective, given.trials, (parse_outcome_constraint("latency <= 1"),))
    model = Model.fit(strict)
    with pytest.raises(NoResultError):
        slice_along(model, "lr")
    assert np.isfinite(slice_along(model, "lr", at=given.trials[0].parameters).means).all()


def test_a_marginal_effect_is_the_average_over_the_other_parameters(digits: Model):
    effect = effect_along(digits, "lr")
    assert effect.at is None
    X = digits.encoding.from_uniform(np.random.default_rng(1).random((20_000, 3)))
    for i in (0, 30, 50):
        X[:, 0] = i / 50
        average = digits.surrogate().posterior.predict(X)[0].mean()
        (expected,), _ = digits.surrogate().transform.invert(np.array([average]), np.array([0.0]))
        assert effect.means[i] == pytest.approx(expected, abs=0.02)
        assert effect.lower[i] < effect.means[i] < effect.upper[i]


def test_the_effect_of_a_conditional_parameter_is_that_where_it_is_active(branching: Model):
    effect = effect_along(branching, "momentum")
    assert np.isfinite(effect.means).all()
    assert effect.values[0] == 0.0
