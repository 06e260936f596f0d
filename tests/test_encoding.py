import math

import numpy as np
import pytest

from headstock import Choice, Fixed, Float, Int, Space
from headstock.encoding import Encoding


@pytest.fixture
def space() -> Space:
    return Space(
        lr=Float(1e-4, 1.0, log=True),
        width=Int(1, 3, log=True),
        layers=Int(2, 8, step=2),
        optimizer=Choice("sgd", "adamw", "lion"),
        momentum=Float(0.0, 0.9, when={"optimizer": "sgd"}),
        nesterov=Choice(False, True, when={"optimizer": "sgd"}),
        batch=Choice(16, 64, 256, ordered=True),
        epochs=Fixed(10),
    )


@pytest.fixture
def encoding(space: Space) -> Encoding:
    return Encoding.of(space)


SGD = {"lr": 1e-2, "width": 1, "layers": 4, "optimizer": "sgd", "momentum": 0.3, "nesterov": True, "batch": 64}
LION = {"lr": 1.0, "width": 3, "layers": 8, "optimizer": "lion", "batch": 256}


def test_columns_are_the_searched_parameters_then_the_conditions(encoding: Encoding):
    assert encoding.names == (
        *("lr", "width", "layers", "optimizer", "momentum", "nesterov", "batch"),
        "optimizer is 'sgd'",
    )
    assert encoding.dimensions == 8
    assert encoding.categorical.tolist() == [False, False, False, True, False, True, False, True]
    assert encoding.levels.tolist() == [0, 3, 4, 3, 0, 2, 3, 2]


def test_scales_cells_codes_and_places_of_the_inactive(encoding: Encoding):
    X = encoding.encode([SGD, LION])
    cell = [math.log(v / 0.5) / math.log(3.5 / 0.5) for v in (1, 3)]
    np.testing.assert_allclose(X[0], [0.5, cell[0], 1.5 / 4, 0, 1 / 3, 1, 0.5, 1])
    np.testing.assert_allclose(X[1], [1.0, cell[1], 3.5 / 4, 2, 0.5, 2, 2.5 / 3, 0])


def test_decoding_gives_the_configuration_back_with_what_is_fixed(space: Space, encoding: Encoding):
    for given in (SGD, LION):
        parameters = encoding.decode(encoding.encode([given])[0])
        assert parameters == pytest.approx(space.validate(given))
        assert list(parameters) == list(space.validate(given))
        assert {n: type(v) for n, v in parameters.items()} == {n: type(v) for n, v in space.validate(given).items()}


def test_snapping_rounds_and_makes_inactivity_consistent(encoding: Encoding):
    x = np.array([1.2, 0.3, 0.3, 0.6, 0.9, 1.0, 0.4, 1.0])
    snapped = encoding.snap(x[None])[0]
    np.testing.assert_allclose(snapped, [1.0, math.log(2) / math.log(7), 0.375, 1, 0.5, 2, 0.5, 0], atol=0.07)
    assert np.array_equal(encoding.snap(snapped[None])[0], snapped)
    assert encoding.decode(snapped) == {
        **LION,
        "width": 1,
        "layers": 4,
        "optimizer": "adamw",
        "batch": 64,
        "epochs": 10,
    }


def test_uniform_numbers_become_even_choices_and_scales(encoding: Encoding):
    X = encoding.from_uniform(np.random.default_rng(1).random((6000, encoding.dimensions)))
    shares = [(X[:, 3] == k).mean() for k in range(3)]
    np.testing.assert_allclose(shares, 1 / 3, atol=0.03)
    assert abs((X[:, 0] < 0.5).mean() - 0.5) < 0.03
    assert ((X[:, 7] == 1) == (X[:, 3] == 0)).all()
    assert (X[X[:, 3] != 0][:, [4, 5]] == [0.5, 2]).all()


