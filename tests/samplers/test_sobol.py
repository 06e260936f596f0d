import re
from dataclasses import replace

import numpy as np
import pytest

from headstock import Choice, Fixed, Float, Int, Near, Sobol, Space
from headstock.encoding import Encoding
from headstock.errors import ParameterError, SpaceError, SpaceExhaustedError
from headstock.history import History
from headstock.objective import Objective
from headstock.samplers import Suggestion
from headstock.trial import TrialRecord, TrialState


def history(space: Space, *, seed: int = 0) -> History:
    return History(space, Objective("loss"), seed=seed)


def grown(before: History, suggestions) -> History:
    new = tuple(
        TrialRecord(len(before) + i, TrialState.RUNNING, s.parameters, batch=0) for i, s in enumerate(suggestions)
    )
    return replace(before, trials=(*before.trials, *new))


def suggest(before: History, count: int, sampler: Sobol = Sobol(), **given) -> list[Suggestion]:  # noqa: B008 - frozen
    return list(sampler.suggest(before, count, np.random.default_rng(0), given))


MIXED = Space(lr=Float(1e-4, 1, log=True), n=Int(1, 5), kind=Choice("a", "b", "c", "d"), epochs=Fixed(3))


def test_the_first_is_the_centre_with_the_first_of_each_category():
    first, second = suggest(history(MIXED), 2)
    assert first.parameters == pytest.approx({"lr": 1e-2, "n": 3, "kind": "a", "epochs": 3})
    assert (first.because, second.because) == ("in the centre", "spread evenly")
    assert {first.source, second.source} == {"sobol"}


def test_one_by_one_gives_the_same_points_as_all_at_once():
    at_once = suggest(history(MIXED), 9)
    one_by_one = history(MIXED)
    for _ in range(9):
        one_by_one = grown(one_by_one, suggest(one_by_one, 1))
    assert [t.parameters for t in one_by_one] == [s.parameters for s in at_once]


def test_the_centre_can_be_left_out_and_is_left_out_later():
    assert suggest(history(MIXED), 8)[1:] == suggest(history(MIXED), 7, Sobol(centre=False))
    later = grown(history(MIXED), suggest(history(MIXED), 1, lr=0.5))
    assert all(s.because == "spread evenly" for s in suggest(later, 4))


def test_the_seed_scrambles():
    first, second = (suggest(history(MIXED, seed=seed), 8, Sobol(centre=False)) for seed in (1, 2))
    assert not {s.parameters["lr"] for s in first} & {s.parameters["lr"] for s in second}


def test_scales_and_categories_are_balanced():
    space = Space(lr=Float(1e-4, 1, log=True), kind=Choice("a", "b", "c", "d"), n=Int(1, 8))
    found = [s.parameters for s in suggest(history(space), 32, Sobol(centre=False))]
    for name, values in (("kind", "abcd"), ("n", range(1, 9))):
        counts = [sum(p[name] == v for p in found) for v in values]
        assert len(set(counts)) == 1, (name, counts)
    assert sum(p["lr"] < 1e-2 for p in found) == 16


def test_points_are_more_even_than_random_ones():
    space = Space({f"x{i}": Float(0, 1) for i in range(4)})
    points = Encoding.of(space).encode([s.parameters for s in suggest(history(space), 64, Sobol(centre=False))])
    for i, j in ((0, 1), (1, 2), (2, 3), (0, 3)):
        boxes = np.histogram2d(points[:, i], points[:, j], bins=4, range=[[0, 1], [0, 1]])[0]
        assert boxes.max() <= 7  # four each on average; of random points the fullest box has about nine


def test_what_is_given_is_named_in_the_reason():
    assert suggest(history(MIXED), 1, n=2)[0].because == "in the centre, but as given"
    [decided] = suggest(history(MIXED), 5, n=2, lr=0.1, kind="d")
    assert decided == Suggestion({"lr": 0.1, "n": 2, "kind": "d", "epochs": 3}, "as given", "sobol")


def test_errors_tell_what_is_left():
    space = Space(a=Int(0, 1), b=Int(0, 1), constraints=["a + b <= 1"])
    tried = grown(history(space), suggest(history(space), 10))
    assert len(tried) == 3
    with pytest.raises(SpaceExhaustedError, match="Every configuration was tried"):
        suggest(tried, 1)
    with pytest.raises(SpaceExhaustedError, match=re.escape("with {'a': 0} was tried")):
        suggest(tried, 1, a=0)
    with pytest.raises(ParameterError, match=re.escape("with {'a': 1, 'b': 1} keeps the constraints")):
        suggest(tried, 1, a=1, b=1)
    with pytest.raises(SpaceError, match="No configuration keeps the constraints"):
        suggest(history(Space(a=Int(0, 9), b=Int(0, 9), constraints=["a - b <= 0.9", "a - b >= 0.1"])), 1)


def test_a_long_history_goes_on_past_infeasible_points():
    space = Space(a=Float(0, 1), b=Float(0, 1), constraints=["a + b <= 0.4"])
    tried = grown(history(space), suggest(history(space), 400))
    assert len(tried) == 400
    assert len(grown(tried, suggest(tried, 50))) == 450


def test_a_belief_comes_first_then_the_centre_then_every_second_point_is_drawn_from_it():
    space = Space(x=Float(0, 1, prior=Near(0.9, within=0.02)), y=Float(0, 1))
    suggestions = suggest(history(space, seed=3), 42)
    assert suggestions[0].parameters["x"] == pytest.approx(0.9)
    assert [s.because for s in suggestions[:2]] == ["believed to be the best", "in the centre"]
    near = [abs(s.parameters["x"] - 0.9) < 0.06 for s in suggestions[2:]]
    assert max(sum(near[::2]), sum(near[1::2])) >= 17
    assert min(sum(near[::2]), sum(near[1::2])) <= 6


def test_points_do_not_depend_on_how_many_are_asked_for_at_once():
    start = history(Space(x=Float(0, 1, prior=Near(0.9, within=0.02)), y=Float(0, 1)), seed=3)
    together = suggest(start, 6)
    assert suggest(grown(start, together[:5]), 1)[0].parameters == together[5].parameters
    assert suggest(grown(start, together[:1]), 1) == together[1:2]
