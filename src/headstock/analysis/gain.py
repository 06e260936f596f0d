"""Is it worth going on? What the next trials are expected to gain, and what they cost."""

from dataclasses import dataclass
from typing import Final, final

import numpy as np
from jaxtyping import Float64

from headstock.analysis.model import Model
from headstock.analysis.optima import Optima
from headstock.errors import NoResultError
from headstock.history import History

LEVEL: Final = 0.8
"""The probability of the intervals in `Prospect`."""

MOST_TRIALS: Final = 20
LATEST: Final = 10


@final
@dataclass(frozen=True, slots=True, eq=False)
class Prospect:
    """What going on would bring, according to the model.

    Args:
        metric: the objective, in whose units the gains are.
        expected: the expected gain of the next 1, 2 ... trials over the best arm that was tried; at least 0.
        lower: the lower ends of the gains' central 80 % intervals.
        upper: their upper ends.
        ceiling: the expected gain of a search that found the best of all points that were looked at.
        seconds: how long one trial takes; None if it is not known.
    """

    metric: str
    expected: Float64[np.ndarray, " k"]
    lower: Float64[np.ndarray, " k"]
    upper: Float64[np.ndarray, " k"]
    ceiling: float
    seconds: float | None


def prospect(model: Model, optima: Optima | None = None) -> Prospect:
    """The expected gain of the next 1 … 20 trials.

    With f drawn from the posterior, A the arms that were tried and B_k a batch of k points,

        gain(B_k) = max(0, max_{x in B_k} f(x) - max_{x in A} f(x))

    B_k grows greedily by the point that raises the expected gain most: it is submodular, so that k points gain at least
    1 - 1/e of what the best batch of k would (Nemhauser, Wolsey and Fisher 1978; for batches of trials Wilson, Hutter
    and Deisenroth 2018, "Maximizing acquisition functions for Bayesian optimization", section 4). A sampler that sees
    each result before it chooses the next point does better than a batch, so the gains err on the low side. The points
    are chosen on one half of the draws and judged on the other.

    Args:
        model: what is believed.
        optima: draws from it; drawn if left out.

    Raises:
        NoResultError: if no arm is believed to keep the outcome constraints, or everything was tried.
    """
    drawn = Optima.of(model) if optima is None else optima
    if not len(drawn.points):
        raise NoResultError("Every point of the space was tried, so there is nothing left to gain.")
    gains = np.maximum(drawn.of_points - drawn.of_arms.max(axis=1, keepdims=True), 0.0)
    choose, judge = gains[::2], gains[1::2]
    if not len(judge):
        raise NoResultError("Hardly any draw of the model keeps the outcome constraints. Run more trials first.")
    chosen_best, judged_best = np.zeros(len(choose)), np.zeros(len(judge))
    rows = []
    for _ in range(min(MOST_TRIALS, gains.shape[1])):
        j = int(np.maximum(choose, chosen_best[:, None]).mean(axis=0).argmax())
        chosen_best, judged_best = np.maximum(chosen_best, choose[:, j]), np.maximum(judged_best, judge[:, j])
        lower, upper = np.quantile(judged_best, [0.5 * (1 - LEVEL), 0.5 * (1 + LEVEL)])
        rows.append((judged_best.mean(), lower, upper))
    expected, low, high = np.array(rows).T
    ceiling = float(judge.max(axis=1).mean())
    return Prospect(model.history.objective.metric, expected, low, high, ceiling, seconds_per_trial(model.history))


def seconds_per_trial(history: History) -> float | None:
    """The mean time of the latest ten evaluations that were finished; None if there is none."""
    timed = sorted((t.finished or 0.0, t.seconds) for t in history if t.seconds is not None and t.source != "attached")
    latest = [seconds for _, seconds in timed[-LATEST:]]
    return float(np.mean(latest)) if latest else None
