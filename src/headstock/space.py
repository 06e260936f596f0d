"""The search space: named parameters with linear constraints on them.

A `Space` validates configurations and turns itself to and from JSON. `headstock.dictionaries` reads the form that Ax's
tutorials use.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any, final

from headstock import markup
from headstock import parameters as kinds
from headstock.constraints import LinearConstraint, parse_constraint
from headstock.errors import ParameterError, SpaceError
from headstock.parameters import Choice, Fixed, Float, Int, Parameter, Parameters, Value, conditions, identity
from headstock.scalars import is_number, native

__all__ = ["Choice", "Fixed", "Float", "Int", "Parameter", "Parameters", "Space", "Value", "conditions", "identity"]


@final
@dataclass(frozen=True, init=False)
class Space:
    """The search space: named parameters, in order, with linear constraints on the numeric ones.

    Args:
        parameters: names and parameters, for names that are no Python identifiers.
        constraints: linear constraints on numeric parameters, such as `"x1 + 2*x2 <= 3"` or `"x1 <= x2"`.
        **named: names and parameters.

    Example:
        >>> space = Space(lr=Float(1e-5, 1.0, log=True), layers=Int(1, 8))
        >>> space.validate({"lr": 0.1, "layers": 3})
        {'lr': 0.1, 'layers': 3}

    Raises:
        SpaceError: if a name is empty or repeated, if there is nothing to search, if a condition names an unknown
            parameter or an impossible value, or if the constraints leave nothing.
    """

    parameters: Mapping[str, Parameter]
    constraints: tuple[LinearConstraint, ...]

    def __init__(
        self,
        parameters: Mapping[str, Parameter] | None = None,
        /,
        *,
        constraints: Iterable[str | LinearConstraint] = (),
        **named: Parameter,
    ) -> None:
        given = dict(parameters or {})
        for name, parameter in named.items():
            if name in given:
                raise SpaceError(f"The parameter {name!r} is given twice. Give each parameter one name.")
            given[name] = parameter
        if isinstance(constraints, str):
            raise SpaceError(f"constraints={constraints!r} is a string. Give a list: [{constraints!r}].")
        object.__setattr__(self, "parameters", MappingProxyType(given))
        parsed = tuple(parse_constraint(c) if isinstance(c, str) else c for c in constraints)
        object.__setattr__(self, "constraints", parsed)
        self._check_parameters()
        self._check_conditions()
        self._check_constraints()

    def __len__(self) -> int:
        """How many parameters there are, fixed ones included."""
        return len(self.parameters)

    def __iter__(self) -> Iterator[str]:
        """The names, in order."""
        return iter(self.parameters)

    def __getitem__(self, name: str) -> Parameter:
        """The parameter called `name`."""
        return self.parameters[name]

    def __hash__(self) -> int:
        """Spaces that are equal have equal hashes."""
        return hash((tuple(self.parameters), self.constraints))

    def __repr__(self) -> str:
        """The space as it was written."""
        lines = [f"{name}={kinds.shown(parameter)}" for name, parameter in self.parameters.items()]
        if self.constraints:
            lines.append(f"constraints={[str(c) for c in self.constraints]!r}")
        return f"Space({', '.join(lines)})"

    def _repr_html_(self) -> str:
        """The parameters as a table, for notebooks."""
        rows = {name: kinds.shown(parameter) for name, parameter in self.parameters.items()}
        return markup.facts("Search space", rows | {f"constraint {i}": str(c) for i, c in enumerate(self.constraints)})

    @cached_property
    def searched(self) -> tuple[str, ...]:
        """The names of the parameters that vary."""
        return tuple(n for n, p in self.parameters.items() if not isinstance(p, Fixed))

    @cached_property
    def size(self) -> int | None:
        """The number of points of the unconditional, unconstrained grid; None if it is a continuum.

        An upper bound of the number of different configurations: conditions and constraints only take away.
        """
        total = 1
        for parameter in self.parameters.values():
            if parameter.levels is None:
                return None
            total *= parameter.levels + (1 if parameter.when else 0)
        return total

    @cached_property
    def by_depth(self) -> tuple[str, ...]:
        """The names with every parent before its children; else in order."""
        placed: dict[str, None] = {}
        rest = list(self.parameters)
        while rest:
            ready = [n for n in rest if all(parent in placed for parent in conditions(self.parameters[n]))]
            if not ready:
                raise SpaceError(f"The conditions of {', '.join(sorted(rest))} go round in a circle. Break it.")
            placed.update(dict.fromkeys(ready))
            rest = [n for n in rest if n not in placed]
        return tuple(placed)

    def active(self, parameters: Parameters) -> tuple[str, ...]:
        """The names that are active under `parameters`, in order; values of inactive parents do not count."""
        found: set[str] = set()
        for name in self.by_depth:
            if all(
                parent in found
                and parent in parameters
                and identity(parameters[parent]) in {identity(v) for v in allowed}
                for parent, allowed in conditions(self.parameters[name]).items()
            ):
                found.add(name)
        return tuple(n for n in self.parameters if n in found)

    def validate(self, parameters: Mapping[str, object]) -> dict[str, Value]:
        """`parameters` as a configuration of this space: checked, typed, in order, fixed values filled in.

        Raises:
            ParameterError: if a parameter is missing, unknown, inactive, out of bounds, or a constraint is broken.
        """
        partial = self.validate_partial(parameters)
        complete = dict(partial)
        for name in self.by_depth:
            parameter = self.parameters[name]
            if isinstance(parameter, Fixed) and name in self.active(complete):
                complete[name] = parameter.value
        active = self.active(complete)
        missing = [n for n in active if n not in complete]
        if missing:
            raise ParameterError(f"Missing: {', '.join(missing)}. Give a value for each of {', '.join(active)}.")
        inactive = [n for n in complete if n not in active]
        if inactive:
            name = inactive[0]
            raise ParameterError(
                f"{name}={complete[name]!r} is given, but {name} is only active when "
                f"{kinds.shown_conditions(self.parameters[name])}. Leave it out."
            )
        for constraint in self.constraints:
            if not constraint.holds(complete):
                raise ParameterError(f"{dict(complete)!r} breaks the constraint {constraint}.")
        return {n: complete[n] for n in active}

    def validate_partial(self, parameters: Mapping[str, object]) -> dict[str, Value]:
        """The values that are given, each checked and typed on its own.

        Raises:
            ParameterError: if a name is unknown or a value does not belong to its parameter.
        """
        unknown = [n for n in parameters if n not in self.parameters]
        if unknown:
            raise ParameterError(
                f"Unknown: {', '.join(map(repr, unknown))}. The space has {', '.join(self.parameters)}."
            )
        return {n: self.parameters[n].validate(n, native(v)) for n, v in parameters.items()}

    def widened(self, ranges: Mapping[str, tuple[float, float]]) -> "Space":
        """This space with wider ranges of some numeric parameters: `space.widened({"lr": (1e-6, 1.0)})`.

        Raises:
            SpaceError: if a parameter is not numeric, or a range leaves out a value that is searched now.
        """
        wider = dict(self.parameters)
        for name, (low, high) in ranges.items():
            parameter = self.parameters.get(name)
            if not isinstance(parameter, Float | Int):
                numeric = ", ".join(n for n, p in self.parameters.items() if isinstance(p, Float | Int)) or "none"
                raise SpaceError(f"{name!r} has no range that could be widened. Parameters with a range: {numeric}.")
            new = replace(parameter, low=low, high=high)  # type: ignore[arg-type]  # an Int checks that it is whole
            steps = (parameter.low - new.low) / (parameter.step or 1)
            if new.low > parameter.low or new.high < parameter.high:
                raise SpaceError(
                    f"The range [{low}, {high}] of {name} leaves out part of [{parameter.low}, {parameter.high}], "
                    f"where trials may lie. Give a range that holds it."
                )
            if parameter.step and abs(steps - round(steps)) > 1e-6 * max(1.0, steps):
                raise SpaceError(
                    f"From {low} no whole number of steps of {parameter.step} leads to {parameter.low}, the lowest "
                    f"value of {name} so far. Move the bound by whole steps."
                )
            wider[name] = new
        return Space(wider, constraints=self.constraints)

    def widens(self, other: "Space") -> bool:
        """Whether this is `other`, or `other` with wider ranges."""
        ranges = {n: (p.low, p.high) for n, p in self.parameters.items() if isinstance(p, Float | Int)}
        try:
            return other.widened(ranges) == self and tuple(self) == tuple(other)
        except SpaceError:
            return False

    def to_json(self) -> dict[str, Any]:
        """The space as JSON; `from_json` gives an equal space back."""
        return {
            "parameters": [{"name": n, **kinds.to_json(p)} for n, p in self.parameters.items()],
            "constraints": [str(c) for c in self.constraints],
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Space":
        """The space that `to_json` wrote."""
        return cls(
            {entry["name"]: kinds.from_json(entry) for entry in stored["parameters"]},
            constraints=stored["constraints"],
        )

    def _check_parameters(self) -> None:
        for name, parameter in self.parameters.items():
            if not isinstance(name, str) or not name.strip():
                raise SpaceError(f"A parameter is called {name!r}. Give it a name that is a non-empty string.")
            if not isinstance(parameter, Float | Int | Choice | Fixed):
                raise SpaceError(
                    f"The parameter {name!r} is {parameter!r}, of type {type(parameter).__name__}. "
                    f"Use Float, Int, Choice or Fixed."
                )
        if not self.searched:
            raise SpaceError("The space has nothing to search. Add at least one Float, Int or Choice.")

    def _check_conditions(self) -> None:
        for name, parameter in self.parameters.items():
            for parent, allowed in conditions(parameter).items():
                if parent not in self.parameters:
                    raise SpaceError(f"{name} is active when {parent!r} has some value, but there is no {parent!r}.")
                if not allowed:
                    raise SpaceError(f"{name} is active for no value of {parent!r}. Name at least one.")
                for value in allowed:
                    try:
                        valid = self.parameters[parent].validate(parent, value)
                    except ParameterError as error:
                        raise SpaceError(f"The condition of {name} can never hold: {error}") from None
                    if identity(valid) != identity(value):
                        raise SpaceError(f"The condition of {name}: write {parent!r} as {valid!r}, not {value!r}.")
        _ = self.by_depth

    def _check_constraints(self) -> None:
        for constraint in self.constraints:
            lowest = 0.0
            for name, weight in constraint.weights.items():
                parameter = self.parameters.get(name)
                if parameter is None:
                    raise SpaceError(f"The constraint {constraint} names {name!r}, which is not a parameter.")
                if isinstance(parameter, Choice) or (isinstance(parameter, Fixed) and not is_number(parameter.value)):
                    raise SpaceError(f"The constraint {constraint} names {name!r}, which is not numeric.")
                if parameter.when:
                    raise SpaceError(
                        f"The constraint {constraint} names {name!r}, which is conditional. "
                        f"Constrain parameters that are always active."
                    )
                low, high = _numeric_bounds(parameter)
                lowest += min(weight * low, weight * high)
            if lowest > constraint.bound + 1e-9 * max(1.0, abs(constraint.bound)):
                raise SpaceError(f"The constraint {constraint} can never hold: its left side is at least {lowest:g}.")
        if len(self.constraints) > 1:
            self._check_consistency()

    def _check_consistency(self) -> None:
        """Refuse constraints that no point satisfies together (a linear programme without an objective)."""
        from scipy.optimize import linprog

        names = sorted({name for c in self.constraints for name in c.weights})
        found = linprog(
            c=[0.0] * len(names),
            A_ub=[[c.weights.get(name, 0.0) for name in names] for c in self.constraints],
            b_ub=[c.bound for c in self.constraints],
            bounds=[_numeric_bounds(self.parameters[name]) for name in names],
        )
        if found.status == 2:
            shown = ", ".join(map(str, self.constraints))
            raise SpaceError(f"The constraints {shown} contradict each other within the bounds. Relax one of them.")


def _numeric_bounds(parameter: Parameter) -> tuple[float, float]:
    """The bounds of a numeric parameter."""
    if isinstance(parameter, Float | Int):
        return parameter.low, parameter.high
    value = parameter.value if isinstance(parameter, Fixed) and is_number(parameter.value) else math.nan
    return value, value
