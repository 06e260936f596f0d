"""Rows of the tables to and from the frozen values that the rest of headstock sees."""

import operator
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, final

from sqlalchemy import Row

from headstock.errors import StorageError
from headstock.objective import Objective, OutcomeConstraint
from headstock.space import Space
from headstock.storage.base import Command, ExperimentSpec, Lease
from headstock.storage.schema import trials
from headstock.trial import Observation, TrialRecord, TrialState, Verdict

LONGEST_ERROR: Final = 1_000
"""How many characters of an error are kept, from its beginning."""

MOST_VERDICTS: Final = 100
"""How many of a trial's verdicts are kept, the newest."""

LONGEST_TRACEBACK: Final = 20_000
"""How many characters of a traceback are kept, from its end, where the error is."""

# A history is read row by row, so how a row is taken apart decides how soon a worker can join.
_AS_THEY_ARE: Final = (
    "batch",
    "position",
    "space_version",
    "source",
    "because",
    "error",
    "traceback",
    "owner",
    "attempt",
    "retries",
    "until",
    "steps",
    "trained",
    "saves",
    "created",
    "started",
    "finished",
)
_FIELDS: Final = operator.itemgetter(
    *map(
        trials.c.keys().index,
        ("number", "state", "parameters", "memo", "metrics", "parent", "verdicts", *_AS_THEY_ARE),
    )
)
_STATES: Final = {str(state): state for state in TrialState}

Curves = Mapping[str, tuple[Observation, ...]]
"""For each metric, what was reported after training steps, in order."""


