import numpy as np
import pytest

from headstock.errors import SpaceExhaustedError, StorageError
from headstock.history import History
from headstock.objective import Objective
from headstock.samplers.base import Suggestion
from headstock.schedulers import Resume, Start, scheduler_from_json
from headstock.schedulers.full import FullTraining
from headstock.space import Float, Space
from headstock.trial import Observation, TrialRecord, TrialState

SPACE = Space(x=Float(0, 1))


def record(index: int, state: TrialState, step: int = 0, until: int | None = None) -> TrialRecord:
    curve = tuple(Observation(float(t), None, t) for t in range(1, step + 1))
    reports = {"accuracy": curve} if curve else {}
    return TrialRecord(index, state, {"x": index / 10}, batch=index, reports=reports, until=until)


def propose(count: int, given: History | None = None) -> list[Suggestion]:  # noqa: ARG001 - a sampler
    return [Suggestion({"x": 0.01 * k}, "spread evenly", "sobol") for k in range(count)]


def nothing_left(count: int, given: History | None = None) -> list[Suggestion]:  # noqa: ARG001 - a sampler
    raise SpaceExhaustedError(f"{count} are too many")


def decide(trials: list[TrialRecord], slots: int, proposing=propose):
    history = History(SPACE, Objective("accuracy"), tuple(trials))
    return FullTraining().decide(history, slots, proposing, np.random.default_rng(0))


def test_new_trials_train_to_their_end():
    decisions = decide([], 3)
    assert len(decisions) == 3
    assert all(isinstance(d, Start) and d.until is None and d.because == "spread evenly" for d in decisions)


def test_what_waits_or_is_paused_goes_on_and_what_is_queued_comes_before_the_new():
    trials = [
        record(0, TrialState.COMPLETED, 9),
        record(1, TrialState.PAUSED, 3, 3),
        record(2, TrialState.QUEUED),
        record(3, TrialState.RUNNING, 2, 2),
        record(4, TrialState.RUNNING, 1, 2),
    ]
    decisions = decide(trials, 4)
    assert [(d.trial, d.until) for d in decisions[:3]] == [(1, None), (3, None), (2, None)]
    assert all(isinstance(d, Resume) for d in decisions[:3])
    assert isinstance(decisions[3], Start)
    assert [d.trial for d in decide(trials, 1)] == [1]


def test_an_exhausted_space_ends_the_search():
    assert not decide([record(0, TrialState.COMPLETED, 9)], 2, nothing_left)


def test_an_unknown_scheduler_is_refused():
    assert scheduler_from_json(FullTraining().to_json()) == FullTraining()
    with pytest.raises(StorageError, match="unknown kind 'fast'"):
        scheduler_from_json({"kind": "fast"})
    with pytest.raises(StorageError, match="cannot be read"):
        scheduler_from_json({"kind": "full", "eta": 3})