def test_conditions_nest_and_hang_on_numbers_and_fixed_values():
    space = Space(
        tied=Float(0, 1, when={"dropout": 0.3}),
        dropout=Float(0, 0.7, when={"depth": (2, 3)}),
        depth=Int(1, 4, when={"kind": "net"}),
        kind=Fixed("net"),
    )
    encoding = Encoding.of(space)
    assert encoding.names[3:] == ("dropout is 0.3", "depth is 2 or 3", "kind is 'net'")
    deep = {"tied": 0.25, "dropout": 0.3, "depth": 3, "kind": "net"}
    shallow = {"depth": 1, "kind": "net"}
    X = encoding.encode([deep, shallow, {**shallow, "dropout": 0.3, "tied": 0.1}])
    assert [encoding.decode(x) for x in X] == [deep, shallow, shallow]
    assert X[:, 3:].tolist() == [[1, 1, 1], [0, 0, 1], [0, 0, 1]]
    assert encoding.active(X)[:, :3].tolist() == [[True, True, True], [False, False, True], [False, False, True]]


def test_conditions_in_another_order_share_an_indicator():
    space = Space(a=Choice("x", "y", "z"), b=Float(0, 1, when={"a": ("x", "y")}), c=Float(0, 1, when={"a": ("y", "x")}))
    assert Encoding.of(space).names == ("a", "b", "c", "a is 'x' or 'y'")


def test_configurations_of_an_older_space_are_extrapolated_or_inactive(encoding: Encoding):
    old = {"lr": 10.0, "width": 3, "layers": 0, "optimizer": "rmsprop", "batch": 32, "gone": 1}
    x = encoding.encode([old])[0]
    np.testing.assert_allclose(x[[0, 2]], [1.25, -0.125])
    assert x[[3, 4, 5, 6, 7]].tolist() == [3, 0.5, 2, 0.5, 0]
    assert encoding.encode([{"lr": -1.0, "width": "wide", "layers": 10**9}])[0, :3].tolist() == [-1, 0.5, 2]


def test_huge_integers_keep_every_value():
    encoding = Encoding.of(Space(a=Int(0, 10**9), b=Int(1, 10**7, log=True), c=Int(-(2**60), 2**62)))
    rows = [{"a": 123_456_789, "b": v, "c": 2**62} for v in (1, 2, 9_999_998, 9_999_999, 10**7)]
    X = encoding.encode(rows)
    assert [encoding.decode(x) for x in X] == rows
    assert np.array_equal(encoding.snap(X), X)
    assert encoding.levels.tolist() == [10**9 + 1, 10**7, 0]


def test_feasible_judges_the_rounded_point_in_natural_units():
    space = Space(a=Int(1, 4), b=Float(0.01, 1, log=True), c=Fixed(2), constraints=["a + 10*b + c <= 7", "a >= 2"])
    encoding = Encoding.of(space)
    X = encoding.encode([{"a": 4, "b": 0.1}, {"a": 4, "b": 0.11}, {"a": 1, "b": 0.1}])
    assert encoding.feasible(X).tolist() == [True, False, False]
    assert encoding.feasible(X + np.array([0.05, 0.0])).tolist() == [True, False, False]


def test_nothing_to_encode_is_no_rows(encoding: Encoding):
    assert encoding.encode([]).shape == (0, 8)


def test_many_configurations_are_encoded_as_each_alone():
    space = Space(kind=Choice("a", "b"), number=Choice(1, 2.5, True, "1"), depth=Int(1, 9, when={"kind": "a"}))
    rows = [
        {"kind": "ab"[i % 2], "number": (1, 2.5, True, "1")[i % 4]} | ({} if i % 2 else {"depth": i % 9})
        for i in range(999)
    ]
    rows[500] = {"kind": "of another space", "number": 7, "depth": "deep"}
    rows[501] = {"kind": 1, "number": None}
    encoding = Encoding.of(space)
    np.testing.assert_array_equal(encoding.encode(rows), np.concatenate([encoding.encode([row]) for row in rows]))
