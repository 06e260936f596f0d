from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest

from headstock import Choice, Float, Int, Space
from headstock.acquisition.maximise import Maxima, maximise
from headstock.domain import Domain, digests
from headstock.encoding import Encoding


@dataclass(frozen=True)
class Smooth:
    """A function of the encoded points, with its gradient by central differences, that counts what it is asked for."""

    function: Callable
    asked: list[tuple[str, int]] = field(default_factory=list)

    def value(self, X):
        self.asked.append(("value", len(X)))
        return np.array([float(self.function(x)) for x in X])

    def value_and_gradient(self, X):
        self.asked.append(("gradient", len(X)))
        steps = 1e-6 * np.eye(X.shape[1])
        gradient = [[(self.function(x + s) - self.function(x - s)) / 2e-6 for s in steps] for x in X]
        return np.array([float(self.function(x)) for x in X]), np.array(gradient)


def find(space: Space, function: Callable, *, seed: int = 0, avoid=(), anchors=(), given=None, **effort) -> Maxima:
    encoding = Encoding.of(space)
    acquisition = function if isinstance(function, Smooth) else Smooth(function)
    return maximise(
        acquisition,
        Domain.of(encoding, given or {}),
        anchors=encoding.encode(list(anchors)),
        lengthscales=np.full(encoding.dimensions, 0.5),
        avoid=digests(encoding.encode(list(avoid))),
        rng=np.random.default_rng(seed),
        **effort,
    )


def best(space: Space, maxima: Maxima):
    return Encoding.of(space).decode(maxima.points[0])


def cube(d: int, **constraints) -> Space:
    return Space({f"x{i}": Float(0, 1) for i in range(d)}, **constraints)


@pytest.mark.parametrize("seed", range(5))
def test_the_highest_of_many_hills_is_found(seed: int):
    rng = np.random.default_rng(seed)
    tops, heights = rng.random((12, 4)), np.linspace(0.0, 1.0, 12)

    def hills(x):
        return np.log(np.sum(np.exp(3 * heights - 40 * ((x - tops) ** 2).sum(axis=1))) + 1e-300)

    found = find(cube(4), hills, seed=seed)
    np.testing.assert_allclose(found.points[0], tops[-1], atol=0.05)
    nearby = found.points[0] + 0.003 * rng.standard_normal((200, 4))
    assert max(map(hills, nearby)) < found.values[0] + 1e-4


def test_points_come_in_order_with_their_values_and_differ():
    found = find(cube(3), lambda x: np.sin(9 * x).sum())
    assert (np.diff(found.values) <= 0).all()
    np.testing.assert_allclose(found.values[:20], [np.sin(9 * x).sum() for x in found.points[:20]])
    assert len(np.unique(found.points, axis=0)) == len(found.points)


def test_an_optimum_on_the_bounds_is_reached_exactly():
    found = find(cube(5), lambda x: x[0] - x[1] + 2 * x[2] - (x[3] - 0.25) ** 2 - (x[4] + 0.5) ** 2)
    np.testing.assert_allclose(found.points[0], [1, 0, 1, 0.25, 0], atol=2e-3)
    assert found.points[0][[0, 1, 2, 4]].tolist() == [1, 0, 1, 0]


def test_one_parameter():
    found = find(cube(1), lambda x: np.sin(15 * x[0]) + x[0])
    grid = np.linspace(0, 1, 100_001)
    assert found.values[0] == pytest.approx((np.sin(15 * grid) + grid).max(), abs=1e-5)


def test_a_narrow_valley_is_followed():
    found = find(cube(2), lambda x: -100 * (x[1] - x[0] ** 2) ** 2 - (0.9 - x[0]) ** 2, iterations=50)
    np.testing.assert_allclose(found.points[0], [0.9, 0.81], atol=0.01)


