"""Rows of the tables to and from the frozen values that the rest of headstock sees."""

import json
import operator
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import groupby, repeat, starmap
from operator import attrgetter
from typing import Any, Final, final

from sqlalchemy import JSON, Row, Text, cast

from headstock.errors import StorageError
from headstock.objective import Objective, OutcomeConstraint
from headstock.space import Space
from headstock.storage.database import read_json
from headstock.storage.records import Command, ExperimentSpec, Lease
from headstock.storage.schema import experiments, trials
from headstock.trial import Comparison, Observation, TrialRecord, TrialState, Verdict

LONGEST_ERROR: Final = 1_000
"""How many characters of an error are kept, from its beginning."""

MOST_VERDICTS: Final = 100
"""How many of a trial's verdicts are kept, the newest."""

LONGEST_TRACEBACK: Final = 20_000
"""How many characters of a traceback are kept, from its end, where the error is."""

# What is not in a trial's row, and what has another name there: `index` is a word that SQL keeps for itself.
_ELSEWHERE: Final = ("objective", "reports")
_FIELDS: Final = tuple(field.name for field in fields(TrialRecord))
_STORED: Final = tuple("number" if name == "index" else name for name in _FIELDS if name not in _ELSEWHERE)
_NEAR: Final = 1_000  # so many rows are near the processor while one column after the other is read from them
_STATES: Final = {str(state): state for state in TrialState}

TRIAL_COLUMNS: Final = tuple(
    cast(column, Text).label(column.name) if isinstance(column.type, JSON) else column
    for column in map(trials.c.__getitem__, _STORED)
)
"""The columns that `StoredExperiment.records` takes, with JSON as its text: all of it is parsed at once."""

Curves = dict[str, tuple[Observation, ...]]
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
        value: which of its reports is a trial's value: "last" or "best".
        space_version: the version of the current space.
        revision: how many writing transactions there were.
        trials_created: how many trials were ever created.
        budget: bounds that hold in place of those that a run is given.
    """

    id: int
    name: str
    objective: Objective
    outcome_constraints: tuple[OutcomeConstraint, ...]
    value: str
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

    def records(self, rows: Sequence[Row[Any]], reports: Mapping[int, Curves]) -> list[TrialRecord]:
        """The trials of rows with the columns of `TRIAL_COLUMNS`, and what they reported, by their indices.

        Raises:
            StorageError: if a row is not one that headstock writes.
        """
        found: list[TrialRecord] = []
        for start in range(0, len(rows), _NEAR):
            some = rows[start : start + _NEAR]
            try:
                found += self._records(some, reports)
            except (AttributeError, KeyError, TypeError, ValueError) as error:
                if len(rows) > 1:  # which one?
                    return [record for row in rows for record in self.records([row], reports)]
                raise StorageError(f"Trial {rows[0].number} of {self.name!r} is damaged: {error}") from error
        return found

    def _records(self, rows: Sequence[Row[Any]], reports: Mapping[int, Curves]) -> list[TrialRecord]:
        # Column by column: how a history is read decides how soon a worker can join.
        columns: dict[str, Iterable[Any]] = dict(zip(_STORED, zip(*rows, strict=True), strict=True))
        numbers, nothing = list(map(operator.index, columns.pop("number"))), Curves()
        parameters = _parsed(columns["parameters"])
        if not all(type(given) is dict for given in parameters):
            raise TypeError("its parameters are no object")
        columns |= {
            "index": numbers,
            "state": map(_STATES.__getitem__, columns["state"]),
            "parameters": parameters,
            "memo": [None if memo is None else dict(memo.items()) for memo in _parsed(columns["memo"])],
            "objective": repeat(self.objective.metric),
            "metrics": [
                {name: Observation(**stored) for name, stored in metrics.items()}
                for metrics in _parsed(columns["metrics"])
            ],
            "reports": [reports.get(number, nothing) for number in numbers],
            "parent": [None if parent is None else _pair(parent) for parent in _parsed(columns["parent"])],
            "verdicts": [tuple(starmap(Verdict, verdicts or ())) for verdicts in _parsed(columns["verdicts"])],
        }
        return list(map(TrialRecord, *(columns[name] for name in _FIELDS)))


OF_EXPERIMENT: Final = tuple(experiments.c[field.name] for field in fields(StoredExperiment))
"""The columns that `stored_experiment` takes."""


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
            value=row.value,
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
            value=stored.value,
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
    return Lease(row.number, row.owner, row.attempt, row.renewals, command_of(row.number, row.command))


def command_of(index: int, stored: str | None) -> Command | None:
    """What is wanted of a trial.

    Raises:
        StorageError: if that is nothing that headstock writes.
    """
    try:
        return None if stored is None else Command(stored)
    except ValueError as error:
        raise StorageError(f"The lease of trial {index} is damaged: {error}") from error


def comparisons_of(rows: Sequence[Any]) -> tuple[Comparison, ...]:
    """What was compared, of rows (number, better, worse, time) in order."""
    return tuple(
        Comparison(better, tuple(row.worse for row in those), time)
        for (_, better, time), those in groupby(rows, key=attrgetter("number", "better", "time"))
    )


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


def curves(rows: Sequence[Any]) -> dict[int, Curves]:
    """The learning curves of each trial, of rows (trial, step, metric, mean, sem) in order of trial, attempt and step.

    A later attempt goes on from some step of an earlier one: from the first step that it reports, only it counts.

    Raises:
        StorageError: if a row is not one that headstock writes.
    """
    found: dict[int, dict[str, Any]] = {}
    latest, theirs = None, dict[str, Any]()
    for (trial, step, metric, _, _), observation in zip(rows, _observations(rows), strict=True):
        if trial != latest:
            latest, theirs = trial, found.setdefault(trial, {})
        curve = theirs.get(metric)
        if curve is None:
            theirs[metric] = [observation]
            continue
        while curve and curve[-1].step >= step:
            curve.pop()
        curve.append(observation)
    for theirs in found.values():
        for metric, curve in theirs.items():
            theirs[metric] = tuple(curve)
    return found


def _observations(rows: Sequence[Any]) -> list[Observation]:
    """What was reported, of the same rows."""
    try:
        return [Observation(mean, sem, step) for _, step, _, mean, sem in rows]
    except (TypeError, ValueError) as error:
        if len(rows) > 1:  # which one?
            return [observation for row in rows for observation in _observations([row])]
        raise StorageError(f"A report of trial {rows[0][0]} is damaged: {error}") from error


def _parsed(texts: Iterable[str | None]) -> list[Any]:
    """What JSON texts say; None for None.

    Raises:
        StorageError: if one is no JSON.
    """
    given = list(texts)
    if given.count(None) == len(given):
        return given
    try:
        found: list[Any] = json.loads(f"[{','.join(['null' if text is None else text for text in given])}]")
    except ValueError:
        found = []
    return found if len(found) == len(given) else [None if text is None else read_json(text) for text in given]


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
