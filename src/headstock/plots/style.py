"""The look that all figures share: colours, fonts, panels and notes, in light and dark.

Colours are those of Okabe and Ito that keep a contrast of 3:1 on white and on near-black alike (Wong, "Points of
view: Color blindness", Nature Methods 8:441, 2011), so that switching between light and dark changes the template only.
"""

import html
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float64
from plotly.basedatatypes import BaseTraceType

from headstock import wording
from headstock.parameters import Parameters

BLUE: Final = "#0072B2"
VERMILLION: Final = "#D55E00"
GREEN: Final = "#009E73"
PURPLE: Final = "#CC79A7"
GREY: Final = "#7f8a96"

FONT: Final = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
TITLE: Final = 62
"""The height of a title and its note, in pixels."""

LEGEND: Final = 40
"""The height of a legend, or of a panel's heading."""

MENU: Final = 44
"""The height of a drop-down above a legend or a panel's heading."""

LONGEST_NAME: Final = 32
LONGEST_LABEL: Final = 24
"""The longest name beside the short side of a panel."""

MOST_LISTED: Final = 8
LONGEST_FACT: Final = 100
MOST_FACTS: Final = 16


def template(*, dark: bool = False) -> dict[str, Any]:
    """The template of every figure, for a light or a dark page."""
    ink, paper, grid, frame = (
        ("#e6e8eb", "#16181d", "#2c3138", "#59616b") if dark else ("#1b1f24", "#ffffff", "#e6e9ed", "#9aa2ab")
    )
    axis = {
        "gridcolor": grid,
        "linecolor": frame,
        "zeroline": False,
        "showline": True,
        "ticks": "outside",
        "tickcolor": frame,
        "automargin": True,
        "title": {"standoff": 10},
    }
    scale = {"outlinewidth": 0, "thickness": 14, "ticks": "outside", "tickcolor": frame}
    return {
        "layout": {
            "font": {"family": FONT, "size": 14, "color": ink},
            "title": {
                "font": {"size": 17},
                "subtitle": {"font": {"size": 13}},
                "x": 0,
                "xref": "paper",
                "y": 1,
                "yref": "container",
                "yanchor": "top",
                "pad": {"t": 14},
            },
            "paper_bgcolor": paper,
            "plot_bgcolor": paper,
            "colorway": [BLUE, VERMILLION, GREEN, PURPLE],
            "xaxis": axis,
            "yaxis": axis,
            "coloraxis": {"colorbar": scale},
            "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "xanchor": "left"},
            "hoverlabel": {"font": {"family": FONT, "size": 13}, "align": "left"},
            "margin": {"l": 64, "r": 24, "t": TITLE + LEGEND, "b": 56},
            "updatemenudefaults": {"bgcolor": paper, "bordercolor": frame, "font": {"color": ink}},
        },
        "data": {"parcoords": [{"line": {"colorbar": scale}}]},
    }


def figure(title: str, *, note: str = "", height: int = 420) -> go.Figure:
    """An empty figure in the light template, with a title and a note below it that says what is not shown."""
    made = go.Figure()
    made.update_layout(template=template(), height=height, title={"text": title, "subtitle": {"text": note}})
    return made


def dark(made: go.Figure) -> go.Figure:
    """The same figure for a dark page."""
    return go.Figure(made).update_layout(template=template(dark=True))


def text(words: object, *, longest: int = LONGEST_NAME) -> str:
    """What a user wrote, as plotly shows it literally: its markup escaped, the middle left out if it is very long.

    Long names and values often differ at their ends only: files, versions, layers.
    """
    plain = str(words)
    if len(plain) > longest:
        end = longest // 3
        plain = f"{plain[: longest - 1 - end]}…{plain[-end:]}"
    return html.escape(plain, quote=False)


def hover(heading: str, facts: Mapping[str, object]) -> str:
    """The lines of a hover box: of more than 16 facts the first, for it has to fit on the page."""
    named = list(facts.items())[:MOST_FACTS]
    lines = [f"{text(name)}: {text(wording.value(fact), longest=LONGEST_FACT)}" for name, fact in named]
    lines += [f"and {len(facts) - len(named)} more"] if len(named) < len(facts) else []
    return "<br>".join([f"<b>{text(heading)}</b>", *lines])


def listed(parameters: Parameters) -> str:
    """A configuration in one line: its first eight parameters, and how many others there are."""
    shown = [f"{text(name)} {text(wording.value(value))}" for name, value in list(parameters.items())[:MOST_LISTED]]
    others = len(parameters) - len(shown)
    return ", ".join(shown) + (f" and {others} more" if others else "")


