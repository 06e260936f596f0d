"""What a person believes of where the best value of a parameter lies, before anything was tried."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

from headstock import wording
from headstock.errors import SpaceError
from headstock.scalars import is_finite


@final
@dataclass(frozen=True, slots=True)
class Near:
    """The belief that the best value of a number is near another one: `Near(1e-3, within=3)`.

    Args:
        value: where the best value is most likely to be.
        within: how near: two times in three (one standard deviation) no further than this. On a logarithmic scale it is
            a factor, greater than 1; on a linear scale a distance.

    Raises:
        SpaceError: if one of them is not a finite number, or `within` is not positive.
    """

    value: float
    within: float

    def __post_init__(self) -> None:
        """Check the numbers and make them floats."""
        for what in ("value", "within"):
            given = getattr(self, what)
            if not is_finite(given):
                raise SpaceError(f"Near: {what} is {wording.given(given)}. Give a finite number.")
            object.__setattr__(self, what, float(given))
        if self.within <= 0:
            raise SpaceError(f"Near({self.value!r}, within={self.within!r}): within must be positive.")

    def check(self, kind: str, low: float, high: float, *, log: bool) -> None:
        """Refuse a belief that does not go with a range and its scale.

        Args:
            kind: what has the range, for the message.
            low: the smallest value.
            high: the largest value.
            log: whether its scale is logarithmic.

        Raises:
            SpaceError: if the value is out of the range, or `within` is no factor on a logarithmic scale.
        """
        if not low <= self.value <= high:
            raise SpaceError(
                f"{kind}({low!r}, {high!r}, prior={self}): the best value is believed to be near {self.value!r}, which "
                f"is not searched. Widen the bounds, or move the belief."
            )
        if log and self.within <= 1:
            raise SpaceError(
                f"{kind}({low!r}, {high!r}, log=True, prior={self}): on a logarithmic scale within= is a factor. Give "
                f"a number greater than 1; 3 means from a third of {self.value!r} to three times as much."
            )

    def __str__(self) -> str:
        """The belief as a person would write it."""
        return f"Near({self.value!r}, within={self.within!r})"

    def to_json(self) -> dict[str, float]:
        """The belief as JSON."""
        return {"near": self.value, "within": self.within}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any] | None) -> "Near | None":
        """The belief that `to_json` wrote; None of None."""
        return None if stored is None else cls(stored["near"], stored["within"])


def checked_prior(kind: str, prior: object, low: float, high: float, *, log: bool) -> None:
    """Refuse what is no belief about a number of this range.

    Raises:
        SpaceError: if it is of another type, or does not go with the range.
    """
    if prior is None:
        return
    if not isinstance(prior, Near):
        raise SpaceError(f"{kind}: the prior is {prior!r}. Give Near(value, within=...).")
    prior.check(kind, low, high, log=log)


def checked_weight(what: str, weight: object) -> float:
    """How likely a category is to be the best, relative to others.

    Raises:
        SpaceError: if it is not a positive, finite number.
    """
    if not (is_finite(weight) and weight > 0):
        raise SpaceError(
            f"{what} has the weight {wording.given(weight)}. Give a positive number: 3 says that it is three times "
            f"as likely to be the best as a value that is not named."
        )
    return float(weight)
