"""The storage in an SQL database, by SQLAlchemy's expression language.

Each writing verb locks its experiment's row, looks, writes, and stamps what it wrote with the experiment's next
revision, so that the changes since a revision are a range of an index.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final, final

from sqlalchemy import Connection, Row, and_, insert, select

from headstock.errors import (
    ExperimentExistsError,
    MetricError,
    StaleHistoryError,
    StaleSpaceError,
    StorageError,
    TrialStateError,
    UnknownExperimentError,
)
from headstock.scalars import LARGEST
from headstock.space import Space
from headstock.storage.database import Database
from headstock.storage.lifecycle import (
    as_asked,
    check_owner,
    check_running,
    ended,
    first_record,
    paused,
    released,
    with_verdict,
)
from headstock.storage.records import (
    LONGEST_NOTE,
    Changes,
    Command,
    ExperimentSpec,
    ExperimentSummary,
    Lease,
    NewTrial,
    Outcome,
    check_name,
)
from headstock.storage.rows import (
    experiment_row,
    kept_note,
    spec_of,
    stored_experiment,
)
from headstock.storage.schema import experiments, spaces, trials
from headstock.storage.statements import ADVANCE, EXPERIMENT, LOCKED_EXPERIMENT
from headstock.storage.transaction import OpenExperiment, report
from headstock.trial import (
    TRANSITIONS,
    Comparison,
    Metrics,
    Observation,
    TrialRecord,
    TrialState,
    Verdict,
)

REVISIONS: Final = 2**32
"""How many revisions an experiment may have. Callers see id * REVISIONS + revision, so that the revision of a deleted
experiment is known for what it is where there is a new one of the same name."""

_GRANTED: Final = (TrialState.QUEUED, TrialState.PAUSED, TrialState.RUNNING)

_SPECS: Final = select(experiments, spaces.c.space).join(
    spaces, and_(spaces.c.experiment == experiments.c.id, spaces.c.version == experiments.c.space_version)
)


@final
@dataclass(frozen=True, slots=True)
class SqlStorage:
    """Experiments in a database; see `Storage` for what each verb does.

    Args:
        database: where transactions come from.
    """

    database: Database
    _summaries: dict[int, tuple[Row[Any], ExperimentSummary]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @property
    def url(self) -> str:
        """Where the storage lies, without a password."""
        return self.database.url

    def create(
        self, spec: ExperimentSpec, trials: Sequence[TrialRecord] = (), comparisons: Sequence[Comparison] = ()
    ) -> None:
        """Create an experiment, with trials as they stand."""
        with self.database.alone() as connection:
            if connection.scalar(select(experiments.c.id).where(experiments.c.name == spec.name)) is not None:
                raise ExperimentExistsError(f"{self.url} already has an experiment {spec.name!r}. Choose another name.")
            key = connection.execute(insert(experiments).values(experiment_row(spec))).inserted_primary_key
            assert key is not None  # noqa: S101 - mypy does not know that an insert of one row has a key
            space = {"experiment": key.id, "version": spec.space_version, "space": spec.space.to_json()}
            connection.execute(insert(spaces).values(space))
            times = [t.finished or t.started or t.created for t in trials] or [c.time for c in comparisons]
            if times:
                experiment = self._advance(connection, spec.name, now=max(times), added=len(trials))
                experiment.restore(trials)
                for number, comparison in enumerate(comparisons):
                    experiment.compare(number, comparison)
                experiment.comparisons()  # refuses what cannot be

    def experiment(self, name: str) -> ExperimentSpec:
        """What the experiment is."""
        with self.database.reading() as connection:
            row = connection.execute(_SPECS.where(experiments.c.name == name)).one_or_none()
            if row is None:
                raise self._unknown(connection, name)
            return spec_of(row)

    def experiments(self) -> Sequence[ExperimentSummary]:
        """Every experiment, the oldest first."""
        # Dashboards ask several times a second: trials are counted only where a transaction has written since.
        with self.database.reading() as connection:
            rows = connection.execute(_SPECS.order_by(experiments.c.id)).all()
            found = {row.id: (row, self._summary(connection, row)) for row in rows}
        self._summaries.update(found)
        for deleted in self._summaries.keys() - found.keys():
            self._summaries.pop(deleted, None)
        return [summary for _, summary in found.values()]

    def changes(self, name: str, since: int = 0) -> Changes:
        """What happened after the revision `since`; everything for 0."""
        with self._reading(name) as experiment:
            stored = experiment.stored
            key, revision = divmod(since, REVISIONS) if since else (stored.id, 0)
            if key != stored.id:
                raise UnknownExperimentError(
                    f"The experiment {name!r} was deleted, and another one has its name now. Open it anew."
                )
            changed: Sequence[TrialRecord] = ()
            if revision != stored.revision:
                changed = experiment.changed(revision)
            return Changes(
                revision=stored.id * REVISIONS + stored.revision,
                created=stored.trials_created,
                space_version=stored.space_version,
                trials=tuple(changed),
                budget=stored.budget,
                comparisons=experiment.comparisons() if stored.objective.judged else (),
            )

    def add_trials(
        self,
        name: str,
        new: Sequence[NewTrial],
        *,
        created: int | None,
        now: float,
        revision: int | None = None,
    ) -> tuple[TrialRecord, ...]:
        """Create trials, all or none."""
        # With nothing to write it only waits for its turn: no news.
        with self._advancing(name, now=now, added=len(new)) if new else self._writing(name) as experiment:
            there = experiment.stored.trials_created - len(new)
            if created not in (None, there):
                raise StaleHistoryError(f"{name!r} has {there} trials by now, not {created}. Look at them first.")
            _check_revision(experiment, revision)
            batch = experiment.newest_batch() if any(trial.batch is None for trial in new) else -1
            records = []
            for index, trial in enumerate(new, start=there):
                batch = batch + 1 if trial.batch is None else max(batch, trial.batch)
                records.append(first_record(experiment.stored, trial, index=index, next_batch=batch, now=now))
            experiment.add(records)
            return tuple(records)

    def lease(self, name: str, owner: str | None, *, now: float, index: int | None = None) -> TrialRecord | None:
        """Hand a queued trial to `owner`."""
        with self._writing(name) as experiment:
            first = experiment.oldest_queued() if index is None else index
            trial = None if first is None else experiment.trial(first)
            if trial is None or trial.state is not TrialState.QUEUED:
                return None
            leased = replace(trial, state=TrialState.RUNNING, owner=owner, started=now)
            return self._advance(experiment.connection, name, now=now).save(trial, leased)

    def grant(
        self,
        name: str,
        index: int,
        owner: str,
        *,
        until: int | None,
        verdict: Verdict,
        now: float,
        memo: Mapping[str, Any] | None = None,
        revision: int | None = None,
    ) -> TrialRecord | None:
        """Let a queued or paused trial, or one that `owner` runs, train on."""
        with self._writing(name) as experiment:
            _check_revision(experiment, revision)
            trial = experiment.trial(index)
            if trial.state not in _GRANTED or (trial.state is TrialState.RUNNING and trial.owner != owner):
                return None
            granted = replace(
                trial,
                state=TrialState.RUNNING,
                owner=owner,
                until=until,
                started=now if trial.started is None else trial.started,
                memo=trial.memo if memo is None else {**(trial.memo or {}), **memo},
                verdicts=with_verdict(trial, verdict),
            )
            return self._advance(experiment.connection, name, now=now).save(trial, granted)

    def pause(self, name: str, index: int, owner: str, *, verdict: Verdict, now: float) -> TrialRecord:
        """Take a trial from `owner`, which has saved its state, to be resumed or stopped at any later time."""
        with self._advancing(name, now=now) as experiment:
            trial = experiment.trial(index)
            check_owner(name, trial, owner)
            check_running(name, trial)
            command = experiment.command(index)
            left = paused(trial, verdict) if command is None else as_asked(trial, command, experiment.stored, now=now)
            return experiment.save(trial, left)

    def extend(self, name: str, owner: str) -> Sequence[Lease]:
        """Renew every lease of `owner`."""
        # It locks nothing but the owner's own trials: thousands of workers say every few seconds that they live.
        with self.database.renewing() as connection:
            experiment = self._open(connection, name)
            experiment.renew(owner)
            return experiment.leases_of(owner)

    def leases(self, name: str, *, after: int = -1, count: int | None = None) -> Sequence[Lease]:
        """Leases of every owner, by index: those after trial `after`, then the others from the first on."""
        with self._reading(name) as experiment:
            return experiment.leases(after, sys.maxsize if count is None else count)

    def request(self, name: str, index: int, command: Command) -> None:
        """Ask the owner of a running trial for something."""
        with self._writing(name) as experiment:
            trial = experiment.trial(index)
            check_running(name, trial)
            if trial.owner is None:
                raise TrialStateError(
                    f"Trial {index} of {name!r} is run by nobody who could {command} it. Tell its result instead."
                )
            experiment.request(index, command)

    def release(
        self,
        name: str,
        index: int,
        *,
        owner: str | None,
        now: float,
        renewals: int | None = None,
        retries: int | None = None,
        error: str = "its process was lost",
    ) -> TrialRecord | None:
        """Take a running trial from its owner, or a paused one, and put it back into the queue."""
        with self._writing(name) as experiment:
            trial = experiment.trial(index)
            if trial.state not in (TrialState.RUNNING, TrialState.PAUSED) or trial.owner != owner:
                return None
            if renewals is not None and renewals != experiment.renewals(index):
                return None
            command = experiment.command(index)
            if command is None:
                left = released(trial, now=now, retries=retries, error=error)
            else:
                left = as_asked(trial, command, experiment.stored, now=now)
            return self._advance(experiment.connection, name, now=now).save(trial, left)

    def report(
        self,
        name: str,
        index: int,
        metrics: Metrics,
        *,
        now: float,
        owner: str | None = None,
        steps: int | None = None,
        trained: float | None = None,
        saves: bool | None = None,
    ) -> None:
        """Keep what a running trial measured after training steps."""
        for metric, observation in metrics.items():
            check_name("metric", metric, MetricError)
            if observation.step is None:
                raise MetricError(f"The report of {metric!r} lacks the step that it was measured after. Name the step.")
        learned = {"steps": steps, "trained": trained, "saves": saves}
        known = {column: value for column, value in learned.items() if value is not None}
        with self.database.writing() as connection:
            if not report(connection, name, index, metrics, known, now=now, owner=owner):
                experiment = self._open(connection, name)
                trial = experiment.trial(index)
                check_owner(name, trial, owner)
                check_running(name, trial)

    def finish(
        self,
        name: str,
        index: int,
        outcome: Outcome,
        *,
        now: float,
        owner: str | None = None,
        verdict: Verdict | None = None,
    ) -> TrialRecord:
        """Keep how a trial ended."""
        with self._advancing(name, now=now) as experiment:
            trial = experiment.trial(index)
            check_owner(name, trial, owner)
            if owner is None and trial.owner is not None:
                raise TrialStateError(
                    f"Trial {index} of {name!r} is run by {trial.owner!r}, which tells its result itself. Wait, "
                    f"or stop it."
                )
            # No scheduler stops what somebody has let go on since it looked.
            is_let_go_on = verdict is not None and trial.state is TrialState.QUEUED
            if is_let_go_on or outcome.state not in TRANSITIONS[trial.state]:
                raise TrialStateError(
                    f"Trial {index} of {name!r} is {trial.state}, so it cannot become {outcome.state}. "
                    f"{'Its result stands.' if trial.state.is_finished else 'Let it run first.'}"
                )
            last = replace(ended(trial, outcome, now), verdicts=with_verdict(trial, verdict))
            return experiment.save(trial, last)

    def judge(
        self,
        name: str,
        change: Comparison | int,
        appeals: Mapping[int, Observation],
        *,
        known: Sequence[Comparison],
        now: float,
    ) -> None:
        """Keep a comparison of finished trials, or take one back, with what follows for the objective."""
        with self._advancing(name, now=now) as experiment:
            if experiment.comparisons() != tuple(known):
                raise StaleHistoryError(f"{name!r} has other comparisons by now. Look at them first.")
            numbers = experiment.comparison_numbers()
            if isinstance(change, int):
                experiment.take_back(numbers[change])
            else:
                for index in change.trials:
                    state = experiment.trial(index).state
                    if state not in (TrialState.COMPLETED, TrialState.STOPPED):
                        raise TrialStateError(
                            f"Trial {index} of {name!r} is {state}. Compare trials that are completed or stopped."
                        )
                experiment.compare(numbers[-1] + 1 if numbers else 0, change)
            before = {index for one in known for index in one.trials}
            experiment.appeal({**dict.fromkeys(before), **appeals})

    def page(
        self,
        name: str,
        *,
        offset: int = 0,
        limit: int = 100,
        newest_first: bool = True,
        states: Sequence[TrialState] | None = None,
    ) -> Sequence[TrialRecord]:
        """Some trials, for a list."""
        with self._reading(name) as experiment:
            chosen = experiment.select()
            if states is not None:
                chosen = chosen.where(trials.c.state.in_(states))
            order = trials.c.number.desc() if newest_first else trials.c.number
            return experiment.trials(chosen.order_by(order).offset(min(offset, LARGEST)).limit(min(limit, LARGEST)))

    def best(self, name: str) -> TrialRecord | None:
        """The trial with the best measured objective among those that keep every outcome constraint."""
        with self._reading(name) as experiment:
            return experiment.best()

    def widen(self, name: str, space: Space, *, version: int, now: float) -> ExperimentSpec:
        """Go on in another space, the next version."""
        with self._advancing(name, now=now) as experiment:
            current = experiment.stored.space_version
            if current != version:
                raise StaleSpaceError(
                    f"The space of {name!r} is of version {current} by now, not {version}. Look first."
                )
            experiment.widen(space)
        return self.experiment(name)

    def limit(self, name: str, budget: Mapping[str, float] | None, *, now: float) -> None:
        """Change bounds of the budget, for runs that go on and for later ones."""
        with self._writing(name) as experiment:
            experiment.limit(budget, now=now)

    def note(self, name: str, text: str, *, index: int | None = None, now: float) -> None:
        """Keep a note in place of the one before; an empty one is none."""
        kept = kept_note(text)
        if len(kept) > LONGEST_NOTE:
            raise StorageError(f"The note has {len(kept):,} characters. Use at most {LONGEST_NOTE:,} of them.")
        with self._writing(name) as experiment:
            if index is not None:
                experiment.trial(index)
            experiment.note(kept, index=index, now=now)

    def notes(self, name: str) -> Mapping[int | None, str]:
        """Every note, by trial; that on the experiment by None."""
        with self._reading(name) as experiment:
            return experiment.notes()

    def rename(self, name: str, new: str) -> None:
        """Give the experiment another name."""
        check_name("experiment", new, StorageError)
        with self.database.alone() as connection:
            experiment = self._open(connection, name, lock=True)
            if connection.scalar(select(experiments.c.id).where(experiments.c.name == new)) is not None:
                raise ExperimentExistsError(f"{self.url} already has an experiment {new!r}. Choose another name.")
            led = experiment.leases(-1, 1)
            if led:
                raise TrialStateError(
                    f"Trial {led[0].index} of {name!r} is run by {led[0].owner}, which knows it by this name. "
                    f"Rename it when that has ended."
                )
            experiment.rename(new)

    def delete(self, name: str) -> None:
        """Delete the experiment with its trials, their reports and its notes."""
        with self._writing(name) as experiment:
            experiment.delete()

    def turn(self, name: str) -> AbstractContextManager[None]:
        """Have the turn to suggest trials during the block."""
        return self.database.turn(name)

    def is_suggesting(self, name: str) -> bool:
        """Whether somebody has the turn to suggest trials now."""
        return self.database.is_turn_taken(name)

    def close(self) -> None:
        """Close the connections."""
        self.database.close()

    def _summary(self, connection: Connection, row: Row[Any]) -> ExperimentSummary:
        """One line of the list of experiments: what it was before, if nothing was written since."""
        before, summary = self._summaries.get(row.id, (None, None))
        if summary is not None and before == row:
            return summary
        experiment = OpenExperiment(connection, stored_experiment(row), before=row.revision)
        return ExperimentSummary(spec_of(row), experiment.counts(), experiment.best(), row.updated)

    @contextmanager
    def _reading(self, name: str) -> Iterator[OpenExperiment]:
        """The experiment as it is at one moment."""
        with self.database.reading() as connection:
            yield self._open(connection, name)

    @contextmanager
    def _writing(self, name: str) -> Iterator[OpenExperiment]:
        """The experiment, which nobody else can write before the block ends."""
        with self.database.writing() as connection:
            yield self._open(connection, name, lock=True)

    @contextmanager
    def _advancing(self, name: str, *, now: float, added: int = 0) -> Iterator[OpenExperiment]:
        """The same, at its next revision already, with so many trials more: for verbs that change something or fail."""
        with self.database.writing() as connection:
            yield self._advance(connection, name, now=now, added=added)

    def _advance(self, connection: Connection, name: str, *, now: float, added: int = 0) -> OpenExperiment:
        row = connection.execute(ADVANCE, {"of_name": name, "updated": now, "added": added}).one_or_none()
        if row is None:
            raise self._unknown(connection, name)
        stored = stored_experiment(row)
        return OpenExperiment(connection, stored, before=stored.revision - 1)

    def _open(self, connection: Connection, name: str, *, lock: bool = False) -> OpenExperiment:
        query = LOCKED_EXPERIMENT if lock else EXPERIMENT
        row = connection.execute(query, {"of_name": name}).one_or_none()
        if row is None:
            raise self._unknown(connection, name)
        stored = stored_experiment(row)
        return OpenExperiment(connection, stored, before=stored.revision)

    def _unknown(self, connection: Connection, name: str) -> UnknownExperimentError:
        names = connection.scalars(select(experiments.c.name).order_by(experiments.c.id.desc()).limit(10)).all()
        known = f"The newest are {', '.join(map(repr, names))}." if names else "It has none yet."
        return UnknownExperimentError(f"{self.url} has no experiment {name!r}. {known}")


def _check_revision(experiment: OpenExperiment, revision: int | None) -> None:
    """Refuse who goes by an old history."""
    stored = experiment.stored
    if revision not in (None, stored.id * REVISIONS + experiment.before):
        raise StaleHistoryError(f"{stored.name!r} has changed since revision {revision}. Look at it first.")
