"""What the curves of a history let one expect: of every trial, and of configurations that were not tried."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final, final

import numpy as np
from jaxtyping import Bool, Float64, Int64

from headstock.acquisition.analytic import LogFeasibility
from headstock.encoding import Encoding
from headstock.gp.curve_calibration import overconfidence
from headstock.gp.curve_falls import with_falls_doubted
from headstock.gp.curve_fit import fit_curves, spread
from headstock.gp.curve_outcomes import CurveTransform
from headstock.gp.curves import CurveHyperparameters, CurvePosterior, CurveSet, condition
from headstock.gp.feasibility import success_posterior
from headstock.gp.linalg import one_thread
from headstock.gp.regression import Hyperparameters, TrainingSet
from headstock.gp.regression import condition as condition_regression
from headstock.history import History
from headstock.schedulers.reports import Curves, horizon
from headstock.trial import Observation, TrialRecord, TrialState

MODELLED: Final = 200
"""How many curves the model is conditioned on at most: the best and an even share of the others."""

FEWEST_CURVES: Final = 3
"""From how many curves one can tell how curves go on."""

FASTEST: Final = 0.02
"""The seconds of a usual step from which on costs tell of configurations, and not of what else the machine does."""

GROWTH: Final = 1.15
"""How much the number of reports grows between two fits of the hyper-parameters."""

_MEMO: Final = "freeze_thaw"


@final
@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    """What one decision leaves to the next.

    Args:
        reports: from how many reports hyper-parameters were fitted.
        hyperparameters: the most probable ones.
        overconfidence: λ, with these.
    """

    reports: int
    hyperparameters: CurveHyperparameters
    overconfidence: float

    @classmethod
    def newest(cls, history: History, dimensions: int) -> "_Fit | None":
        """The newest of the history, if it fits to today's encoded space."""
        memos = [t.memo[_MEMO] for t in history if t.memo and _MEMO in t.memo]
        newest = max(memos, key=lambda memo: memo["reports"], default=None)
        if newest is None:
            return None
        known = CurveHyperparameters.from_json(newest["hyperparameters"])
        if len(known.log_lengthscales) != dimensions:
            return None
        return cls(newest["reports"], known, newest.get("overconfidence", 1.0))  # earlier versions stored none

    def to_json(self) -> dict[str, Any]:
        """The fit as JSON."""
        return {
            "reports": self.reports,
            "hyperparameters": self.hyperparameters.to_json(),
            "overconfidence": self.overconfidence,
        }


