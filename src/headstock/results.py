"""What an evaluation may give back, read into observations.

0.93                                      the objective; its noise is inferred
(0.93, 0.01)                              mean and standard error; a standard error of None or NaN is inferred
{"accuracy": 0.93, "latency": (12, 0.5)}  several metrics
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from headstock import wording
from headstock.errors import MetricError
from headstock.objective import Objective
from headstock.scalars import is_finite, is_number, native, real
from headstock.trial import Metrics, Observation, TrialRecord


def read_result(result: Any, required: Sequence[str], *, step: int | None = None) -> Metrics:
    """The observation of each metric of a result.

    Args:
        result: a number (also of numpy, or a tensor of one element), a pair (mean, standard error), or a dictionary
            of these by metric.
        required: the metrics that must be there, the objective first: a bare number is the first of them.
        step: the training step that the result belongs to; None for the final one.

    Raises:
        MetricError: if the result is of another form, a value is not finite, or a required metric is missing.
    """
    if not required and not isinstance(result, Mapping):
        raise MetricError(
            f"The result is {wording.given(result)}, but persons judge this. Give nothing, or other metrics by name."
        )
    named = result if isinstance(result, Mapping) else {required[0]: result}
    missing = ", ".join(repr(metric) for metric in required if metric not in named)
    if missing and not named:
        raise MetricError(f"No result: nothing was returned, reported or told of {missing}. Give every metric.")
    if missing:
        raise MetricError(f"The result has {', '.join(map(repr, named))}, but not {missing}. Give every metric.")
    return {_name(metric): _observation(metric, value, step) for metric, value in named.items()}


def measured(metrics: Metrics, objective: Objective) -> Metrics:
    """The metrics of a result.

    Raises:
        MetricError: if they have a value of an objective that persons judge.
    """
    if objective.judged and objective.metric in metrics:
        raise MetricError(
            f"The result has a value of {objective.metric!r}, which persons judge here. Leave it out, and say which "
            f"trials are better: prefer(trial, over=others)."
        )
    return metrics


def value_of(trial: TrialRecord, objective: Objective, required: Sequence[str], value: str) -> Metrics:
    """The result of a trial that only reported: its last report, or the one with the best objective.

    Args:
        trial: the trial.
        objective: the metric that is optimised.
        required: the metrics that must be there.
        value: which of its reports counts: "last" or "best".

    Raises:
        MetricError: if it lacks a required metric, or has a value of an objective that persons judge.
    """
    reports, counts = trial.reports, step_that_counts(trial, objective, value)
    if counts is not None:
        reports = {m: tuple(o for o in curve if (o.step or 0) <= counts) for m, curve in reports.items()}
    values = {m: (c[-1].mean, c[-1].sem) for m, c in reports.items() if c}
    return measured(read_result(values, required), objective)


def step_that_counts(trial: TrialRecord, objective: Objective, value: str) -> int | None:
    """The step whose report is the trial's value where the best one counts; None for the last."""
    curve = trial.reports.get(objective.metric)
    if value != "best" or not curve:
        return None
    return max(curve, key=lambda o: objective.sign * o.mean).step or 0


def _name(metric: Any) -> str:
    if not isinstance(metric, str) or not metric.strip():
        raise MetricError(f"A metric is called {metric!r}. Give it a name that is a non-empty string.")
    return metric


def _observation(metric: str, value: Any, step: int | None) -> Observation:
    mean, sem = value if isinstance(value, tuple | list) and len(value) == 2 else (value, None)
    mean, sem = _scalar(mean), _scalar(sem)
    if not is_number(mean) or not (sem is None or is_number(sem)):
        raise MetricError(
            f"{metric!r} is {value!r}, of type {type(value).__name__}. Give a number or a pair (mean, standard error)."
        )
    if not is_finite(mean):
        raise MetricError(
            f"{metric!r} is {wording.given(mean)}, which is not finite as a float. A trial without a result is "
            f"Failed(reason)."
        )
    sem = None if sem is None else real(sem)
    return Observation(float(mean), None if sem is None or math.isnan(sem) else sem, step)


def _scalar(value: Any) -> Any:
    """A Python number for a numpy scalar, or for an array or tensor of one element; anything else as it is."""
    if callable(getattr(value, "item", None)) and math.prod(getattr(value, "shape", (2,))) == 1:
        return value.item()
    return native(value)
