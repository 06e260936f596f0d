"""Every combination of a few values of each parameter, in random order."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final, final

import numpy as np
from jaxtyping import Float64

from headstock.domain import Domain
from headstock.encoding import Encoding
from headstock.errors import ParameterError
from headstock.history import History
from headstock.parameters import Parameters
from headstock.samplers.base import NOTHING, Suggestion
from headstock.samplers.untried import explained, untried
from headstock.scalars import MOST_AT_ONCE, is_whole
from headstock.space import Float, Int, Space
from headstock.wording import given, whole

_DEFAULT: Final = 5


@final
@dataclass(frozen=True, slots=True)
class Grid:
    """Tries every combination of values, in an order that the experiment's seed shuffles: any part of it tells much.

    Args:
        points: how many values of each real parameter without a step are tried, evenly spaced on its scale and both
            bounds among them; of all other parameters every value is. Or so many for each `Float` or `Int` that is
            named: `{"lr": 7, "width": 3}`.

    Raises:
        ParameterError: if a number of points is not a whole number from 2 to 100,000.
    """

    points: int | Mapping[str, int] = _DEFAULT

    def __post_init__(self) -> None:
        """Check the numbers."""
        for count in self.points.values() if isinstance(self.points, Mapping) else [self.points]:
            if not is_whole(count, 2, MOST_AT_ONCE):
                raise ParameterError(f"Grid(points={given(self.points)}): {whole(count, 2, MOST_AT_ONCE)}.")
        if isinstance(self.points, Mapping):
            object.__setattr__(self, "points", MappingProxyType(dict(self.points)))

    def suggest(
        self,
        history: History,
        count: int,
        rng: np.random.Generator,  # noqa: ARG002 - part of the protocol; the order follows from the seed alone
        given: Parameters = NOTHING,
    ) -> Sequence[Suggestion]:
        """The next combinations that are feasible and new (see `Sampler.suggest`).

        Raises:
            SpaceExhaustedError: if all combinations were tried.
            ParameterError: if `points` names what is not a `Float` or `Int` of the space.
        """
        encoding = Encoding.of(history.space)
        domain = Domain.of(encoding, given)
        lines = {encoding.names.index(name): _line(encoding, name, n) for name, n in self._counts(history.space)}
        grid = replace(domain, positions={**lines, **domain.positions})
        points = untried(history, grid, count, (), np.random.default_rng(history.seed))
        because = explained(domain, "the next combination of the grid")
        return [Suggestion(grid.decode(x), because, source="grid") for x in points]

    def to_json(self) -> dict[str, Any]:
        """The sampler as JSON."""
        return {"kind": "grid", "points": self.points if isinstance(self.points, int) else dict(self.points)}

    def _counts(self, space: Space) -> Iterator[tuple[str, int]]:
        """How many values of which parameters are tried."""
        named = self.points if isinstance(self.points, Mapping) else {}
        for name in named:
            if not isinstance(space.parameters.get(name), Float | Int):
                raise ParameterError(f"Grid(points={dict(named)!r}): {name!r} is no Float or Int of the space.")
        for name, parameter in space.parameters.items():
            if name in named:
                yield name, named[name]
            elif parameter.levels is None:
                yield name, self.points if isinstance(self.points, int) else _DEFAULT


def _line(encoding: Encoding, name: str, count: int) -> Float64[np.ndarray, " n"]:
    """The positions of `count` values of a numeric parameter (fewer if it has fewer) from one bound to the other."""
    X = np.zeros((count, encoding.dimensions))
    X[:, encoding.names.index(name)] = np.linspace(0.0, 1.0, count)
    return np.unique(encoding.positions(name, encoding.natural(name, X).tolist()))