def test_a_mixed_space_with_an_optimum_in_an_unlikely_category():
    space = Space(
        lr=Float(1e-6, 1, log=True),
        width=Int(1, 1000),
        depth=Int(1, 30),
        kind=Choice(*range(9)),
        s=Float(0, 1, step=0.1),
    )
    target = {"lr": 1e-3, "width": 417, "depth": 23, "kind": 7, "s": 0.3}
    encoding = Encoding.of(space)
    goal = encoding.encode([target])[0]

    def function(x):
        distance = ((x - goal)[[0, 1, 2, 4]] ** 2) @ [1, 2, 1, 1]
        return -distance * (1 if x[3] == 7 else 0.5) - 0.02 * (x[3] != 7)

    found = best(space, find(space, function))
    assert found == pytest.approx(target, rel=0.03)
    assert (found["width"], found["depth"], found["kind"]) == (417, 23, 7)


def test_categories_that_interact():
    space = Space({f"c{i}": Choice(*"abcdef") for i in range(6)})
    secret = np.array([3, 1, 4, 1, 5, 2])

    def function(x):
        hits = x == secret
        return hits.sum() + 0.5 * (hits[1:] & hits[:-1]).sum()

    assert find(space, function).points[0].tolist() == secret.tolist()


def test_the_best_branch_of_a_conditional_space():
    space = Space(
        kind=Choice("a", "b", "c"),
        **{f"{k}{i}": Float(0, 1, when={"kind": k}) for k in "abc" for i in range(2)},
    )
    encoding = Encoding.of(space)
    names = encoding.names

    def function(x):
        kind = "abc"[int(x[0])]
        values = np.array([x[names.index(f"{kind}{i}")] for i in range(2)])
        return {"a": 0.0, "b": 0.4, "c": 0.3}[kind] - ((values - 0.8) ** 2).sum()

    found = find(space, function)
    assert best(space, found) == pytest.approx({"kind": "b", "b0": 0.8, "b1": 0.8}, abs=5e-3)
    assert np.array_equal(encoding.snap(found.points), found.points)


@pytest.mark.parametrize(
    ("constraints", "goal", "optimum"),
    [
        (["x0 + x1 <= 0.6"], [0.9, 0.5, 0.2], [0.5, 0.1, 0.2]),
        (["x0 + x1 + x2 <= 1", "x0 + x1 + x2 >= 1"], [0.6, 0.5, 0.2], [0.5, 0.4, 0.1]),
        (["x0 + x1 + x2 <= 1", "x0 + x1 + x2 >= 1"], [1.0, 0.8, -0.5], [0.6, 0.4, 0.0]),
        (["x0 + 2*x1 <= 1", "x1 >= x2"], [0.9, 0.9, 0.9], [1 / 3, 1 / 3, 1 / 3]),
        (["x0 + x1 + x2 <= 0.03"], [0.5, 0.5, 0.5], [0.01, 0.01, 0.01]),
    ],
)
def test_an_optimum_on_linear_constraints(constraints, goal, optimum):
    space = cube(3, constraints=constraints)
    found = find(space, lambda x: -((x - goal) ** 2).sum())
    np.testing.assert_allclose(found.points[0], optimum, atol=3e-3)
    assert all(space.validate(Encoding.of(space).decode(x)) for x in found.points)


def test_an_optimum_on_a_constraint_that_a_logarithmic_scale_bends():
    space = Space(a=Float(1e-3, 1, log=True), b=Float(1e-3, 1, log=True), constraints=["a + b <= 0.5"])
    found = find(space, lambda x: x[0] + 2 * x[1])
    assert best(space, found) == pytest.approx({"a": 1 / 6, "b": 1 / 3}, rel=0.01)  # 1/a : 1/b as 1 : 2


