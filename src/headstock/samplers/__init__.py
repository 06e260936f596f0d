"""Samplers choose which parameters to try next; each is pure."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final

from headstock.errors import StorageError
from headstock.samplers.base import Sampler, Suggestion

__all__ = ["Sampler", "Suggestion", "sampler_from_json"]

_CLASSES: Final = {"bayesian": "Bayesian", "grid": "Grid", "random": "Random", "sobol": "Sobol"}


def sampler_from_json(stored: Mapping[str, Any]) -> Sampler:
    """The built-in sampler that its `to_json` wrote: `{"kind": "sobol", "centre": true}`.

    The kind names the module and the class; what remains are the arguments.

    Raises:
        StorageError: if the kind or an argument is unknown.
    """
    arguments = dict(stored)
    kind = arguments.pop("kind", None)
    if kind not in _CLASSES:
        raise StorageError(f"A stored sampler is of the unknown kind {kind!r}. Open it with a newer headstock.")
    try:
        found = getattr(import_module(f"headstock.samplers.{kind}"), _CLASSES[kind])
        sampler: Sampler = found.from_json(arguments) if hasattr(found, "from_json") else found(**arguments)
    except TypeError as error:
        raise StorageError(
            f"The stored sampler {dict(stored)!r} cannot be read ({error}). Use a newer headstock."
        ) from error
    return sampler
