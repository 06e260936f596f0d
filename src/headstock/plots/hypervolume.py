"""How much of two metrics the trials so far dominate."""

from collections.abc import Sequence
from typing import Any, Final

import plotly.graph_objects as go

from headstock.analysis.hypervolume import Hypervolume
from headstock.errors import NoResultError
from headstock.history import History
from headstock.plots import style
from headstock.wording import number

AXIS: Final = "hypervolume"


def plot_hypervolume(found: Sequence[Hypervolume], history: History) -> go.Figure:
    """The hypervolume after each trial, of one pair of metrics at a time; a drop-down chooses among several.

    Args:
        found: the hypervolumes, of one pair of metrics each.
        history: the experiment.

    Raises:
        NoResultError: if there is none.
    """
    if not found:
        raise NoResultError("There is no hypervolume to draw.")
    title = f"Hypervolume from {_reference(found[0])}" if len(found) == 1 else "Hypervolume"
    made = style.figure(title, height=360)
    last = len(history) - 1
    for i, one in enumerate(found):
        # Level from each trial with which it grew to the next, from nothing before to the last trial.
        made.add_scatter(
            x=[0, *one.trials, last],
            y=[0.0, *one.values, one.values[-1] if one.values else 0.0],
            mode="lines",
            line={"shape": "hv", "color": style.VERMILLION, "width": 2.5},
            hovertemplate="trial %{x}: %{y:.4g}<extra></extra>",
            name=AXIS,
            visible=i == 0,
        )
    margin = 0.5 + 0.01 * len(history)
    made.update_layout(showlegend=False)
    made.update_xaxes(title_text="trial", range=[-margin, last + margin])
    made.update_yaxes(title_text=AXIS, rangemode="tozero")
    if len(found) > 1:
        made.update_layout(updatemenus=[_menu(found)], margin={"t": style.TITLE + style.MENU})
    return made


def _reference(one: Hypervolume) -> str:
    x, y = one.reference
    return f"{style.text(one.x)} {number(x)} and {style.text(one.y)} {number(y)}"


def _menu(found: Sequence[Hypervolume]) -> dict[str, Any]:
    return style.menu(
        [
            {
                "label": f"from {_reference(one)}",
                "method": "restyle",
                "args": [{"visible": [one is other for other in found]}],
            }
            for one in found
        ]
    )
