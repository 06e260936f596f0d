"""Points that cover the space evenly: the centre, then a scrambled Sobol sequence.

Sobol (1967), USSR Computational Mathematics and Mathematical Physics 7(4); scipy's direction numbers are those of Joe
and Kuo (2008), SIAM Journal on Scientific Computing 30(5), its scrambling that of Matousek (1998), J. of Complexity
14(4).
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from typing import Any, Final, Protocol, final, runtime_checkable

import numpy as np
from jaxtyping import Float64

from headstock.domain import Domain
from headstock.encoding import Encoding
from headstock.history import History
from headstock.parameters import Parameters
from headstock.samplers.base import NOTHING, Suggestion
from headstock.samplers.untried import explained, untried
from headstock.space import Fixed


@runtime_checkable
class _Prior(Protocol):
    """What is believed of the optimum (`headstock.acquisition.prior.LogPrior`)."""

    def quantiles(self, U: Float64[np.ndarray, "m d"]) -> Float64[np.ndarray, "m d"]: ...

    def likeliest(self, U: Float64[np.ndarray, "m d"]) -> Float64[np.ndarray, "m d"]: ...


_DOUBLINGS: Final = 7
_FIRST_BLOCK: Final = 64  # a power of two, for which Sobol points are balanced (scipy warns of others)


@final
@dataclass(frozen=True, slots=True)
class Sobol:
    """Covers the space more evenly than random points do.

    The sequence is scrambled by the experiment's seed; as many points are skipped as there are trials. Where a person
    believes something of the optimum (`prior=` of a parameter), every second point follows the belief.

    Args:
        centre: begin with what is believed to be the best, if anything is, and the centre of the space; of an unordered
            choice, the first value.
    """

    centre: bool = True

    def suggest(
        self, history: History, count: int, rng: np.random.Generator, given: Parameters = NOTHING
    ) -> Sequence[Suggestion]:
        """The next points of the sequence that are feasible and new (see `Sampler.suggest`)."""
        domain = Domain.of(Encoding.of(history.space), given)
        prior = _prior(domain.encoding)
        known = _known(domain, prior) if self.centre else {}
        first = list(known.values())[len(history) :]
        start = max(len(history) - len(known), 0)
        points = untried(history, domain, count, chain(first, _sequence(domain, prior, history.seed, start)), rng)
        spread = "spread evenly" if prior is None else "spread evenly, every second one as believed"
        reasons = {x.tobytes(): why for why, x in known.items()} if first else {}
        return [
            Suggestion(domain.decode(x), explained(domain, reasons.get(x.tobytes(), spread)), source="sobol")
            for x in points
        ]

    def to_json(self) -> dict[str, Any]:
        """The sampler as JSON."""
        return {"kind": "sobol", **asdict(self)}


def _prior(encoding: Encoding) -> _Prior | None:
    """What a person believes of the optimum; None if nothing."""
    if all(isinstance(p, Fixed) or p.prior is None for p in encoding.space.parameters.values()):
        return None
    from headstock.acquisition.prior import LogPrior  # loads scipy

    return LogPrior.of(encoding)


def _known(domain: Domain, prior: _Prior | None) -> dict[str, Float64[np.ndarray, "1 d"]]:
    """The points to begin with, each with its reason: what is believed to be the best, and the centre.

    The centre is the middle of every scale and the first of every category: people list the usual one first.
    """
    U = np.where(domain.encoding.categorical, 0.0, 0.5)[None, :]
    believed = {} if prior is None else {"believed to be the best": domain.from_uniform(prior.likeliest(U))}
    return {**believed, "in the centre": domain.from_uniform(U)}


def _sequence(domain: Domain, prior: _Prior | None, seed: int, start: int) -> Iterator[Float64[np.ndarray, "_ d"]]:
    """The sequence from a point on, in blocks that grow, until it is no use to go on."""
    from scipy.stats import qmc  # takes half a second to load

    searched, d = len(domain.encoding.space.searched), domain.encoding.dimensions
    engine = qmc.Sobol(searched, scramble=True, seed=np.random.default_rng(seed))
    if start:  # scipy cannot skip no points at all
        engine.fast_forward(start)
    for doubling in range(_DOUBLINGS):
        U = np.zeros((_FIRST_BLOCK << doubling, d))
        U[:, :searched] = engine.random(len(U))
        if prior is not None:
            believed = slice(start % 2, None, 2)  # blocks are even: a point's turn does not depend on where one starts
            U[believed] = prior.quantiles(U[believed])
        yield domain.from_uniform(U)
