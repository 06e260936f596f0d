"""Random points of a region that is too small to be hit by chance: walks inside it."""

from collections.abc import Callable
from typing import Final

import numpy as np
from jaxtyping import Bool, Float64

_STEPS: Final = 24  # to forget where a walk began
_SHRINKS: Final = 40  # of a chord, to find a point of the region on it


def hit_and_run(
    X: Float64[np.ndarray, "k p"],
    corners: Float64[np.ndarray, "c p"],
    inside: Callable[[Float64[np.ndarray, "r p"]], Bool[np.ndarray, " r"]],
    rng: np.random.Generator,
) -> Float64[np.ndarray, "k p"]:
    """Where walks lead from points of a region of the unit cube; they are evenly distributed in it in the long run.

    Each step goes to a random point of the region on a random line: hit and run, Smith (1984), Operations Research
    32(6). The region need not be convex: the point is found by shrinking the line's part in the cube as in slice
    sampling, Neal (2003), Annals of Statistics 31(3), figure 5.

    Args:
        X: where the walks begin, in the region.
        corners: points that span the region; their differences give the directions, so that walks stay inside a
            region that is flat, such as a + b = 1.
        inside: whether points lie in the region.
        rng: the source of randomness.
    """
    spans = corners - corners.mean(axis=0)
    if not spans.any():
        return X
    for _ in range(_STEPS):
        X = _step(X, rng.normal(size=(len(X), len(spans))) @ spans, inside, rng)
    return X


def _step(
    X: Float64[np.ndarray, "k p"],
    directions: Float64[np.ndarray, "k p"],
    inside: Callable[[Float64[np.ndarray, "r p"]], Bool[np.ndarray, " r"]],
    rng: np.random.Generator,
) -> Float64[np.ndarray, "k p"]:
    """Move each row to a random point of the region along its direction; rows for which none is found stay."""
    with np.errstate(divide="ignore", invalid="ignore"):
        to_faces = (np.array([0.0, 1.0])[:, None, None] - X) / directions
    to_faces[:, directions == 0.0] = np.array([-np.inf, np.inf])[:, None]
    lower = np.minimum(to_faces.min(axis=0).max(axis=1), 0.0)
    upper = np.maximum(to_faces.max(axis=0).min(axis=1), 0.0)
    moved = X.copy()
    going = np.arange(len(X))
    for _ in range(_SHRINKS):
        t = rng.uniform(lower[going], upper[going])
        trials = X[going] + t[:, None] * directions[going]
        hit = inside(trials)
        moved[going[hit]] = trials[hit]
        going, t = going[~hit], t[~hit]
        if not len(going):
            break
        lower[going] = np.where(t < 0.0, t, lower[going])
        upper[going] = np.where(t < 0.0, upper[going], t)
    return moved
