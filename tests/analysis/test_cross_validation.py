import numpy as np
import pytest

import histories
from headstock.analysis.cross_validation import CrossValidation
from headstock.analysis.model import Model
from headstock.errors import NoResultError
from headstock.history import History


def validation(observed, predicted, sd):
    half = sd * 1.645
    trials = tuple(range(len(observed)))
    residuals = (observed - predicted) / sd
    return CrossValidation("y", trials, observed, predicted, predicted - half, predicted + half, residuals)


def test_the_figures_of_a_perfect_model():
    rng = np.random.default_rng(0)
    predicted = rng.standard_normal(4000)
    perfect = validation(predicted + 0.5 * rng.standard_normal(4000), predicted, 0.5)
    assert perfect.coverage(0.5) == pytest.approx(0.5, abs=0.02)
    assert perfect.coverage(0.9) == pytest.approx(0.9, abs=0.015)
    assert perfect.r_squared == pytest.approx(1 - 0.25 / 1.25, abs=0.02)
    assert perfect.rank_correlation == pytest.approx(6 / np.pi * np.arcsin(0.5 / np.sqrt(1.25)), abs=0.02)


def test_only_the_order_counts_for_the_rank_correlation():
    predicted = np.array([1.0, 2.0, 3.0, 4.0])
    assert validation(np.exp(3 * predicted), predicted, 1.0).rank_correlation == pytest.approx(1.0)
    assert validation(-predicted, predicted, 1.0).rank_correlation == pytest.approx(-1.0)


def test_each_observation_is_predicted_from_the_others(digits: Model):
    found = digits.cross_validate()
    assert found.trials == tuple(t.index for t in digits.history.observed)
    np.testing.assert_array_equal(found.observed, digits.history.values("accuracy")[0])
    fitted = np.array(digits.predict([t.parameters for t in digits.history.observed])[0]["accuracy"])
    assert np.abs(found.observed - found.predicted).sum() > np.abs(found.observed - fitted).sum()


def test_the_model_of_a_smooth_metric_predicts_and_knows_how_well(branching: Model):
    found = branching.cross_validate("latency")
    assert found.r_squared > 0.9
    assert 0.75 <= found.coverage(0.9) <= 1.0


def test_intervals_of_the_stated_level_are_those_of_the_residuals(digits: Model):
    found = digits.cross_validate()
    inside = (found.lower <= found.observed) & (found.observed <= found.upper)
    assert inside.mean() == found.coverage(0.9)
    assert (found.lower < found.predicted).all()
    assert (found.predicted < found.upper).all()


def test_less_is_better_turns_no_interval_around(branching: Model):
    found = branching.cross_validate()
    assert (found.lower < found.upper).all()
    inside = (found.lower <= found.observed) & (found.observed <= found.upper)
    assert inside.mean() == found.coverage(0.9)


def test_equal_observations_have_no_r_squared_and_no_order():
    same = validation(np.ones(3), np.ones(3), 1.0)
    assert np.isnan(same.r_squared)
    assert np.isnan(same.rank_correlation)


def test_two_observations_are_too_few():
    history = histories.digits()
    two = History(history.space, history.objective, history.trials[:2])
    with pytest.raises(NoResultError, match="at least 3 values of accuracy; there are 2"):
        Model.fit(two).cross_validate()
