"""What the comparisons of a history tell of its trials."""

import numpy as np
from jaxtyping import Float64

from headstock.encoding import Encoding
from headstock.gp.preference import Comparisons, Utilities, condition_on_comparisons, fit_comparisons
from headstock.gp.regression import Hyperparameters
from headstock.history import History


def compared(history: History) -> list[int]:
    """The trials that were ever compared, by index."""
    return sorted({index for comparison in history.comparisons for index in comparison.trials})


def utilities(
    history: History, encoding: Encoding, X: Float64[np.ndarray, "n d"], warm: Hyperparameters | None = None
) -> Utilities:
    """The utilities of `compared`, from at least one comparison.

    Args:
        history: the trials, and what persons said of them.
        encoding: of the space.
        X: the point of each trial.
        warm: hyper-parameters that fewer comparisons gave.

    Raises:
        NumericalError: if a covariance matrix cannot be factorised.
    """
    rows = np.array(compared(history))
    pairs = np.array([(c.better, worse) for c in history.comparisons for worse in c.worse])
    better, worse = np.searchsorted(rows, pairs.T)
    data = Comparisons(X[rows], better, worse, encoding.categorical)
    return condition_on_comparisons(fit_comparisons(data, warm), data)
