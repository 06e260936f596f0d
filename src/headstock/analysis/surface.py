"""What the model believes over one or two parameters while the others are held, or over one on the average of them.

It is the model with the expected ends of unfinished trainings. Everywhere, parameters that a condition switches off and
points that break a linear constraint have no value: NaN.
"""

from dataclasses import dataclass
from typing import Final, final

import numpy as np
from jaxtyping import Bool, Float64

from headstock.analysis.feasibility import feasibility, log_feasibilities
from headstock.analysis.intervals import central_interval
from headstock.analysis.model import Model
from headstock.analysis.winner import best_believed
from headstock.errors import NoResultError, ParameterError
from headstock.parameters import Choice, Fixed, Int, Parameter, Parameters, Value, conditions, identity
from headstock.space import Space

LEVEL: Final = 0.95
"""The probability of the intervals in `Slice`."""

AVERAGED: Final = 128
"""Over how many points a marginal effect is averaged."""

SEED: Final = 2001  # the same model gives the same effects


@final
@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """The posterior of the noise-free metric on a grid over two parameters.

    Args:
        metric: the metric, in whose units the numbers are.
        x: the parameter along the columns.
        y: the parameter along the rows.
        x_values: its values, evenly spaced on the scale that it is searched on.
        y_values: the same for the rows.
        means: the posterior means; NaN where there is nothing to evaluate.
        sems: the posterior standard errors; NaN likewise.
        at: the configuration that holds the other parameters.
        feasibility: the probability that every outcome constraint holds, NaN likewise; None if there is none.
    """

    metric: str
    x: str
    y: str
    x_values: tuple[Value, ...]
    y_values: tuple[Value, ...]
    means: Float64[np.ndarray, "ny nx"]
    sems: Float64[np.ndarray, "ny nx"]
    at: Parameters
    feasibility: Float64[np.ndarray, "ny nx"] | None = None


@final
@dataclass(frozen=True, slots=True, eq=False)
class Slice:
    """The posterior of the noise-free metric along one parameter.

    Args:
        metric: the metric, in whose units the numbers are.
        parameter: the parameter that varies.
        values: its values, evenly spaced on the scale that it is searched on.
        means: the posterior means; NaN where there is nothing to evaluate.
        lower: the lower ends of the central 95 % intervals; NaN likewise.
        upper: their upper ends; NaN likewise.
        at: the configuration that holds the other parameters; None if the numbers are averages over them.
    """

    metric: str
    parameter: str
    values: tuple[Value, ...]
    means: Float64[np.ndarray, " m"]
    lower: Float64[np.ndarray, " m"]
    upper: Float64[np.ndarray, " m"]
    at: Parameters | None


@final
@dataclass(frozen=True, slots=True, eq=False)
class Odds:
    """The probability that the outcome constraints hold along one parameter.

    Args:
        parameter: the parameter that varies.
        values: its values, evenly spaced on the scale that it is searched on.
        together: the probability that every constraint holds; NaN where there is nothing to evaluate.
        apart: that of each constraint, in the order of the history's.
        at: the configuration that holds the other parameters.
    """

    parameter: str
    values: tuple[Value, ...]
    together: Float64[np.ndarray, " m"]
    apart: Float64[np.ndarray, "k m"]
    at: Parameters


def surface(
    model: Model, x: str, y: str, *, metric: str | None = None, at: Parameters | None = None, density: int = 41
) -> Surface:
    """The posterior over two parameters.

    Args:
        model: the surrogates.
        x: the parameter along the columns.
        y: the parameter along the rows.
        metric: the metric; the objective if left out.
        at: the configuration that holds the other parameters; the best believed one if left out.
        density: how many values a parameter takes at most, categories apart.

    Raises:
        ParameterError: if a parameter is unknown or fixed, or both are the same.
        NoResultError: if the two are never active together, or `at` is left out and no arm is believed feasible.
    """
    if x == y:
        raise ParameterError(f"Both axes are {x!r}. Choose two different parameters of {', '.join(_varied(model))}.")
    columns, rows = _values(model, x, density), _values(model, y, density)
    held = _held(model, at, x, y)
    X = np.repeat(model.encoding.encode([held]), len(rows) * len(columns), axis=0)
    X[:, model.encoding.names.index(x)] = np.tile(_positions(model, x, columns, held), len(rows))
    X[:, model.encoding.names.index(y)] = np.repeat(_positions(model, y, rows, held), len(columns))
    X, shown = _settled(model, X, x, y)
    if not shown.any():
        raise NoResultError(f"{x} and {y} are never active together, so there is nothing to show over both.")
    means, sems = np.full(len(X), np.nan), np.full(len(X), np.nan)
    means[shown], sems[shown] = model.whole.posterior(X[shown], metric)
    shape = (len(rows), len(columns))
    name = metric or model.history.objective.metric
    odds = None
    if model.history.outcome_constraints:
        odds = np.full(shape, np.nan)
        odds[shown.reshape(shape)] = feasibility(model, X[shown])
    return Surface(name, x, y, columns, rows, means.reshape(shape), sems.reshape(shape), held, odds)


def slice_along(
    model: Model, parameter: str, *, metric: str | None = None, at: Parameters | None = None, density: int = 101
) -> Slice:
    """The posterior along one parameter; arguments and errors as those of `surface`."""
    values = _values(model, parameter, density)
    held = _held(model, at, parameter)
    X, shown = _settled(model, model.encoding.encode([{**held, parameter: value} for value in values]), parameter)
    means, lower, upper = (np.full(len(values), np.nan) for _ in range(3))
    means[shown], _ = model.whole.posterior(X[shown], metric)
    lower[shown], upper[shown] = model.whole.interval(X[shown], LEVEL, metric)
    return Slice(metric or model.history.objective.metric, parameter, values, means, lower, upper, held)


