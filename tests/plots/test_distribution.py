import numpy as np
import pytest

import histories
from headstock.errors import NoResultError
from headstock.plots.distribution import MOST_STEPS, plot_distribution


def test_each_value_stands_at_the_share_that_is_at_least_as_good():
    history = histories.digits()
    everything, suggested = plot_distribution(history).data
    values, _ = history.values("accuracy")
    assert len(everything.x) == 18
    for x, y in zip(everything.x, everything.y, strict=True):
        assert y == pytest.approx(np.mean(values >= x))
    assert suggested.name == "suggested by the model"
    assert len(suggested.x) == sum(t.source == "bayesian" for t in history.observed)


def test_less_is_better_for_a_loss():
    history = histories.branching()
    everything = plot_distribution(history).data[0]
    values, _ = history.values("loss")
    assert everything.x[0] == values.min()
    assert everything.y[-1] == 1.0
    assert everything.x[-1] == values.max()


def test_of_many_a_selection_is_drawn():
    history = histories.observed(histories.NETWORK, histories.accuracy, 3 * MOST_STEPS)
    assert len(plot_distribution(history).data[0].x) <= MOST_STEPS + 1


def test_without_results_it_says_so():
    with pytest.raises(NoResultError, match="No trial has a result"):
        plot_distribution(histories.empty())
