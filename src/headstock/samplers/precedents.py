"""What earlier experiments over the same or an overlapping space teach about a new one.

The surrogate of each earlier experiment is frozen; its mean becomes part of the new surrogate's prior mean, with a
weight that the new results decide. A history that predicts them counts, one that does not is forgotten.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np
from jaxtyping import Float64

from headstock.encoding import Encoding
from headstock.errors import NoResultError, SpaceError
from headstock.gp.linalg import one_thread
from headstock.gp.regression import Hyperparameters, TrainingSet, condition
from headstock.gp.surrogate import fit_surrogate
from headstock.gp.thinning import best_and_even
from headstock.gp.trend import Component, Trend
from headstock.history import History
from headstock.parameters import Parameters
from headstock.space import Space

EXPECTED: Final = 0.7
"""How large the weights of all earlier experiments together are expected to be, before there are results."""

VARIANCE: Final = 1.0
"""The variance of that sum."""

KEPT: Final = 200
"""How many results of an earlier experiment are kept: the better half of them the best, the others evenly by rank."""

_FEWEST: Final = 3


@final
@dataclass(frozen=True, slots=True)
class Precedent:
    """An earlier experiment, as much of it as a new one needs.

    Args:
        name: its name.
        columns: the names of the columns (parameters, or conditions in words) that both have and that varied.
        rows: configurations that gave results.
        y: their results on standard scale, larger where they are better.
        noise: of these, each known variance of the noise; None where it is inferred.
        hyperparameters: of a Gaussian process over the columns.
    """

    name: str
    columns: tuple[str, ...]
    rows: tuple[Parameters, ...]
    y: tuple[float, ...]
    noise: tuple[float | None, ...]
    hyperparameters: Mapping[str, Any]

    @classmethod
    @one_thread()
    def of(cls, name: str, history: History, space: Space) -> "Precedent":
        """What a history teaches about a space.

        Args:
            name: what to call it.
            history: the earlier experiment.
            space: of the new one.

        Raises:
            SpaceError: if the two spaces share no parameter that varied.
            NoResultError: if there are fewer than three results, or all are the same.
        """
        values, sems = history.values(history.objective.metric)
        if len(values) < _FEWEST or not np.ptp(values) > 0:
            raise NoResultError(
                f"The experiment {name!r} has {len(values)} results, {len(np.unique(values))} of them different: too "
                f"few to learn from. Leave it out of warm_start=."
            )
        kept = best_and_even(history.objective.sign * values, KEPT)
        encoding = Encoding.of(space)
        rows = [{k: v for k, v in history.observed[i].parameters.items() if k in space.parameters} for i in kept]
        X = encoding.encode(rows)
        names = [n for j, n in enumerate(encoding.names) if j >= len(space.searched) or n in history.space.searched]
        columns = tuple(n for n in names if np.ptp(X[:, encoding.names.index(n)]) > 0)
        if not columns:
            raise SpaceError(
                f"The experiment {name!r} varied {', '.join(history.space.searched)}, the new one has "
                f"{', '.join(space.searched)}: they share nothing to learn from. Leave it out of warm_start=."
            )
        places = [encoding.names.index(n) for n in columns]
        surrogate = fit_surrogate(
            X[:, places],
            values[kept],
            sems[kept],
            sign=history.objective.sign,
            categorical=encoding.categorical[places],
        )
        noise = surrogate.transform.noise_variances(values[kept], sems[kept])
        return cls(
            name,
            columns,
            tuple(rows),
            tuple(surrogate.y.tolist()),
            tuple(None if np.isnan(v) else v for v in noise.tolist()),
            surrogate.hyperparameters.to_json(),
        )

    def component(self, encoding: Encoding) -> Component:
        """Its posterior mean over a space's encoding.

        Raises:
            NumericalError: if the covariance matrix cannot be factorised.
        """
        columns = np.array([encoding.names.index(name) for name in self.columns])
        X = encoding.encode(self.rows)[:, columns]
        noise = np.array([np.nan if v is None else v for v in self.noise])
        hyperparameters = Hyperparameters.from_json(self.hyperparameters)
        data = TrainingSet(X, np.array(self.y), noise, encoding.categorical[columns])
        posterior = condition(hyperparameters, data)
        alpha = posterior.whitened @ posterior.inverse_root
        return Component(columns, posterior.kernel, posterior.mean, X, alpha)

    def to_json(self) -> dict[str, Any]:
        """The precedent as JSON."""
        return {
            "name": self.name,
            "columns": list(self.columns),
            "rows": [dict(row) for row in self.rows],
            "y": list(self.y),
            "noise": list(self.noise),
            "hyperparameters": dict(self.hyperparameters),
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Precedent":
        """The precedent that `to_json` wrote."""
        return cls(
            stored["name"],
            tuple(stored["columns"]),
            tuple(stored["rows"]),
            tuple(stored["y"]),
            tuple(stored["noise"]),
            stored["hyperparameters"],
        )


def trend_of(precedents: Sequence[Precedent], encoding: Encoding) -> Trend:
    """What at least one earlier experiment lets one expect: that the sum of weights is `EXPECTED`, all alike.

    Raises:
        NumericalError: if a covariance matrix cannot be factorised.
    """
    k = len(precedents)
    components = tuple(precedent.component(encoding) for precedent in precedents)
    return Trend(components, np.full(k, EXPECTED / k), VARIANCE / k)


def best_before(precedents: Sequence[Precedent], trend: Trend, encoding: Encoding) -> Float64[np.ndarray, "m d"]:
    """The configurations of earlier experiments as points of the space, those of which most is expected first."""
    X = np.unique(encoding.snap(np.concatenate([encoding.encode(p.rows) for p in precedents])), axis=0)
    return X[np.argsort(-trend.value(X), kind="stable")]
