from dataclasses import replace

import numpy as np
import pytest

import histories
from headstock.analysis.endings import endings
from headstock.errors import NoResultError
from headstock.history import History
from headstock.plots.curves import MOST_CURVES, MOST_PREDICTED, MOST_STEPS, plot_curves
from headstock.trial import Observation, TrialState

STATES = [TrialState.COMPLETED, TrialState.RUNNING, TrialState.PAUSED, TrialState.STOPPED, TrialState.FAILED]


def training(count: int, steps: int = 5) -> History:
    """Trials in every state, each with a curve."""
    given = histories.observed(histories.NETWORK, histories.accuracy, count)
    trials = []
    for t in given:
        curve = tuple(Observation(t.objective_mean * (1 - 0.5**s), step=s) for s in range(1, steps + 1))
        state = STATES[t.index % len(STATES)]
        metrics = t.metrics if state is TrialState.COMPLETED else {}
        trials.append(replace(t, state=state, reports={"accuracy": curve}, metrics=metrics))
    return History(given.space, given.objective, tuple(trials))


def test_each_end_is_marked_by_what_became_of_the_trial():
    history = training(10)
    figure = plot_curves(history)
    named = {trace.name: trace for trace in figure.data if trace.showlegend is not False}
    assert set(named) == {"best trial", "running", "paused", "stopped early", "failed"}
    assert named["paused"].y == tuple(history.trials[i].reports["accuracy"][-1].mean for i in (2, 7))
    best = history.best_seen()
    assert named["best trial"].y == tuple(o.mean for o in best.reports["accuracy"])
    assert len(figure.data) == 10 + 4


def test_of_many_and_long_curves_a_selection_is_drawn_and_stated():
    history = training(400, steps=1_000)
    figure = plot_curves(history)
    lines = [t for t in figure.data if t.mode == "lines"]
    assert MOST_CURVES <= len(lines) <= 2 * MOST_CURVES + 1
    assert all(len(t.x) <= MOST_STEPS + 1 and t.x[-1] == 1_000 for t in lines)
    assert f"{len(lines)} of 400 curves" in figure.layout.title.subtitle.text


def test_without_reports_it_says_so():
    with pytest.raises(NoResultError, match="No trial reported accuracy"):
        plot_curves(histories.digits())


def test_unfinished_curves_go_on_to_their_predicted_ends():
    history = training(20, steps=8)
    trials = tuple(replace(t, steps=8 if t.state is TrialState.COMPLETED else 30) for t in history)
    history = History(history.space, history.objective, trials)
    found = endings(history)
    figure = plot_curves(history, endings=found)
    ends = next(trace for trace in figure.data if trace.name == "predicted end")
    assert len(found) == 12
    running = [e for e in found if history.trials[e.trial].state is TrialState.RUNNING]
    others = sorted((e for e in found if e not in running), key=lambda e: -e.means[-1])
    drawn = sorted([*running, *others[: MOST_PREDICTED - len(running)]], key=lambda e: e.trial)
    assert set(ends.x) == {30}
    np.testing.assert_allclose(ends.y, [e.means[-1] for e in drawn])
    np.testing.assert_allclose(ends.error_y.array, [e.upper[-1] - e.means[-1] for e in drawn])
    low, high = figure.layout.yaxis.range
    assert low <= min(ends.y)
    assert high - low < 2  # however wide an interval is
    path = next(trace for trace in figure.data if trace.line.dash == "dot")
    assert path.x[0] == 8  # from the last report on
