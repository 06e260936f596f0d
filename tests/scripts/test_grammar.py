import pytest
from hypothesis import given
from hypothesis import strategies as st

from headstock.errors import SpaceError
from headstock.scripts.grammar import parse_parameter, parse_space, parse_value
from headstock.space import Choice, Float, Int, Space


@pytest.mark.parametrize(
    ("text", "parameter"),
    [
        ("1e-6:0.4", Float(1e-6, 0.4)),
        ("0:1", Float(0, 1)),
        ("-1:-.5", Float(-1, -0.5)),
        ("1e-6:0.4:log", Float(1e-6, 0.4, log=True)),
        ("log:1e-6:0.4", Float(1e-6, 0.4, log=True)),
        ("0:1:step=0.05", Float(0, 1, step=0.05)),
        ("int:16:128", Int(16, 128)),
        ("16:128:int", Int(16, 128)),
        (" 16 : 256 : int : log ", Int(16, 256, log=True)),
        ("int:2:10:step=2", Int(2, 10, step=2)),
        ("sgd,adamw", Choice("sgd", "adamw")),
        ("sgd, 1", Choice("sgd", "1")),
        ("True,False", Choice("True", "False")),
        ("32,64", Choice(32, 64)),
        ("32,64,128", Choice(32, 64, 128, ordered=True)),
        ("128,32,64", Choice(128, 32, 64)),
        ("0.1,1e-2", Choice(0.1, 0.01)),
        ("flag", Choice(False, True)),
    ],
)
def test_a_parameter_in_words(text: str, parameter: object):
    assert parse_parameter(text) == parameter


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("python", "'python' is one value"),
        ("0.1", "one value"),
        ("", "one value"),
        ("1:2:3", "cannot be read as a range"),
        ("1", "one value"),
        ("1:", "'' in '1:' is no number"),
        ("a:b", "'a' in 'a:b' is no number"),
        ("0:1:lgo", "'lgo' in '0:1:lgo' is no number"),
        ("0:1:step=x", "'x' in .* is no number"),
        ("0:1:int:float", "cannot be read"),
        ("0:inf", "'inf' in .* is no number"),
        ("1:0", "bounds are reversed"),
        ("0:1:log", "positive lower bound"),
        ("int:0.5:2", "not a whole number"),
        ("a,,b", "empty value"),
        ("a,a", "given twice"),
    ],
)
def test_what_is_no_parameter_is_refused_with_its_name(text: str, words: str):
    with pytest.raises(SpaceError, match=rf"The parameter 'lr': .*{words}"):
        parse_space({"lr": text})


def test_conditions_and_constraints():
    space = parse_space(
        {"optimizer": "sgd,adamw", "momentum": "0:0.99", "nesterov": "flag", "layers": "1,2,3", "width": "int:1:9"},
        conditions=["momentum: optimizer=sgd", "nesterov:optimizer = sgd", "nesterov: layers=2,3"],
        constraints=["width <= 5"],
    )
    assert space == Space(
        optimizer=Choice("sgd", "adamw"),
        momentum=Float(0, 0.99, when={"optimizer": "sgd"}),
        nesterov=Choice(False, True, when={"optimizer": "sgd", "layers": (2, 3)}),
        layers=Choice(1, 2, 3, ordered=True),
        width=Int(1, 9),
        constraints=["width <= 5"],
    )
    assert parse_space({"a": "flag", "b": "0:1"}, conditions=["b: a=true"]).active({"a": True}) == ("a", "b")


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("momentum", "cannot be read. Write it as"),
        ("momentum: optimizer", "cannot be read"),
        ("momentum: optimizer=", "cannot be read"),
        ("momemtum: optimizer=sgd", "names 'momemtum', but the parameters are optimizer, momentum"),
        ("momentum: optimiser=sgd", "names 'optimiser'"),
        ("momentum: optimizer=rmsprop", "can never hold"),
    ],
)
def test_what_is_no_condition_is_refused(condition: str, words: str):
    with pytest.raises(SpaceError, match=words):
        parse_space({"optimizer": "sgd,adamw", "momentum": "0:1"}, conditions=[condition])


@given(st.text())
def test_any_text_is_a_parameter_or_refused(text: str):
    try:
        parameter = parse_parameter(text)
    except SpaceError:
        return
    assert isinstance(parameter, Float | Int | Choice)


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers())
def test_numbers_are_read_exactly(number: float):
    assert parse_value(repr(number)) == number
