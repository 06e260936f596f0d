"""Where experiments live: one SQLite file, or the memory of this process."""

from headstock.storage.base import Storage
from headstock.storage.opening import open_storage
from headstock.storage.records import (
    Changes,
    Command,
    ExperimentSpec,
    ExperimentSummary,
    Lease,
    NewTrial,
    Outcome,
    check_name,
)

__all__ = [
    "Changes",
    "Command",
    "ExperimentSpec",
    "ExperimentSummary",
    "Lease",
    "NewTrial",
    "Outcome",
    "Storage",
    "check_name",
    "open_storage",
]
