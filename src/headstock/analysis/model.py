"""The model that one can look into: a surrogate of each metric, fitted to a history."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final, final

import numpy as np
from jaxtyping import Float64

from headstock.analysis.cross_validation import CrossValidation, cross_validate
from headstock.analysis.importance import Importance, importances
from headstock.analysis.intervals import central_interval
from headstock.encoding import Encoding
from headstock.errors import MetricError, NoResultError, ParameterError
from headstock.gp.averaging import AveragedPosterior
from headstock.gp.linalg import one_thread
from headstock.gp.outcomes import OutcomeTransform
from headstock.gp.surrogate import Surrogate, fit_surrogate
from headstock.history import History
from headstock.schedulers.forecast import predicted_ends
from headstock.trial import Observation

FEWEST_RESULTS: Final = 2
BISECTIONS: Final = 30


@final
@dataclass(frozen=True, eq=False)
class Model:
    """What is believed of each metric, everywhere in the search space.

    It is a function of the history alone: the same history gives the same model, in whichever process. What it predicts
    is averaged over the hyper-parameters that the results leave open; importances and cross-validation are of the most
    probable ones. It rests on results alone; `whole` has the expected ends of unfinished trainings, too.

    Args:
        history: what it was fitted to.
        encoding: from configurations to points of the unit cube.
        surrogates: the surrogate of each metric, the objective first.
    """

    history: History
    encoding: Encoding
    surrogates: Mapping[str, Surrogate]

    @classmethod
    @one_thread()
    def fit(cls, history: History) -> "Model":
        """Fit a surrogate to each metric that at least two trials have.

        Raises:
            NoResultError: if fewer than two trials have a value of the objective.
        """
        if len(history.observed) < FEWEST_RESULTS:
            raise NoResultError(
                f"A model needs at least {FEWEST_RESULTS} trials with a result; there are {len(history.observed)}. "
                f"Run more trials first."
            )
        encoding = Encoding.of(history.space)
        X = encoding.encode([trial.parameters for trial in history.observed])
        surrogates = {}
        for metric in history.measured_metrics:
            values, sems = history.values(metric)
            if np.isfinite(values).sum() >= FEWEST_RESULTS:
                sign = _sign(history, metric)
                surrogates[metric] = fit_surrogate(X, values, sems, sign=sign, categorical=encoding.categorical)
        return cls(history, encoding, surrogates)

    @property
    def metric_names(self) -> tuple[str, ...]:
        """The metrics that are modelled, the objective first."""
        return tuple(self.surrogates)

    def surrogate(self, metric: str | None = None) -> Surrogate:
        """The surrogate of a metric; of the objective if left out.

        Raises:
            MetricError: if the metric is not modelled.
        """
        name = self.history.objective.metric if metric is None else metric
        if name not in self.surrogates:
            raise MetricError(f"There is no model of {name!r}. Choose one of {', '.join(map(repr, self.surrogates))}.")
        return self.surrogates[name]

    @one_thread()
    def averaged(self, metric: str | None = None) -> AveragedPosterior:
        """The posterior of a metric on standard scale, averaged over hyper-parameters; of the objective if left out.

        Raises:
            MetricError: if the metric is not modelled.
        """
        name = self.history.objective.metric if metric is None else metric
        if name not in self._averaged:
            self._averaged[name] = AveragedPosterior.of(self.surrogate(name))
        return self._averaged[name]

    @cached_property
    def _averaged(self) -> dict[str, AveragedPosterior]:
        return {}

    @cached_property
    def expected(self) -> Mapping[int, Observation]:
        """What trainings that freeze-thaw has left unfinished are expected to come to, by trial."""
        return predicted_ends(self.history)

    @cached_property
    @one_thread()
    def whole(self) -> "Model":
        """The model with these ends beside the results: of poor parameters freeze-thaw finishes no training.

        It shows how good and bad lie in the space. Of the best arms it knows less than the results tell: expected ends
        err together, and many of them would outweigh a few measurements.

        Raises:
            NumericalError: if the surrogate cannot be fitted.
        """
        if not self.expected:
            return self
        history, metric = self.history, self.history.objective.metric
        ends = [history.trials[index].parameters for index in self.expected]
        X = np.vstack([self.surrogate().X, self.encoding.encode(ends)])
        sign = _sign(history, metric)
        values, sems = _with_expected(*history.values(metric), [*self.expected.values()], sign)
        fitted = fit_surrogate(X, values, sems, sign=sign, categorical=self.encoding.categorical)
        return replace(self, surrogates={**self.surrogates, metric: fitted})

    @one_thread()
    def posterior(
        self, X: Float64[np.ndarray, "m d"], metric: str | None = None
    ) -> tuple[Float64[np.ndarray, " m"], Float64[np.ndarray, " m"]]:
        """Means and standard errors of the noise-free metric at encoded points, in the metric's units."""
        means, variances = self.averaged(metric).predict(X)
        return self.surrogate(metric).transform.invert(means, np.sqrt(variances))

    @one_thread()
    def interval(
        self, X: Float64[np.ndarray, "m d"], level: float, metric: str | None = None
    ) -> tuple[Float64[np.ndarray, " m"], Float64[np.ndarray, " m"]]:
        """Both ends of the noise-free metric's central intervals at encoded points, in the metric's units."""
        means, variances = self.averaged(metric).predict(X)
        return central_interval(self.surrogate(metric).transform, means, np.sqrt(variances), level)

    @one_thread()
    def draw(
        self, X: Float64[np.ndarray, "m d"], count: int, rng: np.random.Generator, metric: str | None = None
    ) -> Float64[np.ndarray, "s m"]:
        """Joint draws of the noise-free metric at encoded points, in the metric's units."""
        drawn = self.averaged(metric).draw(X, count, rng)
        values, _ = self.surrogate(metric).transform.invert(drawn.ravel(), np.zeros(drawn.size))
        return values.reshape(drawn.shape)

    def predict(self, points: Iterable[Any]) -> tuple[dict[str, list[float]], dict[str, dict[str, list[float]]]]:
        """What each metric is expected to be, without noise, at some configurations.

        Args:
            points: dictionaries of parameters, or objects with `.parameters` such as arms.

        Returns:
            The means by metric, and the covariances by pair of metrics, in the metrics' own units, one entry a point.
            The metrics are modelled apart, so the covariance of two different ones is 0.

        Raises:
            ParameterError: if a point is no configuration of the space.
        """
        X = self._encode(points)
        means: dict[str, list[float]] = {}
        covariances: dict[str, dict[str, list[float]]] = {}
        for metric in self.surrogates:
            mean, sem = self.posterior(X, metric)
            means[metric] = mean.tolist()
            covariances[metric] = {other: [0.0] * len(X) for other in self.surrogates}
            covariances[metric][metric] = (sem**2).tolist()
        return means, covariances

    def predict_one(self, parameters: Any) -> dict[str, Observation]:
        """The mean and the standard error of each metric that are expected at one configuration.

        Raises:
            ParameterError: if it is no configuration of the space.
        """
        X = self._encode([parameters])
        predictions = {metric: self.posterior(X, metric) for metric in self.surrogates}
        return {metric: Observation(float(mean[0]), float(sem[0])) for metric, (mean, sem) in predictions.items()}

    @one_thread()
    def cross_validate(self, metric: str | None = None) -> CrossValidation:
        """How well the model predicts each observation of a metric from all others.

        Raises:
            MetricError: if the metric is not modelled.
            NoResultError: if there are fewer than three observations.
        """
        name = self.history.objective.metric if metric is None else metric
        return cross_validate(self.surrogate(name), self.history, name)

    @one_thread()
    def importances(self, metric: str | None = None) -> tuple[Importance, ...]:
        """How much each parameter matters to a metric, the most important first.

        To the objective it is by the model with expected ends; of other metrics no ends are expected, only results.

        Raises:
            MetricError: if the metric is not modelled.
        """
        return importances(self.whole.surrogate(metric), self.encoding)

    def feature_importances(self, metric: str | None = None) -> dict[str, float]:
        """The parameters' shares of all total Sobol indices of a metric; they sum to 1, or are 0 if nothing matters.

        Raises:
            MetricError: if the metric is not modelled.
        """
        found = self.importances(metric)
        whole = sum(importance.total for importance in found) or 1.0
        return {importance.parameter: importance.total / whole for importance in found}

    def _encode(self, points: Iterable[Any]) -> Float64[np.ndarray, "m d"]:
        if isinstance(points, Mapping):
            raise ParameterError("predict takes a list of configurations; give a list of one: predict([parameters]).")
        return self.encoding.encode([self.history.space.validate(_parameters(point)) for point in points])


