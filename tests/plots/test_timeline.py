from dataclasses import replace

import pytest

import histories
from headstock.errors import NoResultError
from headstock.history import History
from headstock.plots.timeline import MOST_BARS, plot_timeline
from headstock.trial import TrialState


def at(*spans: tuple[float, float | None]) -> History:
    given = histories.observed(histories.NETWORK, histories.accuracy, len(spans))
    trials = [
        replace(t, started=a, finished=b, state=TrialState.RUNNING if b is None else TrialState.COMPLETED)
        for t, (a, b) in zip(given, spans, strict=True)
    ]
    return History(given.space, given.objective, tuple(trials))


def lanes(figure) -> dict[str, list[int]]:
    return {trace.name: list(trace.y) for trace in figure.data}


def test_trials_that_overlap_lie_in_different_lanes():
    assert lanes(plot_timeline(at((0, 4), (1, 2), (2, 3), (3, None)))) == {"completed": [1, 2, 2], "running": [2]}


def test_a_running_trial_ends_now():
    history = at((0, 4), (3, None))
    assert plot_timeline(history, now=10.0).data[1].x == (7_000.0,)
    assert plot_timeline(history).data[1].x == (1_000.0,)


def test_a_paused_trial_is_as_long_as_it_has_trained():
    history = at((0, 4), (1, None))
    paused = replace(history.trials[1], state=TrialState.PAUSED, trained=1.5)
    completed, waiting = plot_timeline(replace(history, trials=(history.trials[0], paused)), now=9.0).data
    assert waiting.x == (1_500.0,)
    assert (waiting.marker.pattern.shape, completed.marker.pattern.shape) == ("/", "")


def test_the_newest_of_very_many():
    figure = plot_timeline(at(*((float(i), i + 1.0) for i in range(MOST_BARS + 5))))
    assert len(figure.data[0].x) == MOST_BARS
    assert "newest 1,000 of 1,005" in figure.layout.title.subtitle.text


def test_nothing_was_started():
    with pytest.raises(NoResultError, match="No trial was started"):
        plot_timeline(histories.empty())
