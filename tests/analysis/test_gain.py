import numpy as np
import pytest

import histories
from headstock.analysis.gain import prospect, seconds_per_trial
from headstock.analysis.model import Model
from headstock.analysis.optima import Optima
from headstock.errors import NoResultError
from headstock.history import History
from headstock.objective import Objective, OutcomeConstraint
from headstock.space import Float, Int, Space


def optima(of_arms, of_points) -> Optima:
    arms, points = (np.zeros((np.shape(of)[1], 3)) for of in (of_arms, of_points))
    return Optima(arms, points, np.array(of_arms, dtype=float), np.array(of_points, dtype=float))


def test_gains_are_those_of_the_greedy_batch(digits: Model):
    """In half of the worlds the first point gains 3, in the other half the second gains 1, the third never anything."""
    worlds = [[13, 9, 9], [13, 9, 9], [9, 11, 9], [9, 11, 9]]
    found = prospect(digits, optima([[10]] * 4, worlds))
    np.testing.assert_allclose(found.expected, [1.5, 2.0, 2.0])
    np.testing.assert_allclose(found.lower, [0.3, 1.2, 1.2])
    assert found.ceiling == 2.0


def test_more_trials_gain_more_and_never_more_than_the_ceiling(digits: Model, branching: Model):
    for model in (digits, branching):
        found = prospect(model)
        assert (np.diff(found.expected) >= 0).all()
        assert (found.lower <= found.expected).all()
        assert (found.expected <= found.upper).all()
        assert found.expected[-1] <= found.ceiling


def test_the_promise_is_kept_on_average_where_the_model_is_right():
    """Functions of the kind that a Gaussian process expects: what the best point gains, promised and in truth."""
    space = Space(x=Float(0, 1), y=Float(0, 1))
    grid = np.stack(np.meshgrid(*[np.linspace(0, 1, 41)] * 2), axis=-1).reshape(-1, 2)
    promised, possible = [], []
    for seed in range(16):
        rng = np.random.default_rng(seed)
        W, b = rng.normal(scale=4, size=(60, 2)), rng.uniform(0, 2 * np.pi, 60)

        def wavy(points, W=W, b=b):
            return np.cos(points @ W.T + b).sum(axis=-1) / np.sqrt(30)

        history = histories.observed(space, lambda p, f=wavy: float(f(np.array([p["x"], p["y"]]))), 12, seed=seed)
        promised.append(prospect(Model.fit(history)).ceiling)
        possible.append(wavy(grid).max() - max(t.objective_mean for t in history))
    assert 0.5 < np.mean(promised) / np.mean(possible) < 2


def test_little_is_left_to_gain_where_the_optimum_is_known():
    space = Space(x=Float(-1, 1), y=Float(-1, 1))
    few, many = (
        prospect(Model.fit(histories.observed(space, lambda p: -(p["x"] ** 2) - p["y"] ** 2, n))) for n in (6, 60)
    )
    assert many.ceiling < 0.3 * few.ceiling


def test_what_is_missing_is_said():
    every = histories.observed(Space(x=Int(1, 4)), lambda p: float(p["x"]), 1)
    trials = [
        histories.completed(i, {"x": i + 1}, "accuracy", accuracy=every.trials[0].metrics["accuracy"]) for i in range(4)
    ]
    with pytest.raises(NoResultError, match="Every point"):
        prospect(Model.fit(History(every.space, every.objective, tuple(trials))))
    given = histories.branching()
    impossible = (OutcomeConstraint("latency", -100.0, at_least=False),)
    with pytest.raises(NoResultError, match="believed to keep"):
        prospect(Model.fit(History(given.space, given.objective, given.trials, impossible)))


def test_the_cost_is_that_of_the_latest_trials():
    assert seconds_per_trial(histories.digits()) == 2.0
    assert seconds_per_trial(History(histories.NETWORK, Objective("accuracy"))) is None
