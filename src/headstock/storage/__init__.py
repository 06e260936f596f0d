"""Where experiments live: one SQLite file, or the memory of this process."""

from headstock.storage.base import (
    Changes,
    Command,
    ExperimentSpec,
    ExperimentSummary,
    Lease,
    NewTrial,
    Outcome,
    Storage,
    check_name,
)
from headstock.storage.opening import open_storage

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
