"""A function of which one only hears at which of two points it is larger: utilities from comparisons.

A person who compares two points says that the better one seems better, with noise (Thurstone 1927; Chu and Ghahramani
2005, "Preference learning with Gaussian processes", eq. 3):

    P(i ≻ j | f) = Φ((f_i - f_j) / √(2σ²)) ,     f ~ GP(0, k)

Expectation propagation (Minka 2001; Rasmussen and Williams 2006, section 3.6) replaces each factor by a Gaussian of the
difference d = f_i - f_j, its site exp(-½ τ d² + ν d). With a row of +1 at i and -1 at j for each comparison in A, all
sites together are the Gaussian exp(-½ fᵀ W f + bᵀ f) with W = Aᵀ diag(τ) A and b = Aᵀ ν, so the posterior is one of
Gaussian-process regression, and its cost grows with the points, hardly with the comparisons.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Final, final

import numpy as np
from jaxtyping import Bool, Float64, Int64
from scipy.linalg import solve_triangular
from scipy.special import log_ndtr

from headstock.gp.fit import log_prior, most_probable
from headstock.gp.linalg import cholesky, inverse_root
from headstock.gp.regression import Hyperparameters, Posterior, covariance, different

LEVEL_PRECISION: Final = 1e-6
"""The precision with which each utility is known to be 0: comparisons do not tell the level of the function."""

LOG_NOISE: Final = -3.0
"""What is expected of ln σ²: people err more than instruments. Measured: benchmarks/preference/README.md."""

_SWEEPS: Final = 200
_TOLERANCE: Final = 1e-7


@final
@dataclass(frozen=True, eq=False)
class Comparisons:
    """What was compared; at least one pair. They may contradict one another: people err.

    Args:
        X: the points, in the unit cube.
        better: of each comparison the row of the point that was said to be better.
        worse: of each comparison the row of the other.
        categorical: which columns are categorical.
    """

    X: Float64[np.ndarray, "n d"]
    better: Int64[np.ndarray, " m"]
    worse: Int64[np.ndarray, " m"]
    categorical: Bool[np.ndarray, " d"]

    @cached_property
    def differs(self) -> dict[int, Float64[np.ndarray, "n n"]]:
        """See `headstock.gp.regression.different`."""
        return different(self.X, self.categorical)

    def of_points(self, sites: Float64[np.ndarray, " m"]) -> Float64[np.ndarray, " n"]:
        """Aᵀ ν."""
        n = len(self.X)
        return np.bincount(self.better, sites, n) - np.bincount(self.worse, sites, n)

    def precision(self, sites: Float64[np.ndarray, " m"]) -> Float64[np.ndarray, "n n"]:
        """W = Aᵀ diag(τ) A, the Laplacian of the graph of the comparisons, and a little that fixes the level."""
        n = len(self.X)
        between = np.bincount(self.better * n + self.worse, sites, n * n).reshape(n, n)
        between += between.T
        return np.diag(between.sum(axis=1) + LEVEL_PRECISION) - between


@final
@dataclass(frozen=True, slots=True, eq=False)
class Utilities:
    """What comparisons tell of a function.

    Args:
        hyperparameters: of the Gaussian process; the noise is σ².
        posterior: of the function; its `noise` and `at_observations` mean nothing, for no value was observed.
        mean: of f at the points.
        covariance: of f at the points.
        log_evidence: ln Z, the log probability of the comparisons.
        gradient: of ln Z in `Hyperparameters.vector`.
    """

    hyperparameters: Hyperparameters
    posterior: Posterior
    mean: Float64[np.ndarray, " n"]
    covariance: Float64[np.ndarray, "n n"]
    log_evidence: float
    gradient: Float64[np.ndarray, " p"]

    def at_observations(self) -> tuple[Float64[np.ndarray, " n"], Float64[np.ndarray, " n"]]:
        """The mean and the variance of f at the points."""
        return self.mean, np.diag(self.covariance)

    def predict(self, X: Float64[np.ndarray, "m d"]) -> tuple[Float64[np.ndarray, " m"], Float64[np.ndarray, " m"]]:
        """The mean and the standard deviation of f at X, above the mean of the points."""
        mean, variance = self.posterior.predict(X)
        return mean - self.mean.mean(), np.sqrt(variance)

    @property
    def centred(self) -> tuple[Float64[np.ndarray, " n"], Float64[np.ndarray, " n"]]:
        """Mean and standard deviation of each utility above the average of all: only differences were compared."""
        of_mean = self.covariance - self.covariance.mean(axis=0)
        variance = np.diag(of_mean - of_mean.mean(axis=1, keepdims=True))
        return self.mean - self.mean.mean(), np.sqrt(np.maximum(variance, 0.0))


def condition_on_comparisons(hyperparameters: Hyperparameters, data: Comparisons) -> Utilities:
    """The Gaussian process with these hyper-parameters, given comparisons, by expectation propagation.

    `log_noise` is ln σ². A site is set so that its product with the cavity N(μ, 1/c), the posterior of d without it,
    has the mean and variance of the cavity times the factor. With s² = 1/c + 2σ², u = μ/s, ρ = φ(u)/Φ(u) and
    λ = ρ (u + ρ)/s² (Rasmussen and Williams 2006, eqs. 3.56 to 3.59):

        τ = c λ / (c - λ) ,     ν = (c / (c - λ)) (λ μ + ρ/s)

    At the fixed point (their eq. 3.65, in τ and ν, so that a site may say nothing) with m the posterior mean:

        ln Z = Σ [ln Φ(u) + ½ ln(1 + τ/c) + ½ (τ μ² - 2 μ ν - ν²/c) / (1 + τ/c)] - ½ ln |I + K W| + ½ bᵀ m

    Its gradient needs no derivative of the sites (Seeger 2005). With α = K⁻¹ m and M = W - W Σ W:

        ∂ ln Z / ∂θ = ½ ⟨α αᵀ - M, ∂K/∂θ⟩ ,     ∂ ln Z / ∂ ln σ² = -Σ ρ u σ²/s²

    Raises:
        NumericalError: if a covariance matrix cannot be factorised.
    """
    K, pull_back = covariance(hyperparameters, data.X, data.categorical, data.differs)
    noise, better, worse = hyperparameters.noise, data.better, data.worse
    tau, nu = np.zeros(len(better)), np.zeros(len(better))
    damping, before = 0.9, math.inf
    for _ in range(_SWEEPS):
        root, whitened, log_determinant = _factorised(K, data, tau, nu)
        V = K @ root.T
        mean, covariance_now = V @ whitened, K - V @ V.T
        variances = np.diag(covariance_now)
        d = mean[better] - mean[worse]
        v = np.maximum(variances[better] + variances[worse] - 2.0 * covariance_now[better, worse], 1e-12)
        c = np.maximum(1.0 / v - tau, 1e-10)
        mu = (d / v - nu) / c
        s = np.sqrt(1.0 / c + 2.0 * noise)
        u = mu / s
        log_likelihood = log_ndtr(u)
        rho = np.exp(-0.5 * u**2 - 0.5 * math.log(2.0 * math.pi) - log_likelihood)
        lam = rho * (u + rho) / s**2
        change_of_tau = c * lam / (c - lam) - tau
        change_of_nu = c / (c - lam) * (lam * mu + rho / s) - nu
        change = float(np.abs(change_of_tau).max() + np.abs(change_of_nu).max()) / (1.0 + float(np.abs(tau).max()))
        if change <= _TOLERANCE:
            break
        # Sites are updated all at once, so those of one pair may overshoot together, the more of them the further.
        damping, before = damping if change < before else 0.5 * damping, change
        tau, nu = tau + damping * change_of_tau, nu + damping * change_of_nu
    of_sites = np.log1p(tau / c) + (tau * mu**2 - 2.0 * mu * nu - nu**2 / c) / (1.0 + tau / c)
    log_evidence = log_likelihood.sum() + 0.5 * (of_sites.sum() - log_determinant + data.of_points(nu) @ mean)
    alpha = whitened @ root
    of_noise = -(rho * u * noise / s**2).sum()
    return Utilities(
        hyperparameters,
        Posterior(hyperparameters.kernel(data.categorical), 0.0, data.X, np.zeros(len(data.X)), root, whitened),
        mean,
        covariance_now,
        float(log_evidence),
        np.append(pull_back(np.outer(alpha, alpha) - root.T @ root), of_noise),
    )


def _factorised(
    K: Float64[np.ndarray, "n n"], data: Comparisons, tau: Float64[np.ndarray, " m"], nu: Float64[np.ndarray, " m"]
) -> tuple[Float64[np.ndarray, "n n"], Float64[np.ndarray, " n"], float]:
    """R and β with M = RᵀR and K⁻¹ m = Rᵀβ, as `Posterior` has them, and ln |I + K W|.

    With W = GᵀG and L Lᵀ = I + G K Gᵀ, all lower triangular:     R = L⁻¹ G ,     β = L⁻¹ G⁻ᵀ b
    """
    G = cholesky(data.precision(tau)[::-1, ::-1])[::-1, ::-1].T
    L = cholesky(np.eye(len(K)) + G @ K @ G.T)
    L_inverse = inverse_root(L)
    whitened = L_inverse @ solve_triangular(G, data.of_points(nu), lower=True, trans="T")
    return L_inverse @ G, whitened, 2.0 * float(np.log(np.diag(L)).sum())


def fit_comparisons(data: Comparisons, warm: Hyperparameters | None = None) -> Hyperparameters:
    """The most probable hyper-parameters, under the prior of `headstock.gp.fit.log_prior` with more noise.

    Args:
        data: at least one comparison.
        warm: an earlier optimum, of fewer comparisons.

    Raises:
        NumericalError: if a covariance matrix cannot be factorised.
    """

    def density(vector: Float64[np.ndarray, " p"]) -> tuple[float, Float64[np.ndarray, " p"]]:
        hyperparameters = Hyperparameters.from_vector(vector)
        utilities = condition_on_comparisons(hyperparameters, data)
        prior, of_prior = log_prior(hyperparameters, LOG_NOISE)
        return utilities.log_evidence + prior, utilities.gradient + of_prior

    return most_probable(density, data.X.shape[1], warm, is_close=len(data.better) > 5 * data.X.shape[1])
