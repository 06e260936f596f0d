from itertools import pairwise

import numpy as np
import pytest

from headstock.samplers.random import Random
from headstock.schedulers.hyperband import Hyperband
from headstock.schedulers.successive_halving import SuccessiveHalving, ladder
from headstock.testing.replay import Replay
from headstock.testing.schedulers import table
from headstock.trial import TrialState


@pytest.mark.parametrize(
    ("first", "last", "rungs"),
    [(1, 27, [1, 3, 9]), (1, 28, [1, 3, 9, 27]), (2, 52, [2, 6, 18]), (5, None, [5]), (5, 3, [5])],
)
def test_the_rungs_lie_below_the_end(first: int, last: int | None, rungs: list[int]):
    assert ladder(first, 3, last) == rungs


def test_successive_halving_trains_on_one_of_eta():
    curves = table(rows=200, steps=27)
    replay = Replay(curves, SuccessiveHalving(), Random(), seed=1)
    replay.run(300)
    reached = [sum(t.step >= rung for t in replay.trials) for rung in (1, 3, 9, 27)]
    assert reached[0] > 40
    for more, fewer in pairwise(reached):
        assert fewer <= more / 2  # about a third: what was among the best once may not be now
    assert reached[-1] >= 1
    first = {t.index: curves.curves[replay.rows[t.index], 0] for t in replay.trials}
    gone_on = [first[t.index] for t in replay.trials if t.step > 1]
    left = [first[t.index] for t in replay.trials if t.state is TrialState.PAUSED and t.step == 1]
    assert np.mean(gone_on) > np.mean(left)
    assert max(left) <= max(gone_on)


def test_hyperband_begins_at_several_rungs_and_trains_some_to_the_end_at_once():
    replay = Replay(table(rows=200, steps=27), Hyperband(), Random(), seed=1)
    replay.run(27 * 12)
    paused_at = {t.step for t in replay.trials if t.state is TrialState.PAUSED}
    assert {1, 3, 9} <= paused_at
    starts = [d.until for d in replay.decisions if hasattr(d, "suggestion")]
    assert {1, 3, 9, None} <= set(starts)
