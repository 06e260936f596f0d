"""Learning curves: an exact Gaussian process over (configuration, step) that is low-rank in time.

Curve i of configuration x_i is a mixture of J shapes φ_j, whose weights vary over configurations, and a deviation of
its own (freeze-thaw Bayesian optimisation, Swersky, Snoek and Adams 2014, arXiv 1406.3896, with a basis in place of
their asymptotes):

    y_i(t) = Σ_jk φ_j(t) M_jk w_k(x_i) + e_i(t) + ε
    w_j(x) ~ GP(0, v_j (k(x, x') + g 1[same curve]) + τ_j²) ,     e_i(t) ~ GP(0, s² κ(t, t')) ,     ε ~ N(0, σ²)

k is a Matérn-5/2 with one lengthscale a column; g lets two runs of one configuration differ; τ_j² is the prior variance
of a mean curve. M is lower triangular with ones on its diagonal: where a curve ends has to do with how it begins and
how it bends (a linear model of coregionalisation, Álvarez, Rosasco and Lawrence 2012, arXiv 1106.6251). From here on,
Φ stands for the shapes at a curve's steps times M. With S the covariance of e_i + ε over the reported steps,
everything that the data says of curve i is

    A_i = Φ_iᵀ S_i⁻¹ Φ_i = R_i R_iᵀ ,     b_i = Φ_iᵀ S_i⁻¹ y_i ,     q_i = y_iᵀ S_i⁻¹ y_i ,     ln |S_i|

Curves that report the same steps as far as they go share one Cholesky factor S = L Lᵀ: the factor of a prefix is the
leading block of L, so that with P = L⁻¹ Φ and V = L⁻¹ Y all of these are cumulative sums over time. The rest is algebra
of the size Σ_i rank R_i ≤ J n, by the matrix inversion lemma (Rasmussen and Williams 2006, eqs. A.9 and A.10):

    B = I + Rᵀ K R ,     (K⁻¹ + R Rᵀ)⁻¹ = K - K R B⁻¹ Rᵀ K ,     |C| = |B| Π_i |S_i|

so that n curves of T steps cost O(n T² + (J n)³) and not O((n T)³).
"""

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final, final

import numpy as np
from jaxtyping import Bool, Float64, Int64
from scipy.linalg import solve_triangular

from headstock.gp.kernels import Matern52
from headstock.gp.linalg import cholesky, inverse, solve

SHAPES: Final = 4
"""J: how many shapes a curve is a mixture of."""

MEAN_VARIANCES: Final = np.array([1.0, 1.0, 0.5, 0.5])
"""τ_j²: the prior variances of the mean curve's weights, in units of the standardised outputs."""

_RANK_TOLERANCE: Final = 1e-12


def shapes_at(steps: Float64[np.ndarray, " t"], first: float, last: float) -> Float64[np.ndarray, "t 4"]:
    """The shapes φ(t): a constant, two that are made from power laws which decay slowly and quickly, and a late rise.

        φ_1 = 1 ,     φ_2 ∝ a ,     φ_3 ∝ b - ⟨a, b⟩ / ⟨a, a⟩ a ,     φ_4 ∝ c less what it shares with a and b
        a = (t / t_1)^-½ - (T / t_1)^-½ ,     b = (t / t_1)^-1 - (T / t_1)^-1 ,     c = 1 - t / T

    φ_2, φ_3 and φ_4 are orthogonal over log time from t_1 to the horizon T, with a mean square of ¼. All are zero at T,
    so that the weight of the constant is what a curve comes to. The power laws level off: with a slope over log time in
    their place, the first steps of a quick learner promised far too much. The late rise is that of trainings whose
    learning rate falls on a schedule.

    Args:
        steps: t.
        first: t_1, the first step that is reported.
        last: T, the step at which a curve is judged.
    """
    u, U = steps / first, last / first

    def falling(u: Float64[np.ndarray, " t"]) -> Float64[np.ndarray, "t 3"]:
        return np.stack([u**-0.5 - U**-0.5, 1.0 / u - 1.0 / U, 1.0 - u / U], axis=1)

    grid = falling(np.geomspace(1.0, U, 50))
    products = 4.0 * grid.T @ grid / len(grid)
    products[np.diag_indices(3)] += 1e-12 + 1e-9 * np.trace(products)
    decaying = solve_triangular(np.linalg.cholesky(products), falling(u).T, lower=True).T
    return np.concatenate([np.ones((len(u), 1)), decaying], axis=1)


