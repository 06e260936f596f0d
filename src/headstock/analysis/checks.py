"""What speaks against trusting a search as it stands: few results, a model that predicts nothing, bounds never kept.

The questions are those of Ax's health checks (`ax.analysis.healthcheck`) as far as nothing else here answers them: that
a range is too narrow, `headstock.analysis.boundaries` tells, and why trials fail, `headstock.analysis.failures`.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, final

import numpy as np

from headstock.analysis.model import Model
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
"""Below which rank correlation an early value says little of the last one."""


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
    """

    kind: Kind
    metric: str
    count: int
    value: float = 0.0
    constraint: OutcomeConstraint | None = None


def concerns(history: History, model: Model | None) -> tuple[Concern, ...]:
    """What speaks against trusting the search as it stands, the gravest first; empty if nothing does.

    Args:
        history: the experiment.
        model: what is believed of it; None if there is no model.
    """
    metrics = [metric for metric in history.measured_metrics if _count(history, metric) >= FEWEST]
    alike = [Concern(Kind.ALIKE, m, _count(history, m)) for m in metrics if np.nanstd(history.values(m)[0]) == 0]
    same = {concern.metric for concern in alike}
    judged: list[Concern] = []
    if model is not None:
        needed = max(FEWEST, PER_DIMENSION * model.encoding.dimensions)
        if len(history.observed) < needed:
            judged.append(Concern(Kind.FEW, history.objective.metric, len(history.observed), needed))
        else:
            judged += [c for m in metrics if m in model.surrogates and m not in same for c in _judged(model, m)]
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


def _stalled(history: History) -> list[Concern]:
    """Whether the best result is an old one."""
    best = history.best_seen()
    if best is None:
        return []
    after = sum(trial.index > best.index for trial in history.feasible)
    is_long = after >= max(LONG, len(history.feasible) / 2)
    return [Concern(Kind.STALLED, history.objective.metric, after, best.index)] if is_long else []


def _too_early(history: History) -> list[Concern]:
    """Whether trainings are given up at a step that says little of their ends, by those that were not."""
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
    if (pairs.std(axis=0) == 0).any():
        return []
    from scipy.stats import spearmanr  # takes half a second to load

    is_unrelated = float(spearmanr(pairs[:, 0], pairs[:, 1]).statistic) < UNRELATED
    return [Concern(Kind.TOO_EARLY, metric, len(whole), step)] if is_unrelated else []


def _at(trial: TrialRecord, metric: str, step: int) -> float | None:
    """What a training had reported when it was at a step; None if nothing."""
    reported = [o.mean for o in trial.reports.get(metric, ()) if (o.step or 0) <= step]
    return reported[-1] if reported else None
