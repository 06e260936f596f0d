from dataclasses import replace

import pytest

from headstock import Choice, Float, Space
from headstock.errors import HeadstockError
from headstock.history import History
from headstock.objective import Objective
from headstock.trial import Observation, TrialRecord, TrialState
from headstock.web.ordering import Ordering

SPACE = Space(lr=Float(0.0, 1.0), optimizer=Choice("sgd", "Adam"), momentum=Float(0.0, 1.0, when={"optimizer": "sgd"}))
MIXED = Space(kind=Choice("b", 3, True))


def trial(index, state=TrialState.COMPLETED, *, value=None, reported=None, seconds=None, **parameters):
    return TrialRecord(
        index,
        state,
        parameters,
        batch=index,
        source="sobol",
        objective="loss",
        metrics={} if value is None else {"loss": Observation(value)},
        reports={} if reported is None else {"loss": (Observation(reported, step=1),)},
        started=None if seconds is None else 0.0,
        finished=seconds,
    )


TRIALS = (
    trial(0, value=2.0, seconds=9.0, lr=0.5, optimizer="sgd", momentum=0.9),
    trial(1, TrialState.FAILED, seconds=1.0, lr=0.1, optimizer="Adam"),
    trial(2, TrialState.RUNNING, reported=1.0, lr=0.5, optimizer="sgd", momentum=0.1),
    trial(3, value=3.0, seconds=10.0, lr=0.9, optimizer="Adam"),
    trial(4, TrialState.QUEUED, lr=0.2, optimizer="sgd", momentum=0.5),
)


def history(trials=TRIALS, space=SPACE):
    return History(space, Objective("loss", minimize=True), trials)


def order(column, *, descending=False, states=None, words="", notes=None, given=None, page=slice(None), by=None):
    found, count = (by or Ordering()).trials(
        given or history(),
        column=column,
        descending=descending,
        states=states,
        words=words,
        notes=notes or {},
        page=page,
    )
    assert count >= len(found)
    return [t.index for t in found]


@pytest.mark.parametrize(
    ("column", "up", "down"),
    [
        ("trial", [0, 1, 2, 3, 4], [4, 3, 2, 1, 0]),
        ("state", [4, 2, 0, 3, 1], [1, 0, 3, 2, 4]),
        ("seconds", [1, 0, 3, 2, 4], [3, 0, 1, 2, 4]),
        ("parameter:lr", [1, 4, 0, 2, 3], [3, 0, 2, 4, 1]),
        ("parameter:optimizer", [1, 3, 0, 2, 4], [0, 2, 4, 1, 3]),
        ("parameter:momentum", [2, 4, 0, 1, 3], [0, 4, 2, 1, 3]),
        ("metric:loss", [2, 0, 3, 1, 4], [3, 0, 2, 1, 4]),
        ("metric:nobody's", [0, 1, 2, 3, 4], [0, 1, 2, 3, 4]),
    ],
)
def test_what_has_no_value_comes_last_either_way(column, up, down):
    assert order(column) == up
    assert order(column, descending=True) == down
    assert order(column, page=slice(1, 3)) == up[1:3]


def test_values_of_several_types_are_ordered_as_words():
    some = tuple(trial(i, kind=value) for i, value in enumerate(["b", 3, True]))
    assert order("parameter:kind", given=history(some, MIXED)) == [1, 0, 2]


def test_words_and_states_are_sought_together():
    assert order("trial", words="OPTIMIZER sgd") == [0, 2, 4]
    assert order("metric:loss", words="sgd", states=[TrialState.RUNNING, TrialState.COMPLETED]) == [2, 0]
    assert order("trial", words="strange", notes={None: "strange", 3: "Strange indeed"}) == [3]


def test_what_was_remembered_of_older_trials_is_not_shown():
    by, before = Ordering(), history()
    assert order("metric:loss", words="lost", by=by, given=before) == []
    lost = replace(TRIALS[2], state=TrialState.FAILED, error="its process was lost", reports={})
    newer = before.updated([lost, trial(5, value=0.0, lr=0.3, optimizer="sgd", momentum=0.2)])
    assert order("trial", words="lost", by=by, given=newer) == [2]
    assert order("metric:loss", by=by, given=newer) == [5, 0, 3, 1, 2, 4]


@pytest.mark.parametrize("column", ["", "loss", "parameter", "__class__"])
def test_an_unknown_column_is_refused(column):
    with pytest.raises(HeadstockError, match="There is no column"):
        order(column)
