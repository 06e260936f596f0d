"""Where experiments live: one SQLite file, or the memory of this process."""

from headstock.storage.base import Changes, ExperimentSpec, ExperimentSummary, NewTrial, Outcome, Storage, check_name
from headstock.storage.opening import open_storage

__all__ = [
    "Changes",
    "ExperimentSpec",
    "ExperimentSummary",
    "NewTrial",
    "Outcome",
    "Storage",
    "check_name",
    "open_storage",
]
