"""PyTorch training: images, networks, loops, and the jobs of the demo. The only room that imports torch.

Raises:
    MissingDependencyError: on import, if PyTorch is not installed.
"""

from importlib.util import find_spec

from headstock.errors import MissingDependencyError

if find_spec("torch") is None:
    raise MissingDependencyError("PyTorch is not installed. Install it with: pip install 'headstock[training]'")
