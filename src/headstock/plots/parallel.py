"""All parameters of all trials at once."""

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import plotly.graph_objects as go

from headstock.errors import NoResultError
from headstock.history import History
from headstock.parameters import Choice, Fixed, Parameter
from headstock.plots import style
from headstock.plots.axes import LONGEST_LEVEL, coordinate, linear_ticks, log_ticks, tick_label
from headstock.trial import TrialRecord

MOST_LINES: Final = 1_000
MOST_PARAMETERS: Final = 12
LONGEST_HEAD: Final = 18
FROM_POOR_TO_GOOD: Final = [[0.0, "#8b98a5"], [0.5, style.BLUE], [1.0, style.VERMILLION]]
AXIS_WIDTH: Final = 110
BELOW: Final = 0.12  # where "off" stands: this part of the range below the lowest value


def plot_parallel(history: History, parameters: Sequence[str] | None = None) -> go.Figure:
    """One line a trial through one axis a parameter, coloured by the objective; drag along an axis to filter.

    Where a condition switches a parameter off, the line goes through "off". Of more than 1,000 trials an even
    selection and the best one are drawn, of more than 12 parameters the first; the note says so.

    Args:
        history: the experiment.
        parameters: which parameters, the first ones first; if left out, those that are searched.

    Raises:
        NoResultError: if no trial has a result.
    """
    best = history.best_seen()
    indices = style.thinned([t.index for t in history.observed], MOST_LINES, keep=[] if best is None else [best.index])
    trials = [history.trials[i] for i in indices]
    if not trials:
        raise NoResultError("No trial has a result yet.")
    total = len(history.observed)
    searched = history.space.searched
    names = (searched if parameters is None else tuple(parameters))[:MOST_PARAMETERS]
    notes = [f"{len(trials):,} of {total:,} trials are drawn."] if len(trials) < total else []
    notes += [f"{len(names)} of {len(searched)} parameters are drawn."] if len(names) < len(searched) else []
    metric = style.text(history.objective.metric)
    made = style.figure(f"Parameters of every trial, coloured by {metric}", note=" ".join(notes), height=460)
    objective = np.array([t.objective_mean for t in trials], dtype=np.float32)
    dimensions = [_dimension(name, history.space[name], trials) for name in names]
    made.add_parcoords(
        dimensions=[*dimensions, {"label": metric, "values": objective, "tickformat": ".3~g"}],
        line={"color": objective, "colorscale": FROM_POOR_TO_GOOD, "reversescale": history.objective.minimize},
        labelfont={"size": 14},
        tickfont={"size": 13},
        rangefont={"size": 13},
        labelangle=-20 if len(names) > 4 else 0,
    )
    made.update_layout(margin={"t": style.TITLE + 2 * style.LEGEND, "l": 80, "r": 60})
    return style.at_least(made, width=AXIS_WIDTH * (len(dimensions) + 1))


def _dimension(name: str, parameter: Parameter, trials: list[TrialRecord]) -> dict[str, Any]:
    """An axis in the parameter's own scale, with a place below it for trials in which it is off."""
    log = not isinstance(parameter, Choice | Fixed) and parameter.log
    scaled = [_scaled(parameter, t.parameters[name], log=log) if name in t.parameters else None for t in trials]
    low, high, ticks, labels = _scale(parameter, log=log)
    off = low - BELOW * (high - low)
    if None in scaled:
        ticks, labels = [off, *ticks], ["off", *labels]
    values = np.array([off if value is None else value for value in scaled], dtype=np.float32)
    return {
        "label": style.text(name, longest=LONGEST_HEAD),
        "values": values,
        "range": [off if None in scaled else low, high],
        "tickvals": ticks,
        "ticktext": labels,
    }


def _scaled(parameter: Parameter, value: Any, *, log: bool) -> float:
    position = coordinate(parameter, value)
    return math.log10(position) if log else position


def _scale(parameter: Parameter, *, log: bool) -> tuple[float, float, list[float], list[str]]:
    """Both ends of an axis and its labelled ticks; parallel coordinates know no logarithms, so they are taken here."""
    match parameter:
        case Choice(values=values):
            return (
                0.0,
                len(values) - 1.0,
                [float(i) for i in range(len(values))],
                [style.text(v, longest=LONGEST_LEVEL) for v in values],
            )
        case Fixed(value=value):
            return 0.0, 1.0, [0.0], [style.text(value, longest=LONGEST_LEVEL)]
        case _ if log:
            ticks = log_ticks(parameter.low, parameter.high) or [parameter.low, parameter.high]
            ends = math.log10(parameter.low), math.log10(parameter.high)
            return *ends, [math.log10(t) for t in ticks], [tick_label(t) for t in ticks]
        case _:
            ticks = linear_ticks(parameter.low, parameter.high)
            return float(parameter.low), float(parameter.high), ticks, [tick_label(t) for t in ticks]
