import numpy as np
import pytest

from headstock.history import History
from headstock.objective import Objective
from headstock.samplers.random import Random
from headstock.schedulers import Resume, Scheduler, Stop
from headstock.schedulers.median import MedianStopping
from headstock.schedulers.percentile import PercentileStopping
from headstock.schedulers.top_k import TopK
from headstock.space import Float, Space
from headstock.testing.replay import Replay
from headstock.testing.schedulers import table
from headstock.trial import Observation, TrialRecord, TrialState

SPACE = Space(x=Float(0, 1))


def verdict(scheduler: Scheduler, own: list[float], others: list[list[float]], *, minimize: bool = False):
    def record(index: int, curve: list[float], state: TrialState, until: int | None) -> TrialRecord:
        reports = {"m": tuple(Observation(v, None, t) for t, v in enumerate(curve, 1))}
        return TrialRecord(index, state, {"x": index / 10}, batch=index, reports=reports, until=until)

    trials = [record(i, curve, TrialState.COMPLETED, None) for i, curve in enumerate(others)]
    trials.append(record(len(others), own, TrialState.RUNNING, len(own)))
    history = History(SPACE, Objective("m", minimize=minimize), tuple(trials))
    [decision] = scheduler.decide(history, 1, lambda *_: [], np.random.default_rng(0))
    return decision


OTHERS = [[0.1, 0.2, 0.3, 0.9], [0.2, 0.3, 0.4, 0.9], [0.3, 0.4, 0.5, 0.9], [0.4, 0.5, 0.6, 0.9]]


def test_median_stopping_compares_the_best_with_the_median_of_averages():
    stop = verdict(MedianStopping(), [0.1, 0.2, 0.34], OTHERS)
    assert isinstance(stop, Stop)
    assert stop.because == "0.34 by step 3, needs 0.35"
    assert verdict(MedianStopping(), [0.1, 0.36, 0.2], OTHERS) == Resume(4, 4, "0.36 by step 3, needs 0.35")
    assert isinstance(verdict(MedianStopping(), [0.5, 0.4, 0.36], OTHERS, minimize=True), Stop)
    assert isinstance(verdict(MedianStopping(), [0.0, 0.0, 0.0], OTHERS[:3]), Resume)


def test_percentile_stopping_compares_the_best_by_the_same_step():
    scheduler = PercentileStopping(50.0, interval=2)
    stop = verdict(scheduler, [0.1, 0.2, 0.44], OTHERS)
    assert stop == Stop(4, "0.44 at step 3, needs 0.45")
    assert verdict(scheduler, [0.1, 0.46, 0.2], OTHERS) == Resume(4, 5, "0.46 at step 3, needs 0.45")
    assert isinstance(verdict(PercentileStopping(25.0), [0.1, 0.2, 0.44], OTHERS), Resume)
    assert isinstance(verdict(scheduler, [0.5, 0.4, 0.2], OTHERS, minimize=True), Resume)


@pytest.mark.parametrize("scheduler", [MedianStopping(), PercentileStopping()])
def test_stopping_saves_most_of_the_steps_of_the_poor(scheduler: Scheduler):
    replay = Replay(table(rows=200, steps=27), scheduler, Random(), seed=1)
    replay.run(400)
    stopped = [t for t in replay.trials if t.state is TrialState.STOPPED]
    completed = [t for t in replay.trials if t.state is TrialState.COMPLETED]
    assert len(stopped) >= 4
    assert np.mean([t.step for t in stopped]) < 9
    assert np.mean([t.objective_mean for t in completed]) > np.mean([t.objective_mean for t in stopped])


def test_top_k_keeps_enough_of_the_budget_for_the_ends():
    curves = table(rows=200, steps=27)
    replay = Replay(curves, TopK(best=2, steps=3), Random(), seed=1, workers=3)
    steps = replay.run(150)
    completed = [t for t in replay.trials if t.state is TrialState.COMPLETED]
    assert len(completed) == 2
    assert 130 < len(steps) <= 150
    third = sorted((curves.curves[row, 2] for row in replay.rows), reverse=True)
    assert {curves.curves[replay.rows[t.index], 2] for t in completed} == set(third[:2])