@final
@dataclass(frozen=True, slots=True, eq=False)
class CurveHyperparameters:
    """The logarithms of what the model learns.

    Args:
        log_lengthscales: ln l, one a column.
        log_variances: ln v_j, one a shape.
        mixing: the entries of M below its diagonal, row by row: M_21, M_31, M_32, M_41, ...
        log_nugget: ln g.
        log_deviation: ln s².
        log_timescale: of the deviations' Matérn kernel, in units of log time.
        log_noise: ln σ².
    """

    log_lengthscales: Float64[np.ndarray, " d"]
    log_variances: Float64[np.ndarray, "4"]
    mixing: Float64[np.ndarray, "6"]
    log_nugget: float
    log_deviation: float
    log_timescale: float
    log_noise: float

    @property
    def vector(self) -> Float64[np.ndarray, " p"]:
        """All of them, in the order of the arguments."""
        rest = (self.log_nugget, self.log_deviation, self.log_timescale, self.log_noise)
        return np.array([*self.log_lengthscales, *self.log_variances, *self.mixing, *rest])

    @classmethod
    def from_vector(cls, vector: Float64[np.ndarray, " p"]) -> "CurveHyperparameters":
        """The hyper-parameters that `vector` lists."""
        return cls(vector[:-14].copy(), vector[-14:-10].copy(), vector[-10:-4].copy(), *map(float, vector[-4:]))

    def to_json(self) -> list[float]:
        """The hyper-parameters as JSON."""
        return list(map(float, self.vector))

    @classmethod
    def from_json(cls, stored: list[float]) -> "CurveHyperparameters":
        """The hyper-parameters that `to_json` wrote."""
        return cls.from_vector(np.array(stored, dtype=float))

    @property
    def variances(self) -> Float64[np.ndarray, "4"]:
        """v_j."""
        return np.exp(self.log_variances)

    @property
    def mixture(self) -> Float64[np.ndarray, "4 4"]:
        """M: lower triangular, ones on its diagonal."""
        M = np.eye(SHAPES)
        M[np.tril_indices(SHAPES, -1)] = self.mixing
        return M

    @property
    def nugget(self) -> float:
        """The nugget g."""
        return math.exp(self.log_nugget)

    @property
    def noise(self) -> float:
        """σ²."""
        return math.exp(self.log_noise)

    def kernel(self, categorical: Bool[np.ndarray, " d"]) -> Matern52:
        """k, the unit kernel over configurations."""
        return Matern52(np.exp(self.log_lengthscales), 1.0, categorical)

    def deviation(
        self, s: Float64[np.ndarray, " a"], t: Float64[np.ndarray, " b"]
    ) -> tuple[Float64[np.ndarray, "a b"], Float64[np.ndarray, "a b"]]:
        """The covariance s² κ(s, t) of a curve's own deviation, and its derivative in `log_timescale`.

        κ(s, t) = (1 + a) exp(-a) ,   ∂κ/∂ln ℓ = a² exp(-a) ,   a = √3 |ln s - ln t| / ℓ

        (Matérn 3/2, Rasmussen and Williams 2006, eq. 4.17, over log time.)
        """
        a = math.sqrt(3.0) * np.abs(np.log(s)[:, None] - np.log(t)) / math.exp(self.log_timescale)
        decay = np.exp(self.log_deviation - a)
        return (1.0 + a) * decay, a**2 * decay