@final
@dataclass(frozen=True, eq=False)
class Forecast:
    """The model of all learning curves, given a history.

    Args:
        history: what it was made from.
        trials: the trials whose curves are modelled, a row each.
        last: the step at which a training is judged.
        encoding: of the space.
        transform: from the objective's units to the model's scale, where larger is better.
        posterior: the model.
        overconfidence: λ, by which standard deviations are to be widened where a person is told them.
        memo: what to store with the decisions; None if nothing is new.
    """

    history: History
    trials: tuple[TrialRecord, ...]
    last: int
    encoding: Encoding
    transform: CurveTransform
    posterior: CurvePosterior
    overconfidence: float
    memo: Mapping[str, Any] | None

    @classmethod
    def of(cls, history: History, last: int) -> "Forecast":
        """The forecast from every curve of the history, of which there is at least one.

        Hyper-parameters and λ come from the newest memo; both are found anew when the number of reports has grown.

        Raises:
            NumericalError: if a covariance matrix cannot be factorised.
        """
        curves = Curves.of(history, (t for t in history if t.state is not TrialState.ABANDONED))
        encoding = Encoding.of(history.space)
        reports = curves.Y[~np.isnan(curves.Y)]
        transform = CurveTransform.of(curves.Y, history.objective.sign)
        X = encoding.encode([t.parameters for t in curves.trials])
        everything = CurveSet(X, curves.steps, transform.apply(curves.Y), float(last), encoding.categorical)
        rows = spread(everything, MODELLED)
        data = everything.subset(rows)
        fit = _Fit.newest(history, encoding.dimensions)
        memo = None
        if fit is None or len(reports) >= GROWTH * fit.reports:
            h = fit_curves(data, None if fit is None else fit.hyperparameters)
            fit = _Fit(len(reports), h, overconfidence(h, data))
            memo = {_MEMO: fit.to_json()}
        trials = tuple(curves.trials[row] for row in rows)
        posterior = with_falls_doubted(condition(fit.hyperparameters, data))
        return cls(history, trials, last, encoding, transform, posterior, fit.overconfidence, memo)

    @cached_property
    def steps(self) -> Float64[np.ndarray, " n"]:
        """How far each trial is."""
        return np.array([t.step for t in self.trials], dtype=np.float64)

    @property
    def final(self) -> Float64[np.ndarray, " n"]:
        """What each trial is expected to come to at the last step, on the model's scale."""
        return self._finals[0]

    @property
    def final_sd(self) -> Float64[np.ndarray, " n"]:
        """The standard deviation of what each trial comes to."""
        return self._finals[1]

    @cached_property
    def _finals(self) -> tuple[Float64[np.ndarray, " n"], Float64[np.ndarray, " n"]]:
        return self.of_trials(np.full(len(self.trials), float(self.last)))

    @property
    def best_seen(self) -> float:
        """The best value that any curve has reported, on the model's scale."""
        return float(np.nanmax(self.posterior.data.Y))

    @property
    def explained(self) -> float:
        """The share of the variance of the trials' ends that is known: Var μ / (Var μ + mean σ²)."""
        known = float(np.var(self.final))
        return known / (known + float(np.mean(self.final_sd**2)))

    def sd_as_told(self, sd: Float64[np.ndarray, " m"]) -> Float64[np.ndarray, " m"]:
        """√(λ² `sd`² + σ²): of what will be reported, as unsure as the model has proved to be."""
        return np.sqrt((self.overconfidence * sd) ** 2 + self.posterior.hyperparameters.noise)

    def in_units(self, z: Float64[np.ndarray, " m"]) -> Float64[np.ndarray, " m"]:
        """Points of the model's scale as a person is told them: in the objective's units, none below the worst report.

        A poor beginning leaves open by how much worse than all others it may end, which is not what matters.
        """
        return self.transform.invert(np.maximum(z, np.nanmin(self.posterior.data.Y)))

    def interval(
        self, mean: Float64[np.ndarray, " m"], sd: Float64[np.ndarray, " m"], width: float = 1.0
    ) -> tuple[Float64[np.ndarray, " m"], Float64[np.ndarray, " m"]]:
        """The lower and upper ends, in the objective's units, of μ ± `width` σ of what will be reported.

        A decision goes by standard deviations as they are: it has its own benefit of the doubt.
        """
        half = width * self.sd_as_told(sd)
        one, other = self.in_units(mean - half), self.in_units(mean + half)
        return np.minimum(one, other), np.maximum(one, other)

    def as_measured(
        self, mean: Float64[np.ndarray, " m"], sd: Float64[np.ndarray, " m"]
    ) -> tuple[Float64[np.ndarray, " m"], Float64[np.ndarray, " m"]]:
        """Predictions as values with standard errors: a and b, so that a ± b is the interval of μ ± σ."""
        lower, upper = self.interval(mean, sd)
        return 0.5 * (lower + upper), 0.5 * (upper - lower)

    @cached_property
    def as_results(self) -> History:
        """The history with predicted ends for results, as a sampler is to see it.

        Where a curve is modelled, the objective is what the trial comes to, on the model's scale and to be maximised:
        its last value, as without a model, if it is there, or else what is predicted, with its standard deviation for
        a standard error. (How rough the beginnings of curves are says nothing of their ends.) Other metrics are as
        they were reported last. Trials whose curves are too many to be modelled count as tried, and no more.
        """
        metric = self.history.objective.metric
        reached = self.transform.apply(np.array([t.reports[metric][-1].mean for t in self.trials]))
        ends = {
            trial.index: Observation(value) if trial.step >= self.last else Observation(mean, sd)
            for trial, value, mean, sd in zip(
                self.trials, reached.tolist(), self.final.tolist(), self.final_sd.tolist(), strict=True
            )
        }
        changed = []
        for trial in self.history:
            if trial.index in ends and trial.state is not TrialState.FAILED:
                reported = {name: reports[-1] for name, reports in trial.reports.items() if reports}
                metrics = {**reported, **trial.metrics, metric: ends[trial.index]}
                changed.append(replace(trial, state=TrialState.COMPLETED, metrics=metrics))
            elif trial.reports.get(metric) and trial.state is not TrialState.FAILED:
                changed.append(replace(trial, state=TrialState.ABANDONED))
        return replace(
            self.history,
            objective=replace(self.history.objective, minimize=False),
            outcome_constraints=tuple(c for c in self.history.outcome_constraints if c.metric != metric),
        ).updated(changed)

    def of_trials(
        self, steps: Float64[np.ndarray, " n"]
    ) -> tuple[Float64[np.ndarray, " n"], Float64[np.ndarray, " n"]]:
        """The mean and the standard deviation of each trial at a step, on the model's scale."""
        mean, variance = self.posterior.predict(np.arange(len(self.trials)), steps)
        return mean, np.sqrt(np.maximum(variance, 1e-12))

    def of_new(
        self, X: Float64[np.ndarray, "m d"], step: float
    ) -> tuple[Float64[np.ndarray, " m"], Float64[np.ndarray, " m"]]:
        """The mean and the standard deviation of new configurations at a step, on the model's scale."""
        mean, variance = self.posterior.predict_new(X, np.full(len(X), step))
        return mean, np.sqrt(variance)

    def means_of_new(self, X: Float64[np.ndarray, "m d"]) -> Float64[np.ndarray, " m"]:
        """What new configurations are expected to come to at the last step; for many, as it asks for no variances."""
        return self.posterior.mean_of_new(X, np.full(len(X), float(self.last)))

    def log_success(self, X: Float64[np.ndarray, "m d"]) -> Float64[np.ndarray, " m"]:
        """The log probability that a training of each configuration does not fail; 0 if none ever did."""
        if not self.history.failed:
            return np.zeros(len(X))
        failed = [t.parameters for t in self.history.failed]
        alive = [t.parameters for t in self.trials if t.state is not TrialState.FAILED]
        succeeded: Bool[np.ndarray, " n"] = np.array([False] * len(failed) + [True] * len(alive))
        model = success_posterior(
            self.encoding.encode([*failed, *alive]),
            succeeded,
            hyperparameters=self._like_the_curves,
            categorical=self.encoding.categorical,
        )
        return LogFeasibility((model,), (0.0,)).value(X)

    @cached_property
    def log_costs(self) -> Float64[np.ndarray, " n"]:
        """The logarithm of the seconds a step of each trial takes, less the mean of all; NaN where not known.

        Of usual steps of less than `FASTEST` nothing is known: the same seed is to make the same search.
        """
        seconds = np.array(
            [t.trained / t.step if t.trained and t.step and not t.parent else np.nan for t in self.trials]
        )
        known = seconds[~np.isnan(seconds)]
        if not len(known) or np.median(known) < FASTEST:
            return np.full(len(seconds), np.nan)
        return np.log(seconds) - np.log(known).mean()

    def log_costs_of_new(self, X: Float64[np.ndarray, "m d"]) -> Float64[np.ndarray, " m"]:
        """What a step of new configurations may cost: a regression on the trials' log costs; 0 if nothing is known."""
        known: Int64[np.ndarray, " k"] = np.flatnonzero(~np.isnan(self.log_costs))
        costs = self.log_costs[known]
        spread_of_costs = float(np.std(costs)) if len(known) else 0.0
        if spread_of_costs < 1e-9:
            return np.zeros(len(X))
        data, unknown_noise = self.posterior.data, np.full(len(known), np.nan)
        training = TrainingSet(data.X[known], costs / spread_of_costs, unknown_noise, data.categorical)
        return spread_of_costs * condition_regression(self._like_the_curves, training).predict(X)[0]

    @property
    def _like_the_curves(self) -> Hyperparameters:
        """Of a regression whose lengthscales are those of the curves."""
        return Hyperparameters(self.posterior.hyperparameters.log_lengthscales, 0.0, -4.0)


