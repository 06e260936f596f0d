"""What speaks against trusting a search as it stands: few results, a model that predicts nothing, bounds never kept.

The questions are those of Ax's health checks (`ax.analysis.healthcheck`) as far as nothing else here answers them: that
a range is too narrow, `headstock.analysis.boundaries` tells, and why trials fail, `headstock.analysis.failures`.
"""

import math
from dataclasses import dataclass
from enum import StrEnum
from statistics import NormalDist
from typing import Final, final

import numpy as np
from jaxtyping import Float64

from headstock.analysis.baseline import Comparison, against_baseline
from headstock.analysis.model import Model
from headstock.analysis.transfer import Transfer
from headstock.errors import NoResultError
from headstock.history import History
from headstock.objective import OutcomeConstraint
from headstock.trial import TrialRecord, TrialState

FEWEST: Final = 5
"""From how many results something is said of them, and how many a model needs at least."""

PER_DIMENSION: Final = 2
"""How many results a model needs for each dimension, as many as Ax draws at random before it models."""

POOR: Final = 0.1
"""Below which R² of leave-one-out predictions a metric counts as not predicted, as in Ax."""

NOISY: Final = 0.5
"""From which share of a metric's variance on noise is the larger part."""

LONG: Final = 20
"""For how many results there must have been no improvement; and for at least half of all."""

UNRELATED: Final = 0.3
"""Below which rank correlation an early value says little of the last one, and an earlier experiment of this one."""

ALIKE: Final = 0.1
"""Below which share of the spread of early values whole trainings count as ending alike."""

SURE: Final = 0.95
"""From which probability on a bounded metric counts as worse than the baseline's, as in Ax."""

SPENT: Final = 0.1
"""And from which part on of the way from the baseline to the bound."""

LIGHT: Final = 0.1
"""Below which weight, either way, an earlier experiment next to never counts."""


class Kind(StrEnum):
    """What is the matter."""

    ALIKE = "alike"
    """Every value of the metric is the same."""
    BROKEN = "broken"
    """No result keeps the bound; `value` is the nearest one."""
    NEVER_TOGETHER = "never together"
    """Each bound is kept by some result, and all of them by none."""
    FEW = "few"
    """The model rests on few results; `value` is how many there should be."""
    NOISE = "noise"
    """More of the metric's variance is noise than is not; `value` is its share."""
    UNPREDICTED = "unpredicted"
    """The model predicts the metric hardly better than its mean does; `value` is R²."""
    NO_BETTER = "no better"
    """Nothing is believed better than the baseline."""
    WORSE = "worse"
    """The best believed arm is worse than the baseline in a bounded metric; `value` is by how much."""
    MISTAUGHT = "mistaught"
    """The earlier experiment `name` does not predict this one; `value` is their rank correlation."""
    STALLED = "stalled"
    """The best result is old; `value` is its trial."""
    TOO_EARLY = "too early"
    """What a training reported after step `value`, where others were given up, says little of what it came to."""


@final
@dataclass(frozen=True, slots=True)
class Concern:
    """Something that speaks against trusting the search as it stands.

    Args:
        kind: what it is.
        metric: the metric that it is about.
        count: how many results, or whole trainings, say so.
        value: a number that tells more, where `Kind` says so.
        constraint: the bound that it is about; None if it is about none, or about all.
        name: the earlier experiment that it is about, where `Kind` says so.
    """

    kind: Kind
    metric: str
    count: int
    value: float = 0.0
    constraint: OutcomeConstraint | None = None
    name: str = ""


def concerns(
    history: History,
    model: Model | None,
    comparison: Comparison | None = None,
    taught: Transfer | None = None,
) -> tuple[Concern, ...]:
    """What speaks against trusting the search as it stands, the gravest first; empty if nothing does.

    Args:
        history: the experiment.
        model: what is believed of it; None if there is no model.
        comparison: with the baseline; with the first trial, if somebody gave it, if left out.
        taught: what earlier experiments count; nothing is said of them if left out.
    """
    metrics = [metric for metric in history.measured_metrics if _count(history, metric) >= FEWEST]
    alike = [Concern(Kind.ALIKE, m, _count(history, m)) for m in metrics if np.nanstd(history.values(m)[0]) == 0]
    same = {concern.metric for concern in alike}
    # What persons judge is a belief itself, and comes with its errors: it is no measurement to be checked.
    same |= {history.objective.metric} if history.objective.judged else set()
    judged: list[Concern] = []
    if model is not None:
        needed = max(FEWEST, PER_DIMENSION * model.encoding.dimensions)
        if len(history.observed) < needed:
            judged.append(Concern(Kind.FEW, history.objective.metric, len(history.observed), needed))
        else:
            judged += [c for m in metrics if m in model.surrogates and m not in same for c in _judged(model, m)]
            comparison = comparison or against_baseline(model)
            judged += [] if comparison is None else _beside(history, comparison)
    judged += [] if taught is None else _mistaught(history, taught)
    return (*alike, *_bounds(history), *judged, *_stalled(history), *_too_early(history))


def _count(history: History, metric: str) -> int:
    return int(np.isfinite(history.values(metric)[0]).sum())


