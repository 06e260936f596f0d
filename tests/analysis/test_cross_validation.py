import numpy as np
import pytest

import histories
from headstock.analysis.cross_validation import CrossValidation
from headstock.analysis.model import Model
from headstock.errors import NoResultError
from headstock.history import History


def test_the_figures_of_a_perfect_model():
    rng = np.random.default_rng(0)
    predicted = rng.standard_normal(4000)
    observed = predicted + 0.5 * rng.standard_normal(4000)
    validation = CrossValidation("y", tuple(range(4000)), observed, predicted, np.full(4000, 0.5))
    assert validation.coverage(0.5) == pytest.approx(0.5, abs=0.02)
    assert validation.coverage(0.9) == pytest.approx(0.9, abs=0.015)
    assert validation.residuals.std() == pytest.approx(1.0, abs=0.03)
    assert validation.r_squared == pytest.approx(1 - 0.25 / 1.25, abs=0.02)


def test_each_observation_is_predicted_from_the_others(digits: Model):
    validation = digits.cross_validate()
    assert validation.trials == tuple(t.index for t in digits.history.observed)
    np.testing.assert_array_equal(validation.observed, digits.history.values("accuracy")[0])
    fitted = np.array(digits.predict([t.parameters for t in digits.history.observed])[0]["accuracy"])
    assert np.abs(validation.observed - validation.predicted).sum() > np.abs(validation.observed - fitted).sum()


def test_the_model_of_a_smooth_metric_predicts_and_knows_how_well(branching: Model):
    validation = branching.cross_validate("latency")
    assert validation.r_squared > 0.9
    assert 0.75 <= validation.coverage(0.9) <= 1.0


def test_equal_observations_have_no_r_squared():
    same = CrossValidation("y", (0, 1, 2), np.ones(3), np.ones(3), np.ones(3))
    assert np.isnan(same.r_squared)


def test_two_observations_are_too_few():
    history = histories.digits()
    two = History(history.space, history.objective, history.trials[:2])
    with pytest.raises(NoResultError, match="at least 3 values of accuracy; there are 2"):
        Model.fit(two).cross_validate()
