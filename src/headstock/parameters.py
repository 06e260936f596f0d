"""The parameters of a search space: `Float`, `Int`, `Choice` and `Fixed`.

Each is frozen, checks its own bounds, and validates values. Each can be conditional on the values of other parameters
(`when=`).
"""

import math
import sys
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TypeAlias, final

from headstock import wording
from headstock.errors import ParameterError, SpaceError
from headstock.priors import Near, checked_prior, checked_weight
from headstock.scalars import is_finite, is_number, native

Value: TypeAlias = float | int | str | bool | None
"""What a parameter can be set to."""

Parameters: TypeAlias = Mapping[str, Value]
"""One configuration: the value of each active parameter."""

Conditions: TypeAlias = Mapping[str, tuple[Value, ...]]
"""For each parent parameter, the values under which a conditional parameter is active."""


def identity(value: Value) -> Hashable:
    """A key under which 1, 1.0 and True are three different values."""
    return (type(value), value)


def _conditions(when: Mapping[str, Any] | None) -> Conditions:
    """Normalise `when={"optimizer": "sgd"}` to `{"optimizer": ("sgd",)}`."""
    return MappingProxyType({name: _allowed(values) for name, values in (when or {}).items()})


def _allowed(values: Any) -> tuple[Value, ...]:
    """One value or several; those of a set in an order of their own, for a set has another one in each process."""
    if isinstance(values, set | frozenset):
        return tuple(sorted(values, key=repr))
    return tuple(values) if isinstance(values, list | tuple) else (values,)


def _finite(kind: str, what: str, value: object) -> float:
    """`value` as a finite float, or the error that says what is wrong with it."""
    if not is_number(value):
        raise SpaceError(f"{kind}: {what} is {value!r}, which is not a number. Give a finite number.")
    if not is_finite(value):
        raise SpaceError(f"{kind}: {what} is {wording.given(value)}. Give a finite number, of at most 1.8e308.")
    return float(value)


def _check_range(kind: str, low: float, high: float, *, log: bool) -> None:
    if low > high:
        raise SpaceError(f"{kind}({low!r}, {high!r}): the bounds are reversed. Write {kind}({high!r}, {low!r}).")
    if low == high:
        raise SpaceError(
            f"{kind}({low!r}, {high!r}): the bounds are equal, so there is nothing to search. Use Fixed({low!r})."
        )
    if log and low <= 0:
        raise SpaceError(
            f"{kind}({low!r}, {high!r}, log=True): a logarithmic scale needs a positive lower bound. "
            f"Raise the bound above 0 or leave log=True out."
        )
    if not is_finite(high - low):
        raise SpaceError(f"{kind}({low!r}, {high!r}): the range is wider than 1.8e308. Give narrower bounds.")


