"""What a history lets one believe of its metrics, and when hyper-parameters are fitted anew."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, final

import numpy as np
from jaxtyping import Float64

from headstock.acquisition.analytic import LogFeasibility
from headstock.encoding import Encoding
from headstock.gp.feasibility import success_posterior
from headstock.gp.preference import Utilities
from headstock.gp.regression import Hyperparameters, Posterior
from headstock.gp.surrogate import Surrogate, condition_surrogate, fit_surrogate
from headstock.gp.trend import Trend
from headstock.history import History
from headstock.samplers.preferences import utilities

ALWAYS_REFITTED: Final = 100
"""Up to so many results every new one changes the hyper-parameters; beyond, only growth or a surprise does."""

GROWTH: Final = 1.03
"""How much the number of results grows between fits."""

_WITH_TREND: Final = "objective with precedents"

SURPRISE: Final = 3.0
"""How many standard deviations a result is away from what the others predict if it calls for a new fit."""


@final
@dataclass(frozen=True, slots=True, eq=False)
class Memo:
    """What one suggestion leaves to the next.

    Args:
        fitted: how many results there were when hyper-parameters were fitted last.
        hyperparameters: of the objective and of each outcome constraint.
    """

    fitted: int
    hyperparameters: Mapping[str, Hyperparameters]

    @classmethod
    def newest(cls, history: History, dimensions: int) -> "Memo":
        """The newest memo of the history, as far as it fits to today's encoded dimensions."""
        stored: Mapping[str, Any] = next(
            (t.memo["bayesian"] for t in reversed(history.trials) if t.memo and "bayesian" in t.memo), {}
        )
        known = {name: Hyperparameters.from_json(entry) for name, entry in stored.get("hyperparameters", {}).items()}
        usable = {name: h for name, h in known.items() if len(h.log_lengthscales) == dimensions}
        return cls(stored.get("fitted", 0), usable)

    def to_json(self) -> dict[str, Any]:
        """The memo as JSON."""
        hyperparameters = {name: h.to_json() for name, h in self.hyperparameters.items()}
        return {"bayesian": {"fitted": self.fitted, "hyperparameters": hyperparameters}}

    def is_outgrown(self, n: int) -> bool:
        """Whether n results call for a new fit."""
        return n != self.fitted if n <= ALWAYS_REFITTED else n >= GROWTH * self.fitted


@final
@dataclass(frozen=True, slots=True, eq=False)
class Beliefs:
    """What is believed of the metrics.

    Args:
        objective: the surrogate of the objective, or its utilities where persons have compared trials.
        constraints: of each outcome constraint that was measured, the posterior, turned so that more is allowed, and
            the bound on its scale.
        success: of a label that is positive where trials give results and negative where they fail; None if none did.
        memo: the hyper-parameters, to be stored with the trials that are suggested.
    """

    objective: Surrogate | Utilities
    constraints: tuple[tuple[Posterior, float], ...]
    success: Posterior | None
    memo: Memo

    @property
    def feasibility(self) -> LogFeasibility | None:
        """The log probability of a result that keeps the outcome constraints; None if nothing speaks against it."""
        bounded = [*self.constraints, *([] if self.success is None else [(self.success, 0.0)])]
        return LogFeasibility(*zip(*bounded, strict=True)) if bounded else None


def learn(history: History, encoding: Encoding, X: Float64[np.ndarray, "n d"], trend: Trend | None = None) -> Beliefs:
    """The beliefs that follow from a history with at least one result.

    Hyper-parameters come from the newest memo, unless it is outgrown or the newest results are a surprise to it.

    Args:
        history: the trials.
        encoding: of the space.
        X: the point of each trial.
        trend: what is expected of the objective beforehand.

    Raises:
        NumericalError: if a covariance matrix cannot be factorised.
    """
    observed = X[history.observed_rows]
    n, memo = len(observed), Memo.newest(history, encoding.dimensions)
    measured = [c for c in history.outcome_constraints if np.isfinite(history.values(c.metric)[0]).any()]
    metrics = {"objective": (history.objective.metric, history.objective.sign)} if not history.comparisons else {}
    metrics |= {} if trend is None or not metrics else {_WITH_TREND: metrics["objective"]}
    metrics |= {str(c): (c.metric, 1.0 if c.at_least else -1.0) for c in measured}

    def surrogate(name: str, *, refitted: bool) -> Surrogate:
        metric, sign = metrics[name]
        known, data = memo.hyperparameters.get(name), (observed, *history.values(metric))
        fit = partial(fit_surrogate, warm=known)
        if known is not None and not refitted:
            fit = partial(condition_surrogate, hyperparameters=known)
        return fit(*data, sign=sign, categorical=encoding.categorical, trend=trend if name == _WITH_TREND else None)

    refitted = memo.is_outgrown(n) or not metrics.keys() <= memo.hyperparameters.keys()
    surrogates = {name: surrogate(name, refitted=refitted) for name in metrics}
    if not refitted and any(_is_surprised(s, n - memo.fitted) for s in surrogates.values()):
        refitted = True
        surrogates = {name: surrogate(name, refitted=True) for name in metrics}
    if history.comparisons:
        known = memo.hyperparameters.get("objective")
        objective: Surrogate | Utilities = utilities(history, encoding, X, known)
        fitted = {"objective": objective.hyperparameters}
    else:
        objective, fitted = surrogates["objective"], {}
    if refitted or fitted:
        memo = Memo(n, {name: s.hyperparameters for name, s in surrogates.items()} | fitted)
    bounds = [surrogates[str(c)].transform.apply(np.array([c.bound])).item() for c in measured]
    if trend is not None and isinstance(objective, Surrogate):
        taught = surrogates[_WITH_TREND]  # each weight that is fitted flatters it by about 1 (Akaike 1974)
        if _log_predictive(taught) - len(trend.weights) > _log_predictive(objective):
            objective = taught
    return Beliefs(
        objective,
        tuple(zip([surrogates[str(c)].posterior for c in measured], bounds, strict=True)),
        _success(history, encoding, X, objective.hyperparameters),
        memo,
    )


def _log_predictive(surrogate: Surrogate) -> float:
    """How well each observation is predicted by all others: Σ ln p(y_i | y_-i), up to a constant.

    (Rasmussen and Williams 2006, eq. 5.11.)
    """
    mean, variance = surrogate.posterior.leave_one_out(surrogate.y)
    return float(-0.5 * (np.log(variance) + (surrogate.y - mean) ** 2 / variance).sum())


def _is_surprised(surrogate: Surrogate, new: int) -> bool:
    """Whether one of the `new` last observations is far from what all others predict."""
    newest = surrogate.used >= len(surrogate.X) - new
    mean, variance = surrogate.posterior.leave_one_out(surrogate.y)
    return bool((np.abs(surrogate.y - mean)[newest] > SURPRISE * np.sqrt(variance[newest])).any())


def _success(
    history: History, encoding: Encoding, X: Float64[np.ndarray, "n d"], hyperparameters: Hyperparameters
) -> Posterior | None:
    """Where trials give results; None if none has failed."""
    if not history.failed:
        return None
    failed = {t.index for t in history.failed}
    rows = sorted(failed | set(history.observed_rows.tolist()))
    succeeded = np.array([row not in failed for row in rows])
    return success_posterior(X[rows], succeeded, hyperparameters=hyperparameters, categorical=encoding.categorical)
