"""The points of the encoded space that may be suggested: the given values hold, and so do the constraints."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final, final

import numpy as np
from jaxtyping import Bool, Float64, Int64

from headstock.encoding import Encoding
from headstock.errors import ParameterError
from headstock.history import History
from headstock.parameters import shown_conditions
from headstock.space import Float, Int, Parameters, Space, Value, conditions, identity
from headstock.walk import hit_and_run

TOLERANCE: Final = 1e-7
"""Two points count as one if every coordinate is the same when it is rounded to this."""

_MIXER: Final = np.int64(6364136223846793005)  # the multiplier of Knuth's linear congruential generator MMIX
_THROWS: Final = 2048  # points thrown at the feasible region to see how large it is
_MOST_THROWS: Final = 40_000  # beyond, a walk inside it costs less
_NODES: Final = 10_000  # of a branch-and-bound tree


@final
@dataclass(frozen=True)
class Domain:
    """The points that may be suggested.

    Args:
        encoding: the encoding of the space.
        given: values that every configuration has.
        positions: for some columns, the only positions that they may have.
    """

    encoding: Encoding
    given: Parameters
    positions: Mapping[int, Float64[np.ndarray, " n"]]

    @classmethod
    def of(cls, encoding: Encoding, given: Parameters) -> "Domain":
        """The configurations that have the given values; their conditions hold, too.

        Raises:
            ParameterError: if the values do not belong to the space, or do not go together.
        """
        valid = encoding.space.validate_partial(given)
        allowed = _allowed(encoding.space, valid)
        columns = {name: j for j, name in enumerate(encoding.space.searched)}
        positions = {columns[n]: encoding.positions(n, values) for n, values in allowed.items() if n in columns}
        return cls(encoding, valid, positions)

    @cached_property
    def is_decided(self) -> bool:
        """Whether the given values leave nothing to choose."""
        space = self.encoding.space
        if any(not conditions(space[name]) and j not in self.positions for j, name in enumerate(space.searched)):
            return False  # at once, for it is so nearly always
        x = self.from_uniform(np.zeros((1, self.encoding.dimensions)))
        active = self.encoding.active(x)[0, : len(space.searched)]
        return all(len(self.positions.get(int(j), ())) == 1 for j in np.flatnonzero(active))

    def decode(self, x: Float64[np.ndarray, " d"]) -> dict[str, Value]:
        """The configuration of a point, the given values to the last bit."""
        return {name: self.given.get(name, value) for name, value in self.encoding.decode(x).items()}

    def from_uniform(self, U: Float64[np.ndarray, "m d"]) -> Float64[np.ndarray, "m d"]:
        """Points of the domain, constraints aside, evenly distributed if the columns of U are uniform on [0, 1]."""
        X = self.encoding.from_uniform(U)
        for j, positions in self.positions.items():
            X[:, j] = positions[np.minimum((U[:, j] * len(positions)).astype(int), len(positions) - 1)]
        return self.encoding.snap(X) if self.positions else X

    def project(self, X: Float64[np.ndarray, "m d"]) -> Float64[np.ndarray, "m d"]:
        """The nearest points of the domain, constraints aside."""
        X = X.copy()
        for j, positions in self.positions.items():
            X[:, j] = positions[np.abs(X[:, j, None] - positions).argmin(axis=1)]
        return self.encoding.snap(X)

    def feasible(self, X: Float64[np.ndarray, "m d"]) -> Bool[np.ndarray, " m"]:
        """Whether the configurations nearest to some points keep the linear constraints."""
        return self.encoding.feasible(X)

    def sample(self, count: int, rng: np.random.Generator) -> Float64[np.ndarray, "m d"]:
        """`count` random feasible points, not all different; none if no point is feasible.

        They are evenly distributed. Where the feasible region is too small to be hit by chance, a walk finds its way
        inside it and the distribution is roughly even.
        """
        X = self._hits(count, rng)
        if len(X) < count:
            X = np.concatenate([X, self._hits(_THROWS, rng)])
        missing = 1.2 * (count - len(X)) / max(len(X), 1) * (count + _THROWS)
        if 0 < missing <= _MOST_THROWS:
            X = np.concatenate([X, self._hits(int(missing), rng)])
        if len(X) >= count:
            return X[:count]
        inside = X
        if len(inside) < 2 * len(self._constrained):
            inside = np.concatenate([X, self._vertices(2 * len(self._constrained) + 2, rng)])
        return self._walk(inside, count, rng) if len(inside) else X

    def points(self, limit: int) -> Float64[np.ndarray, "m d"] | None:
        """Every feasible point; None if there are more than `limit` (feasible ones, or on the way to them)."""
        X = self.from_uniform(np.zeros((1, self.encoding.dimensions)))
        columns = {name: j for j, name in enumerate(self.encoding.space.searched)}
        chosen = set(self.encoding.space.parameters) - set(columns)
        for name in (n for n in self.encoding.space.by_depth if n in columns):
            j = columns[name]
            active = self.encoding.active(X)[:, j]
            levels = len(self.positions[j]) if j in self.positions else self.encoding.levels[j]
            if active.any() and not 0 < levels * active.sum() <= 10 * limit:
                return None
            positions = self.positions[j] if j in self.positions else self.encoding.positions(name)
            branches = np.repeat(X[active], len(positions), axis=0)
            branches[:, j] = np.tile(positions, int(active.sum()))
            chosen.add(name)
            X = self._within_reach(np.concatenate([X[~active], branches]), chosen)
            if len(X) > limit:
                return None
        X = self.encoding.snap(X)
        return X[self.feasible(X)]

    @cached_property
    def _constrained(self) -> tuple[int, ...]:
        """The columns of the parameters in constraints that are not given."""
        names = {name for constraint in self.encoding.space.constraints for name in constraint.weights}
        columns = (j for j, name in enumerate(self.encoding.space.searched) if name in names)
        return tuple(j for j in columns if len(self.positions.get(j, ())) != 1)

    def _hits(self, count: int, rng: np.random.Generator) -> Float64[np.ndarray, "m d"]:
        """The feasible ones of `count` random points."""
        X = self.from_uniform(rng.random((count, self.encoding.dimensions)))
        return X[self.feasible(X)]

    def _within_reach(self, X: Float64[np.ndarray, "m d"], chosen: Collection[str]) -> Float64[np.ndarray, "k d"]:
        """The rows that can become feasible by the choice of the parameters that are not `chosen` yet."""
        hopeful = np.ones(len(X), dtype=bool)
        for constraint in self.encoding.space.constraints:
            lowest = np.zeros(len(X))
            for name, weight in constraint.weights.items():
                parameter = self.encoding.space[name]
                if name in chosen or not isinstance(parameter, Float | Int):
                    lowest += weight * self.encoding.natural(name, X)
                else:
                    lowest += min(weight * parameter.low, weight * parameter.high)
            hopeful &= lowest <= constraint.bound + 1e-6 * max(1.0, abs(constraint.bound))
        return X[hopeful]

    def _vertices(self, count: int, rng: np.random.Generator) -> Float64[np.ndarray, "m d"]:
        """Feasible points that lie furthest in random directions, by mixed-integer linear programming; or none.

        The variables are the constrained parameters: a continuum as a share of its range, any other by its index.
        """
        from scipy.optimize import Bounds, LinearConstraint, milp

        columns, constraints = list(self._constrained), self.encoding.space.constraints
        names = [self.encoding.names[j] for j in columns]
        levels = self.encoding.levels[columns]
        X = self.from_uniform(rng.random((count, self.encoding.dimensions)))
        X[:, columns] = 0.0
        low, high = ([self.encoding.natural(n, X[:1] + end)[0] for n in names] for end in (0.0, 1.0))
        top = np.maximum(levels - 1, 1)
        step = (np.array(high) - low) / top
        A = step * [[c.weights.get(n, 0.0) for n in names] for c in constraints]
        b = [c.bound - sum(w * self.encoding.natural(n, X[:1])[0] for n, w in c.weights.items()) for c in constraints]
        for x, direction in zip(X, rng.normal(size=(count, len(columns))), strict=True):
            found = milp(
                direction,
                constraints=LinearConstraint(A, -np.inf, b),
                integrality=(levels > 0).astype(int),
                bounds=Bounds(0.0, top),
                options={"node_limit": _NODES},
            )
            if found.x is None:
                return X[:0]
            values = low + step * np.where(levels > 0, np.rint(found.x), found.x)
            x[columns] = [self.encoding.positions(n, [v])[0] for n, v in zip(names, values.tolist(), strict=True)]
        X = self.project(X)
        return X[self.feasible(X)]

    def _walk(
        self, inside: Float64[np.ndarray, "k d"], count: int, rng: np.random.Generator
    ) -> Float64[np.ndarray, "m d"]:
        """Points that walks inside the feasible region reach from points of it."""
        X = self.from_uniform(rng.random((count, self.encoding.dimensions)))
        columns = list(self._constrained)
        starts = inside[rng.integers(len(inside), size=count)][:, columns]

        def feasible(constrained: Float64[np.ndarray, "r p"]) -> Bool[np.ndarray, " r"]:
            rows = np.repeat(X[:1], len(constrained), axis=0)
            rows[:, columns] = constrained
            return self.feasible(rows)

        X[:, columns] = hit_and_run(starts, np.unique(inside[:, columns], axis=0), feasible, rng)
        X = self.project(X)
        return X[self.feasible(X)]


def row_keys(X: Float64[np.ndarray, "m d"]) -> list[bytes]:
    """A key for each row; points that count as one have the same key."""
    return [row.tobytes() for row in _whole(X)]


def digests(X: Float64[np.ndarray, "m d"]) -> Int64[np.ndarray, " m"]:
    """A number for each row, in ascending order: the same for points that count as one.

    Of others it is the same by a chance of 2^-64 a pair: a point that was not tried is then taken for one that was.
    """
    return np.sort(_digests(X))


def merged(known: Int64[np.ndarray, " n"], more: Int64[np.ndarray, " m"]) -> Int64[np.ndarray, " n+m"]:
    """The digests of many points and of a few more, in ascending order."""
    return np.insert(known, np.searchsorted(known, more), more)


def tried(history: History, encoding: Encoding) -> Int64[np.ndarray, " n"]:
    """The digests of all trials' points, in ascending order."""
    return history.by_parameters("digests", lambda some: digests(encoding.encode(some)), merged)


