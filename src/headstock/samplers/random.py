"""Independent random points: the baseline that every other sampler has to beat."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from headstock.domain import Domain
from headstock.encoding import Encoding
from headstock.history import History
from headstock.parameters import Parameters
from headstock.samplers.base import NOTHING, Suggestion
from headstock.samplers.untried import explained, untried


@final
@dataclass(frozen=True, slots=True)
class Random:
    """Draws parameters evenly from their (linear or logarithmic) scales and categories, whatever the results."""

    def suggest(
        self, history: History, count: int, rng: np.random.Generator, given: Parameters = NOTHING
    ) -> Sequence[Suggestion]:
        """Random configurations that are feasible and new (see `Sampler.suggest`)."""
        domain = Domain.of(Encoding.of(history.space), given)
        draws = (domain.sample(max(count, 32), rng) for _ in range(4))
        points = untried(history, domain, count, draws, rng)
        because = explained(domain, "drawn at random")
        return [Suggestion(domain.decode(x), because, source="random") for x in points]

    def to_json(self) -> dict[str, Any]:
        """The sampler as JSON."""
        return {"kind": "random"}
