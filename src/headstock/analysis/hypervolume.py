"""How much of two metrics the Pareto front dominates, and how that grew."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

from headstock.analysis.pareto import direction, pareto_front
from headstock.history import History
from headstock.trial import TrialRecord

MARGIN: Final = 0.1
"""How far beyond the poorest end of the front its reference lies, as a share of the front's range."""


@final
@dataclass(frozen=True, slots=True)
class Hypervolume:
    """The hypervolume of two metrics over the trials.

    Args:
        x: a metric.
        y: another one.
        reference: the value of each from which on it counts.
        trials: the trials with which it grew, by index.
        values: the hypervolume with each of them, in the product of the units of the metrics.
    """

    x: str
    y: str
    reference: tuple[float, float]
    trials: tuple[int, ...]
    values: tuple[float, ...]


def hypervolume(
    history: History, x: str, y: str, *, reference: tuple[float, float] | None = None
) -> Hypervolume | None:
    """The area that the trials up to each one dominate, by what was measured, if they keep every outcome constraint.

    HV(P, r) = area of the union over p in P of the rectangles between p and r (Zitzler and Thiele 1998, "Multiobjective
    optimization using evolutionary algorithms: a comparative case study", where it is the size of the space covered).
    For two metrics that is a staircase, so it is exact: a trial that is not beaten adds the part of its rectangle that
    lies above the stairs.

    Args:
        history: the experiment.
        x: a metric.
        y: another one.
        reference: r. If left out, the bound on a metric where there is one; else a tenth of the front's range beyond
            its poorest end (Ishibuchi et al. 2018, "How to specify a reference point in hypervolume calculation", and
            as BoTorch's infer_reference_point), or the poorest value of all where the front has no range.

    Returns:
        None where a metric has no direction, or no trial that keeps every constraint has both.
    """
    x_sign, y_sign = direction(history, x), direction(history, y)
    trials = [t for t in history.feasible if x in t.metrics and y in t.metrics]
    if x_sign is None or y_sign is None or not trials:
        return None
    front = pareto_front(history, x, y) or ()
    r = reference or (_reference(history, x, x_sign, front, trials), _reference(history, y, y_sign, front, trials))
    stairs: list[tuple[float, float]] = []  # the front so far, its first coordinate ascending, its second descending
    grown, values, area = [], [], 0.0
    for trial in trials:
        point = (x_sign * (trial.metrics[x].mean - r[0]), y_sign * (trial.metrics[y].mean - r[1]))
        gain = _climb(stairs, point) if min(point) > 0 else 0.0
        if gain > 0:
            area += gain
            grown.append(trial.index)
            values.append(area)
    return Hypervolume(x, y, r, tuple(grown), tuple(values))


def _reference(
    history: History, metric: str, sign: float, front: Sequence[TrialRecord], trials: Sequence[TrialRecord]
) -> float:
    """From which value of a metric on it counts."""
    bounds = [sign * c.bound for c in history.outcome_constraints if c.metric == metric]
    if bounds:
        return sign * max(bounds)
    on_front = [sign * t.metrics[metric].mean for t in front]
    worst, best = min(on_front), max(on_front)
    if worst < best:
        return sign * (worst - MARGIN * (best - worst))
    return sign * min(sign * t.metrics[metric].mean for t in trials)


def _climb(stairs: list[tuple[float, float]], point: tuple[float, float]) -> float:
    """Put a point into the stairs, and give the area that it adds: from its own edge to the left, step by step."""
    a, b = point
    i = bisect_left(stairs, (a, -1.0))
    height = stairs[i][1] if i < len(stairs) else 0.0
    if height >= b:
        return 0.0
    if i < len(stairs) and stairs[i][0] == a:
        del stairs[i]
    gain, edge = 0.0, a
    while i > 0 and stairs[i - 1][1] <= b:
        i -= 1
        gain += (edge - stairs[i][0]) * (b - height)
        edge, height = stairs.pop(i)
    left = stairs[i - 1][0] if i > 0 else 0.0
    gain += (edge - left) * (b - height)
    stairs.insert(i, point)
    return gain
