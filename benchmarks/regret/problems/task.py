"""What is raced on: a task is a function to minimise as one seed poses it, an entry is a family of tasks by seed."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

import joblib
import numpy as np

from headstock.domain import Domain
from headstock.encoding import Encoding
from headstock.parameters import Parameters
from headstock.space import Space

kept: Final = joblib.Memory(Path(__file__).parents[1] / ".evaluations", verbose=0)
"""Keeps, beside the race, what takes long to evaluate and is the same each time."""

_SAMPLES: Final = 1_000


@final
@dataclass(frozen=True, slots=True)
class Task:
    """A function to minimise.

    Args:
        space: where it is defined.
        evaluate: its value without noise; NaN where an evaluation fails.
        optimum: its smallest value; None if nobody knows (the best value of all runs stands in for it then).
    """

    space: Space
    evaluate: Callable[[Parameters], float]
    optimum: float | None = None

    def spread(self) -> float:
        """The distance of the 5 % and 95 % quantiles of random values: the range that noise is a share of."""
        encoding = Encoding.of(self.space)
        X = Domain.of(encoding, {}).sample(_SAMPLES, np.random.default_rng(0))
        values = [self.evaluate(encoding.decode(x)) for x in X]
        low, high = np.quantile([v for v in values if not math.isnan(v)], [0.05, 0.95])
        return float(high - low)


@final
@dataclass(frozen=True, slots=True)
class Entry:
    """A problem of the race.

    Args:
        group: continuous, mixed, noisy, failing, parallel or real.
        make: the task of a seed.
        noise: the standard deviation of what is added to a value, as a share of the task's spread.
        workers: how many evaluations run at the same time.
        held_out: whether it is kept aside while the engine is tuned.
    """

    group: str
    make: Callable[[int], Task]
    noise: float = 0.0
    workers: int = 1
    held_out: bool = False
