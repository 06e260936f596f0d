"""Where an acquisition function is largest: multi-start search over a mixed space.

Many candidates are screened; from the best, all starts climb in lock step, by gradients in the columns that are (or
are as good as) continuous, in turn with exact moves in the discrete ones.
"""

from dataclasses import dataclass
from typing import Final, final

import numpy as np
from jaxtyping import Bool, Float64, Int64

from headstock.acquisition.ascent import AcquisitionFunction, climb
from headstock.acquisition.halfspaces import Halfspaces
from headstock.domain import Domain, are_among, row_keys

__all__ = ["AcquisitionFunction", "Maxima", "maximise"]

ENUMERATED: Final = 2000
"""A finite domain of at most so many points is searched completely."""

_ALTERNATIONS: Final = 3  # of climbs and discrete moves
_RELAXED: Final = 64  # a number with more levels climbs as if it were continuous, and is rounded
_LISTED: Final = 16  # of a number with at most so many levels every one is tried
_DRAWN: Final = 64  # of the values of a larger category
_APART: Final = 0.05  # lengthscales between the best starts
_BOLTZMANN: Final = 2.0  # inverse temperature of the starts that are drawn, for standardised values
_SPREADS: Final = (0.3, 0.1, 0.02)  # of perturbations, in lengthscales
_NO_GAIN: Final = 1e-9


@final
@dataclass(frozen=True, slots=True, eq=False)
class Maxima:
    """The best points that were found, the best first: local maxima, then candidates.

    Args:
        points: points of the domain, all different; none only if nothing is left.
        values: the acquisition there.
    """

    points: Float64[np.ndarray, "k d"]
    values: Float64[np.ndarray, " k"]


def maximise(
    acquisition: AcquisitionFunction,
    domain: Domain,
    *,
    anchors: Float64[np.ndarray, "a d"],
    lengthscales: Float64[np.ndarray, " d"],
    avoid: Int64[np.ndarray, " c"],
    rng: np.random.Generator,
    raw: int = 512,
    starts: int = 8,
    iterations: int = 25,
) -> Maxima:
    """Find the largest values of an acquisition function.

    Args:
        acquisition: what to maximise.
        domain: where.
        anchors: good points, to search around.
        lengthscales: over which distance the acquisition changes in each column.
        avoid: the digests of points that are not to be found, in ascending order.
        rng: the source of randomness.
        raw: how many candidates are screened.
        starts: from how many of them to climb.
        iterations: how many times a climb may ask for the gradient.

    Returns:
        Feasible points of the domain, none of them in `avoid`.
    """
    scale = np.minimum(lengthscales, 1.0)
    X = domain.points(ENUMERATED)
    if X is not None:
        return _distinct(X, acquisition.value(X), avoid)
    X = _candidates(domain, anchors, scale, raw, rng)
    values = acquisition.value(X)
    chosen = _starts(X, values, scale, starts, rng)
    best, heights = X[chosen], values[chosen]
    going = np.arange(len(best))
    for _ in range(_ALTERNATIONS):
        climbed = _climb(acquisition, domain, best[going], heights[going], scale=scale, iterations=iterations)
        best[going], heights[going], moved = _move(acquisition, domain, *climbed, rng)
        going = going[moved]
        if not len(going):
            break
    return _distinct(np.concatenate([best, X]), np.concatenate([heights, values]), avoid)


def _distinct(
    X: Float64[np.ndarray, "m d"], values: Float64[np.ndarray, " m"], avoid: Int64[np.ndarray, " c"]
) -> Maxima:
    """The different points that are not to be avoided, the best first."""
    order = np.argsort(-values, kind="stable")
    order = order[~are_among(X[order], avoid)]
    first = {key: place for place, key in reversed([*enumerate(row_keys(X[order]))])}
    kept = order[sorted(first.values())]
    return Maxima(X[kept], values[kept])


