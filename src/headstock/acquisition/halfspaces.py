"""The linear constraints of a space as its encoding sees them: smooth, where logarithmic scales bend them."""

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Bool, Float64, Int64

from headstock.encoding import Encoding


@final
@dataclass(frozen=True, slots=True, eq=False)
class Halfspaces:
    """c linear constraints on p numeric columns of d; nothing is rounded.

    Args:
        columns: the columns.
        lower: of each, the value at 0 on its (linear or logarithmic) scale.
        width: of each, the extent of that scale.
        log: which scales are logarithmic.
        weights: the constraints' factors, as shares of the range of the left side.
        bounds: the largest left sides, likewise.
    """

    columns: Int64[np.ndarray, " p"]
    lower: Float64[np.ndarray, " p"]
    width: Float64[np.ndarray, " p"]
    log: Bool[np.ndarray, " p"]
    weights: Float64[np.ndarray, "c p"]
    bounds: Float64[np.ndarray, " c"]

    @classmethod
    def of(cls, encoding: Encoding) -> "Halfspaces":
        """The linear constraints of a space."""
        constraints = encoding.space.constraints
        named = {name for constraint in constraints for name in constraint.weights}
        names = [name for name in encoding.axes if name in named]
        axes = [encoding.axes[name] for name in names]
        weights = np.array([[c.weights.get(name, 0.0) for name in names] for c in constraints])
        weights = weights.reshape(len(constraints), len(names))
        nowhere = np.zeros((1, encoding.dimensions))
        fixed = [
            sum(w * encoding.natural(n, nowhere)[0] for n, w in c.weights.items() if n not in names)
            for c in constraints
        ]
        extents = np.abs(weights) @ np.array([axis.high - axis.low for axis in axes])
        extents[extents == 0.0] = 1.0
        return cls(
            columns=np.array([encoding.names.index(name) for name in names], dtype=np.int64),
            lower=np.array([axis.lower for axis in axes]),
            width=np.array([axis.width for axis in axes]),
            log=np.array([axis.log for axis in axes], dtype=bool),
            weights=weights / extents[:, None],
            bounds=(np.array([c.bound for c in constraints]) - fixed) / extents,
        )

    def slack(self, X: Float64[np.ndarray, "m d"]) -> Float64[np.ndarray, "m c"]:
        """By how much each constraint is kept, as a share of the range of its left side; negative if it is broken."""
        return self.bounds - self._values(X) @ self.weights.T

    def normals(self, X: Float64[np.ndarray, "m d"]) -> Float64[np.ndarray, "m c d"]:
        """The gradients of the slack."""
        slopes = self.width * np.where(self.log, self._values(X), 1.0)
        normals = np.zeros((len(X), len(self.bounds), X.shape[1]))
        normals[:, :, self.columns] = -slopes[:, None, :] * self.weights
        return normals

    def _values(self, X: Float64[np.ndarray, "m d"]) -> Float64[np.ndarray, "m p"]:
        scaled = self.lower + X[:, self.columns] * self.width
        return np.where(self.log, np.exp(np.where(self.log, scaled, 0.0)), scaled)
