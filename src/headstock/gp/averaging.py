"""A posterior averaged over the hyper-parameters that few observations leave open.

With noise, a handful of results is explained about as well by a rough function that goes through them all as by a
smooth one that passes between them. The most probable hyper-parameters take one side, and their errors are too small.
"""

import math
from dataclasses import dataclass
from typing import Final, final

import numpy as np
from jaxtyping import Float64
from scipy.special import log_ndtr, logsumexp

from headstock.errors import NumericalError
from headstock.gp.fit import is_bounded, log_density
from headstock.gp.linalg import cholesky
from headstock.gp.regression import Hyperparameters, Posterior, TrainingSet, condition
from headstock.gp.surrogate import Surrogate

AVERAGED: Final = 200
"""Up to how many observations hyper-parameters are averaged over: more of them leave little open, and cost more."""

_DRAWN: Final = 64
_KEPT: Final = 16
_FREEDOM: Final = 5  # of Student's t, whose tails reach further than those of most densities
_STEP: Final = 0.1
_FLATTEST: Final = 0.3  # curvature: in no direction are draws much wider than priors are
_SEED: Final = 1763  # the same data gives the same draws


@final
@dataclass(frozen=True, slots=True, eq=False)
class AveragedPosterior:
    """A mixture of posteriors, one for each draw of the hyper-parameters.

        p(f | y) = ∫ p(f | y, θ) p(θ | y) dθ ≈ Σ_s w_s p(f | y, θ_s)

    Args:
        posteriors: given θ_s.
        weights: w; they sum to 1.
    """

    posteriors: tuple[Posterior, ...]
    weights: Float64[np.ndarray, " s"]

    @classmethod
    def of(cls, surrogate: Surrogate) -> "AveragedPosterior":
        """The average around a surrogate's hyper-parameters.

        It is the surrogate's posterior alone, if there are more than 200 observations or a matrix cannot be factorised.
        """
        mode_alone = cls((surrogate.posterior,), np.ones(1))
        if len(surrogate.y) > AVERAGED:
            return mode_alone
        try:
            drawn, weights = draw_hyperparameters(surrogate.hyperparameters, surrogate.data)
            return cls(tuple(condition(hyperparameters, surrogate.data) for hyperparameters in drawn), weights)
        except NumericalError:
            return mode_alone

    def predict(self, X: Float64[np.ndarray, "m d"]) -> tuple[Float64[np.ndarray, " m"], Float64[np.ndarray, " m"]]:
        """The mean and the variance of the noise-free function: E[μ_s] and E[σ²_s] + Var[μ_s]."""
        means, variances = zip(*(posterior.predict(X) for posterior in self.posteriors), strict=True)
        mean = self.weights @ np.array(means)
        return mean, self.weights @ (np.array(variances) + (np.array(means) - mean) ** 2)

    def log_probability(self, X: Float64[np.ndarray, "m d"], bound: float, side: float) -> Float64[np.ndarray, " m"]:
        """The logarithm of the probability that the noise-free function is above (side 1) or below (-1) a bound.

        ln Σ_s w_s Φ(± (μ_s - bound) / σ_s)
        """
        moments = (posterior.predict(X) for posterior in self.posteriors)
        logs = [log_ndtr(side * (mean - bound) / np.sqrt(variance)) for mean, variance in moments]
        return logsumexp(logs, axis=0, b=self.weights[:, None])

    def draw(self, X: Float64[np.ndarray, "m d"], count: int, rng: np.random.Generator) -> Float64[np.ndarray, "s m"]:
        """Joint draws of the noise-free function, of each posterior its share: μ + S ξ with S Sᵀ = Σ."""
        ends = np.round(count * np.cumsum(self.weights)).astype(int)
        parts = []
        for posterior, share in zip(self.posteriors, np.diff(ends, prepend=0), strict=True):
            mean, _ = posterior.predict(X)
            root = cholesky(posterior.covariance(X, X))
            parts.append(mean + rng.standard_normal((share, len(mean))) @ root.T)
        return rng.permutation(np.concatenate(parts))


def draw_hyperparameters(
    mode: Hyperparameters, data: TrainingSet
) -> tuple[list[Hyperparameters], Float64[np.ndarray, " s"]]:
    """Draws from p(θ | y), with their weights, by importance sampling.

    θ_s comes from a Student's t with the curvature of -ln p at the mode. Its weight p(θ_s | y) / t(θ_s) is cut off at
    √S times the mean (Ionides 2008, "Truncated importance sampling"), and of S draws 16 are kept by systematic
    resampling (Kitagawa 1996).

    Args:
        mode: the most probable hyper-parameters.
        data: what they were fitted to.
    """
    rng, p = np.random.default_rng(_SEED), len(mode.vector)
    T = rng.standard_normal((_DRAWN, p)) / np.sqrt(rng.chisquare(_FREEDOM, (_DRAWN, 1)) / _FREEDOM)
    T[0] = 0.0  # the mode itself is never refused
    drawn = mode.vector + T @ _root_of_covariance(mode.vector, data).T
    log_proposal = -0.5 * (_FREEDOM + p) * np.log1p((T**2).sum(axis=1) / _FREEDOM)
    log_weights = np.array([_log_density(theta, data) for theta in drawn]) - log_proposal
    weights = np.exp(log_weights - log_weights.max())
    weights = np.minimum(weights, math.sqrt(_DRAWN) * weights.mean())
    shares = (np.arange(_KEPT) + 0.5) / _KEPT * weights.sum()
    rows, counts = np.unique(np.searchsorted(np.cumsum(weights), shares), return_counts=True)
    return [Hyperparameters.from_vector(drawn[row]) for row in rows], counts / _KEPT


def _root_of_covariance(mode: Float64[np.ndarray, " p"], data: TrainingSet) -> Float64[np.ndarray, "p p"]:
    """R with R Rᵀ = (-∂² ln p / ∂θ²)⁻¹, by central differences of the gradient."""
    steps = _STEP * np.eye(len(mode))
    H = np.array([log_density(mode - s, data)[1] - log_density(mode + s, data)[1] for s in steps]) / (2.0 * _STEP)
    curvatures, directions = np.linalg.eigh(0.5 * (H + H.T))
    return directions / np.sqrt(np.maximum(curvatures, _FLATTEST))


def _log_density(theta: Float64[np.ndarray, " p"], data: TrainingSet) -> float:
    """The logarithm of p(θ | y) up to a constant; -∞ outside the bounds of a fit."""
    if not is_bounded(theta):
        return -math.inf
    try:
        return log_density(theta, data)[0]
    except NumericalError:
        return -math.inf
