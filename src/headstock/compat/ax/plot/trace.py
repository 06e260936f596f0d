"""Ax's `plot.trace`: how the best result grew."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from headstock.plots.trace import plot_runs


def optimization_trace_single_method(
    y: Any,
    optimum: float | None = None,
    model_transitions: Sequence[int] | None = None,
    *,
    title: str = "",
    ylabel: str = "",
) -> go.Figure:
    """The mean of one or several runs after each trial.

    Args:
        y: values by run and trial, usually the best so far (`np.maximum.accumulate`).
        optimum: the best possible value, drawn as a line.
        model_transitions: the numbers of trials after which another sampler took over.
        title: the title.
        ylabel: the label of the vertical axis.
    """
    runs = np.atleast_2d(np.asarray(y, dtype=np.float64))
    transitions = [] if model_transitions is None else list(model_transitions)
    return plot_runs(runs, optimum=optimum, model_transitions=transitions, title=title, ylabel=ylabel)
