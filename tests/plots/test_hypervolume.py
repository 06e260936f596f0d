from dataclasses import replace

import pytest

import histories
from headstock.analysis.hypervolume import hypervolume
from headstock.errors import NoResultError
from headstock.objective import parse_outcome_constraint
from headstock.plots.hypervolume import plot_hypervolume
from headstock.report.findings import Findings
from headstock.trial import Observation


def test_it_is_level_between_the_trials_with_which_it_grew():
    history = histories.branching()
    found = hypervolume(history, "latency", "loss")
    figure = plot_hypervolume([found], history)
    (line,) = figure.data
    assert list(line.x) == [0, *found.trials, len(history) - 1]
    assert list(line.y) == [0, *found.values, found.values[-1]]
    assert line.line.shape == "hv"
    assert not figure.layout.updatemenus
    with pytest.raises(NoResultError):
        plot_hypervolume([], history)


def test_each_pair_is_in_the_drop_down():
    history = histories.branching()
    trials = tuple(replace(t, metrics={**t.metrics, "a<b>": Observation(t.index)}) for t in history)
    bounds = (*history.outcome_constraints, parse_outcome_constraint("a<b> >= 1"))
    history = replace(history, trials=trials, outcome_constraints=bounds)
    figure = plot_hypervolume(Findings.measured(history).hypervolumes, history)
    labels = [button.label for button in figure.layout.updatemenus[0].buttons]
    assert len(labels) == 3
    assert labels[1].startswith("from a&lt;b&gt; 1 and loss ")
    assert labels[2] == "from a&lt;b&gt; 1 and latency 20"
