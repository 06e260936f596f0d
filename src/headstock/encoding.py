"""The search space as points of a cube that a surrogate model can work with, and back.

One column stands for each searched parameter, then one for each distinct condition (`when=`):

* `Float`: [low, high] is [0, 1], on a linear or logarithmic scale.
* `Int`, a `Float` with a step, an ordered `Choice`: value k of K sits at the centre of its cell, (k + 1/2) / K; on a
  logarithmic scale the cells are bounded by low - 1/2 and high + 1/2.
* an unordered `Choice`: a categorical column that holds the position of the value.
* a condition: a categorical column that is 1 where the condition holds, else 0.

A numeric parameter that is inactive sits at 1/2, an unordered choice that is inactive has a category of its own, one
past its values. With the indicator as a coordinate of its own a kernel on these points stays positive definite.

Configurations from an older version of the space are encoded too: numbers outside today's bounds are extrapolated (at
most one width of the range to either side), and what has no number or category today counts as inactive.
"""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter
from typing import Any, Final, TypeAlias, final

import numpy as np
from jaxtyping import Bool, Float64, Int64

from headstock.axes import Axis
from headstock.errors import ParameterError
from headstock.parameters import shown_conditions
from headstock.space import Choice, Fixed, Float, Int, Parameters, Space, Value, conditions, identity

# So many configurations are near the processor while one parameter after the other is read from them.
_NEAR: Final = 256

INACTIVE: Final = 0.5
"""Where an inactive numeric parameter sits."""

_SLACK: Final = 0.5e-9  # half of what LinearConstraint forgives, so that what is accepted here is valid there

_Searched: TypeAlias = Float | Int | Choice


@final
@dataclass(frozen=True, slots=True)
class _Column:
    """A searched parameter as a column.

    Args:
        name: the parameter's name.
        parameter: the parameter.
        axis: its scale; None for the codes of an unordered choice.
        named: values that the conditions of other parameters name, which decoding has to give back exactly.
    """

    name: str
    parameter: _Searched
    axis: Axis | None
    named: tuple[Value, ...]

    @classmethod
    def of(cls, name: str, parameter: _Searched, named: tuple[Value, ...]) -> "_Column":
        categorical = isinstance(parameter, Choice) and not parameter.ordered
        return cls(name, parameter, None if categorical else Axis.of(parameter), named)

    @property
    def levels(self) -> int:
        return self.axis.levels if self.axis else self.parameter.levels or 0

    @property
    def inactive(self) -> float:
        return INACTIVE if self.axis else float(self.levels)

    def encode(self, values: Sequence[Value]) -> Float64[np.ndarray, " n"]:
        if isinstance(self.parameter, Choice):
            numbers = _indices(self.parameter, values)
        else:
            are_numbers = set(map(type, values)) <= {float, int}
            known = values if are_numbers else [v if isinstance(v, (int, float)) else math.nan for v in values]
            numbers = np.array(known, dtype=np.float64)
        positions = self.axis.unit(numbers) if self.axis else numbers
        return np.where(np.isnan(positions), self.inactive, positions)

    def all(self) -> Float64[np.ndarray, " n"]:
        index = np.arange(self.levels, dtype=np.float64)
        return self.axis.unit(self.axis.low + index * self.axis.step) if self.axis else index

    def snap(self, column: Float64[np.ndarray, " n"]) -> Float64[np.ndarray, " n"]:
        return self.axis.snap(column) if self.axis else np.clip(np.rint(column), 0.0, self.levels - 1.0)

    def value(self, position: float) -> Value:
        number = float(self.axis.natural(np.array([position]))[0]) if self.axis else position
        match self.parameter:
            case Choice():
                return self.parameter.values[min(max(round(number), 0), self.levels - 1)]
            case Int(low=low, high=high):
                return min(max(round(number), low), high)
            case Float():
                exact = dict[float, Value](zip(self.encode(self.named).tolist(), self.named, strict=True))
                return exact.get(position, number)


def _values(rows: Sequence[Parameters], names: Sequence[str]) -> dict[str, list[Value]]:
    """The values of each parameter in all configurations; None where it is not active."""
    columns: dict[str, list[Value]] = {name: [] for name in names}
    for start in range(0, len(rows), _NEAR):
        some = rows[start : start + _NEAR]
        for name, column in columns.items():
            try:
                column += list(map(itemgetter(name), some))
            except KeyError:
                column += [row.get(name) for row in some]
    return columns


