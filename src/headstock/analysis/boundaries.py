"""Does the best lie at an end of a range? Then what is beyond it was never tried."""

import math
from dataclasses import dataclass
from typing import Final, final

import numpy as np

from headstock.analysis.model import Model
from headstock.analysis.optima import Optima
from headstock.parameters import Float, Int

NEAR: Final = 0.05
"""How close to an end counts as at it, as a part of the range on its scale."""

LIKELY: Final = 0.5
"""How probable it has to be that the best lies at the end."""

DECADE: Final = 10.0


@final
@dataclass(frozen=True, slots=True)
class Boundary:
    """An end of a parameter's range at which the best seems to lie.

    Args:
        parameter: the parameter.
        bound: the end of its range.
        probability: how probable it is that the best point of the space lies at this end.
        low: the lower end of a wider range to try.
        high: its upper end.
    """

    parameter: str
    bound: float
    probability: float
    low: float
    high: float


def boundaries(model: Model, optima: Optima | None = None) -> tuple[Boundary, ...]:
    """The ends of ranges that are in the way, the likeliest first.

    An end is in the way if at least half of the draws from the posterior are largest there; by chance it would be a
    twentieth. An end at 0 is left alone, and an end at 1 of a range that has nothing below 0: such ends are natural.

    Args:
        model: what is believed.
        optima: draws from it; drawn if left out.

    Raises:
        NoResultError: if no arm is believed to keep the outcome constraints.
    """
    drawn = Optima.of(model) if optima is None else optima
    encoding, space = model.encoding, model.history.space
    X = np.vstack([drawn.arms, drawn.points])
    best = X[np.hstack([drawn.of_arms, drawn.of_points]).argmax(axis=1)]
    found = []
    for j, name in enumerate(space.searched):
        parameter = space[name]
        if not isinstance(parameter, Float | Int):
            continue
        for upward in (False, True):
            end = parameter.high if upward else parameter.low
            apart = abs(encoding.positions(name, [end])[0] - best[:, j])
            share = float(np.mean((apart <= NEAR) & encoding.active(best)[:, j]))
            wider = _widened(parameter, upward=upward)
            if share >= LIKELY and wider is not None:
                found.append(Boundary(name, end, share, *wider))
    return tuple(sorted(found, key=lambda boundary: -boundary.probability))


def _widened(parameter: Float | Int, *, upward: bool) -> tuple[float, float] | None:
    """A range that goes a decade further on a logarithmic scale, else half its width; None if the end is natural."""
    low, high = float(parameter.low), float(parameter.high)
    end = high if upward else low
    if end == 0 or (end == 1 and low >= 0):
        return None
    if parameter.log:
        low, high = (low, _rounded(high * DECADE)) if upward else (_rounded(low / DECADE), high)
    else:
        reach = 0.5 * (high - low)
        low, high = (low, _rounded(high + reach)) if upward else (_rounded(low - reach), high)
        if parameter.low >= 0:
            low = max(low, 1.0 if isinstance(parameter, Int) and parameter.low >= 1 else 0.0)  # a count stays one
    return _stepped(parameter, low, high)


def _stepped(parameter: Float | Int, low: float, high: float) -> tuple[float, float] | None:
    """The range with its ends whole steps away from the old ones; None if it is not wider."""
    if isinstance(parameter, Int) and parameter.log:
        low = max(low, 1.0)
    step = parameter.step or 0.0
    if step:
        low = parameter.low - math.floor((parameter.low - low) / step + 1e-9) * step
        high = parameter.high + math.floor((high - parameter.high) / step + 1e-9) * step
    if low >= parameter.low and high <= parameter.high:
        return None
    return (int(low), int(high)) if isinstance(parameter, Int) else (low, high)


def _rounded(value: float) -> float:
    """Two significant digits."""
    return float(f"{value:.1e}")
