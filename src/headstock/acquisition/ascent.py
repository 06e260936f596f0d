"""Local ascent from several starts in lock step: projected BFGS inside the unit cube and linear constraints.

Each start has its own curvature and its own step length, but all ask for values and gradients in one call. Decoupled
starts converge as they would alone: arXiv:2511.13625.
"""

from typing import Final, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float64

from headstock.acquisition.halfspaces import Halfspaces

ARMIJO: Final = 1e-4
"""The share of the expected gain that a step must reach: Nocedal and Wright (2006), Numerical Optimization, (3.4)."""

_GAIN: Final = 1e-5  # a step that promises less, on the scale of a logarithm, is not worth its evaluation
_FIRST_STEP: Final = 0.1  # in lengthscales
_LONGEST_STEP: Final = 1.0  # in lengthscales
_TOUCHING: Final = 1e-6  # a constraint with less slack is touched
_BROKEN: Final = 1e-10  # a constraint that lacks more is broken
_ROUNDING: Final = 1e-12
_FACES: Final = 4  # rounds of finding the faces of the cube to move along
_RETURNS: Final = 6  # rounds of going back onto the constraints


@runtime_checkable
class AcquisitionFunction(Protocol):
    """How much an evaluation is worth, on a logarithmic scale."""

    def value(self, X: Float64[np.ndarray, "m d"]) -> Float64[np.ndarray, " m"]:
        """The acquisition at X."""
        ...

    def value_and_gradient(
        self, X: Float64[np.ndarray, "m d"]
    ) -> tuple[Float64[np.ndarray, " m"], Float64[np.ndarray, "m d"]]:
        """The acquisition at X and its gradient; what it is in categorical columns does not matter."""
        ...


def climb(
    acquisition: AcquisitionFunction,
    halfspaces: Halfspaces,
    X: Float64[np.ndarray, "k d"],
    *,
    free: Bool[np.ndarray, "k d"],
    scale: Float64[np.ndarray, " d"],
    iterations: int,
) -> Float64[np.ndarray, "k d"]:
    """Points uphill of feasible starts, not rounded.

    Args:
        acquisition: what to climb.
        halfspaces: the linear constraints.
        X: the starts.
        free: the entries that may move.
        scale: a typical length in each column, in which the first steps are measured.
        iterations: how many times the acquisition may be asked.
    """
    X = X.copy()
    values, gradients = acquisition.value_and_gradient(X)
    gradients = np.where(np.isfinite(gradients).all(axis=1, keepdims=True), gradients, 0.0)
    H = np.broadcast_to(np.diag(scale**2), (*X.shape, X.shape[1])).copy()
    D = _direction(halfspaces, X, gradients, H, free)
    steps = np.minimum(_longest(halfspaces, X, D, scale, _FIRST_STEP), 1.0)
    unscaled = np.ones(len(X), dtype=bool)
    for _ in range(iterations):
        going = np.flatnonzero(steps * (D * gradients).sum(axis=1) > _GAIN)
        if not len(going):
            break
        trials, feasible = _inside(halfspaces, X[going] + steps[going, None] * D[going], free[going])
        new_values, new_gradients = acquisition.value_and_gradient(trials)
        s, y = trials - X[going], np.where(free[going], gradients[going] - new_gradients, 0.0)
        hoped = (gradients[going] * s).sum(axis=1)
        gain = np.where(feasible, new_values - values[going], -np.inf)
        kept = (hoped > 0.0) & (gain >= ARMIJO * hoped) & np.isfinite(new_gradients).all(axis=1)
        up, back = going[kept], going[~kept]
        steps[back] *= _shortening(hoped[~kept], gain[~kept])
        X[up], values[up], gradients[up] = trials[kept], new_values[kept], new_gradients[kept]
        H[up], unscaled[up] = _updated(H[up], s[kept], y[kept], unscaled[up]), False
        D[up] = _direction(halfspaces, X[up], gradients[up], H[up], free[up])
        steps[up] = np.minimum(_longest(halfspaces, X[up], D[up], scale, _LONGEST_STEP), 1.0)
    return X


def _direction(
    halfspaces: Halfspaces,
    X: Float64[np.ndarray, "k d"],
    gradients: Float64[np.ndarray, "k d"],
    H: Float64[np.ndarray, "k d d"],
    free: Bool[np.ndarray, "k d"],
) -> Float64[np.ndarray, "k d"]:
    """D = H g without the coordinates that would leave the cube: Bertsekas (1982), SIAM J. Control Optim. 20(2)."""
    movable = free
    for _ in range(_FACES):
        D = np.where(movable, (H @ np.where(movable, gradients, 0.0)[:, :, None])[:, :, 0], 0.0)
        if len(halfspaces.bounds):
            D = _along_constraints(halfspaces, X, D, H, movable)
        outward = ((X <= _ROUNDING) & (D < 0.0)) | ((X >= 1.0 - _ROUNDING) & (D > 0.0))
        if not outward.any():
            break
        movable = movable & ~outward
    return np.where(outward, 0.0, D)


