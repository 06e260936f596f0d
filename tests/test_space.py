import math
from typing import Any

import pytest

from headstock import Choice, Fixed, Float, Int, Space
from headstock.errors import ParameterError, SpaceError


@pytest.fixture
def space() -> Space:
    return Space(
        lr=Float(1e-5, 1.0, log=True),
        batch_size=Int(16, 256, log=True),
        optimizer=Choice("sgd", "adamw"),
        momentum=Float(0.0, 0.99, when={"optimizer": "sgd"}),
        nesterov=Choice(False, True, when={"optimizer": "sgd"}),
        epochs=Fixed(10),
    )


def test_a_configuration_is_typed_ordered_and_completed(space: Space):
    given = {"optimizer": "adamw", "batch_size": 32.0, "lr": 1}
    valid = space.validate(given)
    assert valid == {"lr": 1.0, "batch_size": 32, "optimizer": "adamw", "epochs": 10}
    assert list(valid) == ["lr", "batch_size", "optimizer", "epochs"]
    assert isinstance(valid["lr"], float)
    assert isinstance(valid["batch_size"], int)


def test_json_gives_an_equal_space_back(space: Space):
    constrained = Space(dict(space.parameters), constraints=["lr + 0.5*batch_size <= 100"])
    assert Space.from_json(constrained.to_json()) == constrained
    assert hash(Space.from_json(constrained.to_json())) == hash(constrained)


def test_the_representation_is_the_code(space: Space):
    assert repr(space).startswith("Space(lr=Float(1e-05, 1.0, log=True), batch_size=Int(16, 256, log=True), ")
    assert "momentum=Float(0.0, 0.99, when={'optimizer': 'sgd'})" in repr(space)


def test_one_true_and_one_are_three_choices():
    space = Space(x=Choice(1, True, 1.5, None, "1"))
    assert [space.validate({"x": v})["x"] for v in (1, True, 1.5, None, "1")] == [1, True, 1.5, None, "1"]
    assert space.validate({"x": True})["x"] is True
    assert Space.from_json(space.to_json()).validate({"x": True})["x"] is True


def test_their_weights_come_back_from_json_as_well():
    space = Space(x=Choice(1, True, 1.0, prior={1: 3.0}))
    assert space.parameters["x"].prior == (3.0, 1.0, 1.0)
    assert Space.from_json(space.to_json()) == space


def test_the_values_of_a_condition_that_are_a_set_have_an_order_of_their_own():
    letters = "aecgbdhf"  # a set of strings has another order in each process
    for given in (set(letters), frozenset(letters)):
        space = Space(o=Choice(*letters), x=Float(0, 1, when={"o": given}))
        assert space.parameters["x"].when == {"o": tuple("abcdefgh")}


def test_names_that_are_no_identifiers():
    space = Space({"model.hidden size": Int(1, 4)})
    assert space.validate({"model.hidden size": 2}) == {"model.hidden size": 2}


def test_nested_conditions_deactivate_together():
    space = Space(
        c=Float(0, 1, when={"b": True}),
        b=Choice(False, True, when={"a": ("x", "y")}),
        a=Choice("x", "y", "z"),
    )
    assert space.active({"a": "z", "b": True, "c": 0.5}) == ("a",)
    assert space.active({"a": "y", "b": True, "c": 0.5}) == ("c", "b", "a")
    assert space.by_depth == ("a", "b", "c")


