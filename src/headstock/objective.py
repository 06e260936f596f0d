"""What is optimised: one metric with a direction, and bounds on other metrics."""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, final

from headstock import wording
from headstock.errors import ObjectiveError

_OUTCOME: Final = re.compile(
    r"^\s*(?P<metric>\S.*?)\s*(?P<comparison><=|>=)\s*(?P<bound>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(?P<percent>%?)\s*$"
)


@final
@dataclass(frozen=True, slots=True)
class Objective:
    """The metric that is optimised, whether less of it is better, and whether persons judge it instead of measuring."""

    metric: str
    minimize: bool = False
    judged: bool = False

    def __post_init__(self) -> None:
        """Check the name, and that what persons prefer is maximised."""
        if not isinstance(self.metric, str) or not self.metric.strip():
            raise ObjectiveError(f"The objective is {self.metric!r}. Name the metric to optimise, such as 'accuracy'.")
        if self.judged and self.minimize:
            raise ObjectiveError(
                f"minimize={self.metric!r} and judged: what a person prefers has more of the objective. Use maximize=."
            )

    @property
    def sign(self) -> float:
        """+1 for a metric to maximise, -1 for one to minimise: sign * metric is larger where it is better."""
        return -1.0 if self.minimize else 1.0

    def to_json(self) -> dict[str, Any]:
        """The objective as JSON."""
        return {"metric": self.metric, "minimize": self.minimize, **({"judged": True} if self.judged else {})}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Objective":
        """The objective that `to_json` wrote."""
        return cls(stored["metric"], minimize=stored["minimize"], judged=stored.get("judged", False))


@final
@dataclass(frozen=True, slots=True)
class OutcomeConstraint:
    """A bound that another metric has to keep: metric <= bound, or metric >= bound if `at_least`."""

    metric: str
    bound: float
    at_least: bool

    def __str__(self) -> str:
        """The constraint in the form that `parse_outcome_constraint` reads."""
        return f"{self.metric} {'>=' if self.at_least else '<='} {self.bound!r}"

    @property
    def words(self) -> str:
        """The constraint as people read it: "latency ≤ 20"."""
        return f"{self.metric} {'≥' if self.at_least else '≤'} {self.bound:.12g}"

    def holds(self, mean: float) -> bool:
        """Whether a measured mean keeps the bound."""
        return mean >= self.bound if self.at_least else mean <= self.bound


def required_metrics(objective: Objective, constraints: Iterable[OutcomeConstraint]) -> tuple[str, ...]:
    """The metrics that every result must have: the objective, unless persons judge it, then those with a bound."""
    names = tuple(dict.fromkeys((objective.metric, *(constraint.metric for constraint in constraints))))
    return names[1:] if objective.judged else names


def parse_outcome_constraint(text: str) -> OutcomeConstraint:
    """Read an outcome constraint such as `"latency <= 20"` or `"recall >= 0.9"`.

    Raises:
        ObjectiveError: if it is not of this form, or relative to a status quo (`5%`).
    """
    match = _OUTCOME.match(text) if isinstance(text, str) else None
    if match is None:
        raise ObjectiveError(
            f"The outcome constraint {text!r} cannot be read. Write a metric, <= or >=, and a number: 'latency <= 20'."
        )
    if match["percent"]:
        raise ObjectiveError(
            f"The outcome constraint {text!r} is relative to a status quo, which headstock does not have. "
            f"Give the bound in the metric's own units."
        )
    bound = float(match["bound"])
    if not math.isfinite(bound):
        raise ObjectiveError(f"The outcome constraint {wording.given(text)} has no finite bound. Give a finite number.")
    return OutcomeConstraint(match["metric"], bound, at_least=match["comparison"] == ">=")