def test_a_constraint_between_relaxed_integers_holds_after_rounding():
    space = Space(a=Int(0, 500), b=Int(0, 500), c=Float(0, 1), constraints=["3*a + 7*b <= 1000"])
    encoding = Encoding.of(space)

    def function(x):
        p = encoding.decode(x) if encoding.snap(x[None]).tolist() == [x.tolist()] else None
        return x[0] + 2 * x[1] - (x[2] - 0.5) ** 2 if p is None or 3 * p["a"] + 7 * p["b"] <= 1000 else 1e9

    found = find(space, function)
    assert all(space.validate(encoding.decode(x)) for x in found.points)
    assert best(space, found)["a"] >= 330  # 333 is best: a third of a step costs more than a seventh


def test_given_values_are_kept():
    space = Space(x=Float(0, 1), y=Float(0, 1), n=Int(0, 9), k=Choice("a", "b"))
    found = find(space, lambda x: -((x[:3] - 0.66) ** 2).sum() + x[3], given={"y": 0.1, "k": "a"})
    assert best(space, found) == pytest.approx({"x": 0.66, "y": 0.1, "n": 6, "k": "a"}, abs=5e-3)
    assert {Encoding.of(space).decode(x)["k"] for x in found.points} == {"a"}


def test_a_small_finite_space_is_searched_completely():
    space = Space(a=Int(0, 9), b=Int(0, 9), k=Choice("x", "y"))
    acquisition = Smooth(lambda x: np.sin(37 * x[0]) * np.cos(53 * x[1]) + 0.1 * x[2])
    tried = [{"a": a, "b": b, "k": k} for a in range(10) for b in range(5) for k in "xy"]
    found = find(space, acquisition, avoid=tried)
    assert len(found.points) == 100
    assert {Encoding.of(space).decode(x)["b"] for x in found.points} == set(range(5, 10))
    assert acquisition.asked == [("value", 200)]
    everything = [*tried, *({**p, "b": p["b"] + 5} for p in tried)]
    assert len(find(space, acquisition, avoid=everything).points) == 0


def test_points_to_avoid_are_not_found():
    space = Space(a=Int(0, 2000), k=Choice("x", "y"))
    tried = [{"a": a, "k": "y"} for a in range(1000, 1010)]
    found = find(space, lambda x: x[1] - abs(x[0] - 0.5), avoid=tried, anchors=tried[:2])
    assert best(space, found)["k"] == "y"
    assert 0 < abs(best(space, found)["a"] - 1000) < 20
    assert not {Encoding.of(space).decode(x)["a"] for x in found.points if x[1] == 1} & set(range(1000, 1010))


def test_anchors_lead_to_a_needle():
    goal = np.full(8, 0.37)

    def needle(x):
        return np.log(np.exp(-3000 * ((x - goal) ** 2).sum()) + 1e-9)

    anchor = {f"x{i}": 0.36 for i in range(8)}
    assert find(cube(8), needle, anchors=[anchor]).values[0] == pytest.approx(0.0, abs=1e-3)
    assert find(cube(8), needle).values[0] < -1


def test_the_same_generator_finds_the_same_points():
    first, second, other = (find(cube(3), lambda x: np.sin(9 * x).sum(), seed=s) for s in (1, 1, 2))
    assert np.array_equal(first.points, second.points)
    assert np.array_equal(first.values, second.values)
    assert not np.array_equal(first.points, other.points)


def test_the_work_is_bounded():
    acquisition = Smooth(lambda x: -((x - 0.3) ** 4).sum())
    find(cube(6), acquisition, raw=128, starts=4, iterations=9)
    assert acquisition.asked[0] == ("value", 128)
    gradients = [rows for what, rows in acquisition.asked if what == "gradient"]
    assert len(gradients) <= 10
    assert max(gradients) == 4
    assert sum(rows for what, rows in acquisition.asked if what == "value") == 132


def test_values_that_are_not_finite_are_passed_by():
    found = find(cube(2), lambda x: -np.inf if x[0] < 0.5 else -((x - 0.6) ** 2).sum())
    np.testing.assert_allclose(found.points[0], [0.6, 0.6], atol=5e-3)
    assert len(find(cube(2), lambda _: -np.inf).points)
