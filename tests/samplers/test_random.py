import numpy as np

from headstock import Choice, Float, Int, Random, Space
from headstock.history import History
from headstock.objective import Objective


def draw(space: Space, count: int, seed: int = 0):
    history = History(space, Objective("loss"))
    return [s.parameters for s in Random().suggest(history, count, np.random.default_rng(seed))]


def test_scales_and_categories_are_drawn_evenly():
    space = Space(lr=Float(1e-4, 1, log=True), kind=Choice("a", "b", "c"), x=Float(-1, 3))
    found = draw(space, 3000)
    assert abs(np.mean([p["lr"] < 1e-2 for p in found]) - 1 / 2) < 0.03
    assert abs(np.mean([p["kind"] == "c" for p in found]) - 1 / 3) < 0.03
    assert abs(np.mean([p["x"] for p in found]) - 1) < 0.06


def test_another_state_of_the_generator_draws_other_points():
    space = Space(x=Float(0, 1))
    assert draw(space, 3, seed=1) == draw(space, 3, seed=1) != draw(space, 3, seed=2)


def test_a_nearly_finished_space_gives_its_last_points():
    space = Space(a=Int(1, 40), b=Int(1, 40))
    found = draw(space, 1600)
    assert len({tuple(p.values()) for p in found}) == 1600