def _candidates(
    domain: Domain,
    anchors: Float64[np.ndarray, "a d"],
    scale: Float64[np.ndarray, " d"],
    count: int,
    rng: np.random.Generator,
) -> Float64[np.ndarray, "m d"]:
    """Half of the candidates from all over the domain, the others close to the anchors or between two of them."""
    spread = domain.sample(count // 2 if len(anchors) else count, rng)
    if not len(anchors) or not len(spread):
        return spread
    shape = (count - len(spread), len(scale))
    near = anchors[rng.integers(len(anchors), size=shape[0])]
    moved = near + rng.choice(_SPREADS, size=(shape[0], 1)) * scale * rng.standard_normal(shape)
    moved = 1.0 - np.abs(1.0 - np.abs(moved))  # reflected at the faces of the cube
    elsewhere = spread[rng.integers(len(spread), size=shape[0])]
    moved = np.where(domain.encoding.categorical, elsewhere, moved)
    other = anchors[rng.integers(len(anchors), size=shape[0])]
    crossed = rng.random((shape[0], 1)) < 0.2
    changed = rng.random(shape) < np.where(crossed, 0.5, max(1.0, min(shape[1], 3.0)) / shape[1])
    near = domain.project(np.where(changed, np.where(crossed, other, moved), near))
    return np.concatenate([spread, near[domain.feasible(near)]])


def _starts(
    X: Float64[np.ndarray, "m d"],
    values: Float64[np.ndarray, " m"],
    scale: Float64[np.ndarray, " d"],
    count: int,
    rng: np.random.Generator,
) -> list[int]:
    """Where to climb from: half of the starts the best that are apart, half drawn by their values."""
    ranked = np.argsort(-values, kind="stable")
    chosen: list[int] = []
    for i in ranked[: 8 * count].tolist():
        if all((np.abs(X[i] - X[j]) / scale).max() > _APART for j in chosen):
            chosen.append(i)
        if len(chosen) == count // 2:
            break
    finite = values[np.isfinite(values)]
    raised = np.maximum(values, np.median(finite)) if len(finite) else np.zeros(len(values))  # logarithms fall deep
    z = (raised - raised.mean()) / max(float(raised.std()), 1e-12)
    # Gumbel noise makes the largest a draw without replacement: Kool, van Hoof and Welling (2019), arXiv:1903.06059
    drawn = np.argsort(-(_BOLTZMANN * z + rng.gumbel(size=len(z))), kind="stable").tolist()
    return [*chosen, *(i for i in drawn if i not in chosen)][: min(count, len(X))]


def _climb(
    acquisition: AcquisitionFunction,
    domain: Domain,
    X: Float64[np.ndarray, "k d"],
    values: Float64[np.ndarray, " k"],
    *,
    scale: Float64[np.ndarray, " d"],
    iterations: int,
) -> tuple[Float64[np.ndarray, "k d"], Float64[np.ndarray, " k"]]:
    """The starts or, where they are better, the points uphill by gradients, rounded; all feasible."""
    encoding = domain.encoding
    columns = ~encoding.categorical & ((encoding.levels == 0) | (encoding.levels > _RELAXED))
    columns[list(domain.positions)] = False
    if not columns.any():
        return X, values
    free = encoding.active(X) & columns
    top = climb(acquisition, Halfspaces.of(encoding), X, free=free, scale=scale, iterations=iterations)
    rounded = domain.project(top)
    feasible = domain.feasible(rounded)
    for share in (0.99, 0.9, 0.5) if not feasible.all() else ():
        nearer = domain.project(X + share * (top - X))
        useful = ~feasible & domain.feasible(nearer)
        rounded[useful], feasible = nearer[useful], feasible | useful
    rounded = np.where(feasible[:, None], rounded, X)
    new_values = acquisition.value(rounded)
    better = new_values > values
    return np.where(better[:, None], rounded, X), np.where(better, new_values, values)


def _move(
    acquisition: AcquisitionFunction,
    domain: Domain,
    X: Float64[np.ndarray, "k d"],
    values: Float64[np.ndarray, " k"],
    rng: np.random.Generator,
) -> tuple[Float64[np.ndarray, "k d"], Float64[np.ndarray, " k"], Bool[np.ndarray, " k"]]:
    """The best change of one discrete column, for each row, again and again until none improves; and which changed."""
    X, values = X.copy(), values.copy()
    going = np.arange(len(X))
    moved = np.zeros(len(X), dtype=bool)
    for _ in range(2 * X.shape[1]):
        origins, neighbours = _neighbours(domain, X[going], rng)
        if not len(origins):
            break
        heights = acquisition.value(neighbours)
        order = np.lexsort((-heights, origins))
        rows, first = np.unique(origins[order], return_index=True)
        best = order[first]
        better = heights[best] > values[going[rows]] + _NO_GAIN
        going, best = going[rows[better]], best[better]
        if not len(going):
            break
        X[going], values[going] = neighbours[best], heights[best]
        moved[going] = True
    return X, values, moved


def _neighbours(
    domain: Domain, X: Float64[np.ndarray, "k d"], rng: np.random.Generator
) -> tuple[Int64[np.ndarray, " m"], Float64[np.ndarray, "m d"]]:
    """The feasible points that differ from a row in one discrete column, each with the number of its row."""
    active = domain.encoding.active(X)
    origins, found = [np.empty(0, dtype=np.int64)], [X[:0]]
    for j in np.flatnonzero(domain.encoding.levels[: len(domain.encoding.space.searched)]).tolist():
        rows = np.flatnonzero(active[:, j])
        targets = _targets(domain, X[rows], j, rng)
        near = np.repeat(X[rows], targets.shape[1], axis=0)
        near[:, j] = targets.ravel()
        origins.append(np.repeat(rows, targets.shape[1]))
        found.append(near)
    rows, neighbours = np.concatenate(origins), domain.project(np.concatenate(found))
    kept = (neighbours != X[rows]).any(axis=1) & domain.feasible(neighbours)
    return rows[kept], neighbours[kept]


def _targets(
    domain: Domain, X: Float64[np.ndarray, "k d"], j: int, rng: np.random.Generator
) -> Float64[np.ndarray, "k s"]:
    """Where each row may go in a discrete column: everywhere if that is few, else nearby and to random places."""
    encoding = domain.encoding
    name, levels = encoding.names[j], int(encoding.levels[j])
    if j in domain.positions:
        return np.tile(domain.positions[j], (len(X), 1))
    if encoding.categorical[j]:
        values = np.arange(levels) if levels <= _DRAWN else rng.integers(levels, size=_DRAWN)
        return np.tile(values.astype(np.float64), (len(X), 1))
    if levels <= _LISTED:
        return np.tile(encoding.positions(name), (len(X), 1))
    if levels > _RELAXED:
        return encoding.shifted(name, X, np.array([-1, 1]))
    jumps = 2 ** np.arange(levels.bit_length() - 1)
    nearby = encoding.shifted(name, X, np.concatenate([-jumps, jumps]))
    return np.concatenate([nearby, rng.random((len(X), 4))], axis=1)
