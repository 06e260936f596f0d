"""Freeze-thaw: a model of all learning curves says which training, new or paused, is worth the next steps."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np
from jaxtyping import Float64
from scipy.special import log_ndtr

from headstock.domain import Domain, row_keys
from headstock.errors import HeadstockError
from headstock.gp.linalg import one_thread
from headstock.history import History
from headstock.parameters import Parameters
from headstock.samplers.base import Suggestion
from headstock.schedulers.base import Decision, Propose, Resume, Start, beginnings
from headstock.schedulers.forecast import Forecast
from headstock.schedulers.reports import horizon, is_resumable
from headstock.schedulers.successive_halving import SuccessiveHalving
from headstock.trial import TrialState
from headstock.wording import measured, number

CANDIDATES: Final = 512
"""How many new configurations are considered for a slot: half of them anywhere, half near the most promising."""

ANCHORS: Final = 8
"""How many of the most promising trials new configurations are looked for around."""

AIMS: Final = (-2.0, -0.3)
"""Between which powers of ten the improvement lies that is aimed at."""


AT_RANDOM: Final = 1.0 / 3.0
"""Which share of the new trials is drawn at random: where the model is wrong it looks for the good in the extremes."""


@final
@dataclass(frozen=True, slots=True)
class FreezeThaw:
    """Trains on, or begins, what is most likely to beat the best by a random amount within a random number of steps.

    After a few trials that the sampler proposes, a Gaussian process over (configuration, step) predicts the curves of
    all trials and of configurations that were not tried. For each slot a horizon h and an aim τ are drawn, and the
    slot goes to the candidate with the highest probability of improvement, or, if that is a new one, now and then to
    another new one at random (MFPI-random of Rakotoarison et al. 2024,
    "In-context freeze-thaw Bayesian optimization", arXiv 2404.16795, section 4.2):

        P(y(x, min(t_x + h, T)) > y_best + τ)     (less ln of the cost of a step, where costs are known)

    Random horizons and aims keep the search from locking on to early leaders, and let many workers ask at once. When
    what is left of the budget only just pays for it, the most promising trials are trained to their end, so that the
    winner is one that was seen and not only predicted.

    Args:
        max_steps: T, how many steps a whole training has; None: as `trial.steps` says.
        first_steps: how many steps a new trial trains at first; T / 16 if None.
        finalists: for how many of the most promising trials the ends are kept in reserve.
        pool: the only configurations there are to choose from; None for the whole space.

    Raises:
        HeadstockError: if a number is below 1.
    """

    max_steps: int | None = None
    first_steps: int | None = None
    finalists: int = 2
    pool: Sequence[Parameters] | None = None

    def __post_init__(self) -> None:
        """Check the numbers; keep the pool as it is now."""
        for name in ("max_steps", "first_steps", "finalists"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise HeadstockError(f"FreezeThaw({name}={value!r}): give an integer of at least 1.")
        if self.pool is not None:
            object.__setattr__(self, "pool", tuple(dict(p) for p in self.pool))

    def decide(
        self,
        history: History,
        slots: int,
        propose: Propose,
        rng: np.random.Generator,
        *,
        steps_left: float = math.inf,
    ) -> Sequence[Decision]:
        """What is most promising goes on or begins (see `Scheduler.decide`)."""
        last = horizon(history, self.max_steps)
        first = self.first_steps or (1 if last is None else max(1, round(last / 16)))
        begun = sum(t.state not in (TrialState.QUEUED, TrialState.ABANDONED) for t in history)
        initial = max(4, min(2 * len(history.space.searched), 10))
        queued = sum(t.state is TrialState.QUEUED for t in history)
        due = min(slots, slots if last is None else max(initial - begun, queued))
        because = f"every trial trains {first} steps first"
        decisions: list[Decision] = list(beginnings(history, propose, due, until=first, because=because))
        reported = any(t.reports.get(history.objective.metric) for t in history)
        if len(decisions) == slots or last is None or not reported:
            return decisions
        try:
            with one_thread():
                forecast = Forecast.of(history, last)
                return decisions + self._most_promising(
                    forecast, slots - len(decisions), rng, first=first, steps_left=steps_left
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
        self, forecast: Forecast, slots: int, rng: np.random.Generator, *, first: int, steps_left: float
    ) -> list[Decision]:
        """A decision for each slot: the ends of the best if the budget asks for them, or the best candidates."""
        finishing = _finishing(forecast, self.finalists, steps_left)[:slots]
        decisions: list[Decision] = list(finishing)
        taken = {d.trial for d in finishing}
        known = forecast.encoding.encode([t.parameters for t in forecast.history])
        tried = {*row_keys(known)}
        while len(decisions) < slots:
            X = self._candidates(forecast, tried, rng)
            decision = _best(forecast, X, taken, rng, first=first, memo=None if decisions else forecast.memo)
            if decision is None:
                break
            decisions.append(decision)
            if isinstance(decision, Resume):
                taken.add(decision.trial)
            else:
                tried |= {*row_keys(forecast.encoding.encode([decision.suggestion.parameters]))}
        return decisions

    def _candidates(
        self, forecast: Forecast, tried: set[bytes], rng: np.random.Generator
    ) -> Float64[np.ndarray, "m d"]:
        """New configurations as points: of the pool, or anywhere and near the most promising trials."""
        if self.pool is not None:
            picked = rng.permutation(len(self.pool))[: 4 * CANDIDATES]
            X = forecast.encoding.encode([self.pool[k] for k in picked])
        else:
            domain = Domain.of(forecast.encoding, {})
            anchors = forecast.posterior.data.X[np.argsort(-forecast.final, kind="stable")[:ANCHORS]]
            X = np.concatenate([domain.sample(CANDIDATES // 2, rng), _near(domain, anchors, CANDIDATES // 2, rng)])
            X = X[domain.feasible(X)]
        return X[[key not in tried for key in row_keys(X)]]


def _near(
    domain: Domain, anchors: Float64[np.ndarray, "a d"], count: int, rng: np.random.Generator
) -> Float64[np.ndarray, "m d"]:
    """Points near the anchors: some coordinates are moved, by little or by more, or drawn anew where categorical."""
    d = domain.encoding.dimensions
    X = anchors[rng.integers(len(anchors), size=count)]
    sizes = rng.choice([0.3, 0.1, 0.03], size=(count, 1))
    drawn = domain.from_uniform(rng.random((count, d)))
    moved = np.where(domain.encoding.categorical, drawn, X + sizes * rng.standard_normal((count, d)))
    return domain.project(np.where(rng.random((count, d)) < max(0.5, 1.0 / d), moved, X))


def _finishing(forecast: Forecast, finalists: int, steps_left: float) -> list[Resume]:
    """The most promising trials to their ends, if what is left of the budget is no more than these cost."""
    best = np.argsort(-forecast.final, kind="stable")[:finalists]
    unfinished = [k for k in best if is_resumable(forecast.trials[k]) and forecast.trials[k].step < forecast.last]
    cost = sum(forecast.last - forecast.trials[k].step for k in unfinished)
    if not unfinished or steps_left > cost + max(1, round(forecast.last / 25)):
        return []
    mean, sd = forecast.of_trials(np.full(len(forecast.trials), float(forecast.last)))
    values, widths = forecast.transform.invert(mean, sd)
    return [
        Resume(
            forecast.trials[k].index,
            None,
            f"predicted {measured(values[k], widths[k])} at step {forecast.last}; the rest is for the ends of the best",
            forecast.memo,
        )
        for k in unfinished
    ]


def _best(
    forecast: Forecast,
    X: Float64[np.ndarray, "m d"],
    taken: set[int],
    rng: np.random.Generator,
    *,
    first: int,
    memo: Mapping[str, Any] | None,
) -> Start | Resume | None:
    """The candidate with the highest probability of improvement; None if there is no candidate."""
    last, transform = float(forecast.last), forecast.transform
    ahead = last if rng.random() < 0.5 else float(rng.integers(1, forecast.last + 1))
    aim = 10.0 ** rng.uniform(*AIMS)
    now, _ = forecast.of_trials(forecast.steps)
    # An error falls by the share τ; what has no bound rises by 2 τ spreads of what is good.
    needed = float(now.max()) + (2.0 * aim if transform.bound is None else -math.log1p(-aim) / transform.scale)
    targets = np.minimum(forecast.steps + ahead, last)
    mean, sd = forecast.of_trials(targets)
    score = log_ndtr((mean - needed) / sd) - np.nan_to_num(forecast.log_costs)
    open_ = [is_resumable(t) and t.index not in taken and t.step < last for t in forecast.trials]
    score[~np.array(open_)] = -np.inf
    k = int(score.argmax())
    if score[k] == -np.inf and not len(X):
        return None

    def reason(mean: float, sd: float, step: float) -> str:
        (value, bar), (width, _) = transform.invert(np.array([mean, needed]), np.array([sd, sd]))
        return f"predicted {measured(float(value), float(width))} at step {step:.0f}, needs {number(float(bar))}"

    if len(X):
        new_mean, new_sd = forecast.of_new(X, min(ahead, last))
        new_score = log_ndtr((new_mean - needed) / new_sd) + forecast.log_success(X) - forecast.log_costs_of_new(X)
        new = int(new_score.argmax())
    if len(X) and new_score[new] > score[k]:
        if rng.random() < AT_RANDOM:
            new = 0  # the first candidates are drawn evenly
        because = reason(new_mean[new], new_sd[new], min(ahead, last))
        parameters = forecast.encoding.decode(X[new])
        return Start(Suggestion(parameters, because, "freeze-thaw", memo), first if first < last else None)
    trial = forecast.trials[k]
    until = trial.step + max(1, round(last / 25))
    return Resume(trial.index, until if until < last else None, reason(mean[k], sd[k], targets[k]), memo)