@one_thread()
def forecast_of(history: History, last: int) -> Forecast:
    """The forecast that persons are told, made once for a history.

    Raises:
        NumericalError: if a covariance matrix cannot be factorised.
    """
    return history.derived(f"forecast of step {last}", lambda known: Forecast.of(known, last))


def known_forecast(history: History, *, fit: bool = False) -> Forecast | None:
    """The forecast, where a scheduler has stored hyper-parameters; None where there is none, or it cannot be computed.

    Args:
        history: the experiment.
        fit: whether to fit hyper-parameters where no scheduler has stored any.
    """
    last = horizon(history, None)
    curves = sum(bool(trial.reports.get(history.objective.metric)) for trial in history)
    known = _Fit.newest(history, Encoding.of(history.space).dimensions) is not None
    if last is None or not (known or (fit and curves >= FEWEST_CURVES)):
        return None
    with suppress(ArithmeticError, np.linalg.LinAlgError):  # NumericalError among them
        return forecast_of(history, last)
    return None


def predicted_ends(history: History, *, fit: bool = False) -> Mapping[int, Observation]:
    """What unfinished trainings are expected to come to, by trial, as if it had been measured with a standard error.

    Args:
        history: the experiment.
        fit: whether to fit hyper-parameters where no scheduler has stored any; else there are no predictions then.
    """
    forecast = known_forecast(history, fit=fit) if history.pending else None
    if forecast is None:
        return {}
    values, errors = forecast.as_measured(forecast.final, forecast.final_sd)
    ends = zip(forecast.trials, values.tolist(), errors.tolist(), strict=True)
    return {trial.index: Observation(*end) for trial, *end in ends if not trial.state.is_finished}