def odds_along(model: Model, parameter: str, *, at: Parameters | None = None, density: int = 101) -> Odds:
    """The probability that the outcome constraints hold along one parameter; arguments and errors as of `surface`."""
    values = _values(model, parameter, density)
    held = _held(model, at, parameter)
    X, shown = _settled(model, model.encoding.encode([{**held, parameter: value} for value in values]), parameter)
    logs = np.full((len(model.history.outcome_constraints), len(values)), np.nan)
    logs[:, shown] = log_feasibilities(model, X[shown])
    return Odds(parameter, values, np.exp(logs.sum(axis=0)), np.exp(logs), held)


def effect_along(model: Model, parameter: str, *, metric: str | None = None, density: int = 51) -> Slice:
    """The marginal effect of a parameter: the posterior of the average over all others, drawn evenly from the space.

    With f the metric on the surrogate's standard scale, where a few disasters cannot outweigh everything else, and
    x₁ … x_m points that agree in the parameter,

        f̄ = 1/m Σ f(xⱼ) ,     E f̄ = 1/m Σ μ(xⱼ) ,     Var f̄ = 1/m² Σ Σ k(xⱼ, xₗ)

    (the partial dependence of Friedman 2001, "Greedy function approximation", section 8.2, with the uncertainty of the
    Gaussian process; μ and k are its posterior mean and covariance). All are taken back to the metric's units.

    Raises:
        MetricError: if the metric is not modelled.
        ParameterError: if the parameter does not vary.
    """
    from scipy.stats import qmc  # takes half a second to load

    surrogate, encoding = model.whole.surrogate(metric), model.encoding
    values = _values(model, parameter, density)
    column = encoding.names.index(parameter)
    some = model.history.observed[0].parameters  # where a value lies in its own column, the others do not change
    positions = _positions(model, parameter, values, _held(model, some, parameter))
    U = qmc.Sobol(encoding.dimensions, rng=np.random.default_rng(SEED)).random(AVERAGED)
    means, sds = np.full(len(values), np.nan), np.full(len(values), np.nan)
    for i, position in enumerate(positions):
        X = encoding.from_uniform(U)
        X[:, column] = position
        X, shown = _settled(model, X, parameter)
        if shown.any():
            means[i] = surrogate.posterior.predict(X[shown])[0].mean()
            sds[i] = np.sqrt(max(surrogate.posterior.covariance(X[shown], X[shown]).mean(), 0.0))
    known = np.isfinite(means)
    averages, lower, upper = (np.full(len(values), np.nan) for _ in range(3))
    averages[known], _ = surrogate.transform.invert(means[known], sds[known])
    lower[known], upper[known] = central_interval(surrogate.transform, means[known], sds[known], LEVEL)
    return Slice(metric or model.history.objective.metric, parameter, values, averages, lower, upper, None)


def grid(parameter: Parameter, density: int) -> tuple[Value, ...]:
    """At most `density` values of a parameter, evenly spaced on its scale, both ends among them; every category."""
    if isinstance(parameter, Choice | Fixed):
        return parameter.values if isinstance(parameter, Choice) else (parameter.value,)
    count = min(density, parameter.levels or density)
    spaced = (np.geomspace if parameter.log else np.linspace)(parameter.low, parameter.high, count)
    if parameter.step is not None:
        last = (parameter.levels or 1) - 1
        steps = np.clip(np.rint((spaced - parameter.low) / parameter.step), 0, last)
        spaced = parameter.low + parameter.step * np.unique(steps)
    kind = int if isinstance(parameter, Int) else float
    return tuple(min(max(kind(value), parameter.low), parameter.high) for value in spaced)


def _varied(model: Model) -> tuple[str, ...]:
    return model.history.space.searched


def _values(model: Model, name: str, density: int) -> tuple[Value, ...]:
    if name not in _varied(model):
        raise ParameterError(f"{name!r} is not a parameter that varies. Choose one of {', '.join(_varied(model))}.")
    return grid(model.history.space[name], density)


def _held(model: Model, at: Parameters | None, *axes: str) -> dict[str, Value]:
    """The configuration of the other parameters, changed where a condition would switch an axis off."""
    space = model.history.space
    held = dict(best_believed(model).parameters if at is None else space.validate_partial(at))
    for name in axes:
        _activate(space, name, held, free=axes)
    return {name: held[name] for name in space.active(held) if name in held}


def _activate(space: Space, name: str, held: dict[str, Value], *, free: tuple[str, ...]) -> None:
    """Set the ancestors of a parameter, axes apart, to values under which it is active."""
    for parent, allowed in conditions(space[name]).items():
        _activate(space, parent, held, free=free)
        if parent not in free and (parent not in held or identity(held[parent]) not in map(identity, allowed)):
            held[parent] = allowed[0]


def _positions(model: Model, name: str, values: tuple[Value, ...], held: Parameters) -> Float64[np.ndarray, " v"]:
    """Where values of a parameter lie in its column, while it is active."""
    active = dict(held)
    _activate(model.history.space, name, active, free=())
    points = model.encoding.encode([{**active, name: value} for value in values])
    return points[:, model.encoding.names.index(name)]


def _settled(
    model: Model, X: Float64[np.ndarray, "m d"], *axes: str
) -> tuple[Float64[np.ndarray, "m d"], Bool[np.ndarray, " m"]]:
    """The points with inactive parameters in their places, and where the axes are active and the constraints kept."""
    encoding = model.encoding
    settled = encoding.snap(X)
    active = encoding.active(settled)[:, [encoding.names.index(name) for name in axes]].all(axis=1)
    return settled, active & encoding.feasible(settled)