@final
@dataclass(frozen=True, eq=False)
class CurveSet:
    """The curves that the model is conditioned on; at least one, each with at least one value.

    Args:
        X: the configurations, in the unit cube.
        steps: the steps at which values were reported, ascending and positive.
        Y: the values, standardised, larger where they are better; NaN where a curve has none.
        last: the step at which a curve is judged.
        categorical: which columns of X are categorical.
    """

    X: Float64[np.ndarray, "n d"]
    steps: Float64[np.ndarray, " t"]
    Y: Float64[np.ndarray, "n t"]
    last: float
    categorical: Bool[np.ndarray, " d"]

    def shapes(self, steps: Float64[np.ndarray, " m"]) -> Float64[np.ndarray, "m 4"]:
        """The shapes at some steps."""
        return shapes_at(steps, float(self.steps[0]), max(self.last, float(self.steps[-1])))

    @property
    def newest(self) -> Int64[np.ndarray, " n"]:
        """The column of each curve's newest value."""
        return self.Y.shape[1] - 1 - np.argmax(~np.isnan(self.Y[:, ::-1]), axis=1)

    def subset(self, rows: Int64[np.ndarray, " u"]) -> "CurveSet":
        """The set of some of the curves, on the steps that any of them has."""
        Y = self.Y[rows]
        reported = ~np.isnan(Y).all(axis=0)
        return CurveSet(self.X[rows], self.steps[reported], Y[:, reported], self.last, self.categorical)

    @cached_property
    def families(self) -> tuple[tuple[Int64[np.ndarray, " f"], Int64[np.ndarray, " s"]], ...]:
        """Curves that report the same steps as far as they go: their rows, and the columns of the longest."""
        patterns, which = np.unique(~np.isnan(self.Y), axis=0, return_inverse=True)
        longest: list[Int64[np.ndarray, " s"]] = []
        members: list[list[int]] = []
        for pattern in sorted(range(len(patterns)), key=lambda k: -int(patterns[k].sum())):
            columns = np.flatnonzero(patterns[pattern])
            family = next((f for f, c in enumerate(longest) if (c[: len(columns)] == columns).all()), len(longest))
            if family == len(longest):
                longest.append(columns)
                members.append([])
            members[family].append(pattern)
        which = which.reshape(-1)
        return tuple((np.flatnonzero(np.isin(which, m)), c) for m, c in zip(members, longest, strict=True))


@final
@dataclass(frozen=True, slots=True, eq=False)
class _Family:
    """Curves with one Cholesky factor.

    Args:
        rows: their rows in the set.
        columns: those of the longest of them.
        steps: the steps of these.
        lengths: how many steps each has.
        L: the factor of s² κ + σ² 1.
        P: L⁻¹ Φ, the shapes being mixed.
        V: L⁻¹ Y, a row a curve, zero beyond its length.
    """

    rows: Int64[np.ndarray, " f"]
    columns: Int64[np.ndarray, " s"]
    steps: Float64[np.ndarray, " s"]
    lengths: Int64[np.ndarray, " f"]
    L: Float64[np.ndarray, "s s"]
    P: Float64[np.ndarray, "s 4"]
    V: Float64[np.ndarray, "f s"]

    @classmethod
    def of(
        cls,
        rows: Int64[np.ndarray, " f"],
        columns: Int64[np.ndarray, " s"],
        h: CurveHyperparameters,
        data: CurveSet,
    ) -> "_Family":
        steps = data.steps[columns]
        L = cholesky(h.deviation(steps, steps)[0] + h.noise * np.eye(len(steps)))
        P = solve_triangular(L, data.shapes(steps) @ h.mixture, lower=True)
        lengths = (~np.isnan(data.Y[np.ix_(rows, columns)])).sum(axis=1)
        return cls(rows, columns, steps, lengths, L, P, _whitened(L, data.Y[np.ix_(rows, columns)]))

    def with_values(self, Y: Float64[np.ndarray, "n t"]) -> "_Family":
        """The same curves with other values."""
        return replace(self, V=_whitened(self.L, Y[np.ix_(self.rows, self.columns)]))

    def upto(self, cumulative: Float64[np.ndarray, "s ..."]) -> Float64[np.ndarray, "f ..."]:
        """Of a sum that grows along the steps, the part that belongs to each curve."""
        return cumulative[self.lengths - 1]


