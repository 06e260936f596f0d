"""One experiment within a transaction: the statements that the verbs are made of."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

from sqlalchemy import Connection, Select, and_, delete, func, insert, select, update

from headstock.errors import UnknownTrialError
from headstock.storage.rows import StoredExperiment, curves
from headstock.storage.schema import experiments, reports, trials
from headstock.trial import Metrics, TrialRecord, TrialState


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

    def trials(self, chosen: Select[Any]) -> Sequence[TrialRecord]:
        """The trials of a query with their reports, in the order of the query."""
        rows = self.connection.execute(chosen).all()
        if not rows:
            return ()
        keys = chosen.with_only_columns(trials.c.experiment, trials.c.number).subquery()
        same_trial = and_(reports.c.experiment == keys.c.experiment, reports.c.trial == keys.c.number)
        in_order = (reports.c.trial, reports.c.attempt, reports.c.step)
        reported = curves(self.connection.execute(select(reports).join(keys, same_trial).order_by(*in_order)))
        return [self.stored.trial(row, reported.get(row.number, {})) for row in rows]

    def trial(self, index: int) -> TrialRecord:
        """One trial.

        Raises:
            UnknownTrialError: if there is none of this index.
        """
        for trial in self.trials(self.select().where(trials.c.number == index)):
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
        """Write the trials of an experiment that has none yet, with what they reported."""
        self.add(records, now=max(trial.finished or trial.started or trial.created for trial in records))
        rows = [
            {
                "experiment": self.stored.id,
                "trial": trial.index,
                "attempt": trial.attempt,
                "step": observation.step,
                "metric": metric,
                "mean": observation.mean,
                "sem": observation.sem,
                "time": trial.started or trial.created,
            }
            for trial in records
            for metric, curve in trial.reports.items()
            for observation in curve
        ]
        if rows:
            self.connection.execute(insert(reports), rows)

    def save(self, before: TrialRecord, after: TrialRecord, *, now: float | None = None) -> TrialRecord:
        """Write what has changed of a trial, which is given back."""
        old, new = self.stored.trial_row(before), self.stored.trial_row(after)
        changed = {column: value for column, value in new.items() if value != old[column]}
        this = and_(trials.c.experiment == self.stored.id, trials.c.number == after.index)
        self.connection.execute(update(trials).where(this).values(**changed, revision=self.stored.revision + 1))
        self._advance(**({} if now is None else {"updated": now}))
        return after

    def report(self, trial: TrialRecord, metrics: Metrics, *, now: float) -> None:
        """Write what a trial measured after steps of its present attempt, over what it measured after them before."""
        for metric, observation in metrics.items():
            key: dict[str, Any] = {"experiment": self.stored.id, "trial": trial.index, "attempt": trial.attempt}
            key |= {"step": observation.step, "metric": metric}
            self.connection.execute(delete(reports).filter_by(**key))
            measured = {"mean": observation.mean, "sem": observation.sem, "time": now}
            self.connection.execute(insert(reports).values(key | measured))
        self.save(trial, trial, now=now)

    def delete(self) -> None:
        """Delete the experiment with everything that belongs to it."""
        self.connection.execute(delete(experiments).where(experiments.c.id == self.stored.id))

    def _first(self, chosen: Select[Any]) -> TrialRecord | None:
        return next(iter(self.trials(chosen.limit(1))), None)

    def _advance(self, **values: float) -> None:
        """Move the experiment to its next revision."""
        this = experiments.c.id == self.stored.id
        self.connection.execute(update(experiments).where(this).values(revision=self.stored.revision + 1, **values))