def _bounds(history: History) -> list[Concern]:
    """The outcome constraints that no result keeps."""
    found = []
    for constraint in history.outcome_constraints:
        values = history.values(constraint.metric)[0]
        values = values[np.isfinite(values)]
        if len(values) >= FEWEST and not any(map(constraint.holds, values)):
            nearest = float(values.max() if constraint.at_least else values.min())
            found.append(Concern(Kind.BROKEN, constraint.metric, len(values), nearest, constraint))
    results = len(history.observed)
    if not found and results >= FEWEST and not history.feasible:
        found.append(Concern(Kind.NEVER_TOGETHER, history.objective.metric, results))
    return found


def _judged(model: Model, metric: str) -> list[Concern]:
    """Whether the model of a metric is any good."""
    surrogate = model.surrogate(metric)
    count = len(surrogate.y)
    # Both on the surrogate's scale, which is that of its noise.
    noise = float(np.mean(surrogate.posterior.noise) / np.var(surrogate.y))
    if noise >= NOISY:
        return [Concern(Kind.NOISE, metric, count, min(noise, 1.0))]
    try:
        predicted = model.cross_validate(metric).r_squared
    except NoResultError:
        return []
    return [Concern(Kind.UNPREDICTED, metric, count, predicted)] if predicted < POOR else []


def _beside(history: History, comparison: Comparison) -> list[Concern]:
    """Whether the best believed arm is no better than the baseline, or worse in a bounded metric."""
    results = len(history.observed)
    found = [] if comparison.probability >= 0.5 else [Concern(Kind.NO_BETTER, history.objective.metric, results)]
    changes = {change.metric: change for change in comparison.changes}
    for constraint in history.outcome_constraints:
        change, sign = changes.get(constraint.metric), 1.0 if constraint.at_least else -1.0
        if change is None or change.worse is None or change.worse < SURE:
            continue
        if -sign * change.difference > SPENT * max(sign * (change.before - constraint.bound), 0.0):
            found.append(Concern(Kind.WORSE, constraint.metric, results, abs(change.difference), constraint))
    return found


def _mistaught(history: History, taught: Transfer) -> list[Concern]:
    """The earlier experiments that predict badly; a good one may have no weight either, next to many results."""
    if not taught.counts or taught.results < FEWEST:
        return []
    metric = history.objective.metric
    return [
        Concern(Kind.MISTAUGHT, metric, taught.results, lesson.correlation, name=lesson.name)
        for lesson in taught.lessons
        if abs(lesson.weight) < LIGHT and lesson.correlation < UNRELATED
    ]


def _stalled(history: History) -> list[Concern]:
    """Whether the best result is an old one."""
    best = history.best_seen()
    if best is None:
        return []
    after = sum(trial.index > best.index for trial in history.feasible)
    is_long = after >= max(LONG, len(history.feasible) / 2)
    return [Concern(Kind.STALLED, history.objective.metric, after, best.index)] if is_long else []


def _too_early(history: History) -> list[Concern]:
    """Whether trainings are given up at a step that says little of their ends, by those that were not.

    If it says little, whole trainings are any ones. Where these end alike, so do the others, and little is lost.
    """
    metric = history.objective.metric
    given_up = [t for t in history if t.state in (TrialState.STOPPED, TrialState.PAUSED) and t.reports.get(metric)]
    if len(given_up) < FEWEST:
        return []
    step = int(np.median([trial.step for trial in given_up]))
    whole = [
        (early, trial.objective_mean)
        for trial in history.observed
        if trial.state is TrialState.COMPLETED and trial.step > step and (early := _at(trial, metric, step)) is not None
    ]
    if len(whole) < FEWEST:
        return []
    pairs = np.array(whole)
    others = [early for trial in given_up if (early := _at(trial, metric, step)) is not None]
    if (pairs.std(axis=0) == 0).any() or _spread(pairs[:, 1]) < ALIKE * _spread(np.append(pairs[:, 0], others)):
        return []
    from scipy.stats import spearmanr  # takes half a second to load

    highest = _at_most(float(spearmanr(pairs[:, 0], pairs[:, 1]).statistic), len(whole))
    return [Concern(Kind.TOO_EARLY, metric, len(whole), step)] if highest < UNRELATED else []


def _at_most(correlation: float, count: int) -> float:
    """The upper quartile of a rank correlation that was found among few, which is that low by chance often enough.

    tanh(artanh ρ + Φ⁻¹(¾) √(1.06 / (n - 3))) (Fieller, Hartley and Pearson 1957, "Tests for rank correlation
    coefficients")
    """
    finite = min(max(correlation, -0.999), 0.999)
    return math.tanh(math.atanh(finite) + NormalDist().inv_cdf(0.75) * math.sqrt(1.06 / (count - 3)))


def _spread(values: Float64[np.ndarray, " n"]) -> float:
    """The distance between the quartiles."""
    low, high = np.quantile(values, [0.25, 0.75])
    return float(high - low)


def _at(trial: TrialRecord, metric: str, step: int) -> float | None:
    """What a training had reported when it was at a step; None if nothing."""
    reported = [o.mean for o in trial.reports.get(metric, ()) if (o.step or 0) <= step]
    return reported[-1] if reported else None