@final
@dataclass(frozen=True, slots=True)
class Float:
    """A real number in [low, high].

    Args:
        low: the smallest value.
        high: the largest value, greater than `low`.
        log: search on a logarithmic scale; needs `low > 0`.
        step: only low, low + step, low + 2 step ... are tried.
        when: active only for these values of other parameters, such as `{"optimizer": "sgd"}`.
        prior: where its best value is believed to be, such as `Near(1e-3, within=3)`.

    Raises:
        SpaceError: if the bounds are reversed, equal, not finite, or not positive on a log scale, or if the prior does
            not go with them.
    """

    low: float
    high: float
    log: bool = field(default=False, kw_only=True)
    step: float | None = field(default=None, kw_only=True)
    when: Mapping[str, Any] | None = field(default=None, kw_only=True)
    prior: Near | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        """Check the bounds and make them floats."""
        low, high = _finite("Float", "low", self.low), _finite("Float", "high", self.high)
        _check_range("Float", low, high, log=self.log)
        if self.step is not None:
            step = _finite("Float", "step", self.step)
            if not 0 < step <= (high - low) * (1 + 1e-9):
                raise SpaceError(
                    f"Float({low!r}, {high!r}, step={step!r}): the step must be positive and at most high - low."
                )
            if self.log:
                raise SpaceError(
                    f"Float({low!r}, {high!r}): a step is even on a linear scale, log=True is not. Use one of them."
                )
            object.__setattr__(self, "step", step)
        checked_prior("Float", self.prior, low, high, log=self.log)
        object.__setattr__(self, "low", low)
        object.__setattr__(self, "high", high)
        object.__setattr__(self, "when", _conditions(self.when))

    @property
    def levels(self) -> int | None:
        """How many values there are; None for a continuum."""
        return None if self.step is None else math.floor((self.high - self.low) / self.step + 1e-9) + 1

    def validate(self, name: str, value: object) -> float:
        """`value` as a float of this parameter (a value within rounding of a bound becomes that bound)."""
        if not is_finite(value):
            raise ParameterError(
                f"{name}={wording.given(value)} is not a finite number; it must be one in [{self.low}, {self.high}]."
            )
        number = float(value)
        rounding = 4.0 * sys.float_info.epsilon * max(abs(self.low), abs(self.high))
        slack = 1e-9 * (self.high - self.low) + rounding if not self.log else 1e-9 * number
        if not self.low - slack <= number <= self.high + slack:
            raise ParameterError(f"{name}={value!r} is outside [{self.low}, {self.high}].")
        number = min(max(number, self.low), self.high)
        if self.step is not None:
            steps = (number - self.low) / self.step
            if abs(steps - round(steps)) > 1e-6 + rounding / self.step:
                raise ParameterError(f"{name}={value!r} is not {self.low} plus a whole number of steps of {self.step}.")
            number = min(self.low + round(steps) * self.step, self.high)
        return number


@final
@dataclass(frozen=True, slots=True)
class Int:
    """A whole number in [low, high].

    Args:
        low: the smallest value.
        high: the largest value, greater than `low`.
        log: search on a logarithmic scale; needs `low > 0`.
        step: only low, low + step, low + 2 step ... are tried.
        when: active only for these values of other parameters.
        prior: where its best value is believed to be, such as `Near(128, within=32)`.

    Raises:
        SpaceError: if the bounds are reversed, equal, not whole, or not positive on a log scale, or if the prior does
            not go with them.
    """

    low: int
    high: int
    log: bool = field(default=False, kw_only=True)
    step: int = field(default=1, kw_only=True)
    when: Mapping[str, Any] | None = field(default=None, kw_only=True)
    prior: Near | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        """Check the bounds and make them ints."""
        for what in ("low", "high", "step"):
            number = _finite("Int", what, getattr(self, what))
            if not number.is_integer():
                raise SpaceError(f"Int: {what} is {number!r}, which is not a whole number. Use Float for real numbers.")
            object.__setattr__(self, what, int(getattr(self, what)))
        _check_range("Int", self.low, self.high, log=self.log)
        if not 0 < self.step <= self.high - self.low:
            raise SpaceError(
                f"Int({self.low}, {self.high}, step={self.step}): the step must be positive and at most high - low."
            )
        if self.log and self.step != 1:
            raise SpaceError(
                f"Int({self.low}, {self.high}): a step is even on a linear scale, log=True is not. Use one of them."
            )
        checked_prior("Int", self.prior, self.low, self.high, log=self.log)
        object.__setattr__(self, "when", _conditions(self.when))

    @property
    def levels(self) -> int:
        """How many values there are."""
        return (self.high - self.low) // self.step + 1

    def validate(self, name: str, value: object) -> int:
        """`value` as an int of this parameter (8.0 is 8, 8.5 is refused)."""
        if not is_finite(value) or value % 1:
            raise ParameterError(
                f"{name}={wording.given(value)} is not a whole number; it must be one in [{self.low}, {self.high}]."
            )
        number = int(value)
        if not self.low <= number <= self.high:
            raise ParameterError(f"{name}={value!r} is outside [{self.low}, {self.high}].")
        if (number - self.low) % self.step:
            raise ParameterError(f"{name}={value!r} is not {self.low} plus a whole number of steps of {self.step}.")
        return number


