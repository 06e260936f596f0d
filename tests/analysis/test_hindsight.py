import numpy as np
import pytest

import histories
from headstock.analysis.hindsight import SCORED, hindsight
from headstock.analysis.model import Model
from headstock.errors import NoResultError
from headstock.gp.surrogate import condition_surrogate
from headstock.history import History


def test_each_suggestion_is_predicted_from_what_there_was_before(digits: Model):
    scored = hindsight(digits)
    observed = digits.history.observed
    assert scored.trials == tuple(t.index for t in observed if t.source == "bayesian")
    row = [t.index for t in observed].index(scored.trials[4])
    values, sems = digits.history.values("accuracy")
    surrogate = digits.surrogate()
    before = condition_surrogate(
        surrogate.X[:row],
        values[:row],
        sems[:row],
        sign=1.0,
        categorical=digits.encoding.categorical,
        hyperparameters=surrogate.hyperparameters,
    )
    np.testing.assert_allclose(scored.predicted[4], before.predict(surrogate.X[row : row + 1])[0])
    assert scored.lower[4] < scored.predicted[4] < scored.upper[4]


def test_results_that_came_later_are_not_used(digits: Model):
    """The last result is changed: no prediction but its own may move, for given hyper-parameters."""
    history = digits.history
    last = history.observed[-1]
    slow = [t if t.index != 7 else histories.completed(7, t.parameters, "accuracy", **t.metrics) for t in history]
    object.__setattr__(slow[7], "finished", last.created + 1)
    scored = hindsight(
        Model(History(history.space, history.objective, tuple(slow)), digits.encoding, digits.surrogates)
    )
    original = hindsight(digits)
    after = [i for i, trial in enumerate(scored.trials) if trial > 7]
    before = [i for i, trial in enumerate(scored.trials) if trial <= 7]
    np.testing.assert_array_equal(scored.predicted[before], original.predicted[before])
    assert (scored.predicted[after] != original.predicted[after]).all()


def test_intervals_hold_what_they_promise():
    found = hindsight(Model.fit(histories.observed(histories.NETWORK, histories.accuracy, 100, noise=0.01)))
    assert len(found.trials) == SCORED
    assert 0.8 < found.coverage(0.9) <= 1
    assert found.rank_correlation > 0.8


def test_too_few_suggestions():
    with pytest.raises(NoResultError, match="At least 3 suggestions"):
        hindsight(Model.fit(histories.observed(histories.NETWORK, histories.accuracy, 5)))