def test_size_counts_the_grid():
    assert Space(a=Choice(1, 2, 3), b=Int(0, 10, step=5)).size == 9
    assert Space(a=Choice(1, 2, 3), b=Float(0, 1)).size is None
    assert Space(a=Float(0, 1, step=0.1)).size == 11


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: Float(1, 0), "reversed.*Float\\(0"),
        (lambda: Float(1, 1), "equal.*Fixed"),
        (lambda: Float(math.nan, 1), "finite"),
        (lambda: Float(0, math.inf), "finite"),
        (lambda: Float(0, "1"), "not a number"),  # type: ignore[arg-type]
        (lambda: Float(0, True), "not a number"),
        (lambda: Float(0, 1, log=True), "positive lower bound"),
        (lambda: Float(0, 1, step=0), "step"),
        (lambda: Float(0, 1, step=2), "step"),
        (lambda: Float(0.1, 1, step=0.1, log=True), "Use one of them"),
        (lambda: Int(0.5, 2), "whole"),  # type: ignore[arg-type]
        (lambda: Int(-3, 3, log=True), "positive lower bound"),
        (lambda: Int(3, 1), "reversed"),
        (Choice, "no values"),
        (lambda: Choice("a"), "Use Fixed"),
        (lambda: Choice(["a", "b"]), "one by one"),  # type: ignore[arg-type]
        (lambda: Choice("a", "a"), "twice"),
        (lambda: Choice(1.0, math.nan), "finite"),
        (lambda: Choice("a", object()), "type object"),  # type: ignore[arg-type]
        (lambda: Fixed(math.inf), "finite"),
        (Space, "nothing to search"),
        (lambda: Space(a=Fixed(1)), "nothing to search"),
        (lambda: Space({"": Float(0, 1)}), "non-empty"),
        (lambda: Space({" ": Float(0, 1)}), "non-empty"),
        (lambda: Space({"a": Float(0, 1)}, a=Float(0, 1)), "twice"),
        (lambda: Space(a=0.5), "Use Float, Int, Choice or Fixed"),  # type: ignore[arg-type]
        (lambda: Space(a=Float(0, 1, when={"b": 1})), "no 'b'"),
        (lambda: Space(a=Float(0, 1, when={"b": "z"}), b=Choice("x", "y")), "never hold"),
        (lambda: Space(a=Float(0, 1, when={"b": ()}), b=Choice("x", "y")), "no value"),
        (lambda: Space(a=Choice(1, 2, when={"b": 1}), b=Choice(1, 2, when={"a": 1})), "circle"),
        (lambda: Space(a=Float(0, 1), constraints=["a + b <= 1"]), "not a parameter"),
        (lambda: Space(a=Float(0, 1), b=Choice(1, 2), constraints=["a + b <= 1"]), "not numeric"),
        (lambda: Space(a=Float(0, 1), constraints=["a <= -1"]), "never hold"),
        (lambda: Space(a=Float(0, 1), b=Float(0, 1), constraints=["a <= b - 0.6", "b <= 0.5"]), "contradict"),
        (lambda: Space(a=Float(0, 1), constraints="a <= 1"), "Give a list"),
        (lambda: Space(a=Float(0, 1), constraints=["a == 1"]), "one <= or >="),
        (lambda: Space(a=Float(0, 1), constraints=["a*a <= 1"]), "cannot be read"),
        (lambda: Space(a=Float(0, 1), constraints=["<= 1"]), "empty side"),
        (lambda: Space(a=Float(0, 1), constraints=["a - a <= 1"]), "constrains nothing"),
    ],
)
def test_what_cannot_be_searched_is_refused(build: Any, words: str):
    with pytest.raises(SpaceError, match=words):
        build()


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"lr": 0.1}, "Missing: batch_size, optimizer"),
        ({"lr": 2.0}, "outside"),
        ({"lr": math.nan}, "not a finite number"),
        ({"lr": "0.1"}, "not a finite number"),
        ({"learning_rate": 0.1}, "Unknown: 'learning_rate'"),
        ({"batch_size": 16.5}, "whole number"),
        ({"optimizer": "adam"}, "not one of"),
        ({"epochs": 11}, "fixed at 10"),
        ({"lr": 0.1, "batch_size": 16, "optimizer": "adamw", "momentum": 0.5}, "only active when optimizer is 'sgd'"),
    ],
)
def test_what_is_not_a_configuration_is_refused(space: Space, parameters: dict[str, Any], words: str):
    with pytest.raises(ParameterError, match=words):
        space.validate(parameters)


def test_constraints_are_read_normalised_and_kept():
    space = Space(
        x1=Float(0, 1), x2=Float(0, 1), x3=Float(0, 10), constraints=["x1 <= x2", "2*x1 - x3 + 1 >= -4", "x1+x2<=1.5"]
    )
    assert [str(c) for c in space.constraints] == ["x1 - x2 <= 0.0", "- 2.0*x1 + x3 <= 5.0", "x1 + x2 <= 1.5"]
    assert [c.words for c in space.constraints] == ["x1 - x2 ≤ 0", "- 2.0*x1 + x3 ≤ 5", "x1 + x2 ≤ 1.5"]
    space.validate({"x1": 0.5, "x2": 0.5, "x3": 6.0})
    with pytest.raises(ParameterError, match="breaks the constraint x1 - x2 <= 0"):
        space.validate({"x1": 0.6, "x2": 0.5, "x3": 6.0})


def test_values_of_fine_steps_far_from_zero_are_on_them_as_far_as_floats_can_tell():
    fine = Float(1931190.7069, 1931190.7269, step=1e-4)
    for k in range(201):
        assert fine.validate("x", 1931190.7069 + k * 1e-4) <= fine.high
    with pytest.raises(ParameterError, match="whole number of steps"):
        fine.validate("x", 1931190.70695)


def test_values_within_rounding_of_a_bound_are_that_bound():
    space = Space(x=Float(0.0, 0.3), y=Float(0.0, 0.3, step=0.1))
    assert space.validate({"x": 0.0, "y": 0.1 + 0.2})["y"] == 0.3
    assert space.validate({"x": 0.1 + 0.2, "y": 0.0})["x"] == 0.3


def test_ranges_are_widened_and_nothing_else_changes():
    space = Space(
        lr=Float(1e-4, 0.1, log=True), n=Int(10, 30, step=4), kind=Choice("a", "b"), constraints=["n + lr <= 100"]
    )
    wider = space.widened({"lr": (1e-6, 1.0), "n": (2, 32)})
    assert wider["lr"] == Float(1e-6, 1.0, log=True)
    assert wider["n"] == Int(2, 32, step=4)
    assert wider["kind"] is space["kind"]
    assert wider.constraints == space.constraints
    assert wider.widens(space)
    assert space.widens(space)
    assert not space.widens(wider)
    assert not wider.widens(Space(lr=Float(1e-4, 0.1, log=True)))
    assert not wider.widens(Space(lr=Float(1e-4, 0.1), n=Int(10, 30, step=4), kind=Choice("a", "b")))


@pytest.mark.parametrize(
    ("ranges", "words"),
    [
        ({"lr": (1e-3, 1.0)}, "leaves out part of"),
        ({"lr": (0.0, 1.0)}, "positive lower bound"),
        ({"n": (9, 30)}, "whole number of steps"),
        ({"kind": (0, 1)}, "no range that could be widened. Parameters with a range: lr, n"),
        ({"nothing": (0, 1)}, "no range that could be widened"),
    ],
)
def test_what_is_no_wider_range_is_refused(ranges, words):
    space = Space(lr=Float(1e-4, 0.1, log=True), n=Int(10, 30, step=4), kind=Choice("a", "b"))
    with pytest.raises(SpaceError, match=words):
        space.widened(ranges)
