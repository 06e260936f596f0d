"""Which of very many observations a model is made from, where its cost grows with the cube of their number."""

import numpy as np
from jaxtyping import Float64, Int64


def best_and_even(worth: Float64[np.ndarray, " n"], limit: int) -> Int64[np.ndarray, " u"]:
    """The rows of at most `limit` observations, in order: the best half, and the others evenly over the other ranks.

    Where it is best the model has to be sharp.

    Args:
        worth: of each observation, larger where it is better.
        limit: how many to take.
    """
    n = len(worth)
    if n <= limit:
        return np.arange(n)
    by_rank = np.argsort(-worth, kind="stable")
    best = limit // 2
    rest = np.linspace(best, n - 1, limit - best).round().astype(np.int64)
    return np.sort(by_rank[np.concatenate([np.arange(best), rest])])
