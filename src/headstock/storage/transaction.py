"""One experiment within a transaction: the statements that the verbs are made of."""

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any, Final, final

from sqlalchemy import Connection, Select, delete, insert, select, update

from headstock import wording
from headstock.errors import StorageError, UnknownTrialError
from headstock.space import Space
from headstock.storage import statements
from headstock.storage.records import Command, Lease
from headstock.storage.rows import (
    TRIAL_COLUMNS,
    StoredExperiment,
    command_of,
    comparisons_of,
    curves,
    lease_of,
    report_row,
)
from headstock.storage.schema import comparisons, experiments, notes, reports, spaces, trials
from headstock.trial import Comparison, Metrics, Observation, TrialRecord, TrialState

ABOUT_EXPERIMENT: Final = -1
"""The number in place of a trial's, for a note on the experiment."""

MANY: Final = 100_000
"""How many objects are worth the effort to keep them from the search for garbage."""


@final
@dataclass(frozen=True, slots=True)
class OpenExperiment:
    """An experiment, good until the transaction ends. What is written of trials is stamped with its revision.

    Args:
        connection: the transaction.
        stored: the experiment as it is in the transaction.
        before: its revision before the transaction.
    """

    connection: Connection
    stored: StoredExperiment
    before: int

    def select(self) -> Select[Any]:
        """Its trials, as a query to narrow."""
        return select(*TRIAL_COLUMNS).where(trials.c.experiment == self.stored.id)

    def trials(self, chosen: Select[Any]) -> Sequence[TrialRecord]:
        """The trials of a query, in the order of the query."""
        return self._with_reports(chosen, statements.reports_of(chosen), {})

    def changed(self, since: int) -> Sequence[TrialRecord]:
        """The trials that were created or changed after a revision, by index."""
        if not since:
            return self._with_reports(statements.ALL, statements.ALL_REPORTS, {})
        found = self._with_reports(statements.CHANGED, statements.CHANGED_REPORTS, {"since": since})
        # Sorted here: asked to sort, SQLite may prefer to walk through all trials in order.
        return sorted(found, key=attrgetter("index"))

    def trial(self, index: int) -> TrialRecord:
        """One trial.

        Raises:
            UnknownTrialError: if there is none of this index.
        """
        if 0 <= index < self.stored.trials_created:  # a database does not look for numbers of any size
            for trial in self._with_reports(statements.TRIAL, statements.TRIAL_REPORTS, {"index": index}):
                return trial
        raise UnknownTrialError(
            f"{self.stored.name!r} has no trial {wording.given(index)}; it has {self.stored.trials_created}, numbered "
            f"from 0."
        )

    def oldest_queued(self) -> int | None:
        """The index of the first trial of the queue; None if it is empty."""
        found: int | None = self._scalar(statements.OLDEST_QUEUED)
        return found

    def best(self) -> TrialRecord | None:
        """The trial with the best score, the first of equals; None if none has one."""
        scored = self.select().where(trials.c.score.is_not(None))
        first = scored.order_by(trials.c.score.desc(), trials.c.number).limit(1)
        return next(iter(self.trials(first)), None)

    def counts(self) -> dict[TrialState, int]:
        """How many trials are in each state; every state is there."""
        rows = self.connection.execute(statements.COUNTS, {"key": self.stored.id}).all()
        return dict.fromkeys(TrialState, 0) | {TrialState(state): count for state, count in rows}

    def newest_batch(self) -> int:
        """The largest number of a batch; -1 if there is none."""
        found: int | None = self._scalar(statements.NEWEST_BATCH)
        return -1 if found is None else found

    def add(self, new: Sequence[TrialRecord]) -> None:
        """Write trials that were not there, but are counted."""
        if not new:
            return
        key = {"experiment": self.stored.id, "revision": self.stored.revision}
        rows = [key | {"number": trial.index} | self.stored.trial_row(trial) for trial in new]
        self.connection.execute(statements.ADD_TRIAL, rows)

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
        self.add(records)
        key = self.stored.id
        rows = [
            report_row(key, trial.index, trial.attempt, metric, observation, time=trial.started or trial.created)
            for trial in records
            for metric, curve in trial.reports.items()
            for observation in curve
        ]
        if rows:
            self.connection.execute(insert(reports), rows)

    def leases(self, after: int, count: int) -> list[Lease]:
        """So many leases of all owners, by index: those after a trial, then the others from the first on."""
        given = {"key": self.stored.id, "index": after}
        found = list(map(lease_of, self.connection.execute(statements.LEASES_AFTER, {**given, "count": count})))
        if len(found) < count and after >= 0:
            rest = {**given, "count": count - len(found)}
            found += map(lease_of, self.connection.execute(statements.LEASES_UP_TO, rest))
        return found

    def leases_of(self, owner: str) -> list[Lease]:
        """The leases of one owner, by index."""
        rows = self.connection.execute(statements.LEASES_OF, {"key": self.stored.id, "of_owner": owner})
        return sorted(map(lease_of, rows), key=lambda lease: lease.index)

    def renewals(self, index: int) -> int | None:
        """How often the leases of a trial were renewed so far; None if there is no such trial."""
        found: int | None = self._scalar(statements.TRIAL.with_only_columns(trials.c.renewals), index=index)
        return found

    def renew(self, owner: str) -> None:
        """Note that an owner lives; this is no news of its trials, so it is no new revision."""
        self.connection.execute(statements.RENEW, {"key": self.stored.id, "of_owner": owner})

    def command(self, index: int) -> Command | None:
        """What somebody wants of a running trial; None for nothing."""
        return command_of(index, self._scalar(statements.TRIAL.with_only_columns(trials.c.command), index=index))

    def request(self, index: int, command: Command) -> None:
        """Note what somebody wants of a running trial."""
        this = {"key": self.stored.id, "index": index}
        self.connection.execute(statements.SAVE_TRIAL, this | {"command": command.value})

    def save(self, before: TrialRecord, after: TrialRecord) -> TrialRecord:
        """Write what has changed of a trial, which is given back."""
        old, new = self.stored.trial_row(before), self.stored.trial_row(after)
        changed = {column: value for column, value in new.items() if value != old[column]}
        if "state" in changed:
            changed["command"] = None
        this = {"key": self.stored.id, "index": after.index, "revision": self.stored.revision}
        self.connection.execute(statements.SAVE_TRIAL, this | changed)
        return after

    def widen(self, space: Space) -> None:
        """Write the next version of the space."""
        version = self.stored.space_version + 1
        row = {"experiment": self.stored.id, "version": version, "space": space.to_json()}
        self.connection.execute(insert(spaces).values(row))
        this = experiments.c.id == self.stored.id
        self.connection.execute(update(experiments).where(this).values(space_version=version))

    def limit(self, budget: Mapping[str, float] | None, *, now: float) -> None:
        """Write bounds of the budget; this is no news of a trial, so it is no new revision."""
        this = experiments.c.id == self.stored.id
        kept = None if budget is None else dict(budget)
        self.connection.execute(update(experiments).where(this).values(budget=kept, updated=now))

    def note(self, text: str, *, index: int | None, now: float) -> None:
        """Write a note over the one before; this is no new revision either."""
        key = {"experiment": self.stored.id, "number": ABOUT_EXPERIMENT if index is None else index}
        self.connection.execute(delete(notes).filter_by(**key))
        if text:
            self.connection.execute(insert(notes).values(**key, text=text, time=now))
        self.connection.execute(update(experiments).where(experiments.c.id == self.stored.id).values(updated=now))

    def notes(self) -> dict[int | None, str]:
        """Every note, by trial; that on the experiment by None."""
        chosen = select(notes).where(notes.c.experiment == self.stored.id).order_by(notes.c.number)
        rows = self.connection.execute(chosen)
        return {None if row.number == ABOUT_EXPERIMENT else row.number: row.text for row in rows}

    def comparisons(self) -> tuple[Comparison, ...]:
        """What persons said of its trials, in order.

        Raises:
            StorageError: if one is of trials that are not there, or of a trial with itself.
        """
        rows = self.connection.execute(statements.COMPARISONS, {"key": self.stored.id})
        found, there = comparisons_of(rows.all()), range(self.stored.trials_created)
        for number, one in enumerate(found):
            if one.better in one.worse or not all(index in there for index in one.trials):
                raise StorageError(f"Comparison {number} of {self.stored.name!r} is damaged: it is of {one.trials}.")
        return found

    def comparison_numbers(self) -> list[int]:
        """The number of each comparison, in order; those of comparisons that were taken back are left out."""
        number = comparisons.c.number
        chosen = select(number).where(comparisons.c.experiment == self.stored.id).distinct().order_by(number)
        return list(self.connection.scalars(chosen))

    def compare(self, number: int, comparison: Comparison) -> None:
        """Write a comparison."""
        said = {"experiment": self.stored.id, "number": number, "better": comparison.better, "time": comparison.time}
        self.connection.execute(insert(comparisons), [{**said, "worse": worse} for worse in comparison.worse])

    def take_back(self, number: int) -> None:
        """Delete a comparison."""
        self.connection.execute(delete(comparisons).filter_by(experiment=self.stored.id, number=number))

    def appeal(self, values: Mapping[int, Observation | None]) -> None:
        """Write the objective of some trials, by index; None where there is none any more."""
        metric = self.stored.objective.metric
        for trial in self.trials(self.select().where(trials.c.number.in_(values))):
            others = {name: measured for name, measured in trial.metrics.items() if name != metric}
            value = values[trial.index]
            self.save(trial, replace(trial, metrics=others if value is None else {metric: value, **others}))

    def rename(self, new: str) -> None:
        """Write the new name; this is no news of a trial, so it is no new revision."""
        self.connection.execute(update(experiments).where(experiments.c.id == self.stored.id).values(name=new))

    def delete(self) -> None:
        """Delete the experiment with everything that belongs to it."""
        self.connection.execute(delete(experiments).where(experiments.c.id == self.stored.id))

    def _with_reports(
        self, chosen: Select[Any], reported: Select[Any], given: Mapping[str, int]
    ) -> Sequence[TrialRecord]:
        """The trials of a query, with the reports of another query."""
        parameters = {"key": self.stored.id, **given}
        with _without_collecting():
            rows = self.connection.execute(chosen, parameters).all()
            found = curves(self.connection.execute(reported, parameters).all()) if rows else {}
            return self.stored.records(rows, found)

    def _scalar(self, statement: Select[Any], **given: int) -> Any:
        return self.connection.scalar(statement, {"key": self.stored.id, **given})


