"""The newest value of a curve, before the next one confirms it: not all of a fall is believed at once."""

from typing import Final

import numpy as np

from headstock.gp.curves import CurvePosterior

_BELIEVED: Final = 2.0
"""How many standard deviations of a fall below what was expected are believed."""


def with_falls_doubted(posterior: CurvePosterior) -> CurvePosterior:
    """The model where the newest value of an unfinished curve is raised to the least that is believed of it.

    Noise is Gaussian to the model. Trainings whose learning rate is high now and then report a value far too low, and
    the model would take all of it for what they are worth, when nothing would train them on to find out. So, with the
    mean m and the variance v of the curve at its newest value y, which are those that all other values predict with
    that value taken out (Rasmussen and Williams 2006, section 5.4.2, for noise σ² of its own),

        1 / v' = 1 / v - 1 / σ² ,     m' = v' (m / v - y / σ²) ,     y ← max(y, min(y', m' - 2 √(v' + σ²)))

    where y' is the value before it: the influence of one value is bounded (Huber 1964, Annals of Mathematical
    Statistics 35). The next value is the newest then, and counts in its place if it is low, too.
    """
    h, data = posterior.hyperparameters, posterior.data
    reported, columns = ~np.isnan(data.Y), np.arange(data.Y.shape[1])
    newest = data.newest
    before = np.where(reported & (columns < newest[:, None]), columns, -1).max(axis=1)
    everyone = np.arange(len(data.Y))
    value, earlier = data.Y[everyone, newest], data.Y[everyone, before]
    rows = np.flatnonzero((before >= 0) & (value < earlier) & (data.steps[newest] < data.last))
    mean, variance = posterior.predict(rows, data.steps[newest[rows]])
    precision = np.maximum(1.0 / np.maximum(variance, 1e-12) - 1.0 / h.noise, 1e-12)
    expected = (mean / variance - value[rows] / h.noise) / precision
    least = np.minimum(earlier[rows], expected - _BELIEVED * np.sqrt(1.0 / precision + h.noise))
    fell = value[rows] < least
    if not fell.any():
        return posterior
    Y = data.Y.copy()
    Y[rows[fell], newest[rows[fell]]] = least[fell]
    return posterior.with_values(Y)