def are_among(X: Float64[np.ndarray, "m d"], known: Int64[np.ndarray, " n"]) -> Bool[np.ndarray, " m"]:
    """Which rows count as one with any of the points, maybe many, that have these digests in ascending order."""
    if not len(known):
        return np.zeros(len(X), dtype=bool)
    mine = _digests(X)
    return known[np.searchsorted(known, mine).clip(max=len(known) - 1)] == mine


def _whole(X: Float64[np.ndarray, "m d"]) -> Int64[np.ndarray, "m d"]:
    return np.rint(X / TOLERANCE).astype(np.int64)


def _digests(X: Float64[np.ndarray, "m d"]) -> Int64[np.ndarray, " m"]:
    odd = np.cumprod(np.full(X.shape[1], _MIXER))  # wraps around
    return (_whole(X) * odd).sum(axis=1)


def _allowed(space: Space, given: Parameters) -> dict[str, tuple[Value, ...]]:
    """For each given parameter and its ancestors, the values that go with what is given.

    Raises:
        ParameterError: if there are none.
    """
    allowed: dict[str, tuple[Value, ...]] = {name: (value,) for name, value in given.items()}
    for name in reversed(space.by_depth):
        if name in allowed:
            for parent, values in conditions(space[name]).items():
                keys = {identity(v) for v in values}
                allowed[parent] = tuple(v for v in allowed.get(parent, values) if identity(v) in keys)
                if not allowed[parent]:
                    raise ParameterError(
                        f"{name} is only active when {shown_conditions(space[name])}, which does not go with "
                        f"{dict(given)!r}. Leave out {name} or {parent}."
                    )
    return allowed