def _along_constraints(
    halfspaces: Halfspaces,
    X: Float64[np.ndarray, "k d"],
    D: Float64[np.ndarray, "k d"],
    H: Float64[np.ndarray, "k d d"],
    movable: Bool[np.ndarray, "k d"],
) -> Float64[np.ndarray, "k d"]:
    """D = H g turned into the faces of the linear constraints that X touches and D would break.

    D - H N' (N H N')^-1 N D for the normals N of those faces: Nocedal and Wright (2006), section 16.2.
    """
    slack = halfspaces.slack(X)
    normals = np.where(movable[:, None, :], halfspaces.normals(X), 0.0)
    held = np.zeros(slack.shape, dtype=bool)
    turned = D
    for _ in range(slack.shape[1]):
        leaving = (slack <= _TOUCHING) & ((normals @ turned[:, :, None])[:, :, 0] < -_ROUNDING)
        if not (leaving & ~held).any():
            break
        held |= leaving
        N = np.where(held[:, :, None], normals, 0.0)
        HN = np.where(movable[:, None, :], N @ H, 0.0)
        multipliers = np.linalg.pinv(HN @ N.transpose(0, 2, 1), hermitian=True) @ (N @ D[:, :, None])
        turned = D - (HN.transpose(0, 2, 1) @ multipliers)[:, :, 0]
    return turned


def _longest(
    halfspaces: Halfspaces,
    X: Float64[np.ndarray, "k d"],
    D: Float64[np.ndarray, "k d"],
    scale: Float64[np.ndarray, " d"],
    limit: float,
) -> Float64[np.ndarray, " k"]:
    """How many times each direction may be gone: `limit` lengthscales, and among constraints to the next face."""
    longest = limit / np.maximum(np.abs(D / scale).max(axis=1), 1e-300)
    if len(halfspaces.bounds):
        slack = np.maximum(np.concatenate([halfspaces.slack(X), X, 1.0 - X], axis=1), 0.0)
        speed = np.concatenate([-(halfspaces.normals(X) @ D[:, :, None])[:, :, 0], -D, D], axis=1)
        towards = speed > _ROUNDING
        longest = np.minimum(longest, np.where(towards, slack / np.where(towards, speed, 1.0), np.inf).min(axis=1))
    return longest


def _inside(
    halfspaces: Halfspaces, X: Float64[np.ndarray, "k d"], free: Bool[np.ndarray, "k d"]
) -> tuple[Float64[np.ndarray, "k d"], Bool[np.ndarray, " k"]]:
    """Points brought back into the cube and onto the constraints that they break, with whether that succeeded.

    The most broken constraint first, again and again: Agmon (1954), Canadian Journal of Mathematics 6.
    """
    X = np.clip(X, 0.0, 1.0)
    if not len(halfspaces.bounds):
        return X, np.ones(len(X), dtype=bool)
    rows = np.arange(len(X))
    for _ in range(_RETURNS):
        slack = halfspaces.slack(X)
        worst = slack.argmin(axis=1)
        short = np.minimum(slack[rows, worst], 0.0)
        if (short >= -_BROKEN).all():
            break
        normals = np.where(free, halfspaces.normals(X)[rows, worst], 0.0)
        distance = short / np.maximum((normals**2).sum(axis=1), 1e-300)
        X = np.clip(X - distance[:, None] * normals, 0.0, 1.0)
    return X, halfspaces.slack(X).min(axis=1) >= -_BROKEN


def _shortening(hoped: Float64[np.ndarray, " k"], gain: Float64[np.ndarray, " k"]) -> Float64[np.ndarray, " k"]:
    """By how much to shorten steps that gained too little: to the top of the parabola through what is known.

    Nocedal and Wright (2006), section 3.5; but between a tenth and a half.
    """
    usable = np.isfinite(gain) & (hoped > 0.0)
    lost = np.where(usable, hoped - np.where(usable, gain, 0.0), 1.0)
    return np.where(usable, np.clip(hoped / (2.0 * lost), 0.1, 0.5), 0.25)


def _updated(
    H: Float64[np.ndarray, "k d d"],
    s: Float64[np.ndarray, "k d"],
    y: Float64[np.ndarray, "k d"],
    unscaled: Bool[np.ndarray, " k"],
) -> Float64[np.ndarray, "k d d"]:
    """The inverse curvatures after steps s that changed the (negative) gradients by y; unchanged where s'y <= 0.

    H + (s'y + y'Hy) / (s'y)^2 ss' - (Hys' + sy'H) / s'y: Nocedal and Wright (2006), (6.17); the first H is scaled by
    s'y / y'Hy as in (6.20).
    """
    sy = (s * y).sum(axis=1)
    curved = sy > 1e-10
    sy = np.where(curved, sy, 1.0)
    Hy = (H @ y[:, :, None])[:, :, 0]
    yHy = (y * Hy).sum(axis=1)
    size = np.where(unscaled & curved & (yHy > 0.0), sy / np.where(yHy > 0.0, yHy, 1.0), 1.0)
    H, Hy, yHy = H * size[:, None, None], Hy * size[:, None], yHy * size
    Hys = Hy[:, :, None] * s[:, None, :]
    change = ((sy + yHy) / sy**2)[:, None, None] * (s[:, :, None] * s[:, None, :])
    change -= (Hys + Hys.transpose(0, 2, 1)) / sy[:, None, None]
    return H + np.where(curved[:, None, None], change, 0.0)