def _whitened(L: Float64[np.ndarray, "s s"], Y: Float64[np.ndarray, "f s"]) -> Float64[np.ndarray, "f s"]:
    """V = L⁻¹ Y, a row a curve; zero where there is no value."""
    return solve_triangular(L, np.nan_to_num(Y).T, lower=True).T * ~np.isnan(Y)


@final
@dataclass(frozen=True, slots=True, eq=False)
class CurvePosterior:
    """The model given curves.

    Args:
        hyperparameters: of the model.
        data: the curves.
        families: their whitened parts.
        owners: the curve that each column of R belongs to.
        R: the roots R_i, stacked: row k holds the weights' direction of column k.
        K: the kernel over configurations k + g 1.
        L: the Cholesky factor of B.
        coefficients: c with E[w_j(x)] = K_j(x, X) c_j, one row a curve.
        log_likelihood: the log marginal likelihood.
    """

    hyperparameters: CurveHyperparameters
    data: CurveSet
    families: tuple[_Family, ...]
    owners: Int64[np.ndarray, " r"]
    R: Float64[np.ndarray, "r 4"]
    K: Float64[np.ndarray, "n n"]
    L: Float64[np.ndarray, "r r"]
    coefficients: Float64[np.ndarray, "n 4"]
    log_likelihood: float

    @property
    def weights(self) -> Float64[np.ndarray, "n 4"]:
        """E[w_j] of each curve."""
        common = MEAN_VARIANCES * self.coefficients.sum(axis=0)
        return self.K @ (self.coefficients * self.hyperparameters.variances) + common

    def with_values(self, Y: Float64[np.ndarray, "n t"]) -> "CurvePosterior":
        """The model given other values at the same steps, for far less than `condition`: its matrices stay."""
        families = tuple(family.with_values(Y) for family in self.families)
        h, data = self.hyperparameters, replace(self.data, Y=Y)
        return _given(h, data, families, owners=self.owners, R=self.R, K=self.K, L=self.L)

    def predict_new(
        self, X: Float64[np.ndarray, "m d"], steps: Float64[np.ndarray, " m"]
    ) -> tuple[Float64[np.ndarray, " m"], Float64[np.ndarray, " m"]]:
        """The mean and the variance, noise left out, of the curve of each new configuration at its step."""
        h = self.hyperparameters
        K = h.kernel(self.data.categorical)(X, self.data.X)
        mean, variance = self._mixture(K, self.data.shapes(steps) @ h.mixture)
        return mean, variance + math.exp(h.log_deviation)

    def mean_of_new(self, X: Float64[np.ndarray, "m d"], steps: Float64[np.ndarray, " m"]) -> Float64[np.ndarray, " m"]:
        """The mean alone of `predict_new`, which costs far less."""
        h = self.hyperparameters
        return self._mean(h.kernel(self.data.categorical)(X, self.data.X), self.data.shapes(steps) @ h.mixture)

    def predict(
        self, rows: Int64[np.ndarray, " m"], steps: Float64[np.ndarray, " m"]
    ) -> tuple[Float64[np.ndarray, " m"], Float64[np.ndarray, " m"]]:
        """The mean and the variance, noise left out, of curves of the set, each at a step.

        Given w_i, a curve goes on as a Gaussian process of its own (Rasmussen and Williams 2006, eqs. 2.25 and 2.26);
        with κ_* = L⁻¹ s² κ(steps, t_*), cut to the curve's length, and φ~ = φ(t_*) - Pᵀ κ_*:

            mean = φ~ᵀ E[w_i] + κ_*ᵀ V_i ,     variance = s² - κ_*ᵀ κ_* + φ~ᵀ Cov[w_i] φ~
        """
        h = self.hyperparameters
        effective = self.data.shapes(steps) @ h.mixture
        own_mean, own_variance = np.zeros(len(rows)), np.full(len(rows), math.exp(h.log_deviation))
        for family in self.families:
            place = np.full(len(self.data.X), -1)
            place[family.rows] = np.arange(len(family.rows))
            here = np.flatnonzero(place[rows] >= 0)
            members = place[rows[here]]
            cross = solve_triangular(family.L, h.deviation(family.steps, steps[here])[0], lower=True).T
            cross = cross * (np.arange(len(family.steps)) < family.lengths[members, None])
            effective[here] -= cross @ family.P
            own_mean[here] = np.einsum("ms,ms->m", cross, family.V[members])
            own_variance[here] -= np.einsum("ms,ms->m", cross, cross)
        mean, variance = self._mixture(self.K[rows], effective)
        return own_mean + mean, np.maximum(own_variance, 0.0) + variance

    def _mixture(
        self, K: Float64[np.ndarray, "m n"], weights: Float64[np.ndarray, "m 4"]
    ) -> tuple[Float64[np.ndarray, " m"], Float64[np.ndarray, " m"]]:
        """The mean and the variance of Σ_j `weights`_j w_j at points whose kernel with the curves is K.

        E[w_j] = K_j c_j ,     Cov[w] = K_** - K_* R B⁻¹ Rᵀ K_*ᵀ
        """
        h, v = self.hyperparameters, self.hyperparameters.variances
        common = weights * MEAN_VARIANCES
        projected = K[:, self.owners] * ((weights * v) @ self.R.T) + common @ self.R.T
        whitened = solve_triangular(self.L, projected.T, lower=True, overwrite_b=True)
        prior = weights**2 @ (v * (1.0 + h.nugget) + MEAN_VARIANCES)
        explained = np.einsum("rm,rm->m", whitened, whitened)
        return self._mean(K, weights), np.maximum(prior - explained, 1e-10 * prior)

    def _mean(self, K: Float64[np.ndarray, "m n"], weights: Float64[np.ndarray, "m 4"]) -> Float64[np.ndarray, " m"]:
        own = np.einsum("mj,mj->m", weights * self.hyperparameters.variances, K @ self.coefficients)
        return own + weights @ (MEAN_VARIANCES * self.coefficients.sum(axis=0))


