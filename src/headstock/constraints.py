"""Linear constraints on numeric parameters: `2*x1 + x2 <= 3`, `x1 >= x2`."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, final

from headstock import wording
from headstock.errors import SpaceError

_SIDES: Final = re.compile(r"\s*(<=|>=|==|<|>|=)\s*")
_NUMBER: Final = r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_NAME: Final = r"[^\W\d][\w.\-/]*"
_TERM: Final = re.compile(
    rf"\s*(?P<sign>[+-])?\s*(?:(?P<weight>{_NUMBER})\s*\*\s*(?P<name>{_NAME})|(?P<number>{_NUMBER})|(?P<bare>{_NAME}))"
)


@final
@dataclass(frozen=True, slots=True)
class LinearConstraint:
    """sum of weight * parameter <= bound.

    Args:
        weights: the factor of each parameter; no factor is zero.
        bound: the largest allowed sum, in the parameters' own units.
    """

    weights: Mapping[str, float]
    bound: float

    def __post_init__(self) -> None:
        """Freeze the weights."""
        object.__setattr__(self, "weights", MappingProxyType(dict(self.weights)))

    def __hash__(self) -> int:
        """Equal constraints have equal hashes."""
        return hash((tuple(sorted(self.weights.items())), self.bound))

    def __str__(self) -> str:
        """The constraint in the form that `parse_constraint` reads."""
        return f"{self._sum} <= {self.bound!r}"

    @property
    def words(self) -> str:
        """The constraint as people read it: "x1 + x2 ≤ 1.5"."""
        return f"{self._sum} ≤ {self.bound:.12g}"

    @property
    def _sum(self) -> str:
        terms = [f"{'-' if w < 0 else '+'} {_number(abs(w))}{name}" for name, w in self.weights.items()]
        return " ".join(terms).removeprefix("+ ")

    def holds(self, parameters: Mapping[str, Any]) -> bool:
        """Whether a configuration satisfies it, up to rounding."""
        return self.excess(parameters) <= 0

    def excess(self, parameters: Mapping[str, Any]) -> float:
        """By how much the left side exceeds the bound, rounding forgiven: at most 0 where the constraint holds."""
        terms = [weight * float(parameters[name]) for name, weight in self.weights.items()]
        slack = 1e-9 * max(1.0, abs(self.bound), *map(abs, terms))
        return math.fsum(terms) - self.bound - slack


def _number(weight: float) -> str:
    return "" if weight == 1.0 else f"{weight!r}*"


def parse_constraint(text: str) -> LinearConstraint:
    """Read a linear constraint such as `"x1 + 2*x2 - x3 <= 4"` or `"x1 >= x2"`.

    Raises:
        SpaceError: if it is not of this form.
    """
    parts = _SIDES.split(text)
    if len(parts) != 3 or parts[1] not in ("<=", ">="):
        raise SpaceError(
            f"The constraint {text!r} is not linear with one <= or >=. Write it like 'x1 + 2*x2 <= 3' or 'x1 <= x2'."
        )
    left, comparison, right = parts
    weights: dict[str, float] = {}
    constant = 0.0
    for side, factor in ((left, 1.0), (right, -1.0)):
        side_weights, side_constant = _linear(side, text)
        constant += factor * side_constant
        for name, weight in side_weights.items():
            weights[name] = weights.get(name, 0.0) + factor * weight
    direction = 1.0 if comparison == "<=" else -1.0
    weights = {name: direction * weight for name, weight in weights.items() if weight != 0.0}
    if not weights:
        raise SpaceError(f"The constraint {text!r} constrains nothing. Name at least one parameter in it.")
    if not all(map(math.isfinite, (constant, *weights.values()))):
        raise SpaceError(f"The constraint {wording.given(text)} has a number that is not finite. Use finite numbers.")
    return LinearConstraint(weights, -direction * constant + 0.0)


def _linear(side: str, text: str) -> tuple[dict[str, float], float]:
    """One side as the weight of each name and a constant."""
    weights: dict[str, float] = {}
    constant = 0.0
    position = 0
    side = side.strip()
    while position < len(side):
        term = _TERM.match(side, position)
        if term is None or (position > 0 and term["sign"] is None):
            raise SpaceError(
                f"The constraint {text!r} cannot be read at {side[position:]!r}. "
                f"Write terms like '2*x1', joined by + and -."
            )
        sign = -1.0 if term["sign"] == "-" else 1.0
        if term["number"] is not None:
            constant += sign * float(term["number"])
        else:
            name = term["name"] or term["bare"]
            weights[name] = weights.get(name, 0.0) + sign * float(term["weight"] or 1.0)
        position = term.end()
    if position == 0:
        raise SpaceError(f"The constraint {text!r} has an empty side. Write it like 'x1 + 2*x2 <= 3'.")
    return weights, constant