@final
@dataclass(frozen=True, slots=True, init=False)
class Choice:
    """One of several values: numbers, strings, booleans or None.

    Args:
        *values: at least two different values.
        ordered: the values lie on a scale in the order given, so that neighbours are alike (batch sizes, say).
        when: active only for these values of other parameters.
        prior: how likely values are to be the best, relative to those that are not named, which weigh 1:
            `{"adamw": 3}` says that "adamw" is three times as likely as any other. Kept as one weight a value.

    Raises:
        SpaceError: if there are fewer than two values, if one is repeated, or if one is of another type; if the prior
            names another value, or a weight is not positive.
    """

    values: tuple[Value, ...]
    ordered: bool
    when: Mapping[str, Any] | None
    prior: tuple[float, ...] | None

    def __init__(
        self,
        *values: Value,
        ordered: bool = False,
        when: Mapping[str, Any] | None = None,
        prior: Mapping[Any, float] | None = None,
    ) -> None:
        if len(values) == 1 and isinstance(values[0], (list, tuple)):
            raise SpaceError(f"Choice({values[0]!r}): give the values one by one: Choice(*{values[0]!r}).")
        if not values:
            raise SpaceError("Choice() has no values. Name at least two.")
        if len(values) == 1:
            raise SpaceError(f"Choice({values[0]!r}) has one value, so there is nothing to choose. Use Fixed.")
        plain = tuple(_plain("Choice", v) for v in values)
        seen: set[Hashable] = set()
        for value in plain:
            if identity(value) in seen:
                raise SpaceError(f"Choice: the value {value!r} is given twice. Name each value once.")
            seen.add(identity(value))
        object.__setattr__(self, "values", plain)
        object.__setattr__(self, "ordered", ordered)
        object.__setattr__(self, "when", _conditions(when))
        object.__setattr__(self, "prior", None if prior is None else self._weights(prior))

    @property
    def levels(self) -> int:
        """How many values there are."""
        return len(self.values)

    def index(self, name: str, value: object) -> int:
        """The position of `value` among the values; equal numbers of another type count where only one can be meant."""
        key = identity(native(value))
        exact = [i for i, v in enumerate(self.values) if identity(v) == key]
        alike = exact or [i for i, v in enumerate(self.values) if is_number(v) and is_number(value) and v == value]
        if not alike:
            raise ParameterError(f"{name}={wording.given(value)} is not one of {list(self.values)!r}.")
        return alike[0]

    def validate(self, name: str, value: object) -> Value:
        """`value` as one of the values."""
        return self.values[self.index(name, value)]

    def _weights(self, prior: Mapping[Any, float]) -> tuple[float, ...]:
        """The weight of each value."""
        if not isinstance(prior, Mapping):
            raise SpaceError(
                f"Choice: the prior is {prior!r}. Give weights by value, such as {{{self.values[0]!r}: 3}}."
            )
        weights = [1.0] * len(self.values)
        for value, weight in prior.items():
            try:
                i = self.index("the value in prior=", value)
            except ParameterError as error:
                raise SpaceError(f"Choice: {error}") from None
            weights[i] = checked_weight(f"Choice: {value!r}", weight)
        return tuple(weights)


@final
@dataclass(frozen=True, slots=True)
class Fixed:
    """A parameter that is always the same: passed to the evaluation, never searched.

    Args:
        value: a number, a string, a boolean or None.
        when: active only for these values of other parameters.

    Raises:
        SpaceError: if the value is of another type or not finite.
    """

    value: Value
    when: Mapping[str, Any] | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        """Check the value."""
        object.__setattr__(self, "value", _plain("Fixed", self.value))
        object.__setattr__(self, "when", _conditions(self.when))

    @property
    def levels(self) -> int:
        """One."""
        return 1

    def validate(self, name: str, value: object) -> Value:
        """`value`, which must be the fixed one."""
        plain = native(value)
        same_number = is_number(plain) and is_number(self.value) and plain == self.value
        if identity(plain) != identity(self.value) and not same_number:
            raise ParameterError(f"{name}={wording.given(value)} is fixed at {self.value!r}.")
        return self.value


