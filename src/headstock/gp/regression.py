"""Exact Gaussian-process regression: the marginal likelihood with its gradient, and the posterior."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any, Final, final

import numpy as np
from jaxtyping import Bool, Float64
from scipy.spatial.distance import cdist

from headstock.gp.kernels import Matern52, matern52
from headstock.gp.linalg import cholesky, extended_inverse_root, inverse, inverse_root, solve, times, times_transposed
from headstock.gp.trend import Trend

KNOWN_NOISE_NUGGET: Final = 1e-6
"""What is added to a known noise variance: even exact results deviate a little from any smooth function."""

MEAN_PRIOR_VARIANCE: Final = 1.0
"""The variance of the constant mean's prior, in units of the standardised outputs."""


@final
@dataclass(frozen=True, slots=True, eq=False)
class Hyperparameters:
    """The logarithms of what a Gaussian process learns.

    Args:
        log_lengthscales: ln l, one a column.
        log_variance: ln s², the output variance.
        log_noise: ln of the inferred noise variance.
    """

    log_lengthscales: Float64[np.ndarray, " d"]
    log_variance: float
    log_noise: float

    @property
    def lengthscales(self) -> Float64[np.ndarray, " d"]:
        """L, in units of the unit cube."""
        return np.exp(self.log_lengthscales)

    @property
    def noise(self) -> float:
        """The inferred noise variance, of standardised outputs."""
        return math.exp(self.log_noise)

    @property
    def vector(self) -> Float64[np.ndarray, " p"]:
        """All of them: lengthscales, output variance, noise."""
        return np.array([*self.log_lengthscales, self.log_variance, self.log_noise])

    @classmethod
    def from_vector(cls, vector: Float64[np.ndarray, " p"]) -> "Hyperparameters":
        """The hyper-parameters that `vector` lists."""
        return cls(vector[:-2].copy(), float(vector[-2]), float(vector[-1]))

    def to_json(self) -> dict[str, Any]:
        """The hyper-parameters as JSON."""
        return {
            "log_lengthscales": self.log_lengthscales.tolist(),
            "log_variance": self.log_variance,
            "log_noise": self.log_noise,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Hyperparameters":
        """The hyper-parameters that `to_json` wrote."""
        return cls(np.array(stored["log_lengthscales"], dtype=float), stored["log_variance"], stored["log_noise"])

    def kernel(self, categorical: Bool[np.ndarray, " d"]) -> Matern52:
        """The kernel with these hyper-parameters."""
        return Matern52(self.lengthscales, math.exp(self.log_variance), categorical)


@final
@dataclass(frozen=True, eq=False)
class TrainingSet:
    """What a Gaussian process is conditioned on; at least one observation.

    Args:
        X: where it was observed, in the unit cube.
        y: what was observed, standardised.
        noise_variances: the known variance of each observation's noise; NaN where it has to be inferred.
        categorical: which columns are categorical.
        trend: what is expected beside a constant, with the weights that are expected; None if nothing is.
    """

    X: Float64[np.ndarray, "n d"]
    y: Float64[np.ndarray, " n"]
    noise_variances: Float64[np.ndarray, " n"]
    categorical: Bool[np.ndarray, " d"]
    trend: Trend | None = None

    @cached_property
    def has_inferred_noise(self) -> Bool[np.ndarray, " n"]:
        """Which observations have noise of unknown variance."""
        return np.isnan(self.noise_variances)

    @cached_property
    def differs(self) -> dict[int, Float64[np.ndarray, "n n"]]:
        """See `different`."""
        return different(self.X, self.categorical)

    @cached_property
    def basis(self) -> Float64[np.ndarray, "n b"]:
        """H: what the prior mean is a weighted sum of, at each observation; ones, then the trend's components."""
        ones = np.ones((len(self.y), 1))
        return ones if self.trend is None else np.concatenate([ones, self.trend.features(self.X)], axis=1)

    @cached_property
    def weights_prior(self) -> tuple[Float64[np.ndarray, " b"], Float64[np.ndarray, " b"]]:
        """The means and the precisions of the prior mean's weights."""
        b, of_trend = (np.empty(0), np.inf) if self.trend is None else (self.trend.weights, self.trend.variance)
        return np.array([0.0, *b]), np.array([1.0 / MEAN_PRIOR_VARIANCE, *np.full(len(b), 1.0 / of_trend)])

    def noise(self, hyperparameters: Hyperparameters) -> Float64[np.ndarray, " n"]:
        """The variance of each observation's noise."""
        return np.where(
            self.has_inferred_noise, hyperparameters.noise, np.nan_to_num(self.noise_variances) + KNOWN_NOISE_NUGGET
        )


def log_marginal_likelihood(
    hyperparameters: Hyperparameters, data: TrainingSet
) -> tuple[float, Float64[np.ndarray, " p"]]:
    """The log density ln p(y | θ, β̂) + ln p(β̂) at the most probable mean m̂ = H β̂, and its gradient in θ.

    With α = C⁻¹ (y - m̂), C = K + noise, W = α αᵀ - C⁻¹ (Rasmussen and Williams 2006, eqs. 5.8 and 5.9):

        ln p = -½ (y - m̂)ᵀ α - ½ ln |C| - n/2 ln 2π ,     ∂ ln p / ∂θ = ½ ⟨W, ∂C/∂θ⟩

    β̂ moves with θ, but the density is stationary in β̂, so the gradient has no term of it (the envelope theorem).

    Returns:
        The log density, and its gradient in `Hyperparameters.vector`.

    Raises:
        NumericalError: if the covariance matrix cannot be factorised.
    """
    n = len(data.y)
    K, pull_back = covariance(hyperparameters, data.X, data.categorical, data.differs)
    noise = data.noise(hyperparameters)
    L = cholesky(K + np.diag(noise))
    weights, alpha = _weights_and_alpha(L, data)
    expected, precisions = data.weights_prior
    value = (
        -0.5 * (data.y - data.basis @ weights) @ alpha - np.log(np.diag(L)).sum() - 0.5 * n * math.log(2.0 * math.pi)
    )
    value -= 0.5 * precisions @ (weights - expected) ** 2

    W = np.outer(alpha, alpha) - inverse(L)
    of_noise = 0.5 * hyperparameters.noise * np.diag(W)[data.has_inferred_noise].sum()
    return float(value), np.append(pull_back(W), of_noise)


def covariance(
    hyperparameters: Hyperparameters,
    X: Float64[np.ndarray, "n d"],
    categorical: Bool[np.ndarray, " d"],
    differs: Mapping[int, Float64[np.ndarray, "n n"]],
) -> tuple[Float64[np.ndarray, "n n"], Callable[[Float64[np.ndarray, "n n"]], Float64[np.ndarray, " q"]]]:
    """The prior covariance K of the points of X, and the map from W to ½ ⟨W, ∂K/∂θ⟩ for θ = (ln l, ln s²).

    All lengthscales share one product: with G = -2 W ∘ ∂K/∂(r²), g = G 1 and z = x / l,

        ½ ⟨W, ∂K/∂ ln l_d⟩ = ½ Σ_ij G_ij (z_id - z_jd)² = Σ_i g_i z_id² - Σ_i z_id (G z_d)_i
    """
    lengthscales, numeric = hyperparameters.lengthscales, ~categorical
    Z = X[:, numeric] / lengthscales[numeric]
    squared_distances = cdist(Z, Z, "sqeuclidean")
    for c, of_column in differs.items():
        squared_distances += of_column / lengthscales[c] ** 2
    K, slope = matern52(squared_distances, math.exp(hyperparameters.log_variance))

    def pull_back(W: Float64[np.ndarray, "n n"]) -> Float64[np.ndarray, " q"]:
        G = -2.0 * W * slope
        gradient = np.empty(len(lengthscales) + 1)
        gradient[:-1][numeric] = G.sum(axis=1) @ Z**2 - (Z * (G @ Z)).sum(axis=0)
        for c, of_column in differs.items():
            gradient[c] = 0.5 * np.vdot(G, of_column) / lengthscales[c] ** 2
        gradient[-1] = 0.5 * np.vdot(W, K)
        return gradient

    return K, pull_back


def different(
    X: Float64[np.ndarray, "n d"], categorical: Bool[np.ndarray, " d"]
) -> dict[int, Float64[np.ndarray, "n n"]]:
    """For each categorical column, 1 for pairs of different categories and 0 for others."""
    return {int(c): (X[:, c, None] != X[None, :, c]).astype(float) for c in np.flatnonzero(categorical)}


def _weights_and_alpha(
    L: Float64[np.ndarray, "n n"], data: TrainingSet
) -> tuple[Float64[np.ndarray, " b"], Float64[np.ndarray, " n"]]:
    """The most probable weights β̂ of the prior mean under N(b, P⁻¹), and C⁻¹ (y - H β̂).

    β̂ = (Hᵀ C⁻¹ H + P)⁻¹ (Hᵀ C⁻¹ y + P b)     (Rasmussen and Williams 2006, eq. 2.41)
    """
    H, (expected, precisions) = data.basis, data.weights_prior
    solved = solve(L, np.column_stack([data.y, H]))
    of_y, of_H = solved[:, 0], solved[:, 1:]
    weights = np.linalg.solve(H.T @ of_H + np.diag(precisions), H.T @ of_y + precisions * expected)
    return weights, of_y - of_H @ weights


@final
@dataclass(frozen=True, slots=True, eq=False)
class Posterior:
    """A Gaussian process given observations.

    A query x enters through its whitened covariances v = L⁻¹ k(X, x), where L Lᵀ is the observations' covariance:
    mean m + vᵀ β with β = L⁻¹ (y - m), variance s² - vᵀ v (Rasmussen and Williams 2006, algorithm 2.1).

    Args:
        kernel: the prior covariance.
        mean: m, the constant prior mean.
        X: where it was observed.
        noise: the variances N of the observations.
        inverse_root: L⁻¹.
        whitened: β.
        trend: what is added to m, with its weights; None if nothing is.
    """

    kernel: Matern52
    mean: float
    X: Float64[np.ndarray, "n d"]
    noise: Float64[np.ndarray, " n"]
    inverse_root: Float64[np.ndarray, "n n"]
    whitened: Float64[np.ndarray, " n"]
    trend: Trend | None = None

    def predict(self, X: Float64[np.ndarray, "m d"]) -> tuple[Float64[np.ndarray, " m"], Float64[np.ndarray, " m"]]:
        """The mean and the variance of the noise-free function."""
        mean, variance = self.moments(self.whiten(X))
        return (mean if self.trend is None else mean + self.trend.value(X)), variance

    def moments(self, V: Float64[np.ndarray, "m n"]) -> tuple[Float64[np.ndarray, " m"], Float64[np.ndarray, " m"]]:
        """The mean without the trend and the variance at queries with whitened covariances V.

        The variance is at least 1e-10 s².
        """
        variance = self.kernel.variance - np.einsum("mn,mn->m", V, V)
        return self.mean + V @ self.whitened, np.maximum(variance, 1e-10 * self.kernel.variance)

    def covariance(self, A: Float64[np.ndarray, "a d"], B: Float64[np.ndarray, "b d"]) -> Float64[np.ndarray, "a b"]:
        """The posterior covariances of the noise-free function between two sets of points."""
        return self.kernel(A, B) - self.whiten(A) @ self.whiten(B).T

    def whiten(self, X: Float64[np.ndarray, "m d"]) -> Float64[np.ndarray, "m n"]:
        """The whitened covariances of queries with the observations, one row a query."""
        return times_transposed(self.kernel(X, self.X), self.inverse_root)

    def whiten_with_pull_back(
        self, X: Float64[np.ndarray, "m d"]
    ) -> tuple[Float64[np.ndarray, "m n"], Callable[[Float64[np.ndarray, "m n"]], Float64[np.ndarray, "m d"]]]:
        """`whiten`, and the map from the gradient of a function in V to its gradient in X."""
        K, slope = self.kernel.value_and_slope(X, self.X)
        return times_transposed(K, self.inverse_root), partial(self._pull_back, X, slope)

    def _pull_back(
        self, X: Float64[np.ndarray, "m d"], slope: Float64[np.ndarray, "m n"], gradient: Float64[np.ndarray, "m n"]
    ) -> Float64[np.ndarray, "m d"]:
        """The gradient in X of a function whose gradient in V is known."""
        return self.kernel.pull_back(X, self.X, times(gradient, self.inverse_root) * slope)

    def believing(self, C: Float64[np.ndarray, "c d"]) -> tuple["Posterior", Float64[np.ndarray, "c c"]]:
        """The posterior if the function turned out to be exactly its mean at C, and the joint deviation there.

        The believed values leave the mean as it is and take away variance (the kriging believer of Ginsbourger,
        Le Riche and Carraro 2010).

        Returns:
            The new posterior, whose last c whitened values are 0, and S with S Sᵀ = the old joint covariance at C.

        Raises:
            NumericalError: if the joint covariance cannot be factorised.
        """
        noise = np.full(len(C), 1e-8 * self.kernel.variance)  # keeps the factor well defined
        root, S = extended_inverse_root(self.inverse_root, self.whiten(C), self.kernel(C, C) + np.diag(noise))
        X, noise = np.concatenate([self.X, C]), np.concatenate([self.noise, noise])
        whitened = np.concatenate([self.whitened, np.zeros(len(C))])
        return replace(self, X=X, noise=noise, inverse_root=root, whitened=whitened), S

    def at_observations(
        self, y: Float64[np.ndarray, " n"]
    ) -> tuple[Float64[np.ndarray, " n"], Float64[np.ndarray, " n"]]:
        """`predict` where y was observed, without a product of matrices.

        With K = C - N:  μ = m + K C⁻¹ (y - m) = y - N C⁻¹ (y - m) ,  Σ = K - K C⁻¹ K = N - N C⁻¹ N
        """
        alpha, precision = self._alpha_and_precision()
        variance = self.noise - self.noise**2 * precision
        return y - self.noise * alpha, np.maximum(variance, 1e-10 * self.kernel.variance)

    def leave_one_out(
        self, y: Float64[np.ndarray, " n"]
    ) -> tuple[Float64[np.ndarray, " n"], Float64[np.ndarray, " n"]]:
        """For each observation y_i, the mean and the variance (noise included) of its prediction from all others.

        μ₋ᵢ = yᵢ - [C⁻¹(y - m)]ᵢ / [C⁻¹]ᵢᵢ ,  σ²₋ᵢ = 1 / [C⁻¹]ᵢᵢ     (Rasmussen and Williams 2006, eq. 5.12)
        """
        alpha, precision = self._alpha_and_precision()
        return y - alpha / precision, 1.0 / precision

    def _alpha_and_precision(self) -> tuple[Float64[np.ndarray, " n"], Float64[np.ndarray, " n"]]:
        """C⁻¹ (y - m), and the diagonal of C⁻¹."""
        return self.whitened @ self.inverse_root, np.einsum("ij,ij->j", self.inverse_root, self.inverse_root)


def condition(hyperparameters: Hyperparameters, data: TrainingSet) -> Posterior:
    """The Gaussian process with these hyper-parameters, given the data.

    Raises:
        NumericalError: if the covariance matrix cannot be factorised.
    """
    kernel = hyperparameters.kernel(data.categorical)
    noise = data.noise(hyperparameters)
    L = cholesky(kernel(data.X, data.X) + np.diag(noise))
    weights, _ = _weights_and_alpha(L, data)
    trend = None if data.trend is None else replace(data.trend, weights=weights[1:])
    root = inverse_root(L)
    whitened = root @ (data.y - data.basis @ weights)
    return Posterior(kernel, float(weights[0]), data.X, noise, root, whitened, trend)
