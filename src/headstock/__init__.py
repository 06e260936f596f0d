"""headstock tunes neural networks: Bayesian optimisation for PyTorch training, any function and any script.

The public names are loaded when they are first used, so that `import headstock` costs next to nothing.
"""

from importlib import import_module
from typing import Any, Final

__version__: Final = "0.1.0"

_HOMES: Final = {
    "Arm": "headstock.trial",
    "Bayesian": "headstock.samplers.bayesian",
    "Budget": "headstock.budget",
    "Choice": "headstock.space",
    "Experiment": "headstock.experiment",
    "Failed": "headstock.trial",
    "Fixed": "headstock.space",
    "Float": "headstock.space",
    "FreezeThaw": "headstock.schedulers.freeze_thaw",
    "FullTraining": "headstock.schedulers.full",
    "Grid": "headstock.samplers.grid",
    "HeadstockError": "headstock.errors",
    "Hyperband": "headstock.schedulers.hyperband",
    "Int": "headstock.space",
    "MedianStopping": "headstock.schedulers.median",
    "Near": "headstock.priors",
    "PercentileStopping": "headstock.schedulers.percentile",
    "PopulationBased": "headstock.schedulers.population",
    "Random": "headstock.samplers.random",
    "Ray": "headstock.executors.ray",
    "Sobol": "headstock.samplers.sobol",
    "Space": "headstock.space",
    "SuccessiveHalving": "headstock.schedulers.successive_halving",
    "TopK": "headstock.schedulers.top_k",
    "Trial": "headstock.running",
    "TrialRecord": "headstock.trial",
    "current_trial": "headstock.current",
    "optimize": "headstock.loop",
}

__all__ = [*sorted(_HOMES), "__version__"]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'headstock' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
