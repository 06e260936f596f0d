"""PyTorch: data sets, networks, training and evaluation, and the demo's jobs.

The only package of headstock that imports torch.
"""

from headstock.errors import MissingDependencyError

try:
    import torch as _torch  # noqa: F401 - asked for here, so that what is missing is said before anything else fails
except ImportError as error:
    raise MissingDependencyError(
        f"headstock.training needs PyTorch 2.10 or newer, which cannot be imported here ({error}). "
        f"Install it: pip install 'headstock[training]'"
    ) from error
