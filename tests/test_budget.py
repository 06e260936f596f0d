import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from headstock import Experiment, Float, Space
from headstock.budget import BOUNDS, Budget, Left
from headstock.errors import HeadstockError
from headstock.history import History
from headstock.trial import Observation, TrialRecord, TrialState
from trainings import study_of


def trial(index: int, state: TrialState, step: int = 0, **more: Any) -> TrialRecord:
    reports = {"score": tuple(Observation(0.1 * k, None, k) for k in range(1, step + 1))}
    return TrialRecord(index, state, {"x": 0.5}, index, objective="score", reports=reports, **more)


def history(*trials: TrialRecord) -> History:
    return replace(study_of().history(), trials=trials)


def test_what_was_promised_is_not_left():
    seen = history(
        trial(0, TrialState.COMPLETED, 9, steps=9),
        trial(1, TrialState.RUNNING, 2, until=5),
        trial(2, TrialState.RUNNING, 1, steps=9),
        trial(3, TrialState.PAUSED, 3, until=3),
        trial(4, TrialState.QUEUED),
        trial(5, TrialState.RUNNING, 4, until=6, parent=(3, 3)),
        trial(6, TrialState.COMPLETED),
        trial(7, TrialState.COMPLETED, 2, source="attached"),
    )
    left = Budget(steps=40, trials=9).left(seen, 0.0, 1)
    assert left.steps == 40 - (9 + 5 + 9 + 3 + 0 + 3 + 1 + 0)
    assert left.trials == 9 - 6
    assert left.is_bounded
    assert not Budget(seconds=3).left(seen, 0.0, 1).is_bounded


@pytest.mark.parametrize(
    ("until", "steps", "expected"), [(None, None, 4), (None, 9, 9), (6, 9, 6), (20, None, 12), (None, 50, 12)]
)
def test_a_training_is_promised_what_is_left(until: int | None, steps: int | None, expected: int):
    """One at step 3, with 9 steps left; one that may go anywhere says first how far that is."""
    running = trial(0, TrialState.PAUSED, 3, steps=steps)
    assert Left(steps=9).until(running, until) == expected
    assert Left().until(running, until) == until
    assert Left(steps=0).until(running, until) == 3


def test_seconds_and_cost_pay_for_steps():
    seen = history(trial(0, TrialState.PAUSED, 4, trained=8.0), trial(1, TrialState.PAUSED, 2, trained=4.0))
    assert Budget(seconds=100).left(seen, 40.0, 1).paid == pytest.approx(30)
    assert Budget(seconds=100).left(seen, 40.0, 2).paid == pytest.approx(60)
    costs = tuple(Observation(1.5, None, k) for k in (1, 2, 3, 4))
    priced = history(replace(seen.trials[0], reports={**seen.trials[0].reports, "cost": costs}))
    assert Budget(cost=12).left(priced, 0.0, 1).paid == pytest.approx(4)
    assert not Budget(cost=12).is_over(priced, 0.0)
    assert Budget(cost=6).is_over(priced, 0.0)
    assert Budget(seconds=100).left(history(), 0.0, 1).paid == math.inf


def test_what_is_left_is_the_same_whether_the_history_was_followed_or_read_anew():
    priced = {"cost": tuple(Observation(0.1, None, k) for k in (1, 2, 3))}
    trials = [
        trial(0, TrialState.RUNNING, 3, until=9, trained=0.7),
        trial(1, TrialState.PAUSED, 5, trained=0.3, parent=(0, 3)),
        trial(2, TrialState.QUEUED),
    ]
    later = [
        replace(trials[0], state=TrialState.PAUSED, trained=0.9),
        replace(trials[2], state=TrialState.COMPLETED, metrics={"cost": Observation(0.7)}),
        replace(trial(3, TrialState.RUNNING, 3, until=4, trained=0.1), reports=priced),
    ]
    budget = Budget(steps=100, cost=2.0, seconds=60.0)
    followed = history(*trials)
    before = budget.left(followed, 1.0, 2)
    assert budget.left(followed.updated(later), 1.0, 2) == budget.left(history(later[0], trials[1], *later[1:]), 1.0, 2)
    assert budget.left(followed, 1.0, 2) == before


@pytest.mark.parametrize(
    ("bounds", "words"),
    [
        ({}, "no bound"),
        ({"trials": 2.5}, "whole number"),
        ({"steps": 0}, "positive number"),
        ({"trials": True}, "positive number"),
        ({"seconds": math.inf}, "positive number"),
        ({"cost": "12"}, "positive number"),
        ({"trials": 5, "target": math.nan}, "finite number"),
        *(({bound: 10**400}, "number") for bound in BOUNDS),
    ],
)
def test_what_bounds_nothing_is_refused(bounds: dict[str, Any], words: str):
    with pytest.raises(HeadstockError, match=words):
        Budget(**bounds)


@pytest.mark.parametrize("bound", [math.inf, math.nan])
def test_a_stored_bound_that_is_no_number_is_refused(bound: float):
    with pytest.raises(HeadstockError, match="positive number"):
        Budget.of({"trials": bound})


def test_what_is_no_budget_is_refused():
    experiment = Experiment("e", Space(x=Float(0, 1)), maximize="y")
    for use in (lambda: experiment.run(lambda _: 1.0, budget=10), lambda: experiment.change_budget(10)):
        with pytest.raises(HeadstockError, match=r"budget=10: give a Budget, such as Budget\(trials=40\)"):
            use()
    assert not experiment.trials


def test_numbers_of_other_libraries_are_bounds():
    assert Budget(trials=np.int64(3), target=np.float32(-0.5)).trials == 3
