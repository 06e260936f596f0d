"""What the samplers without a model share: no configuration twice, and none that may not be."""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final

import numpy as np
from jaxtyping import Float64

from headstock.domain import Domain, are_among, row_keys, tried
from headstock.errors import ParameterError, SpaceError, SpaceExhaustedError
from headstock.history import History

ENUMERABLE: Final = 100_000
"""A finite domain of at most so many points is listed when chance finds nothing new; a larger one does not run out."""

_BLOCK: Final = 256


def untried(
    history: History, domain: Domain, count: int, blocks: Iterable[Float64[np.ndarray, "_ d"]], rng: np.random.Generator
) -> Float64[np.ndarray, "k d"]:
    """The first `count` feasible points off `blocks` that no trial has, then random ones; fewer if fewer are left.

    If the given values leave nothing to choose, they are wanted as they are, tried before or not.

    Raises:
        SpaceExhaustedError: if trials have every point.
        ParameterError: if the given values break the constraints.
        SpaceError: if no configuration keeps the constraints.
    """
    known = tried(history, domain.encoding)
    found: dict[bytes, Float64[np.ndarray, " d"]] = {}
    for X in chain(blocks, _others(domain, len(history), rng)):
        new = X[domain.feasible(X)]
        if not domain.is_decided:
            new = new[~are_among(new, known)]
        for x, key in zip(new, row_keys(new), strict=True):
            found.setdefault(key, x)
            if len(found) == count:
                return np.stack([*found.values()])
    if not found:
        raise _nothing_left(domain, rng)
    return np.stack([*found.values()])


def explained(domain: Domain, because: str) -> str:
    """Why a point of the domain is suggested, if it is `because` as far as it was not given."""
    if not domain.given:
        return because
    return "as given" if domain.is_decided else f"{because}, but as given"


def _others(domain: Domain, tried: int, rng: np.random.Generator) -> Iterator[Float64[np.ndarray, "_ d"]]:
    """All points of a small finite domain in random order, or many random points of another."""
    points = domain.points(ENUMERABLE)
    if points is not None:
        yield rng.permutation(points)
        return
    for _ in range(8 + 2 * tried // _BLOCK):
        yield domain.sample(_BLOCK, rng)


def _nothing_left(domain: Domain, rng: np.random.Generator) -> Exception:
    """Why there is no untried point."""
    with_given = f" with {dict(domain.given)!r}" if domain.given else ""
    if len(domain.sample(1, rng)):
        return SpaceExhaustedError(
            f"Every configuration{with_given} was tried or is being tried. Widen the space, or stop here."
        )
    constraints = ", ".join(map(str, domain.encoding.space.constraints))
    if domain.given:
        return ParameterError(f"No configuration{with_given} keeps the constraints {constraints}. Give other values.")
    return SpaceError(f"No configuration keeps the constraints {constraints}. Relax one of them.")
