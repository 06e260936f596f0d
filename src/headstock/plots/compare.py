"""Several experiments in one picture."""

from collections.abc import Mapping
from typing import Final

import plotly.graph_objects as go

from headstock.errors import NoResultError
from headstock.history import History
from headstock.plots import style
from headstock.plots.trace import best_so_far

PANEL: Final = 260
"""The height of a panel, in pixels."""

DASHES: Final = ("solid", "dash", "dot", "dashdot")
COLORS: Final = (style.BLUE, style.VERMILLION, style.GREEN, style.PURPLE)


def plot_compared(histories: Mapping[str, History]) -> go.Figure:
    """The best so far of several experiments over their trials, a line each, and a panel for each metric.

    Args:
        histories: the experiments, by name.

    Raises:
        NoResultError: if none has a result.
    """
    lines = {name: best_so_far(history) for name, history in histories.items()}
    metrics = [*dict.fromkeys(histories[name].objective.metric for name, (x, _) in lines.items() if x)]
    if not metrics:
        raise NoResultError("None of these experiments has a result yet.")
    made = style.figure("Best so far", height=160 + PANEL * len(metrics))
    below = style.grid(len(metrics), 1, gap_x=0, gap_y=0.2 / len(metrics))
    style.arrange(made, wide=below, narrow=below).update_layout(showlegend=True)
    for i, (name, (x, y)) in enumerate(lines.items()):
        if x:
            end = style.suffix(metrics.index(histories[name].objective.metric))
            line = {"shape": "hv", "width": 2.5, "color": COLORS[i % 4], "dash": DASHES[i // 4 % 4]}
            place = {"xaxis": f"x{end}", "yaxis": f"y{end}"}
            made.add_scatter(x=x, y=y, mode="lines", line=line, name=style.text(name), **place)
    for panel, metric in enumerate(metrics):
        end = style.suffix(panel)
        made.update_layout({f"xaxis{end}": {"anchor": f"y{end}", "matches": "x" if panel else None}})
        title = {"text": style.text(metric, longest=style.LONGEST_LABEL)}
        made.update_layout({f"yaxis{end}": {"anchor": f"x{end}", "title": title}})
    made.update_layout({f"xaxis{style.suffix(len(metrics) - 1)}": {"title": {"text": "trial"}}})
    return made
