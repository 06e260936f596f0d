"""What an experiment is, from what people say that it is."""

import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

from headstock.budget import Budget
from headstock.errors import ExperimentExistsError, HeadstockError, ObjectiveError, StorageError
from headstock.history import History
from headstock.objective import Objective, OutcomeConstraint, parse_outcome_constraint
from headstock.samplers import sampler_from_json
from headstock.samplers.base import Sampler
from headstock.samplers.bayesian import Bayesian
from headstock.samplers.precedents import Precedent
from headstock.schedulers import scheduler_from_json
from headstock.schedulers.automatic import Automatic
from headstock.schedulers.base import Scheduler
from headstock.space import Space
from headstock.storage.base import Storage
from headstock.storage.records import ExperimentSpec
from headstock.trial import Comparison, TrialRecord

FORMAT: Final = 1
"""The version of the JSON that an experiment is written as."""


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
    judged: bool = False,
) -> ExperimentSpec:
    """What a new experiment is; what is left out is what `Experiment` takes for it.

    Raises:
        HeadstockError: if something of it makes no sense.
    """
    objective = replace(objective_of(maximize, minimize), judged=judged)
    if judged and value == "best":
        raise ObjectiveError("value='best' and judged=True: nothing is measured, so no report is best. Leave one out.")
    return ExperimentSpec(
        name=name,
        space=space,
        objective=objective,
        outcome_constraints=outcome_constraints_of(outcome_constraints),
        seed=secrets.randbelow(2**32) if seed is None else seed,
        sampler=(sampler or Bayesian()).to_json(),
        scheduler=(scheduler or Automatic()).to_json(),
        value="last" if value is None else value,
        budget=None if budget is None else budget.bounds,
        created=created,
    )


def taught(
    sampler: Sampler | None, earlier: Iterable[tuple[str, History]], space: Space, objective: Objective
) -> Sampler | None:
    """The sampler of a new experiment, with what earlier ones, given by their names, teach about its space.

    Raises:
        ObjectiveError: if one optimises the same metric the other way.
        HeadstockError: if it is a sampler that cannot be taught.
        SpaceError, NoResultError: if there is nothing to learn from one.
    """
    known = list(earlier)
    for name, history in known:
        if history.objective.metric == objective.metric and history.objective.minimize != objective.minimize:
            raise ObjectiveError(
                f"warm_start: {name!r} has the metric {objective.metric!r}, too, but optimises it the other way. "
                f"Leave it out."
            )
    if not known:
        return sampler
    if sampler is not None and not isinstance(sampler, Bayesian):
        raise HeadstockError(f"warm_start= teaches only Bayesian(), not {sampler!r}. Leave one of them out.")
    return replace(sampler or Bayesian(), precedents=tuple(Precedent.of(*one, space) for one in known))


def sampler_of(spec: ExperimentSpec, given: Sampler | None) -> Sampler:
    """The sampler of an experiment: that which was given, with what the experiment was taught, or its own."""
    if given is None:
        return Bayesian() if spec.sampler is None else sampler_from_json(spec.sampler)
    if isinstance(given, Bayesian) and spec.sampler and spec.sampler.get("precedents"):
        return replace(given, precedents=tuple(Precedent.from_json(p) for p in spec.sampler["precedents"]))
    return given


def scheduler_of(spec: ExperimentSpec, given: Scheduler | None) -> Scheduler:
    """The scheduler of an experiment: that which was given, or its own."""
    if given is not None:
        return given
    return Automatic() if spec.scheduler is None else scheduler_from_json(spec.scheduler)


def stored(storage: Storage, wanted: ExperimentSpec, seed: int | None, value: str | None) -> ExperimentSpec:
    """Create an experiment, or go on with that which is there under its name; what it is.

    Args:
        storage: where it is, or will be.
        wanted: the one that is asked for.
        seed: the seed that was given; None if any will do.
        value: which report was said to count; None if any will do.

    Raises:
        ExperimentExistsError: if the one that is there is another one.
    """
    try:
        storage.create(wanted)
    except ExperimentExistsError:
        there = storage.experiment(wanted.name)
        _check_same(there, wanted, seed, value)
        return there
    return wanted


def _check_same(stored: ExperimentSpec, wanted: ExperimentSpec, seed: int | None, value: str | None) -> None:
    """Refuse to go on with an experiment under the same name that is another one."""
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


def experiment_to_json(spec: ExperimentSpec, history: History, notes: Mapping[int | None, str]) -> dict[str, Any]:
    """A whole experiment as strict JSON; `restore` puts it into a storage."""
    return {
        "format": FORMAT,
        **spec_to_json(spec),
        "notes": [[index, text] for index, text in notes.items()],
        "trials": [trial.to_json() for trial in history],
        **({"comparisons": [c.to_json() for c in history.comparisons]} if history.comparisons else {}),
    }


def restore(stored: Mapping[str, Any], storage: Storage) -> str:
    """Put what `experiment_to_json` wrote into a storage, and give its name.

    Raises:
        ExperimentExistsError: if the storage holds an experiment of its name.
        StorageError: if it was written by a newer headstock, or is something else.
    """
    if not isinstance(stored, Mapping) or stored.get("format") != FORMAT:
        found = stored.get("format") if isinstance(stored, Mapping) else type(stored).__name__
        raise StorageError(f"The JSON is of format {found!r}, not {FORMAT}. Give what Experiment.to_json() wrote.")
    with _something_else_refused():
        spec = spec_from_json(stored)
        _ = sampler_of(spec, None), scheduler_of(spec, None)
        trials = [TrialRecord.from_json(trial) for trial in stored["trials"]]
        storage.create(spec, trials, [Comparison.from_json(one) for one in stored.get("comparisons", ())])
    try:
        with _something_else_refused():
            for index, text in stored.get("notes", ()):
                storage.note(spec.name, text, index=index, now=spec.created)
            storage.changes(spec.name)  # which refuses what could not be read again
    except HeadstockError:
        storage.delete(spec.name)
        raise
    return spec.name


@contextmanager
def _something_else_refused() -> Iterator[None]:
    """What the block stumbles over was not written by headstock.

    Raises:
        StorageError: if there was anything.
    """
    try:
        yield
    except HeadstockError:
        raise
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise StorageError(
            f"The JSON is of no experiment ({type(error).__name__}: {error}). Give what Experiment.to_json() wrote."
        ) from error
