import math
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from headstock import Choice, Float, Grid, Int, Space
from headstock.errors import HeadstockError, ParameterError, SpaceExhaustedError
from headstock.history import History
from headstock.objective import Objective
from headstock.trial import TrialRecord, TrialState

SPACE = Space(lr=Float(1e-4, 1.0, log=True), dropout=Float(0, 0.5, step=0.25), kind=Choice("a", "b"))


def search(space: Space, sampler: Grid, count: int, seed: int = 0):
    history = History(space, Objective("loss"), seed=seed)
    while len(history) < count:
        suggestions = sampler.suggest(history, 7, np.random.default_rng(len(history)))
        trials = [
            TrialRecord(len(history) + i, TrialState.COMPLETED, s.parameters, batch=0)
            for i, s in enumerate(suggestions)
        ]
        history = replace(history, trials=(*history.trials, *trials))
    return [t.parameters for t in history]


def test_every_combination_comes_once_bounds_included():
    found = search(SPACE, Grid(3), 18)
    rounded = [(round(math.log10(p["lr"]), 9), p["dropout"], p["kind"]) for p in found]
    assert sorted(rounded) == sorted(product([-4.0, -2.0, 0.0], [0.0, 0.25, 0.5], "ab"))
    with pytest.raises(SpaceExhaustedError):
        search(SPACE, Grid(3), 19)


def test_the_order_is_shuffled_by_the_seed_alone():
    assert search(SPACE, Grid(), 21, seed=1) == search(SPACE, Grid(), 21, seed=1) != search(SPACE, Grid(), 21, seed=2)
    assert {p["kind"] for p in search(SPACE, Grid(), 7)} == {"a", "b"}


def test_numbers_of_points_by_name():
    space = Space(lr=Float(0, 1), width=Int(1, 1000, log=True), n=Int(0, 10**9))
    found = search(space, Grid({"lr": 2, "width": 3, "n": 2}), 12)
    assert {p["lr"] for p in found} == {0.0, 1.0}
    assert {p["width"] for p in found} == {1, 22, 1000}
    assert {p["n"] for p in found} == {0, 10**9}


def test_more_points_than_an_integer_has_are_all_of_them():
    assert len(search(Space(n=Int(1, 3)), Grid({"n": 50}), 3)) == 3


def test_a_huge_product_is_not_listed():
    space = Space({f"x{i}": Float(0, 1) for i in range(30)})
    found = search(space, Grid(3), 28)
    assert len({tuple(p.values()) for p in found}) == 28
    assert {v for p in found for v in p.values()} == {0.0, 0.5, 1.0}


@pytest.mark.parametrize("points", [1, 0, True, {"lr": 1}, 10**400])
def test_numbers_of_points_that_make_no_grid_are_refused(points):
    with pytest.raises(ParameterError, match=r"Grid\(points=.*give a whole number of at (least 2|most 100,000)\."):
        Grid(points)


@pytest.mark.parametrize("name", ["kind", "learning_rate"])
def test_points_of_what_has_none_are_refused(name: str):
    with pytest.raises(HeadstockError, match=f"'{name}' is no Float or Int"):
        search(SPACE, Grid({name: 3}), 1)