def condition(h: CurveHyperparameters, data: CurveSet) -> CurvePosterior:
    """The model with these hyper-parameters, given the curves.

        ln p = -½ (Σ q_i - bᵀ K b + (Rᵀ K b)ᵀ B⁻¹ (Rᵀ K b)) - ½ (Σ ln |S_i| + ln |B|) - N/2 ln 2π
        c = b - R B⁻¹ Rᵀ K b

    Raises:
        NumericalError: if a covariance matrix cannot be factorised.
    """
    n, v = len(data.X), h.variances
    families = tuple(_Family.of(rows, columns, h, data) for rows, columns in data.families)
    A = np.empty((n, SHAPES, SHAPES))
    for family in families:
        A[family.rows] = family.upto(np.cumsum(family.P[:, :, None] * family.P[:, None, :], axis=0))
    owners, R = _roots(A)
    K = h.kernel(data.categorical)(data.X, data.X)
    K[np.diag_indices(n)] += h.nugget
    B = K[np.ix_(owners, owners)] * ((R * v) @ R.T) + (R * MEAN_VARIANCES) @ R.T
    B[np.diag_indices(len(owners))] += 1.0
    return _given(h, data, families, owners=owners, R=R, K=K, L=cholesky(B))


def _given(
    h: CurveHyperparameters,
    data: CurveSet,
    families: tuple[_Family, ...],
    *,
    owners: Int64[np.ndarray, " r"],
    R: Float64[np.ndarray, "r 4"],
    K: Float64[np.ndarray, "n n"],
    L: Float64[np.ndarray, "r r"],
) -> CurvePosterior:
    """The part of `condition` that depends on the values."""
    b = np.empty((len(data.X), SHAPES))
    squares, log_determinant = 0.0, 2.0 * float(np.log(np.diag(L)).sum())
    for family in families:
        b[family.rows] = family.V @ family.P
        squares += float(np.vdot(family.V, family.V))
        log_determinant += 2.0 * float(family.upto(np.cumsum(np.log(np.diag(family.L)))).sum())
    Kb = K @ (b * h.variances) + MEAN_VARIANCES * b.sum(axis=0)
    D = np.einsum("rj,rj->r", R, Kb[owners])
    solved = solve(L, D[:, None])[:, 0]
    coefficients = b.copy()
    np.subtract.at(coefficients, owners, R * solved[:, None])
    observations = int((~np.isnan(data.Y)).sum())
    quadratic = squares - float(np.vdot(b, Kb)) + float(D @ solved)
    value = -0.5 * (quadratic + log_determinant + observations * math.log(2.0 * math.pi))
    return CurvePosterior(h, data, families, owners, R, K, L, coefficients, value)


