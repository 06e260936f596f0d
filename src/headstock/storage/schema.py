"""The tables, as the newest migration leaves them.

JSON columns hold strict JSON; times are seconds since 1970, UTC.
"""

from typing import Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
)

metadata: Final = MetaData()


def _json(name: str, *, nullable: bool = False) -> Column[object]:
    return Column(name, JSON(none_as_null=True), nullable=nullable)


# The id of a deleted experiment is not given out again, so that a revision tells which experiment it belongs to.
experiments: Final = Table(
    "experiments",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    _json("objective"),
    _json("outcome_constraints"),
    Column("seed", BigInteger, nullable=False),
    _json("sampler", nullable=True),
    _json("scheduler", nullable=True),
    Column("value", Text, nullable=False, server_default="last"),
    _json("budget", nullable=True),
    Column("space_version", Integer, nullable=False),
    Column("created", Double, nullable=False),
    Column("updated", Double, nullable=False),
    Column("revision", BigInteger, nullable=False, default=0),
    Column("trials_created", Integer, nullable=False, default=0),
    sqlite_autoincrement=True,
)

spaces: Final = Table(
    "spaces",
    metadata,
    Column("experiment", ForeignKey("experiments.id", ondelete="CASCADE"), primary_key=True),
    Column("version", Integer, primary_key=True),
    _json("space"),
)

# `number` is the trial's index, which is a word that SQL keeps for itself. `score` is the objective, larger where it
# is better; it is there for trials that `best` may choose: those with a result that keeps the outcome constraints.
# `renewals` and `command` belong to the lease of a running trial. Renewing one is no news of the trial, so it leaves
# `revision` alone; `renewals` never goes back.
trials: Final = Table(
    "trials",
    metadata,
    Column("experiment", ForeignKey("experiments.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("batch", Integer, nullable=False),
    Column("position", Integer, nullable=False),
    Column("state", Text, nullable=False),
    _json("parameters"),
    Column("space_version", Integer, nullable=False),
    Column("source", Text, nullable=False),
    Column("because", Text, nullable=False),
    _json("memo", nullable=True),
    _json("metrics"),
    Column("score", Double),
    Column("error", Text),
    Column("traceback", Text),
    Column("owner", Text),
    Column("renewals", BigInteger, nullable=False, default=0),
    Column("command", Text),
    Column("attempt", Integer, nullable=False),
    Column("retries", Integer, nullable=False),
    Column("until", BigInteger),
    Column("steps", BigInteger),
    _json("parent", nullable=True),
    Column("trained", Double),
    Column("saves", Boolean),
    _json("verdicts", nullable=True),
    Column("created", Double, nullable=False),
    Column("started", Double),
    Column("finished", Double),
    Column("revision", BigInteger, nullable=False),
    Index("trials_by_revision", "experiment", "revision"),
    Index("trials_by_state", "experiment", "state", "number"),
    Index("trials_by_arm", "experiment", "batch", "position", unique=True),
)
Index("trials_by_score", trials.c.experiment, trials.c.score.desc(), trials.c.number)

reports: Final = Table(
    "reports",
    metadata,
    Column("experiment", Integer, primary_key=True),
    Column("trial", Integer, primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("step", BigInteger, primary_key=True, autoincrement=False),
    Column("metric", Text, primary_key=True),
    Column("mean", Double, nullable=False),
    Column("sem", Double),
    Column("time", Double, nullable=False),
    ForeignKeyConstraint(["experiment", "trial"], ["trials.experiment", "trials.number"], ondelete="CASCADE"),
    sqlite_with_rowid=False,
)

# A row for each trial that was said to be worse; those of one comparison have its number, which grows.
comparisons: Final = Table(
    "comparisons",
    metadata,
    Column("experiment", ForeignKey("experiments.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("worse", Integer, primary_key=True, autoincrement=False),
    Column("better", Integer, nullable=False),
    Column("time", Double, nullable=False),
)

# `number` is the trial's; -1 for a note on the experiment.
notes: Final = Table(
    "notes",
    metadata,
    Column("experiment", ForeignKey("experiments.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("text", Text, nullable=False),
    Column("time", Double, nullable=False),
)
