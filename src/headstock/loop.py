"""`optimize`: the managed loop of the tutorial, in one call."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

from headstock.analysis.model import Model
from headstock.budget import Budget
from headstock.dictionaries import space_from_dictionaries
from headstock.errors import HeadstockError, NoResultError, SpaceError, StorageError
from headstock.experiment import Experiment
from headstock.parameters import Parameter, Parameters
from headstock.running import Trial
from headstock.samplers.base import Sampler
from headstock.scalars import MOST, MOST_AT_ONCE, is_whole
from headstock.space import Space
from headstock.wording import given, whole

Values = tuple[Mapping[str, float], Mapping[str, Mapping[str, float]]]
"""Predicted means by metric, and their covariances by pairs of metrics."""

UNNAMED: Final = "unnamed"


class Optimized(NamedTuple):
    """What `optimize` returns.

    Args:
        best_parameters: the best believed configuration.
        values: what the model predicts there: means and covariances by metric; None without a model.
        experiment: every trial.
        model: the surrogate; None if there are too few results for one.
    """

    best_parameters: Parameters
    values: Values | None
    experiment: Experiment
    model: Model | None


def optimize(  # noqa: PLR0917 - the tutorial calls it like this
    parameters: Space | Mapping[str, Parameter] | Iterable[Mapping[str, Any]],
    evaluation_function: Callable[..., Any],
    experiment_name: str | None = None,
    objective_name: str | None = None,
    minimize: bool = False,
    parameter_constraints: Iterable[str] | None = None,
    outcome_constraints: Iterable[str] | None = None,
    total_trials: int = 20,
    arms_per_trial: int = 1,
    random_seed: int | None = None,
    generation_strategy: Sampler | None = None,
    *,
    storage: str | None = None,
    progress: bool | None = None,
    warm_start: Iterable[Experiment] = (),
) -> Optimized:
    """Find good parameters: a few quasi-random trials, then Bayesian optimisation.

    Args:
        parameters: a `Space`, typed parameters by name, or a list of dictionaries as in Ax's tutorials.
        evaluation_function: takes the parameters as a dictionary (and, if it has a second required argument, a weight,
            which is None); returns a number, (mean, standard error), or a dictionary of these by metric. A bare number
            has noise that is inferred. An exception marks the trial failed and the loop goes on.
        experiment_name: the experiment's name; needed with a `storage`.
        objective_name: the metric to optimise; "objective" if left out.
        minimize: whether less is better.
        parameter_constraints: linear constraints, such as "x1 + x2 <= 1.5".
        outcome_constraints: bounds on other metrics, such as "latency <= 20".
        total_trials: how many trials there will be in all; with a storage, earlier ones included.
        arms_per_trial: how many configurations are suggested together and evaluated in each trial.
        random_seed: fixes every suggestion.
        generation_strategy: the sampler to use in place of `Bayesian()`.
        storage: where to keep everything, such as "sqlite:///headstock.db"; run the same call again and it goes on.
        progress: whether to show progress; if left out, a live line in a terminal and nothing elsewhere.
        warm_start: earlier experiments over the same or an overlapping space, to learn from.

    Returns:
        (best_parameters, values, experiment, model); the best are the best *believed*: by the model's prediction, not
        by the luckiest measurement.

    Raises:
        SpaceError, ObjectiveError, StorageError: if an argument makes no sense; nothing has been stored then.
        TooManyFailuresError: after 5 failures, if they are more than half of the evaluations.
        NoResultError: if the loop ended without a single result.

    Example:
        >>> best_parameters, values, experiment, model = optimize(
        ...     parameters=[{"name": "lr", "type": "range", "bounds": [1e-6, 0.4], "log_scale": True}],
        ...     evaluation_function=train_evaluate,
        ...     objective_name="accuracy",
        ... )
    """
    for name, count, most in (("total_trials", total_trials, MOST), ("arms_per_trial", arms_per_trial, MOST_AT_ONCE)):
        if not is_whole(count, 1, most):
            raise HeadstockError(f"{name}={given(count)}: {whole(count, 1, most)}.")
    if storage is not None and experiment_name is None:
        raise StorageError("storage= needs experiment_name=, so that the same call finds the experiment again.")
    if generation_strategy is not None and not hasattr(generation_strategy, "suggest"):
        raise HeadstockError(f"generation_strategy={generation_strategy!r} has no suggest(). Give a headstock sampler.")
    evaluate = _of_trial(evaluation_function)
    metric = "objective" if objective_name is None else objective_name
    experiment = Experiment(
        experiment_name or UNNAMED,
        _space(parameters, parameter_constraints or ()),
        maximize=None if minimize else metric,
        minimize=metric if minimize else None,
        outcome_constraints=outcome_constraints or (),
        storage=storage,
        sampler=generation_strategy,
        seed=random_seed,
        warm_start=warm_start,
    )
    total = total_trials * arms_per_trial
    experiment.run(evaluate, budget=Budget(trials=total), batch_size=arms_per_trial, progress=progress)
    return _answer(experiment)


def _space(parameters: Any, constraints: Iterable[str]) -> Space:
    """The space, in whichever of the three forms it was written."""
    if isinstance(parameters, Space):
        if constraints:
            raise SpaceError("A Space has its own constraints. Write Space(..., constraints=[...]).")
        return parameters
    if isinstance(parameters, Mapping):
        return Space(parameters, constraints=constraints)
    return space_from_dictionaries(parameters, constraints)


def _of_trial(function: Callable[..., Any]) -> Callable[[Trial], Any]:
    """The evaluation function as a function of a live trial."""
    if not callable(function):
        raise HeadstockError(f"evaluation_function={function!r} cannot be called. Give a function of the parameters.")
    try:
        arguments = list(inspect.signature(function).parameters.values())
    except ValueError:  # some built-in functions do not tell
        arguments = []
    positional = [a for a in arguments if a.kind in (a.POSITIONAL_ONLY, a.POSITIONAL_OR_KEYWORD)]
    if sum(a.default is a.empty for a in positional) == 2:
        return lambda trial: function(dict(trial.parameters), None)
    return lambda trial: function(dict(trial.parameters))


def _answer(experiment: Experiment) -> Optimized:
    best = dict(experiment.best().trial.parameters)
    try:
        model = experiment.model()
    except NoResultError:
        return Optimized(best, None, experiment, None)
    means, covariances = model.predict([best])
    return Optimized(
        best,
        (
            {metric: mean[0] for metric, mean in means.items()},
            {a: {b: covariance[0] for b, covariance in row.items()} for a, row in covariances.items()},
        ),
        experiment,
        model,
    )
