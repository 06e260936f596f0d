# Note for the engine: written while an uncommitted file of the same name lay here; the better of the two stays.
"""Where an acquisition function is largest: multi-start search over a mixed space.

Many candidates are screened; from the best, all starts climb in lock step, by gradients in the columns that are (or
are as good as) continuous, in turn with exact moves in the discrete ones.
"""

from dataclasses import dataclass
from typing import Final, Protocol, final, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float64

from headstock.domain import Domain, row_keys

RAW: Final = 512
STARTS: Final = 8
ITERATIONS: Final = 30
ALTERNATIONS: Final = 3
RELAXED: Final = 64  # a number with more levels climbs as if it were continuous, and is rounded
LISTED: Final = 16  # of a column with at most so many levels every one is tried
ENUMERATED: Final = 1024  # a finite domain of at most so many points is searched completely
SCALES: Final = (0.3, 0.1, 0.02)  # of perturbations, in lengthscales
ARMIJO: Final = 1e-4
BACKTRACKS: Final = 6


@runtime_checkable
class AcquisitionFunction(Protocol):
    """How much an evaluation is worth, on a logarithmic scale."""

    def value(self, X: Float64[np.ndarray, "m d"]) -> Float64[np.ndarray, " m"]:
        """The acquisition at X."""
        ...

    def value_and_gradient(
        self, X: Float64[np.ndarray, "m d"]
    ) -> tuple[Float64[np.ndarray, " m"], Float64[np.ndarray, "m d"]]:
        """The acquisition at X and its gradient; zero in categorical columns."""
        ...


