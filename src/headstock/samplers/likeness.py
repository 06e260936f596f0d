"""A category that all of the best results have in common: now and then another is taken to be much like it."""

from dataclasses import replace
from typing import Final

import numpy as np

from headstock.gp.regression import condition
from headstock.gp.surrogate import Surrogate

BEST: Final = 10
"""How many of the best results have one category if no other was looked at closely."""

ALIKE: Final = 1.5
"""The least lengthscale then: between two categories a correlation of 0.73 is left."""


def with_categories_alike(surrogate: Surrogate) -> Surrogate:
    """The surrogate where what the best results have in common is taken to matter little.

        l_c ← max(l_c, 1.5)     for each column c of categories in which the `BEST` best results do not differ

    Such results say next to nothing of l_c, so that it stays near its prior mode, 0.25 √d, by which nothing is known of
    another category: at d = 6 the correlation is 0.24. Expected improvement would go through the combinations of
    everything else before it changes that category.

    Raises:
        NumericalError: if the covariance matrix cannot be factorised.
    """
    best = surrogate.data.X[np.argsort(-surrogate.y, kind="stable")[:BEST]]
    in_common = surrogate.data.categorical & (np.ptp(best, axis=0) == 0.0)
    if len(best) < BEST or not in_common.any():
        return surrogate
    known = surrogate.hyperparameters
    longer = np.maximum(known.log_lengthscales, np.log(ALIKE))
    hyperparameters = replace(known, log_lengthscales=np.where(in_common, longer, known.log_lengthscales))
    posterior = condition(hyperparameters, surrogate.data)
    return replace(surrogate, hyperparameters=hyperparameters, posterior=posterior)
