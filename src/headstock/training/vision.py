"""torchvision, where it is present and working."""

from importlib import import_module
from types import ModuleType

from headstock.errors import MissingDependencyError


def torchvision(purpose: str, instead: str) -> ModuleType:
    """The torchvision package.

    A torchvision that was built for another torch is installed and yet raises at its import.

    Args:
        purpose: what it is needed for, as in "torchvision is needed to ...".
        instead: what a person can do without it.

    Raises:
        MissingDependencyError: if it is not installed, or does not work beside the torch that is installed.
    """
    try:
        return import_module("torchvision")
    except (ImportError, RuntimeError, OSError) as error:
        raise MissingDependencyError(
            f"torchvision is needed to {purpose}, but it cannot be imported here ({error}). "
            f"Install the release that belongs to your torch (pip install 'headstock[vision]'), or {instead}."
        ) from error
