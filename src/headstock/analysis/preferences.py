"""What persons prefer: the appeal of each trial that they compared, and which two to show them next."""

from collections.abc import Collection
from typing import Final

import numpy as np
from jaxtyping import Float64
from scipy.special import ndtr

from headstock.encoding import Encoding
from headstock.gp.linalg import one_thread
from headstock.gp.preference import Utilities
from headstock.history import History
from headstock.samplers.beliefs import Memo
from headstock.samplers.preferences import compared, utilities
from headstock.trial import Observation, TrialRecord

CANDIDATES: Final = 200
"""How many trials may be asked for: those that may be the best, by mean plus standard deviation. Pairs are many."""


@one_thread()
def appeals(history: History) -> dict[int, Observation]:
    """The appeal of each trial that was ever compared, by index, relative to the average of them all.

    Its unit is about the spread of appeal over the search space; its standard error says how well it is known.

    Raises:
        NumericalError: if a covariance matrix cannot be factorised.
    """
    if not history.comparisons:
        return {}
    means, sds = _utilities(history)[0].centred
    return {
        index: Observation(mean, sd)
        for index, mean, sd in zip(compared(history), means.tolist(), sds.tolist(), strict=True)
    }


@one_thread()
def next_pair(history: History, skipped: Collection[tuple[int, int]] = ()) -> tuple[TrialRecord, TrialRecord] | None:
    """The two finished trials that are worth most to compare; None if there are no two that were not skipped.

    It is the pair of which the better one is expected to be best, the expected utility of the best option (Lin,
    Astudillo, Frazier and Bakshy 2022, "Preference exploration for efficient Bayesian optimization with multiple
    outcomes", section 4). With Δ = μ_i - μ_j and s² = Var[f_i - f_j] (Clark 1961):

        E[max(f_i, f_j)] = μ_j + Δ Φ(Δ/s) + s φ(Δ/s)

    So one of the two is good, and the other one may be better still. Before the first comparison it is the two oldest.

    Args:
        history: the trials, and what persons said of them.
        skipped: pairs of indices that are not asked for, the smaller one first.
    """
    rows = np.sort([t.index for t in (*history.observed, *history.unjudged)]).astype(int)
    if not history.comparisons:
        rows = rows[:CANDIDATES]
        value = np.zeros((len(rows), len(rows)))
    else:
        found, X = _utilities(history)
        mean, variance = found.posterior.predict(X[rows])
        hopeful = np.sort(np.argsort(-(mean + np.sqrt(variance)), kind="stable")[:CANDIDATES])
        rows, mean, variance = rows[hopeful], mean[hopeful], variance[hopeful]
        covariance = found.posterior.covariance(X[rows], X[rows])
        s = np.sqrt(np.maximum(variance[:, None] + variance - 2.0 * covariance, 1e-12))
        difference = mean[:, None] - mean
        z = difference / s
        value = mean + difference * ndtr(z) + s * np.exp(-0.5 * z**2) / np.sqrt(2.0 * np.pi)
    value[np.tril_indices(len(rows))] = -np.inf
    place = {index: k for k, index in enumerate(rows.tolist())}
    for one, other in skipped:
        if one in place and other in place:
            value[place[one], place[other]] = -np.inf
    if not value.size or value.max() == -np.inf:
        return None
    i, j = np.unravel_index(int(value.argmax()), value.shape)
    return history.trials[rows[i]], history.trials[rows[j]]


def _utilities(history: History) -> tuple[Utilities, Float64[np.ndarray, "n d"]]:
    """What at least one comparison tells, and the point of each trial; a fit goes on from that of the newest trial."""
    encoding = Encoding.of(history.space)
    X, memo = history.points(encoding.encode), Memo.newest(history, encoding.dimensions)
    return utilities(history, encoding, X, memo.hyperparameters.get("objective")), X