Parameter: TypeAlias = Float | Int | Choice | Fixed


def _plain(kind: str, value: object) -> Value:
    plain = native(value)
    if is_number(plain) and not is_finite(plain):
        raise SpaceError(f"{kind}: the value {wording.given(value)} is not finite. Use finite numbers.")
    if plain is None or isinstance(plain, bool | int | float | str):
        return plain
    raise SpaceError(
        f"{kind}: the value {value!r} is of type {type(value).__name__}. Use numbers, strings, booleans or None."
    )


def conditions(parameter: Parameter) -> Conditions:
    """The normalised conditions of a parameter; empty for one that is always active."""
    return parameter.when or {}


def shown_conditions(parameter: Parameter) -> str:
    """The conditions of a parameter in words."""
    parts = [f"{parent} is {' or '.join(map(repr, allowed))}" for parent, allowed in conditions(parameter).items()]
    return " and ".join(parts)


def shown(parameter: Parameter) -> str:
    """The parameter as a person would write it."""
    match parameter:
        case Float() | Int():
            words = [repr(parameter.low), repr(parameter.high)]
            words += ["log=True"] if parameter.log else []
            words += [f"step={parameter.step!r}"] if parameter.step not in (None, 1) else []
            words += [f"prior={parameter.prior}"] if parameter.prior else []
        case Choice():
            words = [repr(v) for v in parameter.values]
            words += ["ordered=True"] if parameter.ordered else []
            words += [f"prior={dict(zip(parameter.values, parameter.prior, strict=True))!r}"] if parameter.prior else []
        case Fixed():
            words = [repr(parameter.value)]
    if parameter.when:
        shown = {p: a[0] if len(a) == 1 else a for p, a in conditions(parameter).items()}
        words.append(f"when={shown!r}")
    return f"{type(parameter).__name__}({', '.join(words)})"


def to_json(parameter: Parameter) -> dict[str, Any]:
    """The parameter as JSON; `from_json` gives an equal one back."""
    stored: dict[str, Any]
    match parameter:
        case Float():
            stored = {"type": "float", "low": parameter.low, "high": parameter.high}
            stored |= {"log": parameter.log, "step": parameter.step}
        case Int():
            stored = {"type": "int", "low": parameter.low, "high": parameter.high}
            stored |= {"log": parameter.log, "step": parameter.step}
        case Choice():
            stored = {"type": "choice", "values": list(parameter.values), "ordered": parameter.ordered}
        case Fixed():
            stored = {"type": "fixed", "value": parameter.value}
    if isinstance(parameter, Float | Int) and parameter.prior is not None:
        stored["prior"] = parameter.prior.to_json()
    if isinstance(parameter, Choice) and parameter.prior is not None:
        stored["prior"] = list(parameter.prior)
    return stored | {"when": {p: list(a) for p, a in conditions(parameter).items()}}


def from_json(stored: Mapping[str, Any]) -> Parameter:
    """The parameter that `to_json` wrote."""
    when: Mapping[str, Sequence[Value]] = stored["when"]
    match stored["type"]:
        case "float":
            prior = Near.from_json(stored.get("prior"))
            return Float(stored["low"], stored["high"], log=stored["log"], step=stored["step"], when=when, prior=prior)
        case "int":
            prior = Near.from_json(stored.get("prior"))
            return Int(stored["low"], stored["high"], log=stored["log"], step=stored["step"], when=when, prior=prior)
        case "choice":
            values, weights = stored["values"], stored.get("prior")
            choice = Choice(*values, ordered=stored["ordered"], when=when)
            if weights is not None:  # not by value: 1, 1.0 and True are one key of a dictionary
                pairs = zip(values, weights, strict=True)
                kept = tuple(checked_weight(f"Choice: {value!r}", weight) for value, weight in pairs)
                object.__setattr__(choice, "prior", kept)
            return choice
        case "fixed":
            return Fixed(stored["value"], when=when)
        case kind:
            raise SpaceError(f"A stored parameter is of the unknown kind {kind!r}. Open it with a newer headstock.")
