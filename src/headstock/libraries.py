"""Which libraries' objects can be saved: those that are loaded by now, so that nothing is loaded for it."""

import sys
from collections.abc import Sequence

from headstock.checkpoints import Framework, Plain


def loaded_frameworks() -> Sequence[Framework]:
    """Python and NumPy, and PyTorch if the program uses it."""
    if "torch" not in sys.modules:
        return (Plain(),)
    from headstock.training.states import Torch

    return (Plain(), Torch())