def grid(count: int, columns: int, *, gap_x: float, gap_y: float, right: float = 1.0) -> dict[str, list[float]]:
    """The domains of `count` panels laid out row by row, as changes of a layout: `{"xaxis2.domain": [0.5, 1.0], ...}`.

    Args:
        count: how many panels there are.
        columns: how many stand side by side.
        gap_x: the part of the width between two columns.
        gap_y: the part of the height between two rows.
        right: where the last column ends; what is left belongs to colour bars.
    """
    rows = -(-count // columns)
    width, height = (right - gap_x * (columns - 1)) / columns, (1 - gap_y * (rows - 1)) / rows
    domains: dict[str, list[float]] = {}
    for i in range(count):
        row, column = divmod(i, columns)
        left, top = column * (width + gap_x), 1 - row * (height + gap_y)
        domains[f"xaxis{suffix(i)}.domain"] = [round(left, 4), round(left + width, 4)]
        domains[f"yaxis{suffix(i)}.domain"] = [round(top - height, 4), round(top, 4)]
    return domains


def suffix(panel: int) -> str:
    """What plotly appends to the names of a panel's axes: nothing, then 2, 3 ..."""
    return "" if panel == 0 else str(panel + 1)


def arrange(made: go.Figure, *, wide: Mapping[str, Any], narrow: Mapping[str, Any]) -> go.Figure:
    """Lay the figure out for a wide page, and note in `layout.meta` how a report lays it out on a phone."""
    for path, change in wide.items():
        nested = change
        for key in reversed(path.split(".")):
            nested = {key: nested}
        made.update_layout(nested)
    return made.update_layout(meta={"wide": dict(wide), "narrow": dict(narrow)})


def at_least(made: go.Figure, *, width: int) -> go.Figure:
    """Note in `layout.meta` how many pixels the figure needs: where there are fewer, a report lets it scroll."""
    return made.update_layout(meta={"least_width": width})


def heading(words: str, panel: int) -> dict[str, Any]:
    """The title above a panel, which moves along with it."""
    return {
        "text": words,
        "showarrow": False,
        "x": 0,
        "y": 1,
        "xanchor": "left",
        "yanchor": "bottom",
        "xref": f"x{suffix(panel)} domain",
        "yref": f"y{suffix(panel)} domain",
        "font": {"size": 15},
    }


def name_once(traces: Sequence[BaseTraceType]) -> None:
    """Put what has the same name in several panels into the legend once."""
    named: set[str] = set()
    for trace in traces:
        trace.update(legendgroup=trace.name, showlegend=trace.name not in named)
        named.add(trace.name)


def legend_below() -> dict[str, Any]:
    """What puts the legend below the figure, where its lines, which are many on a phone, hide no drop-down."""
    return {
        "legend": {"yref": "container", "y": 0, "yanchor": "bottom"},
        "margin": {"t": TITLE + MENU, "b": 56 + LEGEND},
    }


def menu(buttons: Sequence[Mapping[str, Any]], *, above: int = 4) -> dict[str, Any]:
    """A drop-down over the figure, for which `MENU` is left free at the top.

    Args:
        buttons: what there is to choose.
        above: how many pixels are between it and the first panel.
    """
    place = {"x": 0, "xanchor": "left", "y": 1, "yanchor": "bottom", "pad": {"b": above}}
    return {"buttons": list(buttons), "direction": "down", **place}


def focus(values: Float64[np.ndarray, " n"], *, low_is_good: bool) -> tuple[float, float] | None:
    """The range of all values but disasters, which would flatten everything else; None if there are no disasters.

    A disaster lies further on the bad side of the quartiles than ten times their distance.
    """
    first, third = np.percentile(values, [25, 75])
    reach = 10 * (third - first)
    inside = values[values <= third + reach] if low_is_good else values[values >= first - reach]
    if reach == 0 or len(inside) == len(values):
        return None
    margin = 0.05 * float(np.ptp(inside))
    low, high = float(inside.min()) - margin, float(inside.max()) + margin
    return (low, high) if values.min() < low or values.max() > high else None


def thinned(indices: Sequence[int], limit: int, *, keep: Sequence[int] = ()) -> list[int]:
    """At most about `limit` of `indices`, evenly spaced, and all of `keep`, in order."""
    if len(indices) <= limit:
        return list(indices)
    spaced = {indices[i * len(indices) // limit] for i in range(limit)}
    return sorted(spaced | set(keep))
