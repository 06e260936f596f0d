"""Where the best of the whole space may lie, and how good it may be: joint draws from the posterior."""

from dataclasses import dataclass
from typing import Final, final

import numpy as np
from jaxtyping import Float64

from headstock.analysis.model import Model
from headstock.analysis.winner import contenders, draw_worth
from headstock.domain import Domain, row_keys
from headstock.errors import NoResultError

DRAWS: Final = 1_024
ANCHORS: Final = 6
SPREAD: Final = 256
CLOSENESS: Final = (0.02, 0.08, 0.25)
AROUND: Final = 24
SEED: Final = 1951  # the same model gives the same draws


@final
@dataclass(frozen=True, slots=True, eq=False)
class Optima:
    """What the objective may be at the arms that were tried, and at points that were not.

    The points lie evenly over the space and closely around the best arms; of a small finite space they are all that is
    left. Where an outcome constraint is broken the worth is -∞.

    Args:
        arms: the arms that may be the best.
        points: points that were not tried.
        of_arms: draws of the noise-free objective at the arms, in its units and turned so that larger is better.
        of_points: at the points, from the same draws.
    """

    arms: Float64[np.ndarray, "a d"]
    points: Float64[np.ndarray, "m d"]
    of_arms: Float64[np.ndarray, "s a"]
    of_points: Float64[np.ndarray, "s m"]

    @classmethod
    def of(cls, model: Model) -> "Optima":
        """Draw from a model.

        Raises:
            NoResultError: if no arm is believed to keep the outcome constraints.
        """
        rng = np.random.default_rng(SEED)
        arms = contenders(model)
        points = _untried(model, arms, rng)
        worth = draw_worth(model, np.vstack([arms, points]), DRAWS, rng)
        tried = worth[:, : len(arms)]
        possible = np.isfinite(tried).any(axis=1)
        if not possible.any():
            raise NoResultError("No arm that was tried is believed to keep the outcome constraints.")
        return cls(arms, points, tried[possible], worth[possible, len(arms) :])


def _untried(model: Model, arms: Float64[np.ndarray, "a d"], rng: np.random.Generator) -> Float64[np.ndarray, "m d"]:
    """Points all over the space and around the first arms, without those that were tried."""
    domain = Domain.of(model.encoding, {})
    every = domain.points(SPREAD)
    if every is None:
        spread = domain.sample(SPREAD, rng)
        close = [
            _between(anchor, domain.sample(AROUND, rng), part, model, rng)
            for anchor in arms[:ANCHORS]
            for part in CLOSENESS
        ]
        every = domain.project(np.vstack([spread, *close]))
        every = every[domain.feasible(every)]
    tried = set(row_keys(model.encoding.encode([t.parameters for t in model.history])))
    fresh = {key: row for row, key in enumerate(row_keys(every)) if key not in tried}
    return every[list(fresh.values())]


def _between(
    anchor: Float64[np.ndarray, " d"],
    ends: Float64[np.ndarray, "m d"],
    part: float,
    model: Model,
    rng: np.random.Generator,
) -> Float64[np.ndarray, "m d"]:
    """Points that went a part of the way from the anchor to each end; a category goes there with that probability."""
    moved = anchor + part * (ends - anchor)
    switched = np.where(rng.random(ends.shape) < part, ends, anchor)
    return np.where(model.encoding.categorical, switched, moved)
