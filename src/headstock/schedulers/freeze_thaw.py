"""Freeze-thaw: a model of all learning curves says which training, new or paused, is worth the next steps."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, final

import numpy as np

from headstock.acquisition.analytic import log_improvement
from headstock.domain import are_among, tried
from headstock.errors import HeadstockError
from headstock.gp.linalg import one_thread
from headstock.history import History
from headstock.parameters import Parameters
from headstock.samplers.base import Suggestion
from headstock.schedulers.base import Decision, Propose, Resume, Start, beginnings, proposed
from headstock.schedulers.counting import check_whole
from headstock.schedulers.forecast import Forecast
from headstock.schedulers.reports import horizon, is_resumable
from headstock.schedulers.successive_halving import SuccessiveHalving
from headstock.trial import TrialState
from headstock.wording import given, measured, number

CANDIDATES: Final = 512
"""How many rows of a pool are considered: half of them anywhere, half where much is expected."""

CURIOSITY: Final = 1.5
"""By how much, on average, the standard deviations of ends are taken to be larger than they are."""

TELLING: Final = 0.2
"""Curves tell of their ends if at least this share of the variance of these is known."""

_HEDGE: Final = 0.5
"""Up to which share of all steps whole trainings may take because curves do not tell of their ends."""

_LEAST_DOUBT: Final = 0.05
"""Of β: with none at all the expected improvement would be that of the means."""


@final
@dataclass(frozen=True, slots=True)
class FreezeThaw:
    """Trains on, or begins, what promises most for what its end still costs, given a benefit of the doubt.

    A Gaussian process over (configuration, step) predicts where the curves of all trials, and those of configurations
    that were not tried, will end (freeze-thaw, Swersky, Snoek and Adams 2014, arXiv 1406.3896). The sampler proposes
    what to begin; after the first few trials it is told the predicted ends for results. For each slot a β is drawn,
    exponential with mean 1.5, and the slot goes to the candidate, proposed or paused, of the highest expected
    improvement on the best value y* that was reported, for what its training still lacks (expected improvement per
    second, Snoek, Larochelle and Adams 2012, arXiv 1206.2944, section 3.2; a random doubt, Berk et al. 2020, arXiv
    2006.04296):

        β σ h((μ - y*) / β σ) / (c (T - t)) ,     h(u) = φ(u) + u Φ(u)

    where μ and σ are those of the end at step T, t is how far the candidate is, and c the cost of a step relative to
    the usual, if costs are known. So a training goes on for as long as it keeps its promise, the more surely the nearer
    it is to its end: an upper bound μ + β σ alone went from one promising training to the next and brought few of them
    to an end. β keeps the search from relying on a model that is too sure, and lets many workers ask at once. (The
    probability to improve by the next steps would go to the leader itself, whose next value is nearly always its best;
    MFPI-random of Rakotoarison et al. 2024, arXiv 2404.16795, was measured to lock on to early leaders.)

    One low value does not end a training: not all of a fall is believed before the next value confirms it. Where the
    model knows little of the ends (of trainings whose learning rate falls on a schedule, say, before one was seen),
    what is chosen is trained to its end, unless half of all steps went into whole trainings: where all that was begun
    lies on one plateau, ends tell no more than beginnings. When what is left of the budget only just pays for it, the
    most promising trials are trained to their end, so that the winner is one that was seen and not only predicted.

    Args:
        max_steps: T, how many steps a whole training has; None: as `trial.steps` says.
        first_steps: how many steps a new trial trains at first; T / 13 if None.
        finalists: for how many of the most promising trials the ends are kept in reserve.
        pool: the only configurations there are to choose from, in place of what the sampler proposes; None for the
            whole space.

    Raises:
        HeadstockError: if a number is no whole number of at least 1, or the pool is no list of configurations.
    """

    max_steps: int | None = None
    first_steps: int | None = None
    finalists: int = 1
    pool: Sequence[Parameters] | None = None

    def __post_init__(self) -> None:
        """Check the numbers; keep the pool as it is now."""
        check_whole(self, max_steps=1, first_steps=1, finalists=1)
        if self.pool is not None:
            if not isinstance(self.pool, Sequence) or not all(isinstance(p, Mapping) for p in self.pool):
                raise HeadstockError(
                    f"FreezeThaw(pool={given(self.pool)}): give a list of configurations, or leave it out."
                )
            object.__setattr__(self, "pool", tuple(dict(p) for p in self.pool))

    def decide(
        self,
        history: History,
        slots: int,
        propose: Propose,
        rng: np.random.Generator,
        *,
        steps_left: float = math.inf,
        trials_left: float = math.inf,
    ) -> Sequence[Decision]:
        """What is most promising goes on or begins (see `Scheduler.decide`)."""
        last = horizon(history, self.max_steps)
        first = self.first_steps or (1 if last is None else max(1, round(last / 13)))
        queued, abandoned = (history.counts.get(state, 0) for state in (TrialState.QUEUED, TrialState.ABANDONED))
        begun = len(history) - queued - abandoned
        initial = max(4, min(2 * len(history.space.searched), 10))
        reported = any(t.reports.get(history.objective.metric) for t in history)
        due = min(slots, slots if last is None or not reported else max(initial - begun, queued))
        because = f"every trial trains {first} steps first"
        decisions: list[Decision] = list(beginnings(history, propose, due, until=first, because=because))
        if len(decisions) == slots or last is None or not reported:
            return decisions
        try:
            with one_thread():
                forecast = Forecast.of(history, last)
                return decisions + self._most_promising(
                    forecast,
                    slots - len(decisions),
                    rng,
                    propose,
                    first=first,
                    steps_left=steps_left,
                    trials_left=trials_left - sum(isinstance(d, Start) for d in decisions),
                )
        except (ArithmeticError, np.linalg.LinAlgError):  # NumericalError among them
            return SuccessiveHalving(first, max_steps=last).decide(history, slots, propose, rng)

    def to_json(self) -> dict[str, Any]:
        """The scheduler as JSON."""
        return {
            "kind": "freeze_thaw",
            "max_steps": self.max_steps,
            "first_steps": self.first_steps,
            "finalists": self.finalists,
            "pool": None if self.pool is None else [dict(p) for p in self.pool],
        }

    def _most_promising(
        self,
        forecast: Forecast,
        slots: int,
        rng: np.random.Generator,
        propose: Propose,
        *,
        first: int,
        steps_left: float,
        trials_left: float,
    ) -> list[Decision]:
        """A decision for each slot: the ends of the best if the budget asks for them, or the best candidates.

        If no trial may begin any more and the steps have no bound, the ends of the best are all that is left to do.
        """
        is_last = trials_left < 1 and steps_left == math.inf
        finishing = _finishing(forecast, self.finalists, first, steps_left, is_last=is_last)[:slots]
        decisions: list[Decision] = list(finishing)
        if is_last:
            return decisions
        taken = {d.trial for d in finishing}
        count = int(min(slots - len(decisions), trials_left))
        if self.pool is None:
            proposals = [*proposed(propose, count, forecast.as_results)]
        else:
            proposals = _rows(self.pool, forecast, rng)
        while len(decisions) < slots:
            begun = sum(isinstance(d, Start) for d in decisions)
            new = proposals if begun < trials_left else []
            decision = _best(forecast, new, taken, rng, first=first, memo={} if decisions else forecast.memo or {})
            if decision is None:
                break
            decisions.append(decision)
            if isinstance(decision, Resume):
                taken.add(decision.trial)
            else:
                proposals = [s for s in proposals if s.parameters != decision.suggestion.parameters]
        return decisions


def _rows(pool: Sequence[Parameters], forecast: Forecast, rng: np.random.Generator) -> list[Suggestion]:
    """Rows of the pool that were not tried: any, and those that are expected to come to most."""
    X = forecast.encoding.encode(pool)
    rows = rng.permutation(np.flatnonzero(~are_among(X, tried(forecast.history, forecast.encoding))))
    promising = rows[np.argsort(-forecast.means_of_new(X[rows]), kind="stable")[: CANDIDATES // 2]]
    chosen = np.union1d(rows[: CANDIDATES // 2], promising)
    return [Suggestion(pool[row], "", "freeze-thaw") for row in chosen]


def _finishing(forecast: Forecast, finalists: int, first: int, steps_left: float, *, is_last: bool) -> list[Resume]:
    """The most promising trials to their ends, if anything else before that would leave too little for it.

    Only those count that what is left of the budget still finishes.
    """
    costs = forecast.last - forecast.steps
    resumable = np.array([is_resumable(t) for t in forecast.trials])
    finishable = (resumable & (costs <= steps_left)) | (costs <= 0)
    best = np.argsort(np.where(finishable, -forecast.final, np.inf), kind="stable")[: min(finalists, finishable.sum())]
    unfinished = [k for k in best if costs[k] > 0]
    cost = costs[unfinished].sum()
    if not unfinished or (not is_last and steps_left >= cost + max(first, _stride(forecast.last))):
        return []
    values, errors = forecast.as_measured(forecast.final, forecast.final_sd)
    return [
        Resume(
            forecast.trials[k].index,
            None,
            f"predicted {measured(values[k], errors[k])} at step {forecast.last}; the rest is for the ends of the best",
            forecast.memo,
        )
        for k in unfinished
    ]


def _best(
    forecast: Forecast,
    proposals: Sequence[Suggestion],
    taken: set[int],
    rng: np.random.Generator,
    *,
    first: int,
    memo: Mapping[str, Any],
) -> Start | Resume | None:
    """The candidate with the largest expected improvement for what its end still costs; None if there is none."""
    last, n = float(forecast.last), len(forecast.trials)
    in_whole_trainings = forecast.steps[forecast.steps >= last].sum()
    to_its_end = forecast.explained < TELLING and in_whole_trainings <= _HEDGE * forecast.steps.sum()
    X = forecast.encoding.encode([s.parameters for s in proposals])
    new_mean, new_sd = forecast.of_new(X, last)
    mean, sd = np.concatenate([forecast.final, new_mean]), np.concatenate([forecast.final_sd, new_sd])
    log_cost = np.concatenate([np.nan_to_num(forecast.log_costs), forecast.log_costs_of_new(X)])
    lacking = np.maximum(last - np.concatenate([forecast.steps, np.zeros(len(X))]), 1.0)
    doubted = max(CURIOSITY * rng.exponential(), _LEAST_DOUBT) * sd
    score = np.log(doubted) + log_improvement((mean - forecast.best_seen) / doubted)[0] - log_cost - np.log(lacking)
    score[n:] += forecast.log_success(X)
    score[
        [not is_resumable(t) or t.index in taken or t.step >= last for t in forecast.trials] + [False] * len(X)
    ] = -np.inf
    if not len(score) or score.max() == -np.inf:
        return None
    k = int(score.argmax())
    (value,), (error,) = forecast.as_measured(mean[[k]], sd[[k]])
    (bar,) = forecast.in_units(np.array([forecast.best_seen]))
    because = f"predicted {measured(float(value), float(error))} at step {last:.0f}, needs {number(float(bar))}"
    if to_its_end:
        because += ", and curves tell little of their ends so far"
    if k >= n:
        chosen = proposals[k - n]
        suggestion = replace(chosen, because=because, memo={**(chosen.memo or {}), **memo})
        return Start(suggestion, None if to_its_end or first >= last else first)
    trial = forecast.trials[k]
    until = trial.step + _stride(forecast.last)
    return Resume(trial.index, None if to_its_end or until >= last else until, because, memo or None)


def _stride(last: int) -> int:
    """How many steps a trial that goes on trains before the next decision."""
    return max(1, round(last / 25))
