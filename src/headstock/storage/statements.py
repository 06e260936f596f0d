"""The statements of the verbs that workers call all the time, built once: building one costs more than running it.

Parameters: `key` is the experiment's id, `index` a trial's index. What an UPDATE sets is named when it is executed.
"""

from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, and_, bindparam, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import Insert

from headstock.storage.rows import OF_EXPERIMENT, TRIAL_COLUMNS
from headstock.storage.schema import comparisons, experiments, reports, trials
from headstock.trial import TrialState

_ONE: Final = and_(trials.c.experiment == bindparam("key"), trials.c.number == bindparam("index"))
_THEIRS: Final = trials.c.experiment == bindparam("key")
_CURVE: Final = (reports.c.trial, reports.c.step, reports.c.metric, reports.c.mean, reports.c.sem)
_IN_ORDER: Final = (reports.c.trial, reports.c.attempt, reports.c.step)

EXPERIMENT: Final = select(*OF_EXPERIMENT).where(experiments.c.name == bindparam("of_name"))
LOCKED_EXPERIMENT: Final = EXPERIMENT.with_for_update()
# Not a join of the experiment's row with a trial's: PostgreSQL would wait for the lock of the one, and show the other
# as it was before.
_ADVANCE: Final = (
    update(experiments).where(experiments.c.name == bindparam("of_name")).values(revision=experiments.c.revision + 1)
)
ADVANCE_FOR_REPORT: Final = _ADVANCE.returning(experiments.c.id, experiments.c.revision)
ADVANCE: Final = _ADVANCE.values(trials_created=experiments.c.trials_created + bindparam("added")).returning(
    *OF_EXPERIMENT
)

TRIAL: Final = select(*TRIAL_COLUMNS).where(_ONE)
TRIAL_REPORTS: Final = (
    select(*_CURVE)
    .where(reports.c.experiment == bindparam("key"), reports.c.trial == bindparam("index"))
    .order_by(*_IN_ORDER)
)
OLDEST_QUEUED: Final = (
    select(trials.c.number).where(_THEIRS, trials.c.state == TrialState.QUEUED.value).order_by(trials.c.number).limit(1)
)
COUNTS: Final = select(trials.c.state, func.count()).where(_THEIRS).group_by(trials.c.state)
NEWEST_BATCH: Final = select(func.max(trials.c.batch)).where(_THEIRS)
# In order, or SQLite takes them in the order of their scores, which is slower by a half.
ALL: Final = select(*TRIAL_COLUMNS).where(_THEIRS).order_by(trials.c.number)
CHANGED: Final = select(*TRIAL_COLUMNS).where(_THEIRS, trials.c.revision > bindparam("since"))
ADD_TRIAL: Final = insert(trials)
SAVE_TRIAL: Final = update(trials).where(_ONE)
# Who reports lives, so a report renews the lease as well.
REPORT_FOR_TRIAL: Final = (
    update(trials)
    .where(_ONE, trials.c.state == TrialState.RUNNING.value)
    .values(renewals=trials.c.renewals + 1)
    .returning(trials.c.owner, trials.c.attempt)
)


_RUNNING: Final = and_(_THEIRS, trials.c.state == TrialState.RUNNING.value)
_OWNED: Final = and_(_RUNNING, trials.c.owner == bindparam("of_owner"))
_LEASE: Final = (trials.c.number, trials.c.owner, trials.c.attempt, trials.c.renewals, trials.c.command)
LEASES_OF: Final = select(*_LEASE).where(_OWNED)
RENEW: Final = update(trials).where(_OWNED).values(renewals=trials.c.renewals + 1)


def _leases(where: ColumnElement[bool]) -> Select[Any]:
    leased = select(*_LEASE).where(_RUNNING, trials.c.owner.is_not(None), where)
    return leased.order_by(trials.c.number).limit(bindparam("count"))


LEASES_AFTER: Final = _leases(trials.c.number > bindparam("index"))
LEASES_UP_TO: Final = _leases(trials.c.number <= bindparam("index"))


COMPARISONS: Final = (
    select(comparisons.c.number, comparisons.c.better, comparisons.c.worse, comparisons.c.time)
    .where(comparisons.c.experiment == bindparam("key"))
    .order_by(comparisons.c.number, comparisons.c.worse)
)


def reports_of(chosen: Select[Any]) -> Select[Any]:
    """The reports of the trials of a query, in order."""
    # Not a join: asked to sort one, SQLite prefers to walk through all reports in order.
    theirs = reports.c.trial.in_(chosen.with_only_columns(trials.c.number))
    return select(*_CURVE).where(reports.c.experiment == bindparam("key"), theirs).order_by(*_IN_ORDER)


ALL_REPORTS: Final = select(*_CURVE).where(reports.c.experiment == bindparam("key")).order_by(*_IN_ORDER)
CHANGED_REPORTS: Final = reports_of(CHANGED)


def _over(new: Any) -> Insert:
    """An insert of reports over those that are there."""
    measured = {column: new.excluded[column] for column in ("mean", "sem", "time")}
    return new.on_conflict_do_update(index_elements=list(reports.primary_key), set_=measured)


_KEEP_REPORT: Final = {
    "sqlite": _over(sqlite.insert(reports)),
    "postgresql": _over(postgresql.insert(reports)),
}


def keep_report(connection: Connection) -> Insert:
    """An insert of reports over those that are there, in the words of the database."""
    return _KEEP_REPORT[connection.dialect.name]
