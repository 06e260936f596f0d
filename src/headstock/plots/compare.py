"""Several experiments in one picture."""

from collections.abc import Mapping
from typing import Final

import plotly.graph_objects as go

from headstock.errors import NoResultError
from headstock.history import History
from headstock.plots import style
from headstock.plots.trace import best_so_far

DASHES: Final = ("solid", "dash", "dot", "dashdot")
COLORS: Final = (style.BLUE, style.VERMILLION, style.GREEN, style.PURPLE)


def plot_compared(histories: Mapping[str, History]) -> go.Figure:
    """The best so far of several experiments over their trials, a line each.

    Args:
        histories: the experiments, by name.

    Raises:
        NoResultError: if none has a result.
    """
    made = style.figure("Best so far")
    for i, (name, history) in enumerate(histories.items()):
        x, y = best_so_far(history)
        if x:
            line = {"shape": "hv", "width": 2.5, "color": COLORS[i % 4], "dash": DASHES[i // 4 % 4]}
            label = style.text(name)
            made.add_scatter(x=x, y=y, mode="lines", line=line, name=label, showlegend=True)
    if not made.data:
        raise NoResultError("None of these experiments has a result yet.")
    metrics = dict.fromkeys(style.text(history.objective.metric) for history in histories.values())
    made.update_xaxes(title_text="trial")
    made.update_yaxes(title_text=" / ".join(metrics))
    return made
