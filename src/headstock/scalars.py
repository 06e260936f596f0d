"""Single numbers as they come from outside: of any library, and of any size."""

import math
from numbers import Integral, Real
from typing import Any, Final, TypeGuard

LARGEST: Final = 2**63 - 1
"""The largest whole number that a database holds."""

MOST: Final = 2**53
"""The most trials or steps that are counted: a float holds every number up to it, a database the sum of any two."""

MOST_AT_ONCE: Final = 100_000
"""How many of anything may be asked for at once, such as suggestions or processes; it has to be kept in memory."""


def native(value: object) -> Any:
    """A numpy scalar as the Python value it stands for; anything else as it is."""
    if isinstance(value, bool | int | float | str) or value is None:
        return value
    if isinstance(value, Integral):
        return int(value)
    if is_number(value):
        return real(value)
    item = getattr(value, "item", None)
    return item() if callable(item) and getattr(value, "ndim", None) == 0 else value


def is_number(value: object) -> TypeGuard[float]:
    """Whether `value` is a real number and no boolean."""
    return isinstance(value, Real) and not isinstance(value, bool)


def is_finite(value: object) -> TypeGuard[float]:
    """Whether `value` is a real number that a float holds, and no boolean."""
    return is_number(value) and math.isfinite(real(value))


def real(value: float) -> float:
    """A number as a float: infinite if it is a whole number, or a fraction, that is too large for one."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def is_whole(value: object, least: int, most: int = MOST) -> TypeGuard[int]:
    """Whether `value` is a whole number from `least` to `most`, and no boolean."""
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
