"""Which trials no other trial beats in both of two metrics."""

from collections.abc import Sequence

import numpy as np

from headstock.history import History
from headstock.trial import TrialRecord


def direction(history: History, metric: str) -> float | None:
    """+1 if more of a metric is better, -1 if less is, by the objective or a bound on it; None if nobody said."""
    if metric == history.objective.metric:
        return history.objective.sign
    signs = {1.0 if c.at_least else -1.0 for c in history.outcome_constraints if c.metric == metric}
    return signs.pop() if len(signs) == 1 else None


def pareto_front(history: History, x: str, y: str) -> Sequence[TrialRecord] | None:
    """The trials that keep every outcome constraint and that no other such trial beats, by what was measured.

    a beats b if it is at least as good in both metrics and better in one (Emmerich and Deutz 2018, "A tutorial on
    multiobjective optimization", definition 4). In the order of x from good to poor, these are the trials whose y is
    better than every y before.

    Args:
        history: the experiment.
        x: a metric.
        y: another one.

    Returns:
        The front from the best to the poorest x, of equal trials the first; None where a metric has no direction.
    """
    x_sign, y_sign = direction(history, x), direction(history, y)
    if x_sign is None or y_sign is None:
        return None
    trials = [t for t in history.feasible if x in t.metrics and y in t.metrics]
    worth = np.array([(x_sign * t.metrics[x].mean, y_sign * t.metrics[y].mean) for t in trials]).reshape(-1, 2)
    front, reached = [], -np.inf
    for i in np.lexsort(-worth.T[::-1]):  # by x, and by y where x is equal
        if worth[i, 1] > reached:
            front.append(trials[i])
            reached = worth[i, 1]
    return front
