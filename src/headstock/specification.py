"""What an experiment is, from what people say that it is."""

import secrets
from collections.abc import Iterable, Mapping
from typing import Any

from headstock.budget import Budget
from headstock.errors import ExperimentExistsError, ObjectiveError
from headstock.objective import Objective, OutcomeConstraint, parse_outcome_constraint
from headstock.samplers.base import Sampler
from headstock.samplers.bayesian import Bayesian
from headstock.schedulers.automatic import Automatic
from headstock.schedulers.base import Scheduler
from headstock.space import Space
from headstock.storage.records import ExperimentSpec


def objective_of(maximize: str | None, minimize: str | None) -> Objective:
    """The metric that is to be optimised.

    Raises:
        ObjectiveError: if not exactly one of the two is given.
    """
    if (maximize is None) == (minimize is None):
        raise ObjectiveError(
            f"maximize={maximize!r} and minimize={minimize!r}. Name the metric to optimise in exactly one of them."
        )
    return Objective(maximize) if maximize is not None else Objective(str(minimize), minimize=True)


def outcome_constraints_of(texts: Iterable[str]) -> tuple[OutcomeConstraint, ...]:
    """Bounds on other metrics, as they are written.

    Raises:
        ObjectiveError: if they cannot be read.
    """
    if isinstance(texts, str):
        raise ObjectiveError(f"outcome_constraints={texts!r} is a string. Give a list: [{texts!r}].")
    return tuple(parse_outcome_constraint(text) for text in texts)


def new_spec(
    name: str,
    space: Space,
    *,
    created: float,
    maximize: str | None = None,
    minimize: str | None = None,
    outcome_constraints: Iterable[str] = (),
    sampler: Sampler | None = None,
    scheduler: Scheduler | None = None,
    value: str | None = None,
    budget: Budget | None = None,
    seed: int | None = None,
) -> ExperimentSpec:
    """What a new experiment is; what is left out is what `Experiment` takes for it.

    Raises:
        HeadstockError: if something of it makes no sense.
    """
    return ExperimentSpec(
        name=name,
        space=space,
        objective=objective_of(maximize, minimize),
        outcome_constraints=outcome_constraints_of(outcome_constraints),
        seed=secrets.randbelow(2**32) if seed is None else seed,
        sampler=(sampler or Bayesian()).to_json(),
        scheduler=(scheduler or Automatic()).to_json(),
        value="last" if value is None else value,
        budget=None if budget is None else budget.bounds,
        created=created,
    )


def check_same(stored: ExperimentSpec, wanted: ExperimentSpec, seed: int | None, value: str | None) -> None:
    """Refuse to go on with an experiment under the same name that is another one.

    Args:
        stored: the experiment that is there.
        wanted: the one that is asked for.
        seed: the seed that was given; None if any will do.
        value: which report was said to count; None if any will do.

    Raises:
        ExperimentExistsError: if they differ.
    """
    for what, there, here in (
        ("space", stored.space, stored.space if stored.space.widens(wanted.space) else wanted.space),
        ("objective", stored.objective, wanted.objective),
        ("outcome constraints", stored.outcome_constraints, wanted.outcome_constraints),
        ("value", stored.value, stored.value if value is None else wanted.value),
        ("seed", stored.seed, stored.seed if seed is None else wanted.seed),
    ):
        if there != here:
            raise ExperimentExistsError(
                f"The storage holds an experiment {stored.name!r} with another {what}:\n  there: {there}\n"
                f"  here:  {here}\nUse another name, or open it as it is with Experiment.open({stored.name!r}, ...)."
            )


def spec_to_json(spec: ExperimentSpec) -> dict[str, Any]:
    """What an experiment is as strict JSON; `spec_from_json` gives it back."""
    return {
        "name": spec.name,
        "space": spec.space.to_json(),
        "space_version": spec.space_version,
        "objective": spec.objective.to_json(),
        "outcome_constraints": [str(constraint) for constraint in spec.outcome_constraints],
        "seed": spec.seed,
        "sampler": None if spec.sampler is None else dict(spec.sampler),
        "scheduler": None if spec.scheduler is None else dict(spec.scheduler),
        "value": spec.value,
        "budget": None if spec.budget is None else dict(spec.budget),
        "created": spec.created,
    }


def spec_from_json(stored: Mapping[str, Any]) -> ExperimentSpec:
    """What `spec_to_json` wrote; it may lie among other things."""
    return ExperimentSpec(
        name=stored["name"],
        space=Space.from_json(stored["space"]),
        objective=Objective.from_json(stored["objective"]),
        outcome_constraints=outcome_constraints_of(stored["outcome_constraints"]),
        seed=stored["seed"],
        sampler=stored["sampler"],
        scheduler=stored.get("scheduler"),
        value=stored.get("value", "last"),
        budget=stored.get("budget"),
        created=stored["created"],
        space_version=stored["space_version"],
    )