def results_without_noise(history: History) -> Mapping[int, Observation]:
    """What trainings with a result came to without the noise of a report, by trial; none without a model of curves.

    By how much they differ, all reports tell; the level is that of the n results, for at its end a curve may do what
    curves of its kind do not. With z, the newest report of each, and μ and v, the model's mean and variance there,

        value = μ + r̄ ,     r = z - μ ,     error² = λ² v + max(σ², mean r²) / n

    (σ² is learnt from whole curves: reports of good trainings may be noisier.) A few results alone, of which the best
    is chosen, tell less. A result that was not reported, such as one of other data, is left out.
    """
    forecast = known_forecast(history)
    if forecast is None:
        return {}
    metric = history.objective.metric
    has_result = {t.index for t in history.observed}
    ended = [
        (k, t, step) for k, t in enumerate(forecast.trials) if t.index in has_result and (step := _step_of_result(t))
    ]
    if not ended:
        return {}
    rows, steps = np.array([k for k, *_ in ended]), np.array([float(step) for *_, step in ended])
    newest = forecast.transform.apply(np.array([t.reports[metric][-1].mean for _, t, _ in ended]))
    off = newest - forecast.of_trials(forecast.steps)[0][rows]
    mean, variance = forecast.posterior.predict(rows, steps)
    noise = max(forecast.posterior.hyperparameters.noise, float(np.mean(off**2)))
    sd = np.sqrt(forecast.overconfidence**2 * variance + noise / len(rows))
    one, other = (forecast.in_units(mean + off.mean() + side * sd) for side in (-1.0, 1.0))
    told = zip(ended, (0.5 * (one + other)).tolist(), (0.5 * np.abs(other - one)).tolist(), strict=True)
    return {trial.index: Observation(value, error) for (_, trial, _), value, error in told}


def _step_of_result(trial: TrialRecord) -> int | None:
    """At which step a trial reported its result; None if it is none of its reports."""
    curve = trial.reports.get(trial.objective, ())
    return next((o.step for o in reversed(curve) if o.mean == trial.objective_mean), None)
