"""What earlier experiments count in a new one that was made with `warm_start=`, as the sampler weighs them."""

from dataclasses import dataclass
from typing import final

import numpy as np

from headstock.analysis.cross_validation import rank_correlation
from headstock.encoding import Encoding
from headstock.errors import NumericalError
from headstock.gp.linalg import one_thread
from headstock.history import History
from headstock.samplers.base import Sampler
from headstock.samplers.bayesian import Bayesian
from headstock.samplers.beliefs import learn
from headstock.samplers.precedents import trend_of


@final
@dataclass(frozen=True, slots=True)
class Lesson:
    """What one earlier experiment counts.

    Args:
        name: its name.
        weight: of its predictions in the prior mean, both on standard scale: 1 as they are, 0 not at all, negative
            upside down.
        correlation: the rank correlation of the results with what the earlier experiment alone predicts of them, which
            has seen none; 0 if it predicts the same of all.
    """

    name: str
    weight: float
    correlation: float


@final
@dataclass(frozen=True, slots=True)
class Transfer:
    """What all earlier experiments count.

    Args:
        lessons: of each of them.
        results: how many results say so.
        counts: whether they may count in every second suggestion; else they count no more, whatever they predict.
    """

    lessons: tuple[Lesson, ...]
    results: int
    counts: bool


@one_thread()
def transfer(history: History, sampler: Sampler | None) -> Transfer | None:
    """How much each earlier experiment counts, and how well it predicts the results.

    The weights are those of the sampler's own beliefs: 0 if it leaves the earlier experiments out, as each result is
    predicted better from the others without them (`headstock.samplers.beliefs.learn`).

    Args:
        history: the new experiment.
        sampler: of the new experiment.

    Returns:
        None if there are no earlier experiments, or too few results to weigh them.
    """
    if not isinstance(sampler, Bayesian) or not sampler.precedents or not sampler.has_enough(history):
        return None
    encoding, counts = Encoding.of(history.space), sampler.learns_from_before(history)
    X = history.points(encoding.encode)
    try:
        trend = trend_of(sampler.precedents, encoding)
        counting = learn(history, encoding, X, trend).objective.posterior.trend if counts else None
    except (NumericalError, np.linalg.LinAlgError):
        return None
    weights = np.zeros(len(sampler.precedents)) if counting is None else counting.weights
    values, _ = history.values(history.objective.metric)
    results = history.objective.sign * values
    predicted = trend.features(X[history.observed_rows]).round(9)  # errors of rounding are no order
    lessons = [
        Lesson(precedent.name, weight, float(np.nan_to_num(rank_correlation(results, of_one))))
        for precedent, weight, of_one in zip(sampler.precedents, weights.tolist(), predicted.T, strict=True)
    ]
    return Transfer(tuple(lessons), len(results), counts)
