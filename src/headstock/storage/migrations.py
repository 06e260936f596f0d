"""From the tables of an older headstock to today's, step by step.

A step is a small function with the decorator `migration`, at the end of `MIGRATIONS`. The database remembers the names
of the steps that were applied to it. In a new database the first step creates the tables as `schema` draws them today,
so a later step looks first whether there is anything to do for it. A step that was ever released keeps its name.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final, final

from sqlalchemy import Column, Connection, MetaData, Table, Text, insert, inspect, select
from sqlalchemy.schema import CreateColumn

from headstock.errors import NewerSchemaError, StorageError
from headstock.storage import schema
from headstock.storage.database import Database

_applied: Final = Table("headstock_migrations", MetaData(), Column("name", Text, primary_key=True))


@final
@dataclass(frozen=True, slots=True)
class Migration:
    """One step.

    Args:
        name: what the database remembers it by.
        apply: makes the step, within a transaction that is not its own.
    """

    name: str
    apply: Callable[[Connection], None]


def migration(apply: Callable[[Connection], None]) -> Migration:
    """The function as a step that has the function's name."""
    return Migration(apply.__name__, apply)


@migration
def first_tables(connection: Connection) -> None:
    """Create the tables."""
    schema.metadata.create_all(connection)


@migration
def pausable_trainings(connection: Connection) -> None:
    """Columns for schedulers: how far a trial is to train, and why."""
    _add_columns(connection, schema.experiments, "scheduler", "value")
    _add_columns(connection, schema.trials, "until", "steps", "parent", "trained", "saves", "verdicts")


@migration
def notes_and_budgets(connection: Connection) -> None:
    """A table of notes, and budgets that were changed."""
    _add_columns(connection, schema.experiments, "budget")
    schema.notes.create(connection, checkfirst=True)


@migration
def preferences(connection: Connection) -> None:
    """A table of what persons prefer."""
    schema.comparisons.create(connection, checkfirst=True)


def _add_columns(connection: Connection, table: Table, *names: str) -> None:
    """Add those of the columns that are not there."""
    there = {column["name"] for column in inspect(connection).get_columns(table.name)}
    for name in names:
        if name not in there:
            column = CreateColumn(table.c[name]).compile(dialect=connection.dialect)
            connection.exec_driver_sql(f"ALTER TABLE {table.name} ADD COLUMN {column}")


MIGRATIONS: Final = (first_tables, pausable_trainings, notes_and_budgets, preferences)
"""Every step that there ever was, the oldest first."""


def applied(connection: Connection) -> frozenset[str]:
    """The names of the steps that were applied to a database.

    Raises:
        StorageError: if the database has tables, but none of headstock's.
    """
    tables = inspect(connection).get_table_names()
    if _applied.name in tables:
        return frozenset(connection.scalars(select(_applied.c.name)))
    if tables:
        raise StorageError(
            f"{connection.engine.url} holds something else: tables called {', '.join(tables[:5])}. "
            f"Choose another place."
        )
    return frozenset()


def pending(connection: Connection, steps: Sequence[Migration] = MIGRATIONS) -> list[Migration]:
    """The steps that still have to be applied to a database, in order.

    Raises:
        NewerSchemaError: if it has steps that this headstock does not know.
        StorageError: if it is not headstock's.
    """
    done = applied(connection)
    unknown = sorted(done - {step.name for step in steps})
    if unknown:
        raise NewerSchemaError(
            f"{connection.engine.url} was written by a newer headstock, which has changed its tables "
            f"({', '.join(unknown)}). Upgrade headstock to open it."
        )
    return [step for step in steps if step.name not in done]


def bring_up_to_date(database: Database) -> None:
    """Apply the steps that a database lacks.

    Raises:
        NewerSchemaError: if it has steps that this headstock does not know.
        StorageError: if it is not headstock's.
    """
    with database.reading() as connection:
        is_current = not pending(connection)
    if not is_current:
        migrate(database.alone, before=database.keep_copy)


def migrate(
    writing: Callable[[], AbstractContextManager[Connection]],
    steps: Sequence[Migration] = MIGRATIONS,
    *,
    before: Callable[[str], None] = lambda _: None,
) -> None:
    """Apply the pending steps, each in its own transaction; any number of processes may do so at once.

    Args:
        writing: begins a transaction that no other writer can disturb.
        steps: every step that there is.
        before: is told the name of the first step, if there may be something to lose.

    Raises:
        NewerSchemaError: if the database has steps that this headstock does not know.
        StorageError: if the database is not headstock's.
    """
    is_first = True
    while True:
        with writing() as connection:
            todo = pending(connection, steps)
            if not todo:
                return
            if is_first and len(todo) < len(steps):
                before(todo[0].name)
            is_first = False
            _applied.create(connection, checkfirst=True)
            todo[0].apply(connection)
            connection.execute(insert(_applied).values(name=todo[0].name))
