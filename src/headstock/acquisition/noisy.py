"""Log noisy expected improvement: where to evaluate next when results are noisy and others are still to come."""

import math
from dataclasses import dataclass
from typing import Final, final

import numpy as np
from jaxtyping import Float64
from scipy.special import ndtri

from headstock.acquisition.analytic import LogFeasibility, log_improvement
from headstock.gp.regression import Posterior

SAMPLES: Final = 64
"""How many joint fantasies are averaged over."""


@final
@dataclass(frozen=True, slots=True, eq=False)
class LogNoisyExpectedImprovement:
    """The logarithm of E[max(f(x) - f*, 0)], where f* is the best true value among observed and pending points C.

    Noisy expected improvement (Letham et al. 2019, Bayesian Analysis 14(2)) on the logarithmic scale of Ament et al.
    2023. Fantasy s draws the values f_s at C from their joint posterior; given these, the improvement at x has the
    closed form of `log_improvement`, so that only what is conditioned on is sampled (Rao-Blackwellisation):

        f_s = m_C + S ξ_s ,  S Sᵀ = Cov(C, C) ,  f*_s = max_C f_s
        μ_s(x) = μ(x) + v ξ_s ,  σ²(x | C) = σ²(x) - v vᵀ ,  v = Cov(x, C) S⁻ᵀ
        α(x) = ln mean_s exp( ln σ(x | C) + ln h((μ_s(x) - f*_s) / σ(x | C)) )

    Pending points lie in C, so there is nothing to gain at them: a batch spreads without any penalty.

    Args:
        posterior: of the objective, believing its mean at C; the last c of its whitened covariances are v.
        normals: ξ, one row a fantasy.
        best: f*, one a fantasy.
    """

    posterior: Posterior
    normals: Float64[np.ndarray, "s c"]
    best: Float64[np.ndarray, " s"]

    @classmethod
    def of(
        cls,
        posterior: Posterior,
        C: Float64[np.ndarray, "c d"],
        rng: np.random.Generator,
        feasibility: LogFeasibility | None = None,
    ) -> "LogNoisyExpectedImprovement":
        """The improvement over the best of the points C.

        Args:
            posterior: of the objective, larger where it is better.
            C: the observed points that may be the best, and the points whose results are still to come. At least one
                is expected to keep the outcome constraints.
            rng: draws the fantasies.
            feasibility: of the outcome constraints; what is not expected to keep them is no best value.

        Raises:
            NumericalError: if the joint covariance at C cannot be factorised.
        """
        believing, S = posterior.believing(C)
        normals = _normals(SAMPLES, len(C), rng)
        fantasies = posterior.predict(C)[0] + normals @ S.T
        if feasibility is not None:
            fantasies = np.where(feasibility.expects_feasible(C), fantasies, -math.inf)
        return cls(believing, normals, fantasies.max(axis=1))

    def value(self, X: Float64[np.ndarray, "m d"]) -> Float64[np.ndarray, " m"]:
        """α at each point."""
        terms, *_ = self._terms(X, self.posterior.whiten(X))
        return _log_mean_exp(terms)[0]

    def value_and_gradient(
        self, X: Float64[np.ndarray, "m d"]
    ) -> tuple[Float64[np.ndarray, " m"], Float64[np.ndarray, "m d"]]:
        """α at each point and its gradient, which is zero in categorical columns."""
        V, pull_back = self.posterior.whiten_with_pull_back(X)
        terms, u, slope, sd = self._terms(X, V)
        value, weights = _log_mean_exp(terms)
        # ∂α/∂μ_s = w_s h'/h / σ ,  ∂α/∂σ = Σ_s w_s (1 - u_s h'/h) / σ ;  μ_s = m + V [β, ξ_s]ᵀ ,  ∂σ/∂V = -V / σ
        of_means = weights * slope / sd[:, None]
        of_sd = (weights * (1.0 - u * slope)).sum(axis=1) / sd
        of_V = of_means.sum(axis=1, keepdims=True) * self.posterior.whitened - (of_sd / sd)[:, None] * V
        of_V[:, -self.normals.shape[1] :] += of_means @ self.normals
        gradient = pull_back(of_V)
        if self.posterior.trend is not None:
            gradient += of_means.sum(axis=1, keepdims=True) * self.posterior.trend.gradient(X)
        return value, gradient

    def _terms(
        self, X: Float64[np.ndarray, "m d"], V: Float64[np.ndarray, "m n"]
    ) -> tuple[
        Float64[np.ndarray, "m s"], Float64[np.ndarray, "m s"], Float64[np.ndarray, "m s"], Float64[np.ndarray, " m"]
    ]:
        """For each point and fantasy ln σ + ln h(u), u and h'(u) / h(u); for each point σ."""
        mean, variance = self.posterior.moments(V)
        if self.posterior.trend is not None:
            mean = mean + self.posterior.trend.value(X)
        sd = np.sqrt(variance)
        u = (mean[:, None] + V[:, -self.normals.shape[1] :] @ self.normals.T - self.best) / sd[:, None]
        value, slope = log_improvement(u)
        return np.log(sd)[:, None] + value, u, slope, sd


def _log_mean_exp(terms: Float64[np.ndarray, "m s"]) -> tuple[Float64[np.ndarray, " m"], Float64[np.ndarray, "m s"]]:
    """The logarithm of the mean of exp(terms) over each row, and its gradient in the terms: their softmax."""
    top = terms.max(axis=1, keepdims=True)
    weights = np.exp(terms - top)
    total = weights.sum(axis=1, keepdims=True)
    return (top + np.log(total / terms.shape[1]))[:, 0], weights / total


def _normals(samples: int, c: int, rng: np.random.Generator) -> Float64[np.ndarray, "s c"]:
    """Standard normals, one from each of `samples` equally likely strata in every column (McKay et al. 1979)."""
    strata = rng.permuted(np.tile(np.arange(samples), (c, 1)), axis=1).T
    return ndtri((strata + 0.5) / samples)
