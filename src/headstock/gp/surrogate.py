"""A surrogate of one metric: transform, Gaussian process, and predictions in the metric's own units."""

from dataclasses import dataclass
from typing import Final, final

import numpy as np
from jaxtyping import Bool, Float64, Int64

from headstock.gp.fit import fit
from headstock.gp.outcomes import OutcomeTransform
from headstock.gp.regression import Hyperparameters, Posterior, TrainingSet, condition
from headstock.gp.thinning import best_and_even
from headstock.gp.trend import Trend

SKETCHED: Final = 100
"""From how many observations a fit without an earlier one is begun."""

FITTED: Final = 400
"""How many observations hyper-parameters are fitted to at most; the cost of a fit grows with the cube."""

CONDITIONED: Final = 1000
"""How many observations a posterior holds at most; past that the cost of a suggestion stays flat."""


@final
@dataclass(frozen=True, slots=True, eq=False)
class Surrogate:
    """What is believed of one metric.

    Args:
        X: every point at which the metric may have been observed, in the unit cube.
        used: which rows of X the posterior is conditioned on.
        data: the observations at those rows, on standard scale, larger where they are better.
        transform: from the metric's units to standard scale.
        hyperparameters: of the Gaussian process.
        posterior: on standard scale.
    """

    X: Float64[np.ndarray, "n d"]
    used: Int64[np.ndarray, " u"]
    data: TrainingSet
    transform: OutcomeTransform
    hyperparameters: Hyperparameters
    posterior: Posterior

    @property
    def y(self) -> Float64[np.ndarray, " u"]:
        """The observations that are used, on standard scale."""
        return self.data.y

    def predict(self, X: Float64[np.ndarray, "m d"]) -> tuple[Float64[np.ndarray, " m"], Float64[np.ndarray, " m"]]:
        """The metric that is expected at X without noise, and its standard deviation, in the metric's units."""
        mean, variance = self.posterior.predict(X)
        return self.transform.invert(mean, np.sqrt(variance))

    def at_observations(self) -> tuple[Float64[np.ndarray, " u"], Float64[np.ndarray, " u"]]:
        """The mean and the variance of the noise-free function at the rows that are used, on standard scale."""
        return self.posterior.at_observations(self.y)

    def leave_one_out(self) -> tuple[Float64[np.ndarray, " n"], Float64[np.ndarray, " n"]]:
        """For each row of `X`, what the other observations predict there, in the metric's units.

        Returns:
            Means, and standard deviations that include the noise of an observation.
        """
        mean, variance = self.posterior.predict(self.X)
        variance += self.hyperparameters.noise
        mean[self.used], variance[self.used] = self.posterior.leave_one_out(self.y)
        return self.transform.invert(mean, np.sqrt(variance))


def fit_surrogate(
    X: Float64[np.ndarray, "n d"],
    values: Float64[np.ndarray, " n"],
    sems: Float64[np.ndarray, " n"],
    *,
    sign: float,
    categorical: Bool[np.ndarray, " d"],
    warm: Hyperparameters | None = None,
    trend: Trend | None = None,
) -> Surrogate:
    """Fit a Gaussian process to a metric.

    Args:
        X: points of the unit cube.
        values: the metric there, in its own units; NaN where it was not measured. At least one is a number.
        sems: the values' standard errors; NaN where they are not known and have to be inferred.
        sign: +1 for a metric where larger is better, -1 otherwise.
        categorical: which columns of X are categorical.
        warm: the hyper-parameters of an earlier fit, to start from.
        trend: what is expected of the metric beforehand, on standard scale.

    Raises:
        NumericalError: if the covariance matrix cannot be factorised.
    """
    transform, data = _training_set(X, values, sems, sign=sign, categorical=categorical, trend=trend)
    if warm is None and len(data.y) > SKETCHED:
        warm = fit(_thinned(data, SKETCHED)[1])
    return _conditioned(X, values, transform, data, fit(_thinned(data, FITTED)[1], warm))


def condition_surrogate(
    X: Float64[np.ndarray, "n d"],
    values: Float64[np.ndarray, " n"],
    sems: Float64[np.ndarray, " n"],
    *,
    sign: float,
    categorical: Bool[np.ndarray, " d"],
    hyperparameters: Hyperparameters,
    trend: Trend | None = None,
) -> Surrogate:
    """`fit_surrogate` with hyper-parameters that are known already.

    Raises:
        NumericalError: if the covariance matrix cannot be factorised.
    """
    transform, data = _training_set(X, values, sems, sign=sign, categorical=categorical, trend=trend)
    return _conditioned(X, values, transform, data, hyperparameters)


def _training_set(
    X: Float64[np.ndarray, "n d"],
    values: Float64[np.ndarray, " n"],
    sems: Float64[np.ndarray, " n"],
    *,
    sign: float,
    categorical: Bool[np.ndarray, " d"],
    trend: Trend | None,
) -> tuple[OutcomeTransform, TrainingSet]:
    """The transform, and all that was measured on standard scale."""
    measured = ~np.isnan(values)
    X, values, sems = X[measured], values[measured], sems[measured]
    transform = OutcomeTransform.of(values, sign)
    noise_variances = transform.noise_variances(values, sems)
    return transform, TrainingSet(X, transform.apply(values), noise_variances, categorical, trend)


def _conditioned(
    X: Float64[np.ndarray, "n d"],
    values: Float64[np.ndarray, " n"],
    transform: OutcomeTransform,
    data: TrainingSet,
    hyperparameters: Hyperparameters,
) -> Surrogate:
    """The surrogate with these hyper-parameters, conditioned on at most `CONDITIONED` observations."""
    rows, kept = _thinned(data, CONDITIONED)
    used = np.flatnonzero(~np.isnan(values))[rows]
    return Surrogate(X, used, kept, transform, hyperparameters, condition(hyperparameters, kept))


def _thinned(data: TrainingSet, limit: int) -> tuple[Int64[np.ndarray, " u"], TrainingSet]:
    """The rows of at most `limit` observations, in order, and these."""
    rows = best_and_even(data.y, limit)
    return rows, TrainingSet(data.X[rows], data.y[rows], data.noise_variances[rows], data.categorical, data.trend)
