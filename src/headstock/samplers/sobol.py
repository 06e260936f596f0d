"""Points that cover the space evenly: the centre, then a scrambled Sobol sequence.

Sobol (1967), USSR Computational Mathematics and Mathematical Physics 7(4); scipy's direction numbers are those of Joe
and Kuo (2008), SIAM Journal on Scientific Computing 30(5), its scrambling that of Matousek (1998), J. of Complexity
14(4).
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from typing import Any, Final, final

import numpy as np
from jaxtyping import Float64

from headstock.domain import Domain
from headstock.encoding import Encoding
from headstock.history import History
from headstock.parameters import Parameters
from headstock.samplers.base import NOTHING, Suggestion
from headstock.samplers.untried import explained, untried

_DOUBLINGS: Final = 7
_FIRST_BLOCK: Final = 64  # a power of two, for which Sobol points are balanced (scipy warns of others)


@final
@dataclass(frozen=True, slots=True)
class Sobol:
    """Covers the space more evenly than random points do.

    The sequence is scrambled by the experiment's seed; as many points are skipped as there are trials.

    Args:
        centre: begin an empty history with the centre of the space; of an unordered choice, the first value.
    """

    centre: bool = True

    def suggest(
        self, history: History, count: int, rng: np.random.Generator, given: Parameters = NOTHING
    ) -> Sequence[Suggestion]:
        """The next points of the sequence that are feasible and new (see `Sampler.suggest`)."""
        domain = Domain.of(Encoding.of(history.space), given)
        centre = _centre(domain)
        first = [centre] if self.centre and not len(history) else []
        start = max(len(history) - self.centre, 0)
        points = untried(history, domain, count, chain(first, _sequence(domain, history.seed, start)), rng)
        return [
            Suggestion(
                domain.decode(x),
                because=explained(domain, "in the centre" if first and (x == centre).all() else "spread evenly"),
                source="sobol",
            )
            for x in points
        ]

    def to_json(self) -> dict[str, Any]:
        """The sampler as JSON."""
        return {"kind": "sobol", **asdict(self)}


def _centre(domain: Domain) -> Float64[np.ndarray, "1 d"]:
    """The middle of every scale and the first of every category: people list the usual one first."""
    return domain.from_uniform(np.where(domain.encoding.categorical, 0.0, 0.5)[None, :])


def _sequence(domain: Domain, seed: int, start: int) -> Iterator[Float64[np.ndarray, "_ d"]]:
    """The sequence from a point on, in blocks that grow, until it is no use to go on."""
    from scipy.stats import qmc  # takes half a second to load

    searched, d = len(domain.encoding.space.searched), domain.encoding.dimensions
    engine = qmc.Sobol(searched, scramble=True, seed=np.random.default_rng(seed))
    if start:  # scipy cannot skip no points at all
        engine.fast_forward(start)
    for doubling in range(_DOUBLINGS):
        U = np.zeros((_FIRST_BLOCK << doubling, d))
        U[:, :searched] = engine.random(len(U))
        yield domain.from_uniform(U)
