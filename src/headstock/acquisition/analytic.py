"""Acquisition functions with a closed form, on the logarithmic scale."""

import math
from dataclasses import dataclass
from typing import Final, final

import numpy as np
from jaxtyping import Bool, Float64
from scipy.special import erfcx, log_ndtr, ndtr

from headstock.gp.regression import Posterior

_HALF_LOG_2PI: Final = 0.5 * math.log(2.0 * math.pi)
_FAR: Final = -1e3


def log_improvement(
    u: Float64[np.ndarray, "*shape"],
) -> tuple[Float64[np.ndarray, "*shape"], Float64[np.ndarray, "*shape"]]:
    """The logarithm of h(u) = φ(u) + u Φ(u), and its derivative Φ(u) / h(u).

    The expected improvement of N(μ, σ²) over f* is σ h((μ - f*) / σ). Its logarithm keeps its slope where h underflows
    (Ament et al. 2023, arXiv 2310.20708, section 4.1). With a(u) = √(π/2) erfcx(-u / √2) and c = ½ ln 2π:

        ln h(u) = ln(φ(u) + u Φ(u))                      u > -1
                = -u²/2 - c + ln(1 + u a(u))             -10³ < u ≤ -1
                = -u²/2 - c - 2 ln |u| + ln(1 - 3/u²)    u ≤ -10³, where 1 + u a(u) = u⁻² - 3 u⁻⁴ + ... would cancel
    """
    value, slope = np.empty_like(u), np.empty_like(u)

    near = u > -1.0
    x = u[near]
    cdf = ndtr(x)
    h = np.exp(-0.5 * x**2 - _HALF_LOG_2PI) + x * cdf
    value[near], slope[near] = np.log(h), cdf / h

    middle = (u <= -1.0) & (u > _FAR)
    x = u[middle]
    a = math.sqrt(0.5 * math.pi) * erfcx(-x / math.sqrt(2.0))
    value[middle], slope[middle] = -0.5 * x**2 - _HALF_LOG_2PI + np.log1p(x * a), a / (1.0 + x * a)

    far = u <= _FAR
    x = u[far]
    value[far] = -0.5 * x**2 - _HALF_LOG_2PI - 2.0 * np.log(-x) + np.log1p(-3.0 / x**2)
    slope[far] = -x - 2.0 / x
    return value, slope


def log_normal_cdf(
    z: Float64[np.ndarray, "*shape"],
) -> tuple[Float64[np.ndarray, "*shape"], Float64[np.ndarray, "*shape"]]:
    """The logarithm of Φ(z), and its derivative φ(z) / Φ(z) = √(2/π) / erfcx(-z / √2)."""
    return log_ndtr(z), math.sqrt(2.0 / math.pi) / erfcx(-z / math.sqrt(2.0))


@final
@dataclass(frozen=True, slots=True, eq=False)
class LogFeasibility:
    """The log probability that every outcome constraint holds: Σ_j ln Φ((μ_j - b_j) / σ_j) (Gardner et al. 2014).

    Args:
        posteriors: of the constrained metrics, each turned so that more is allowed.
        bounds: b_j, the least value that is allowed, on each posterior's scale.
    """

    posteriors: tuple[Posterior, ...]
    bounds: tuple[float, ...]

    def value(self, X: Float64[np.ndarray, "m d"]) -> Float64[np.ndarray, " m"]:
        """The log probability at each point."""
        total = np.zeros(len(X))
        for posterior, bound in zip(self.posteriors, self.bounds, strict=True):
            mean, variance = posterior.predict(X)
            total += log_normal_cdf((mean - bound) / np.sqrt(variance))[0]
        return total

    def value_and_gradient(
        self, X: Float64[np.ndarray, "m d"]
    ) -> tuple[Float64[np.ndarray, " m"], Float64[np.ndarray, "m d"]]:
        """The log probability at each point and its gradient, which is zero in categorical columns."""
        total, gradient = np.zeros(len(X)), np.zeros(X.shape)
        for posterior, bound in zip(self.posteriors, self.bounds, strict=True):
            V, pull_back = posterior.whiten_with_pull_back(X)
            mean, variance = posterior.moments(V)
            sd = np.sqrt(variance)
            z = (mean - bound) / sd
            value, slope = log_normal_cdf(z)
            total += value
            # z = (m + V β - b) / σ with σ² = s² - V Vᵀ:  ∂z/∂V = β / σ + z V / σ²
            gradient += pull_back((slope / sd)[:, None] * posterior.whitened + (slope * z / variance)[:, None] * V)
        return total, gradient

    def expects_feasible(self, X: Float64[np.ndarray, "m d"]) -> Bool[np.ndarray, " m"]:
        """Whether every constraint is expected to hold."""
        expected = np.ones(len(X), dtype=bool)
        for posterior, bound in zip(self.posteriors, self.bounds, strict=True):
            expected &= posterior.predict(X)[0] >= bound
        return expected

    def with_pending(self, C: Float64[np.ndarray, "c d"]) -> "LogFeasibility":
        """The log probability if the metrics turn out as expected at C."""
        return LogFeasibility(tuple(p.believing(C)[0] for p in self.posteriors), self.bounds)
