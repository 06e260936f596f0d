import numpy as np

from headstock.samplers.random import Random
from headstock.schedulers import Start
from headstock.schedulers.population import PopulationBased
from headstock.testing.replay import Replay
from headstock.testing.schedulers import table
from headstock.trial import TrialState


def test_children_of_the_best_take_the_places_of_the_worst():
    replay = Replay(table(rows=300, steps=20), PopulationBased(10, interval=2), Random(), seed=1)
    replay.run(200)
    children = [d for d in replay.decisions if isinstance(d, Start) and d.from_checkpoint is not None]
    stopped = [t for t in replay.trials if t.state is TrialState.STOPPED]
    assert len(children) == len(stopped) >= 3
    assert len(replay.trials) == 10 + len(children)
    finals = replay.table.curves[:, -1]
    parents = [finals[replay.rows[d.from_checkpoint[0]]] for d in children]
    assert np.mean(parents) > np.mean([finals[replay.rows[t.index]] for t in stopped])
    for trial in replay.trials:
        if trial.parent is not None:
            assert trial.step > trial.parent[1]
            assert trial.reports["value"][0].step == trial.parent[1] + 1