def _indices(choice: Choice, values: Sequence[Value]) -> Float64[np.ndarray, " n"]:
    """The position of each value among the choice's values; NaN for a value that it does not have."""
    if all(isinstance(value, str) for value in choice.values):  # nothing else is equal to a text
        known: dict[Any, float] = {value: float(i) for i, value in enumerate(choice.values)}
        known |= dict.fromkeys(set(values) - known.keys(), math.nan)
        return np.array([known[value] for value in values], dtype=np.float64)
    known = {identity(value): float(i) for i, value in enumerate(choice.values)}
    keys = [identity(value) for value in values]
    for key, value in zip(keys, values, strict=True):
        if key not in known:
            known[key] = _index_of_alike(choice, value)
    return np.array([known[key] for key in keys], dtype=np.float64)


def _index_of_alike(choice: Choice, value: Value) -> float:
    """The position of an equal number of another type; NaN if there is none."""
    try:
        return float(choice.index("", value))
    except ParameterError:
        return math.nan


@final
@dataclass(frozen=True)
class Encoding:
    """The correspondence between the configurations of a space and points, one row each.

    Args:
        space: the search space.
    """

    space: Space

    @classmethod
    def of(cls, space: Space) -> "Encoding":
        """The encoding of a space: always the same, for what it derives from the space is derived once."""
        kept = vars(space)
        if "_encoding" not in kept:
            kept["_encoding"] = cls(space)
        encoding: Encoding = kept["_encoding"]
        return encoding

    @cached_property
    def names(self) -> tuple[str, ...]:
        """What each column stands for: a parameter's name, or a condition in words."""
        return (*self.space.searched, *self._indicators.values())

    @cached_property
    def dimensions(self) -> int:
        """d: the number of columns."""
        return len(self.names)

    @cached_property
    def categorical(self) -> Bool[np.ndarray, " d"]:
        """Whether a column holds codes that are only equal or different, as opposed to numbers on a scale."""
        return np.array([c.axis is None for c in self._columns] + [True] * len(self._indicators))

    @cached_property
    def levels(self) -> Int64[np.ndarray, " d"]:
        """How many values a column can take while its parameter is active; 0 for a continuum."""
        return np.array([c.levels for c in self._columns] + [2] * len(self._indicators), dtype=np.int64)

    def encode(self, rows: Sequence[Parameters]) -> Float64[np.ndarray, "n d"]:
        """The points of configurations, which may come from an older version of the space.

        Of values within the bounds the nearest that the space has is taken; values outside are extrapolated.
        """
        X = np.empty((len(rows), self.dimensions))
        values = _values(rows, [column.name for column in self._columns])
        for j, column in enumerate(self._columns):
            X[:, j] = column.encode(values[column.name])
        return self._settle(X)

    def decode(self, x: Float64[np.ndarray, " d"]) -> dict[str, Value]:
        """The configuration nearest to a point: the active parameters, in order, fixed ones filled in.

        It is valid if the point is `feasible`.
        """
        values: dict[str, Value] = {n: p.value for n, p in self.space.parameters.items() if isinstance(p, Fixed)}
        values |= {c.name: c.value(position) for c, position in zip(self._columns, x.tolist(), strict=False)}
        return {name: values[name] for name in self.space.active(values)}

    def snap(self, X: Float64[np.ndarray, "m d"]) -> Float64[np.ndarray, "m d"]:
        """The points of the configurations nearest to some points: rounded, with inactive parameters in their places.

        For a configuration p of the space, snap(encode([p])) is encode([p]) to the last bit.
        """
        snapped = np.clip(X, 0.0, 1.0)
        for j, column in enumerate(self._columns):
            if column.levels:
                snapped[:, j] = column.snap(X[:, j])
        return self._settle(snapped)

    def from_uniform(self, U: Float64[np.ndarray, "m d"]) -> Float64[np.ndarray, "m d"]:
        """Points whose parameters are distributed evenly if the columns of U are uniform on [0, 1].

        Numbers are evenly spread on their (linear or logarithmic) scales and categories are equally likely: inverse
        transform sampling. Indicator columns of U are not used.
        """
        X = U.copy()
        for j in np.flatnonzero(self.categorical):
            X[:, j] = np.floor(U[:, j] * self.levels[j])
        return self.snap(X)

    def active(self, X: Float64[np.ndarray, "m d"]) -> Bool[np.ndarray, "m d"]:
        """Whether each column's parameter is active; indicator columns always are.

        Only the columns of a parameter's ancestors matter for its activity.
        """
        active = np.ones(X.shape, dtype=bool)
        holds = self._activity(X)
        for j, name in enumerate(self.space.searched):
            active[:, j] = holds[name]
        return active

    def feasible(self, X: Float64[np.ndarray, "m d"]) -> Bool[np.ndarray, " m"]:
        """Whether the configurations nearest to some points keep the space's linear constraints."""
        constraints = self.space.constraints
        if not constraints:
            return np.ones(len(X), dtype=bool)
        names = sorted({name for constraint in constraints for name in constraint.weights})
        values = np.stack([self.natural(name, X) for name in names], axis=1)
        terms = values[:, None, :] * np.array([[c.weights.get(name, 0.0) for name in names] for c in constraints])
        bounds = np.array([c.bound for c in constraints])
        slack = _SLACK * np.maximum(np.maximum(1.0, np.abs(bounds)), np.abs(terms).max(axis=2))
        return (terms.sum(axis=2) <= bounds + slack).all(axis=1)

    def shifted(
        self, name: str, X: Float64[np.ndarray, "m d"], steps: Int64[np.ndarray, " s"]
    ) -> Float64[np.ndarray, "m s"]:
        """In the column of a numeric parameter with steps, the positions so many steps from those of X.

        Steps beyond the bounds end there.
        """
        axis = self.axes[name]
        values = axis.natural(X[:, self._index[name]])[:, None] + steps * axis.step
        return axis.snap(axis.unit(values.ravel())).reshape(values.shape)

    def positions(self, name: str, values: Sequence[Value] | None = None) -> Float64[np.ndarray, " n"]:
        """Where values of an active parameter lie in its column; all of its values, in order, if none are named.

        There are none to list of a continuum.
        """
        column = self._columns[self._index[name]]
        return column.all() if values is None else column.encode(values)

    def natural(self, name: str, X: Float64[np.ndarray, "m d"]) -> Float64[np.ndarray, " m"]:
        """The values of an `Int`, a `Float` or a fixed number in its own units, each the nearest to its point."""
        parameter = self.space[name]
        if isinstance(parameter, Fixed):
            return np.full(len(X), parameter.value, dtype=np.float64)
        return self.axes[name].natural(X[:, self._index[name]])

    def _settle(self, X: Float64[np.ndarray, "m d"]) -> Float64[np.ndarray, "m d"]:
        """Put the inactive parameters of X in their places and set the indicators (in place)."""
        if self._indicators:
            holds = self._activity(X)
            for j, column in enumerate(self._columns):
                X[~holds[column.name], j] = column.inactive
            for j, name in enumerate(self._indicators, start=len(self._columns)):
                X[:, j] = holds[name]
        return X

    def _activity(self, X: Float64[np.ndarray, "m d"]) -> dict[str, Bool[np.ndarray, " m"]]:
        """For each parameter, where it is active (a fixed parent has the only value that a condition can name)."""
        active: dict[str, Bool[np.ndarray, " m"]] = {}
        for name in self.space.by_depth:
            holds = np.ones(len(X), dtype=bool)
            for parent in conditions(self.space[name]):
                holds &= active[parent]
            for j, positions in self._required[name].items():
                holds &= np.isin(X[:, j], positions)
            active[name] = holds
        return active

    @cached_property
    def _required(self) -> Mapping[str, Mapping[int, Float64[np.ndarray, " n"]]]:
        """For each parameter, the positions of its searched parents under which it is active, by column."""
        return {
            name: {
                self._index[parent]: self._columns[self._index[parent]].encode(allowed)
                for parent, allowed in conditions(parameter).items()
                if parent in self._index
            }
            for name, parameter in self.space.parameters.items()
        }

    @cached_property
    def _columns(self) -> tuple[_Column, ...]:
        named: dict[str, tuple[Value, ...]] = {}
        for parameter in self.space.parameters.values():
            for parent, allowed in conditions(parameter).items():
                named[parent] = named.get(parent, ()) + allowed
        parameters = self.space.parameters.items()
        return tuple(_Column.of(n, p, named.get(n, ())) for n, p in parameters if not isinstance(p, Fixed))

    @cached_property
    def _index(self) -> Mapping[str, int]:
        """The column of each searched parameter."""
        return {column.name: j for j, column in enumerate(self._columns)}

    @cached_property
    def axes(self) -> Mapping[str, Axis]:
        """The scale of each numeric parameter and ordered choice."""
        return {column.name: column.axis for column in self._columns if column.axis}

    @cached_property
    def _indicators(self) -> Mapping[str, str]:
        """For each distinct condition, the first parameter under it, with the condition in words."""
        first: dict[Hashable, str] = {}
        for name in self.space.searched:
            when = conditions(self.space[name])
            if when:
                first.setdefault(frozenset((p, frozenset(map(identity, allowed))) for p, allowed in when.items()), name)
        return {name: shown_conditions(self.space[name]) for name in first.values()}
