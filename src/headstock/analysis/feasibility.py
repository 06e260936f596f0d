"""How probable it is that the outcome constraints hold."""

import numpy as np
from jaxtyping import Float64

from headstock.analysis.model import Model
from headstock.gp.surrogate import Surrogate
from headstock.objective import OutcomeConstraint


def standard_bound(surrogate: Surrogate, constraint: OutcomeConstraint) -> tuple[float, float]:
    """On the surrogate's standard scale: +1 if the metric must be at least the bound, -1 if at most; and the bound."""
    side = surrogate.transform.sign * (1.0 if constraint.at_least else -1.0)
    return side, float(surrogate.transform.apply(np.array([constraint.bound]))[0])


def log_feasibilities(model: Model, X: Float64[np.ndarray, "m d"]) -> Float64[np.ndarray, "k m"]:
    """Ln of the probability that each of the k outcome constraints holds for the noise-free metric.

        ln E[Φ(± (μ - bound) / σ)] , on the surrogate's standard scale, over hyper-parameters

    (Gardner et al. 2014, "Bayesian optimization with inequality constraints", eq. 7)

    Raises:
        MetricError: if a constraint's metric is not modelled.
    """
    logs = np.zeros((len(model.history.outcome_constraints), len(X)))
    for row, constraint in zip(logs, model.history.outcome_constraints, strict=True):
        side, bound = standard_bound(model.surrogate(constraint.metric), constraint)
        row[:] = model.averaged(constraint.metric).log_probability(X, bound, side)
    return logs


def feasibility(model: Model, X: Float64[np.ndarray, "m d"]) -> Float64[np.ndarray, " m"]:
    """The probability that every outcome constraint holds; their metrics are modelled apart, so it is a product.

    Raises:
        MetricError: if a constraint's metric is not modelled.
    """
    return np.exp(log_feasibilities(model, X).sum(axis=0))
