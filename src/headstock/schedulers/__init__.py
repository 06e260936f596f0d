"""Schedulers choose how long to train which trial; each is pure."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final

from headstock.errors import StorageError
from headstock.schedulers.base import Decision, Resume, Scheduler, Start, Stop

__all__ = ["Decision", "Resume", "Scheduler", "Start", "Stop", "scheduler_from_json"]

_CLASSES: Final = {
    "automatic": "Automatic",
    "freeze_thaw": "FreezeThaw",
    "full": "FullTraining",
    "hyperband": "Hyperband",
    "median": "MedianStopping",
    "percentile": "PercentileStopping",
    "population": "PopulationBased",
    "successive_halving": "SuccessiveHalving",
    "top_k": "TopK",
}


def scheduler_from_json(stored: Mapping[str, Any]) -> Scheduler:
    """The built-in scheduler that its `to_json` wrote: `{"kind": "full"}`.

    The kind names the module and the class; what remains are the arguments.

    Raises:
        StorageError: if the kind or an argument is unknown.
    """
    arguments = dict(stored)
    kind = arguments.pop("kind", None)
    if kind not in _CLASSES:
        raise StorageError(f"A stored scheduler is of the unknown kind {kind!r}. Open it with a newer headstock.")
    try:
        scheduler: Scheduler = getattr(import_module(f"headstock.schedulers.{kind}"), _CLASSES[kind])(**arguments)
    except TypeError as error:
        raise StorageError(
            f"The stored scheduler {dict(stored)!r} cannot be read ({error}). Use a newer headstock."
        ) from error
    return scheduler