@final
@dataclass(frozen=True, slots=True)
class StoredExperiment:
    """An experiment's row, as far as its trials need it.

    Args:
        id: its key.
        name: its name.
        objective: the metric that is optimised.
        outcome_constraints: bounds on other metrics.
        space_version: the version of the current space.
        revision: how many writing transactions there were.
        trials_created: how many trials were ever created.
        budget: bounds that hold in place of those that a run is given.
    """

    id: int
    name: str
    objective: Objective
    outcome_constraints: tuple[OutcomeConstraint, ...]
    space_version: int
    revision: int
    trials_created: int
    budget: Mapping[str, float] | None = None

    def score(self, trial: TrialRecord) -> float | None:
        """The objective, larger where it is better; None unless the trial's result keeps the outcome constraints."""
        done = trial.state in (TrialState.COMPLETED, TrialState.STOPPED)
        if not done or self.objective.metric not in trial.metrics:
            return None
        for constraint in self.outcome_constraints:
            observation = trial.metrics.get(constraint.metric)
            if observation is None or not constraint.holds(observation.mean):
                return None
        return self.objective.sign * trial.metrics[self.objective.metric].mean

    def trial_row(self, trial: TrialRecord) -> dict[str, Any]:
        """The columns of a trial, without its key and revision."""
        return {
            "batch": trial.batch,
            "position": trial.position,
            "state": str(trial.state),
            "parameters": dict(trial.parameters),
            "space_version": trial.space_version,
            "source": trial.source,
            "because": trial.because,
            "memo": None if trial.memo is None else dict(trial.memo),
            "metrics": {name: _observation_json(observation) for name, observation in trial.metrics.items()},
            "score": self.score(trial),
            "error": trial.error,
            "traceback": trial.traceback,
            "owner": trial.owner,
            "attempt": trial.attempt,
            "retries": trial.retries,
            "until": trial.until,
            "steps": trial.steps,
            "parent": None if trial.parent is None else list(trial.parent),
            "trained": trial.trained,
            "saves": trial.saves,
            "verdicts": [[v.step, v.decision, v.because] for v in trial.verdicts[-MOST_VERDICTS:]] or None,
            "created": trial.created,
            "started": trial.started,
            "finished": trial.finished,
        }

    def trial(self, row: Row[Any], reports: Curves) -> TrialRecord:
        """The trial of a row.

        Raises:
            StorageError: if the row is not one that headstock writes.
        """
        try:
            index, state, parameters, memo, metrics, parent, verdicts, *rest = _FIELDS(row)
            return TrialRecord(
                operator.index(index),
                _STATES[state],
                dict(parameters.items()),
                memo=None if memo is None else dict(memo.items()),
                objective=self.objective.metric,
                metrics={name: Observation(**stored) for name, stored in metrics.items()},
                reports=reports,
                parent=None if parent is None else _pair(parent),
                verdicts=tuple(Verdict(*verdict) for verdict in verdicts) if verdicts else (),
                **dict(zip(_AS_THEY_ARE, rest, strict=True)),
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise StorageError(f"Trial {row.number} of {self.name!r} is damaged: {error}") from error


def stored_experiment(row: Row[Any]) -> StoredExperiment:
    """The experiment of a row.

    Raises:
        StorageError: if the row is not one that headstock writes.
    """
    try:
        return StoredExperiment(
            id=row.id,
            name=row.name,
            objective=Objective.from_json(row.objective),
            outcome_constraints=tuple(OutcomeConstraint(**stored) for stored in row.outcome_constraints),
            space_version=row.space_version,
            revision=row.revision,
            trials_created=row.trials_created,
            budget=None if row.budget is None else {str(bound): float(value) for bound, value in row.budget.items()},
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise StorageError(f"The experiment {row.name!r} is damaged: {error}") from error


def spec_of(row: Row[Any]) -> ExperimentSpec:
    """What the experiment of a row is; the row has the columns of `experiments` and the current `space`.

    Raises:
        StorageError: if the row is not one that headstock writes.
    """
    stored = stored_experiment(row)
    try:
        space = Space.from_json(row.space)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise StorageError(f"The space of {row.name!r} is damaged: {error}") from error
    try:
        return ExperimentSpec(
            name=stored.name,
            space=space,
            objective=stored.objective,
            outcome_constraints=stored.outcome_constraints,
            seed=row.seed,
            sampler=row.sampler,
            scheduler=row.scheduler,
            value=row.value,
            created=row.created,
            space_version=stored.space_version,
            budget=stored.budget,
        )
    except (StorageError, TypeError) as error:
        raise StorageError(f"The experiment {row.name!r} is damaged: {error}") from error


def lease_of(row: Any) -> Lease:
    """The lease of a running trial's row.

    Raises:
        StorageError: if the row is not one that headstock writes.
    """
    try:
        command = None if row.command is None else Command(row.command)
    except ValueError as error:
        raise StorageError(f"The lease of trial {row.number} is damaged: {error}") from error
    return Lease(row.number, row.owner, row.attempt, row.renewals, command)


def experiment_row(spec: ExperimentSpec) -> dict[str, Any]:
    """The columns of a new experiment."""
    return {
        "name": spec.name,
        "objective": spec.objective.to_json(),
        "outcome_constraints": [
            {"metric": c.metric, "bound": c.bound, "at_least": c.at_least} for c in spec.outcome_constraints
        ],
        "seed": spec.seed,
        "sampler": None if spec.sampler is None else dict(spec.sampler),
        "scheduler": None if spec.scheduler is None else dict(spec.scheduler),
        "value": spec.value,
        "budget": None if spec.budget is None else dict(spec.budget),
        "space_version": spec.space_version,
        "created": spec.created,
        "updated": spec.created,
    }


def report_row(
    experiment: int, trial: int, attempt: int, metric: str, observation: Observation, *, time: float
) -> dict[str, Any]:
    """The columns of a report."""
    return {
        "experiment": experiment,
        "trial": trial,
        "attempt": attempt,
        "step": observation.step,
        "metric": metric,
        "mean": observation.mean,
        "sem": observation.sem,
        "time": time,
    }


def curves(rows: Iterable[Any]) -> dict[int, dict[str, tuple[Observation, ...]]]:
    """The learning curves of each trial, of rows (trial, step, metric, mean, sem) in order of trial, attempt and step.

    A later attempt goes on from some step of an earlier one: from the first step that it reports, only it counts.

    Raises:
        StorageError: if a row is not one that headstock writes.
    """
    found: dict[int, dict[str, list[Observation]]] = {}
    latest, theirs = None, dict[str, list[Observation]]()
    for trial, step, metric, mean, sem in rows:
        if trial != latest:
            latest, theirs = trial, found.setdefault(trial, {})
        try:
            observation = Observation(mean, sem, step)
        except (TypeError, ValueError) as error:
            raise StorageError(f"A report of trial {trial} is damaged: {error}") from error
        curve = theirs.setdefault(metric, [])
        while curve and (curve[-1].step or 0) >= step:
            curve.pop()
        curve.append(observation)
    return {trial: {metric: tuple(c) for metric, c in by_metric.items()} for trial, by_metric in found.items()}


def _pair(stored: list[int]) -> tuple[int, int]:
    """A trial and a step."""
    trial, step = stored
    return operator.index(trial), operator.index(step)


def kept_error(text: str | None) -> str | None:
    """As much of an error as is kept."""
    return None if text is None else _printable(text)[:LONGEST_ERROR]


def kept_traceback(text: str | None) -> str | None:
    """As much of a traceback as is kept."""
    if text is None:
        return None
    whole = _printable(text)
    left_out = len(whole) - LONGEST_TRACEBACK
    return whole if left_out <= 0 else f"... ({left_out} characters left out)\n{whole[left_out:]}"


def kept_note(text: str) -> str:
    """A note as it is kept."""
    return _printable(text).strip()


def _printable(text: str) -> str:
    """The text without what databases refuse: halves of surrogate pairs and the null character."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "\\x00")


def _observation_json(observation: Observation) -> dict[str, float | int]:
    fields = {"mean": observation.mean, "sem": observation.sem, "step": observation.step}
    return {name: value for name, value in fields.items() if value is not None}