def _roots(A: Float64[np.ndarray, "n 4 4"]) -> tuple[Int64[np.ndarray, " r"], Float64[np.ndarray, "r 4"]]:
    """R_i with R_i R_iᵀ = A_i, columns of no weight left out: to whom each column belongs, and the columns as rows."""
    values, vectors = np.linalg.eigh(A)
    kept = values > _RANK_TOLERANCE * values[:, -1:]
    roots = vectors * np.sqrt(np.maximum(values, 0.0))[:, None, :]
    owners, columns = np.nonzero(kept)
    return owners, roots[owners, :, columns]


def gradient(posterior: CurvePosterior) -> Float64[np.ndarray, " p"]:
    """The gradient of the log marginal likelihood in `CurveHyperparameters.vector`.

    With M = R B⁻¹ Rᵀ and W_j = c_j c_jᵀ - M_jj, for what changes the kernels K_j, and with the residuals
    u_i = V_i - P_i E[w_i], G = L⁻¹ ∂S L⁻ᵀ and H_i = P_iᵀ G_i P_i, for what changes S:

        ∂ ln p = ½ Σ_j ⟨W_j, ∂K_j⟩ ,     ∂ ln p = ½ Σ_i (u_iᵀ G_i u_i - tr G_i + tr(Cov[w_i] H_i))
        ∂ ln p / ∂M = M⁻ᵀ Σ_i (c_i E[w_i]ᵀ - R_i R_iᵀ Cov[w_i]) ,     R_iᵀ Cov[w_i] = (B⁻¹ Rᵀ K)_ii

    (Rasmussen and Williams 2006, eq. 5.9, with the inverse of the module's docstring). Where Cov[w_i] meets the range
    of R_i it is R_i⁺ᵀ (1 - B⁻¹)_ii R_i⁺.
    """
    h, data, c = posterior.hyperparameters, posterior.data, posterior.coefficients
    owners, R = posterior.owners, posterior.R
    d, v = data.X.shape[1], h.variances
    result = np.zeros(d + SHAPES + len(h.mixing) + 4)
    B_inverse = inverse(posterior.L)
    first = np.searchsorted(owners, np.arange(len(data.X)))
    kernel_of_owners = posterior.K[np.ix_(owners, owners)]
    W = (c * v) @ c.T - _summed(B_inverse * ((R * v) @ R.T), first)
    result[:d] = _lengthscale_gradient(W, h, data)
    for j in range(SHAPES):
        Rj = R[:, j]
        explained = float(Rj @ (B_inverse * kernel_of_owners) @ Rj)
        result[d + j] = 0.5 * v[j] * (float(c[:, j] @ posterior.K @ c[:, j]) - explained)
    result[-4] = 0.5 * h.nugget * float(np.trace(W))
    result[-3:] = _time_gradient(posterior, B_inverse, first)
    cross = ((B_inverse * kernel_of_owners) @ R) * v + (B_inverse @ R) * MEAN_VARIANCES
    by_shape = np.linalg.solve(h.mixture.T, c.T @ posterior.weights - R.T @ cross)
    result[d + SHAPES : -4] = by_shape[np.tril_indices(SHAPES, -1)]
    return result


