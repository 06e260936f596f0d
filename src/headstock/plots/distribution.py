"""How the results are distributed."""

from typing import Final

import numpy as np
import plotly.graph_objects as go

from headstock.errors import NoResultError
from headstock.history import History
from headstock.plots import style

MOST_STEPS: Final = 1_000


def plot_distribution(history: History) -> go.Figure:
    """The empirical distribution function of the objective, and that of the suggestions of the model alone.

    A curve further on the good side means a better search: the share of trials that were at least as good as a value.
    Of more than 1,000 results an even selection of the ranks is drawn.

    Args:
        history: the experiment.

    Raises:
        NoResultError: if no trial has a result.
    """
    if not history.observed:
        raise NoResultError("No trial has a result yet.")
    metric, minimize = history.objective.metric, history.objective.minimize
    values, _ = history.values(metric)
    suggested = np.array([t.source == "bayesian" for t in history.observed])
    groups = [("all trials", values, style.BLUE, "solid")]
    if 0 < suggested.sum() < len(values):
        groups.append(("suggested by the model", values[suggested], style.VERMILLION, "dash"))
    made = style.figure(f"How good the trials were: {style.text(metric)}")
    for name, some, color, dash in groups:
        ranked = np.sort(some) if minimize else -np.sort(-some)  # the best first
        shown = style.thinned(range(len(ranked)), MOST_STEPS, keep=[len(ranked) - 1])
        made.add_scatter(
            x=ranked[shown],
            y=(np.array(shown) + 1) / len(ranked),
            mode="lines",
            line={"shape": "hv", "color": color, "width": 2.5, "dash": dash},
            hovertemplate="%{y:.0%} of the trials: %{x:.4g} or better<extra></extra>",
            name=name,
            showlegend=True,
        )
    made.update_xaxes(title_text=style.text(metric), range=style.focus(values, low_is_good=minimize))
    made.update_yaxes(title_text="share of trials at least as good", tickformat=".0%", range=[0, 1.02])
    return made