@final
@dataclass(frozen=True, slots=True, eq=False)
class Maxima:
    """Local maxima, the best first.

    Args:
        points: points of the domain, all different; none only if there is nothing left.
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
    avoid: Float64[np.ndarray, "c d"],
    rng: np.random.Generator,
) -> Maxima:
    """Find the largest values of an acquisition function.

    Args:
        acquisition: what to maximise.
        domain: where.
        anchors: good points to search around.
        lengthscales: the scale of each column.
        avoid: points that are not to be found.
        rng: the source of randomness.
    """
    taken = set(row_keys(avoid))
    finite = domain.points(ENUMERATED)
    if finite is not None:
        return _distinct(finite, acquisition.value(finite), taken) if len(finite) else Maxima(finite, np.empty(0))
    X = _candidates(domain, anchors, lengthscales, rng)
    values = acquisition.value(X)
    starts = _starts(X, values, lengthscales, rng)
    climbed, heights = X[starts], values[starts]
    for _ in range(ALTERNATIONS):
        before = heights
        climbed, heights = _climb(acquisition, domain, climbed, lengthscales)
        climbed, heights = _move(acquisition, domain, climbed, heights, rng)
        if (heights <= before + 1e-4).all():
            break
    return _distinct(np.concatenate([climbed, X]), np.concatenate([heights, values]), taken)


def _distinct(X: Float64[np.ndarray, "m d"], values: Float64[np.ndarray, " m"], taken: set[bytes]) -> Maxima:
    """The different points that are not taken, the best first."""
    keys = row_keys(X)
    kept: list[int] = []
    seen = set(taken)
    for i in np.argsort(-values, kind="stable"):
        if keys[i] not in seen:
            seen.add(keys[i])
            kept.append(int(i))
    return Maxima(X[kept], values[kept])


def _candidates(
    domain: Domain,
    anchors: Float64[np.ndarray, "a d"],
    lengthscales: Float64[np.ndarray, " d"],
    rng: np.random.Generator,
) -> Float64[np.ndarray, "m d"]:
    """Random points, half of them from all over the domain, the others near to the anchors or between two of them."""
    spread = domain.sample(RAW // 2, rng)
    if not len(anchors) or not len(spread):
        return spread
    count, d = RAW - len(spread), anchors.shape[1]
    near = anchors[rng.integers(len(anchors), size=count)]
    changed = rng.random((count, d)) < max(1.0 / d, min(1.0, 3.0 / d))
    categorical = domain.encoding.categorical
    scales = rng.choice(SCALES, size=(count, 1)) * np.minimum(lengthscales, 1.0)
    moved = np.abs(near + scales * rng.standard_normal((count, d)))
    moved = np.where(moved > 1.0, np.maximum(2.0 - moved, 0.0), moved)
    elsewhere = spread[rng.integers(len(spread), size=count)]
    moved[:, categorical] = elsewhere[:, categorical]
    crossed = rng.random(count) < 0.2
    other = anchors[rng.integers(len(anchors), size=count)]
    moved[crossed] = other[crossed]
    near = domain.project(np.where(changed, moved, near))
    return np.concatenate([spread, near[domain.feasible(near)]])


def _starts(
    X: Float64[np.ndarray, "m d"],
    values: Float64[np.ndarray, " m"],
    lengthscales: Float64[np.ndarray, " d"],
    rng: np.random.Generator,
) -> list[int]:
    """Where to climb from: the best candidates that are apart, and some drawn by their values (Boltzmann)."""
    chosen: list[int] = []
    for i in np.argsort(-values, kind="stable")[: 8 * STARTS]:
        apart = all(np.abs((X[i] - X[j]) / np.minimum(lengthscales, 1.0)).max() > 0.05 for j in chosen)
        if apart:
            chosen.append(int(i))
        if len(chosen) == STARTS // 2:
            break
    z = (values - values.mean()) / max(float(values.std()), 1e-12)
    gumbel = -np.log(-np.log(rng.uniform(1e-12, 1.0 - 1e-12, len(z))))  # the largest are drawn without replacement
    for i in np.argsort(-(2.0 * z + gumbel), kind="stable"):
        if len(chosen) >= min(STARTS, len(X)):
            break
        if int(i) not in chosen:
            chosen.append(int(i))
    return chosen


def _climb(
    acquisition: AcquisitionFunction,
    domain: Domain,
    X: Float64[np.ndarray, "k d"],
    lengthscales: Float64[np.ndarray, " d"],
) -> tuple[Float64[np.ndarray, "k d"], Float64[np.ndarray, " k"]]:
    """Spectral projected gradient ascent of all starts in lock step, ended by a projection onto the domain.

    Birgin, Martínez and Raydan 2000, "Nonmonotone spectral projected gradient methods on convex sets", SIAM J. Optim.
    10(4), algorithm 2.1, monotone, in coordinates z = x / l; a step out of the linear constraints is shortened.
    """
    free = _climbing(domain, X)
    scale = np.minimum(lengthscales, 1.0)
    values, gradients = acquisition.value_and_gradient(X)
    if not free.any():
        return X, values
    start, start_values = X, values
    slopes = np.where(free, gradients * scale, 0.0)
    steps = 0.1 / np.maximum(np.abs(slopes).max(axis=1), 1e-12)
    for _ in range(ITERATIONS):
        direction = np.clip(X / scale + steps[:, None] * slopes, 0.0, 1.0 / scale) - X / scale
        ascent = (direction * slopes).sum(axis=1)
        if (ascent < 1e-6).all():
            break
        following, new_values, new_gradients = _search_line(
            acquisition, domain, X, values, gradients, direction * scale, ascent
        )
        moved, new_slopes = (following - X) / scale, np.where(free, new_gradients * scale, 0.0)
        curvature = -(moved * (new_slopes - slopes)).sum(axis=1)
        squared = (moved**2).sum(axis=1)
        steps = np.where(curvature > 1e-12, np.clip(squared / np.maximum(curvature, 1e-12), 1e-6, 1e3), 2.0 * steps)
        X, values, gradients, slopes = following, new_values, new_gradients, new_slopes
    X = domain.project(X)
    values = np.where(domain.feasible(X), acquisition.value(X), -np.inf)
    worse = values < start_values
    return np.where(worse[:, None], start, X), np.where(worse, start_values, values)


def _search_line(
    acquisition: AcquisitionFunction,
    domain: Domain,
    X: Float64[np.ndarray, "k d"],
    values: Float64[np.ndarray, " k"],
    gradients: Float64[np.ndarray, "k d"],
    direction: Float64[np.ndarray, "k d"],
    ascent: Float64[np.ndarray, " k"],
) -> tuple[Float64[np.ndarray, "k d"], Float64[np.ndarray, " k"], Float64[np.ndarray, "k d"]]:
    """For each row a step along its direction that climbs enough (Armijo) and stays feasible; no step if none does."""
    X, values, gradients = X.copy(), values.copy(), gradients.copy()
    open_rows = np.flatnonzero(ascent >= 1e-6)
    share = 1.0
    for _ in range(BACKTRACKS):
        if not len(open_rows):
            break
        trial = X[open_rows] + share * direction[open_rows]
        trial_values, trial_gradients = acquisition.value_and_gradient(trial)
        enough = trial_values >= values[open_rows] + ARMIJO * share * ascent[open_rows]
        if domain.encoding.space.constraints:
            enough &= domain.feasible(trial)
        taken = open_rows[enough]
        X[taken], values[taken], gradients[taken] = trial[enough], trial_values[enough], trial_gradients[enough]
        open_rows = open_rows[~enough]
        share *= 0.3
    return X, values, gradients


def _climbing(domain: Domain, X: Float64[np.ndarray, "k d"]) -> Bool[np.ndarray, "k d"]:
    """The entries that gradients may move: active numbers with many levels that are not given."""
    levels = domain.encoding.levels
    columns = ~domain.encoding.categorical & ((levels == 0) | (levels > RELAXED))
    for j in domain.positions:
        columns[j] = False
    return domain.encoding.active(X) & columns


def _move(
    acquisition: AcquisitionFunction,
    domain: Domain,
    X: Float64[np.ndarray, "k d"],
    values: Float64[np.ndarray, " k"],
    rng: np.random.Generator,
) -> tuple[Float64[np.ndarray, "k d"], Float64[np.ndarray, " k"]]:
    """The best move in one discrete column, for each row, again and again until none improves."""
    for _ in range(2 * X.shape[1]):
        origins, neighbours = _neighbours(domain, X, rng)
        if not len(origins):
            break
        heights = acquisition.value(neighbours)
        order = np.lexsort((-heights, origins))
        rows, first = np.unique(origins[order], return_index=True)
        best = order[first]
        better = heights[best] > values[rows] + 1e-9
        if not better.any():
            break
        X, values = X.copy(), values.copy()
        X[rows[better]], values[rows[better]] = neighbours[best[better]], heights[best[better]]
    return X, values


def _neighbours(
    domain: Domain, X: Float64[np.ndarray, "k d"], rng: np.random.Generator
) -> tuple[np.ndarray, Float64[np.ndarray, "m d"]]:
    """For each row, the feasible points that differ from it in one discrete column; with the rows' numbers."""
    encoding = domain.encoding
    active = encoding.active(X)
    origins, found = [], []
    for j, name in enumerate(encoding.space.searched):
        levels = int(encoding.levels[j])
        rows = np.flatnonzero(active[:, j])
        if levels == 0 or not len(rows) or len(domain.positions.get(j, (0.0, 1.0))) == 1:
            continue
        if encoding.categorical[j] or levels <= LISTED:
            targets = np.tile(domain.positions.get(j, encoding.positions(name)), (len(rows), 1))
        else:
            jumps = np.array([-4, -2, -1, 1, 2, 4]) / levels
            targets = np.clip(X[rows, j, None] + jumps, 0.0, 1.0)
            if levels <= RELAXED:
                targets = np.concatenate([targets, rng.random((len(rows), 4))], axis=1)
        near = np.repeat(X[rows], targets.shape[1], axis=0)
        near[:, j] = targets.ravel()
        origins.append(np.repeat(rows, targets.shape[1]))
        found.append(near)
    if not found:
        return np.empty(0, dtype=int), X[:0]
    neighbours, rows = domain.project(np.concatenate(found)), np.concatenate(origins)
    kept = domain.feasible(neighbours) & (neighbours != X[rows]).any(axis=1)
    return rows[kept], neighbours[kept]
