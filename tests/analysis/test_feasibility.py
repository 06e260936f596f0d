from dataclasses import replace

import numpy as np
import pytest

import histories
from headstock.analysis.feasibility import feasibility, log_feasibilities
from headstock.analysis.model import Model
from headstock.analysis.surface import odds_along, surface
from headstock.objective import parse_outcome_constraint
from headstock.space import Choice, Float, Space
from headstock.trial import Observation


@pytest.fixture(scope="module")
def bounded() -> Model:
    """Two metrics with bounds, one from above and one from below, both in the middle of what was measured."""
    space = Space(x=Float(0, 1), y=Float(0, 1), kind=Choice("a", "b"))
    history = histories.observed(space, lambda p: p["x"], 30, metric="score", noise=0.05)
    rng = np.random.default_rng(3)
    trials = [
        replace(
            t,
            metrics={
                **t.metrics,
                "latency": Observation(10 * t.parameters["x"] + 0.5 * rng.standard_normal()),
                "recall": Observation(t.parameters["y"] + 0.1 * rng.standard_normal()),
            },
        )
        for t in history.trials
    ]
    bounds = tuple(map(parse_outcome_constraint, ("latency <= 6", "recall >= 0.4")))
    return Model.fit(replace(history, trials=tuple(trials), outcome_constraints=bounds))


def test_the_probability_is_the_share_of_draws_that_keep_the_bound(bounded: Model):
    X = bounded.encoding.encode(histories.drawn(bounded.history.space, 12, seed=8))
    logs = log_feasibilities(bounded, X)
    np.testing.assert_allclose(feasibility(bounded, X), np.exp(logs).prod(axis=0))
    rng = np.random.default_rng(0)
    for row, constraint in zip(logs, bounded.history.outcome_constraints, strict=True):
        surrogate = bounded.surrogate(constraint.metric)
        drawn = bounded.averaged(constraint.metric).draw(X, 20_000, rng)
        values, _ = surrogate.transform.invert(drawn.ravel(), np.zeros(drawn.size))
        share = (values >= constraint.bound if constraint.at_least else values <= constraint.bound).reshape(drawn.shape)
        np.testing.assert_allclose(np.exp(row), share.mean(axis=0), atol=0.015)  # four standard errors of a share


def test_it_falls_where_the_bound_is_in_the_way(bounded: Model):
    found = odds_along(bounded, "x", at={"x": 0.5, "y": 0.9, "kind": "a"}, density=11)
    assert found.apart.shape == (2, 11)
    assert found.together[0] > 0.9
    assert found.together[-1] < 0.1
    np.testing.assert_allclose(found.together, found.apart.prod(axis=0))
    assert found.at == {"x": 0.5, "y": 0.9, "kind": "a"}


def test_a_surface_has_it_too(bounded: Model):
    found = surface(bounded, "x", "y", density=5)
    point = {**found.at, "x": found.x_values[3], "y": found.y_values[1]}
    assert found.feasibility.shape == (5, 5)
    assert found.feasibility[1, 3] == pytest.approx(feasibility(bounded, bounded.encoding.encode([point]))[0])


def test_without_constraints_there_is_none(digits: Model):
    assert surface(digits, "lr", "momentum", density=3).feasibility is None


def test_where_a_parameter_is_off_there_is_none(branching: Model):
    found = surface(branching, "optimizer", "momentum", density=4)
    assert np.isnan(found.feasibility[:, 1:]).all()
    assert np.isfinite(found.feasibility[:, 0]).all()