def _parameters(point: Any) -> Mapping[str, object]:
    parameters = point if isinstance(point, Mapping) else getattr(point, "parameters", None)
    if not isinstance(parameters, Mapping):
        raise ParameterError(f"{point!r} is no configuration. Give a dictionary of parameters, or an arm.")
    return parameters


def _sign(history: History, metric: str) -> float:
    """+1 where larger is better, -1 where smaller is: the surrogate is sharpest at the better half."""
    if metric == history.objective.metric:
        return history.objective.sign
    return -1.0 if any(c.metric == metric and not c.at_least for c in history.outcome_constraints) else 1.0


def _with_expected(
    values: Float64[np.ndarray, " n"], sems: Float64[np.ndarray, " n"], expected: Sequence[Observation], sign: float
) -> tuple[Float64[np.ndarray, " m"], Float64[np.ndarray, " m"]]:
    """Values and standard errors with what is expected after them.

    Of bad values the surrogate keeps the ranks, and what lies below the worst one is as far from it as among the good
    ones. An interval that reaches there would say nothing at all, so it ends at the worst value: given is the standard
    error whose image is as wide as what is left.
    """
    means = np.array([end.mean for end in expected])
    most = np.array([end.sem for end in expected])
    every = np.concatenate([values, means])
    transform = OutcomeTransform.of(every[np.isfinite(every)], sign)
    worst = sign * np.nanmin(sign * every)
    low = sign * np.maximum(sign * means - most, sign * worst)
    left = 0.5 * (transform.apply(means + sign * most) - transform.apply(low))
    least = np.zeros_like(most)
    for _ in range(BISECTIONS):
        between = 0.5 * (least + most)
        is_wider = np.sqrt(transform.noise_variances(means, between)) > left
        least, most = np.where(is_wider, least, between), np.where(is_wider, between, most)
    return every, np.concatenate([sems, most])