@contextmanager
def _without_collecting() -> Iterator[None]:
    """Make many objects without looking for garbage among them again and again, which takes as long as the rest.

    Those of a long history stay, so they are counted among the oldest objects at once, without a look at each: that is
    what a freeze that ends at once does, where nobody has frozen anything for good.
    """
    was_enabled, before = gc.isenabled(), gc.get_count()[0]
    gc.disable()
    try:
        yield
    finally:
        if gc.get_count()[0] - before > MANY and not gc.get_freeze_count():
            gc.freeze()
            gc.unfreeze()
        if was_enabled:
            gc.enable()


def report(
    connection: Connection,
    name: str,
    index: int,
    metrics: Metrics,
    learned: Mapping[str, Any],
    *,
    now: float,
    owner: str | None,
) -> bool:
    """Write what a running trial measured after steps of its present attempt, over what it measured after them before.

    It is what workers do most, so it writes first and looks at what it found after that.

    Args:
        connection: the transaction.
        name: the experiment.
        index: the trial.
        metrics: what was measured.
        learned: columns of the trial that are known better now.
        now: the time.
        owner: who has to run it; None for anybody.

    Returns:
        Whether there is such a trial, and it runs; if not, the transaction has to be undone.
    """
    experiment = connection.execute(statements.ADVANCE_FOR_REPORT, {"of_name": name, "updated": now}).one_or_none()
    if experiment is None:
        return False
    key, revision = experiment
    changed = {"key": key, "index": index, "revision": revision, **learned}
    trial = connection.execute(statements.REPORT_FOR_TRIAL, changed).one_or_none()
    if trial is None or owner not in (None, trial.owner):
        return False
    rows = [report_row(key, index, trial.attempt, metric, value, time=now) for metric, value in metrics.items()]
    if rows:
        connection.execute(statements.keep_report(connection), rows)
    return True
