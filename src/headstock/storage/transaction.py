"""One experiment within a transaction: the statements that the verbs are made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

from sqlalchemy import ColumnElement, Connection, Select, and_, delete, func, insert, select, update

from headstock.errors import StorageError, UnknownTrialError
from headstock.space import Space
from headstock.storage.base import Command, Lease
from headstock.storage.rows import Curves, StoredExperiment, curves, lease_of
from headstock.storage.schema import experiments, reports, spaces, trials
from headstock.trial import Metrics, Observation, TrialRecord, TrialState


@final
@dataclass(frozen=True, slots=True)
class OpenExperiment:
    """An experiment, good until the transaction ends. What is written is stamped with its next revision.

    Args:
        connection: the transaction.
        stored: the experiment as the transaction found it.
    """

    connection: Connection
    stored: StoredExperiment

    def select(self) -> Select[Any]:
        """Its trials, as a query to narrow."""
        return select(trials).where(trials.c.experiment == self.stored.id)

    def trials(self, chosen: Select[Any], *, with_reports: bool = True) -> Sequence[TrialRecord]:
        """The trials of a query, in the order of the query."""
        rows = self.connection.execute(chosen).all()
        reported = self._curves(chosen) if rows and with_reports else {}
        return [self.stored.trial(row, reported.get(row.number, {})) for row in rows]

    def trial(self, index: int, *, with_reports: bool = True) -> TrialRecord:
        """One trial.

        Raises:
            UnknownTrialError: if there is none of this index.
        """
        for trial in self.trials(select(trials).where(self._is(index)), with_reports=with_reports):
            return trial
        raise UnknownTrialError(
            f"{self.stored.name!r} has no trial {index}; it has {self.stored.trials_created}, numbered from 0."
        )

    def oldest_queued(self) -> TrialRecord | None:
        """The first trial of the queue; None if it is empty."""
        return self._first(self.select().where(trials.c.state == TrialState.QUEUED).order_by(trials.c.number))

    def best(self) -> TrialRecord | None:
        """The trial with the best score, the first of equals; None if none has one."""
        scored = self.select().where(trials.c.score.is_not(None))
        return self._first(scored.order_by(trials.c.score.desc(), trials.c.number))

    def newest_batch(self) -> int:
        """The largest number of a batch; -1 if there is none."""
        newest = select(func.max(trials.c.batch)).where(trials.c.experiment == self.stored.id)
        found = self.connection.scalar(newest)
        return -1 if found is None else found

    def add(self, new: Sequence[TrialRecord], *, now: float) -> None:
        """Write trials that were not there."""
        if not new:
            return
        key = {"experiment": self.stored.id, "revision": self.stored.revision + 1}
        rows = [key | {"number": trial.index} | self.stored.trial_row(trial) for trial in new]
        self.connection.execute(insert(trials), rows)
        self._advance(updated=now, trials_created=self.stored.trials_created + len(new))

    def restore(self, records: Sequence[TrialRecord]) -> None:
        """Write the trials of an experiment that has none yet, with what they reported.

        Raises:
            StorageError: if trial i has not index i.
        """
        indices = [trial.index for trial in records]
        if indices != list(range(len(records))):
            raise StorageError(
                f"The trials of {self.stored.name!r} are numbered {indices[:9]} ..., not from 0 one by one."
            )
        self.add(records, now=max(trial.finished or trial.started or trial.created for trial in records))
        rows = [
            self._report_row(trial, metric, observation, time=trial.started or trial.created)
            for trial in records
            for metric, curve in trial.reports.items()
            for observation in curve
        ]
        if rows:
            self.connection.execute(insert(reports), rows)

    def leases(self, owner: str | None = None) -> list[Lease]:
        """The leases of one owner, or of all, by index."""
        chosen = select(trials).where(self._leased(owner))
        return sorted(map(lease_of, self.connection.execute(chosen)), key=lambda lease: lease.index)

    def renewals(self, index: int) -> int | None:
        """How often the leases of a trial were renewed so far; None if there is no such trial."""
        return self.connection.scalar(select(trials.c.renewals).where(self._is(index)))

    def renew(self, owner: str) -> None:
        """Note that an owner lives; this is no news of its trials, so it is no new revision."""
        self.connection.execute(update(trials).where(self._leased(owner)).values(renewals=trials.c.renewals + 1))

    def command(self, index: int, command: Command) -> None:
        """Note what somebody wants of a running trial."""
        self.connection.execute(update(trials).where(self._is(index)).values(command=command))

    def save(self, before: TrialRecord, after: TrialRecord, *, now: float) -> TrialRecord:
        """Write what has changed of a trial, which is given back."""
        old, new = self.stored.trial_row(before), self.stored.trial_row(after)
        changed = {column: value for column, value in new.items() if value != old[column]}
        if "state" in changed:
            changed["command"] = None
        changed["revision"] = self.stored.revision + 1
        self.connection.execute(update(trials).where(self._is(after.index)).values(changed))
        self._advance(updated=now)
        return after

    def report(self, trial: TrialRecord, metrics: Metrics, learned: Mapping[str, Any], *, now: float) -> None:
        """Write what a trial measured after steps of its present attempt, over what it measured after them before.

        Args:
            trial: who reports.
            metrics: what was measured.
            learned: columns of the trial that are known better now.
            now: the time.

        Who reports lives, so a report renews the lease as well.
        """
        for metric, observation in metrics.items():
            row = self._report_row(trial, metric, observation, time=now)
            key = {column.name: row[column.name] for column in reports.primary_key}
            self.connection.execute(delete(reports).filter_by(**key))
            self.connection.execute(insert(reports).values(row))
        changed = {"revision": self.stored.revision + 1, "renewals": trials.c.renewals + 1, **learned}
        self.connection.execute(update(trials).where(self._is(trial.index)).values(changed))
        self._advance(updated=now)

    def widen(self, space: Space, *, now: float) -> None:
        """Write the next version of the space."""
        version = self.stored.space_version + 1
        row = {"experiment": self.stored.id, "version": version, "space": space.to_json()}
        self.connection.execute(insert(spaces).values(row))
        self._advance(updated=now, space_version=version)

    def delete(self) -> None:
        """Delete the experiment with everything that belongs to it."""
        self.connection.execute(delete(experiments).where(experiments.c.id == self.stored.id))

    def _is(self, index: int) -> ColumnElement[bool]:
        """The condition of being one trial."""
        return and_(trials.c.experiment == self.stored.id, trials.c.number == index)

    def _leased(self, owner: str | None) -> ColumnElement[bool]:
        """The condition of being run by one owner, or by any."""
        owned = trials.c.owner.is_not(None) if owner is None else trials.c.owner == owner
        return and_(trials.c.experiment == self.stored.id, trials.c.state == TrialState.RUNNING, owned)

    def _first(self, chosen: Select[Any]) -> TrialRecord | None:
        return next(iter(self.trials(chosen.limit(1))), None)

    def _curves(self, chosen: Select[Any]) -> Mapping[int, Curves]:
        """What the trials of a query reported."""
        # Not a join: asked to sort one, SQLite prefers to walk through all reports in order.
        theirs = reports.c.trial.in_(chosen.with_only_columns(trials.c.number))
        in_order = (reports.c.trial, reports.c.attempt, reports.c.step)
        found = select(reports).where(reports.c.experiment == self.stored.id, theirs)
        return curves(self.connection.execute(found.order_by(*in_order)))

    def _report_row(self, trial: TrialRecord, metric: str, observation: Observation, *, time: float) -> dict[str, Any]:
        return {
            "experiment": self.stored.id,
            "trial": trial.index,
            "attempt": trial.attempt,
            "step": observation.step,
            "metric": metric,
            "mean": observation.mean,
            "sem": observation.sem,
            "time": time,
        }

    def _advance(self, **values: float) -> None:
        """Move the experiment to its next revision."""
        this = experiments.c.id == self.stored.id
        self.connection.execute(update(experiments).where(this).values(revision=self.stored.revision + 1, **values))
