from typing import Any

import pytest

from headstock import Choice, Fixed, Float, Int
from headstock.dictionaries import space_from_dictionaries
from headstock.errors import SpaceError


def test_the_tutorial_s_dictionaries():
    space = space_from_dictionaries(
        [
            {"name": "lr", "type": "range", "bounds": [1e-6, 0.4], "log_scale": True},
            {"name": "batchsize", "type": "range", "bounds": [16, 128]},
            {"name": "momentum", "type": "range", "bounds": [0.0, 1.0]},
            {"name": "optimizer", "type": "choice", "values": ["sgd", "adam"], "value_type": "str"},
            {"name": "width", "type": "choice", "values": [16, 32, 64]},
            {"name": "epochs", "type": "fixed", "value": 3},
        ],
        constraints=["momentum + lr <= 1.2"],
    )
    assert dict(space.parameters) == {
        "lr": Float(1e-6, 0.4, log=True),
        "batchsize": Int(16, 128),
        "momentum": Float(0.0, 1.0),
        "optimizer": Choice("sgd", "adam"),
        "width": Choice(16, 32, 64, ordered=True),
        "epochs": Fixed(3),
    }
    assert [str(c) for c in space.constraints] == ["momentum + lr <= 1.2"]


@pytest.mark.parametrize(
    ("bounds", "value_type", "expected"),
    [
        ([0, 1], None, Int(0, 1)),
        ([0, 1.0], None, Float(0, 1)),
        ([0, 1], "float", Float(0, 1)),
        ([0.0, 4.0], "int", Int(0, 4)),
    ],
)
def test_the_type_of_a_range(bounds: list[float], value_type: str | None, expected: Any):
    entry = {"name": "x", "type": "range", "bounds": bounds}
    if value_type:
        entry["value_type"] = value_type
    assert space_from_dictionaries([entry])["x"] == expected


def test_a_choice_of_one_value_is_fixed():
    space = space_from_dictionaries(
        [{"name": "x", "type": "choice", "values": ["only"]}, {"name": "y", "type": "range", "bounds": [0, 1]}]
    )
    assert space["x"] == Fixed("only")


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ([{"type": "range", "bounds": [0, 1]}], "no 'name'"),
        ([{"name": "x", "bounds": [0, 1]}], "no 'type'"),
        ([{"name": "x", "type": "rang", "bounds": [0, 1]}], "'rang'"),
        ([{"name": "x", "type": "range"}], "two bounds"),
        ([{"name": "x", "type": "range", "bounds": [0, 1, 2]}], "two bounds"),
        ([{"name": "x", "type": "range", "bounds": [1, 0]}], "'x': .*reversed"),
        ([{"name": "x", "type": "range", "bounds": [0, 1], "parameter_type": "float"}], "unknown key 'parameter_type'"),
        ([{"name": "x", "type": "range", "bounds": [0, 1], "value_type": "str"}], "ints or floats"),
        ([{"name": "x", "type": "range", "bounds": [0, 1], "is_fidelity": True}], "is_fidelity"),
        ([{"name": "x", "type": "choice"}], "list of values"),
        ([{"name": "x", "type": "choice", "values": [0.5, 1], "value_type": "int"}], "no int"),
        ([{"name": "x", "type": "fixed"}], "no 'value'"),
        ([{"name": "x", "type": "range", "bounds": [0, 1]}] * 2, "twice"),
        (["x"], "no parameter"),
        ({"name": "x"}, "no list"),
    ],
)
def test_what_cannot_be_read_is_refused(entries: Any, words: str):
    with pytest.raises(SpaceError, match=words):
        space_from_dictionaries(entries)
