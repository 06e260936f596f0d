"""Parameters in words, as the command line has them.

1e-6:0.4            a real number between two bounds
1e-6:0.4:log        on a logarithmic scale
0:1:step=0.05       in steps
16:128:int          a whole number; also int:16:128 and 16:256:int:log
sgd,adamw           one of several; numbers where all of them are, which are then in order if they ascend
flag                a switch of the command: --name is there, or it is not

A condition is written as `momentum: optimizer=sgd` or `momentum: optimizer=sgd,rmsprop`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from headstock.errors import SpaceError
from headstock.parameters import Choice, Fixed, Float, Int, Parameter, Value
from headstock.scalars import is_finite
from headstock.space import Space

FORMS: Final = "1e-6:0.4, 1e-6:0.4:log, int:16:128, 0:1:step=0.05, sgd,adamw or flag"
"""What may be written, for messages."""

_WORDS: Final = ("log", "int", "float")


def parse_parameter(text: str) -> Parameter:
    """The parameter that is written as `text`.

    Raises:
        SpaceError: if it is none.
    """
    if text.strip() == "flag":
        return Choice(False, True)  # noqa: FBT003 - the two positions of a switch
    if ":" in text:
        return _range(text)
    if "," in text:
        return _choice(text)
    raise SpaceError(
        f"{text!r} is one value, so there is nothing to search. Write {FORMS}; a fixed value belongs into the command."
    )


def parse_conditions(texts: Sequence[str], parameters: Mapping[str, Parameter]) -> dict[str, dict[str, Any]]:
    """For each conditional parameter, the values of others under which it is active.

    Args:
        texts: conditions such as "momentum: optimizer=sgd"; several for one parameter must all hold.
        parameters: every parameter, for the types of the values.

    Raises:
        SpaceError: if a text is no condition, or names a parameter that is not there.
    """
    found: dict[str, dict[str, Any]] = {}
    for text in texts:
        name, colon, condition = text.partition(":")
        parent, equals, values = condition.partition("=")
        name, parent = name.strip(), parent.strip()
        if not (colon and equals and values.strip()):
            raise SpaceError(f"The condition {text!r} cannot be read. Write it as 'momentum: optimizer=sgd'.")
        for known in (name, parent):
            if known not in parameters:
                raise SpaceError(
                    f"The condition {text!r} names {known!r}, but the parameters are {', '.join(parameters)}."
                )
        found.setdefault(name, {})[parent] = [_same(parameters[parent], value) for value in values.split(",")]
    return found


def parse_space(
    parameters: Mapping[str, str], *, conditions: Sequence[str] = (), constraints: Sequence[str] = ()
) -> Space:
    """The space of parameters in words.

    Args:
        parameters: each in words.
        conditions: such as "momentum: optimizer=sgd".
        constraints: such as "dropout + noise <= 0.5".

    Raises:
        SpaceError: if something cannot be read; the message names the parameter.
    """
    read: dict[str, Parameter] = {}
    for name, text in parameters.items():
        try:
            read[name] = parse_parameter(text)
        except SpaceError as error:
            raise SpaceError(f"The parameter {name!r}: {error}") from None
    return conditional_space(read, parse_conditions(conditions, read), constraints)


def conditional_space(
    parameters: Mapping[str, Parameter], conditions: Mapping[str, Mapping[str, Any]], constraints: Sequence[str]
) -> Space:
    """The space of some parameters, of which some are active under conditions only."""
    whole = {name: _under(parameter, conditions.get(name)) for name, parameter in parameters.items()}
    return Space(whole, constraints=constraints)


def parse_value(text: str) -> Value:
    """A number if it is written as one, else the text."""
    text = text.strip()
    for kind in (int, float):
        try:
            value = kind(text)
        except ValueError:
            continue
        return value if is_finite(value) and "_" not in text else text
    return text


def _range(text: str) -> Parameter:
    bounds: list[Value] = []
    words: dict[str, Value] = {}
    for part in text.split(":"):
        word, equals, value = part.strip().partition("=")
        if word in _WORDS and not equals:
            words[word] = True
        elif word == "step" and equals:
            words[word] = _number(text, value)
        else:
            bounds.append(_number(text, part))
    if len(bounds) != 2 or {"int", "float"} <= set(words):
        raise SpaceError(f"{text!r} cannot be read as a range. Write {FORMS}.")
    is_whole = "int" in words
    options = {word: value for word, value in words.items() if word in ("log", "step")}
    return Int(*bounds, **options) if is_whole else Float(*bounds, **options)  # type: ignore[arg-type] # they check


def _number(text: str, part: str) -> float | int:
    value = parse_value(part)
    if isinstance(value, str) or value is None:
        raise SpaceError(f"{part.strip()!r} in {text!r} is no number. Write {FORMS}.")
    return value


def _choice(text: str) -> Parameter:
    parts = [part.strip() for part in text.split(",")]
    if not all(parts):
        raise SpaceError(f"{text!r} has an empty value. Write the values between commas, such as sgd,adamw.")
    numbers = [value for value in map(parse_value, parts) if not isinstance(value, str) and value is not None]
    if len(numbers) < len(parts):
        return Choice(*parts)
    # As in dictionaries: ascending numbers lie on a scale; of two values no order could help.
    return Choice(*numbers, ordered=len(numbers) > 2 and numbers == sorted(numbers))


def _same(parameter: Parameter, text: str) -> Value:
    """A value in words as one of a parameter's: that of a choice which is written like it."""
    text = text.strip()
    for value in parameter.values if isinstance(parameter, Choice) else ():
        if text == (str(value).lower() if isinstance(value, bool) else str(value)):
            return value
    return parse_value(text)


def _under(parameter: Parameter, when: Mapping[str, Any] | None) -> Parameter:
    if not when:
        return parameter
    match parameter:
        case Choice():
            return Choice(*parameter.values, ordered=parameter.ordered, when=when)
        case Float() | Int() | Fixed():
            return replace(parameter, when=when)