def _summed(Q: Float64[np.ndarray, "r r"], first: Int64[np.ndarray, " n"]) -> Float64[np.ndarray, "n n"]:
    """The sums of Q over the columns of each pair of curves, whose first columns are given."""
    return np.add.reduceat(np.add.reduceat(Q, first, axis=0), first, axis=1)


def _lengthscale_gradient(
    W: Float64[np.ndarray, "n n"], h: CurveHyperparameters, data: CurveSet
) -> Float64[np.ndarray, " d"]:
    """½ ⟨W, ∂k/∂ln l_d⟩, all columns by one product as in `headstock.gp.regression.log_marginal_likelihood`."""
    kernel = h.kernel(data.categorical)
    G = -2.0 * W * kernel.value_and_slope(data.X, data.X)[1]
    Z = data.X / kernel.lengthscales
    result = G.sum(axis=1) @ Z**2 - (Z * (G @ Z)).sum(axis=0)
    for j in np.flatnonzero(data.categorical):
        differs = data.X[:, j, None] != data.X[:, j]
        result[j] = 0.5 * float(G[differs].sum()) / kernel.lengthscales[j] ** 2
    return result


def _time_gradient(
    posterior: CurvePosterior, B_inverse: Float64[np.ndarray, "r r"], first: Int64[np.ndarray, " n"]
) -> Float64[np.ndarray, "3"]:
    """The gradient in ln s², ln ℓ and ln σ²."""
    h, n = posterior.hyperparameters, len(posterior.data.X)
    weights = posterior.weights
    ranks = np.diff(np.append(first, len(posterior.owners)))
    covariances = np.zeros((n, SHAPES, SHAPES))
    for rank in np.unique(ranks):
        curves = np.flatnonzero(ranks == rank)
        columns = first[curves, None] + np.arange(rank)
        own = np.eye(rank) - B_inverse[columns[:, :, None], columns[:, None, :]]
        roots = posterior.R[columns]  # orthogonal, so that scaling them gives the pseudo-inverse
        pseudo = roots / (roots**2).sum(axis=2, keepdims=True)
        covariances[curves] = pseudo.transpose(0, 2, 1) @ own @ pseudo
    result = np.zeros(3)
    for family in posterior.families:
        U = family.V - (weights[family.rows] @ family.P.T) * (np.arange(len(family.steps)) < family.lengths[:, None])
        deviation, in_timescale = h.deviation(family.steps, family.steps)
        for k, change in enumerate((deviation, in_timescale, h.noise * np.eye(len(family.steps)))):
            half = solve_triangular(family.L, change, lower=True)
            G = solve_triangular(family.L, half.T, lower=True)
            below = np.tril(G, -1) @ family.P
            cross = family.P[:, :, None] * below[:, None, :]
            own = np.diag(G)[:, None, None] * family.P[:, :, None] * family.P[:, None, :]
            H = family.upto(np.cumsum(cross + cross.transpose(0, 2, 1) + own, axis=0))
            traces = float(family.upto(np.cumsum(np.diag(G))).sum())
            result[k] += 0.5 * (
                float(np.einsum("fs,fs->", U @ G, U)) - traces + float(np.vdot(covariances[family.rows], H))
            )
    return result
