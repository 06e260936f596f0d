"""What a sampler is: the part of the search that chooses which parameters to try next."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Protocol, final, runtime_checkable

import numpy as np

from headstock.history import History
from headstock.parameters import Parameters

NOTHING: Final[Parameters] = MappingProxyType({})
"""No values given: every parameter is the sampler's to choose."""


@final
@dataclass(frozen=True, slots=True)
class Suggestion:
    """A configuration to try.

    Args:
        parameters: the configuration, valid in the history's space.
        because: one line on why, for a person.
        source: who suggests it, such as "sobol".
        memo: what the sampler wants to find again in the stored trial, as JSON.
    """

    parameters: Parameters
    because: str
    source: str
    memo: Mapping[str, Any] | None = None


@runtime_checkable
class Sampler(Protocol):
    """Chooses which parameters to try next.

    A sampler is pure: the same history and the same state of `rng` give the same suggestions. What it has to remember
    travels in `Suggestion.memo`.
    """

    def suggest(
        self, history: History, count: int, rng: np.random.Generator, given: Parameters = NOTHING
    ) -> Sequence[Suggestion]:
        """Up to `count` configurations, all different and none in the history yet.

        Args:
            history: everything that is known of the experiment.
            count: how many to suggest, at least 1; fewer come back only when a finite space has fewer left.
            rng: the source of randomness.
            given: values that every suggestion has.

        Raises:
            SpaceExhaustedError: if a finite space has nothing left.
            ParameterError: if no configuration has the given values.
        """
        ...

    def to_json(self) -> Mapping[str, Any] | None:
        """What `headstock.samplers.sampler_from_json` reads; None for a sampler that cannot be written down."""
        ...
