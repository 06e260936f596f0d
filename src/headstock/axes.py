"""Scales: the values of a numeric parameter as positions between 0 and 1."""

import math
from dataclasses import dataclass
from typing import Final, final

import numpy as np
from jaxtyping import Float64

from headstock.parameters import Choice, Float, Int

_COUNTABLE: Final = 2**53  # beyond it a float64 skips whole numbers


@final
@dataclass(frozen=True, slots=True)
class Axis:
    """The scale of a numeric parameter, or of the positions in a choice, with its edges at 0 and 1.

    Args:
        low: the smallest value.
        high: the largest value.
        levels: how many evenly spaced values there are from `low`; 0 for a continuum.
        step: their distance.
        lower: the value at 0, on the transformed scale.
        width: from 0 to 1, on the transformed scale.
        log: whether the transformed scale is logarithmic.
    """

    low: float
    high: float
    levels: int
    step: float
    lower: float
    width: float
    log: bool

    @classmethod
    def of(cls, parameter: Float | Int | Choice) -> "Axis":
        """The scale of a parameter."""
        if isinstance(parameter, Choice):
            low, high, step, log = 0.0, parameter.levels - 1.0, 1.0, False
        else:
            low, high, step, log = (
                float(parameter.low),
                float(parameter.high),
                float(parameter.step or 0),
                parameter.log,
            )
        levels = parameter.levels or 0
        if levels > _COUNTABLE:
            levels = 0
        lower, upper = (low - step / 2, low + (levels - 0.5) * step) if levels else (low, high)
        if log:
            lower, upper = math.log(lower), math.log(upper)
        return cls(low, high, levels, step, lower, upper - lower, log)

    def unit(self, values: Float64[np.ndarray, " n"]) -> Float64[np.ndarray, " n"]:
        """Natural values as positions; NaN stays NaN."""
        if self.levels:
            index = np.rint((values - self.low) / self.step)
            if not self.log:
                return np.clip((index + 0.5) / self.levels, -1.0, 2.0)
            values = self.low + index * self.step
        scaled = np.log(np.maximum(values, np.finfo(float).tiny)) if self.log else values
        return np.clip((scaled - self.lower) / self.width, -1.0, 2.0)

    def natural(self, positions: Float64[np.ndarray, " n"]) -> Float64[np.ndarray, " n"]:
        """The natural value nearest to each position."""
        scaled = self.lower + positions * self.width
        values = np.exp(scaled) if self.log else scaled
        if self.levels:
            index = np.clip(np.rint((values - self.low) / self.step), 0.0, self.levels - 1.0)
            values = self.low + index * self.step
        return np.clip(values, self.low, self.high)

    def snap(self, positions: Float64[np.ndarray, " n"]) -> Float64[np.ndarray, " n"]:
        """The nearest positions that stand for values."""
        return self.unit(self.natural(positions)) if self.levels else np.clip(positions, 0.0, 1.0)
