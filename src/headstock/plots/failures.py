"""Where and why trials fail."""

from collections.abc import Sequence
from typing import Any, Final

import plotly.graph_objects as go

from headstock.analysis.failures import Cause, Failures, Part, failed_along
from headstock.errors import NoResultError
from headstock.history import History
from headstock.plots import style
from headstock.plots.axes import axis
from headstock.plots.slice import MOST_COLUMNS, panels

MOST_PANELS: Final = 6
MOST_CHARACTERS: Final = 40
"""How many characters stand beside each other above a panel."""

COLORS: Final = (style.VERMILLION, style.PURPLE, style.GREEN)
OTHERS: Final = style.GREY


def plot_failures(found: Failures, history: History) -> go.Figure:
    """The share of trials that failed in each part of each parameter's range, coloured by the reason.

    Parameters that tell failures from the rest come first, and at most six are drawn; the note says so. The three most
    frequent reasons have a colour of their own. Above a bar stand how many failed, of how many, if they fit.

    Args:
        found: the failures.
        history: the experiment.

    Raises:
        NoResultError: if no trial failed.
    """
    if not found.failed:
        raise NoResultError("No trial failed.")
    ranked = list(dict.fromkeys([*(hazard.parameter for hazard in found.hazards), *history.space.searched]))
    causes = [*found.causes[: len(COLORS)], *_others(found.causes[len(COLORS) :])]
    along = {name: failed_along(history, name, causes) for name in ranked}
    shown = [name for name, parts in along.items() if parts][:MOST_PANELS]
    note = f"{len(shown)} of {len(along)} parameters." if len(shown) < len(along) else ""
    made = style.figure(f"{found.failed:,} of {found.finished:,} trials failed", note=note)
    columns = min(MOST_COLUMNS, len(shown))
    style.arrange(made, wide=panels(len(shown), columns), narrow=panels(len(shown), 1))
    for panel, name in enumerate(shown):
        end = style.suffix(panel)
        place = {"xaxis": f"x{end}", "yaxis": f"y{end}"}
        made.add_traces([bar.update(place) for bar in _bars(along[name], causes)])
        made.add_trace(_counts(along[name]).update(place))
        made.update_layout({f"xaxis{end}": {**axis(name, history.space[name]), "anchor": f"y{end}"}})
        own: dict[str, Any] = {
            "anchor": f"x{end}",
            "matches": "y" if panel else None,
            "tickformat": ".0%",
            "dtick": 0.25,
        }
        made.update_layout({f"yaxis{end}": own})
        if panel % columns == 0:
            made.update_layout({f"yaxis{end}": {"title": {"text": "failed"}}})
    made.update_layout(barmode="stack", yaxis={"range": [0, 1.12]})
    style.name_once(made.data)
    made.update_traces(selector={"type": "scatter"}, showlegend=False)
    return made


def _others(rest: Sequence[Cause]) -> list[Cause]:
    """All rarer causes as one."""
    return [Cause("another reason", tuple(i for cause in rest for i in cause.trials))] if rest else []


def _bars(parts: Sequence[Part], causes: Sequence[Cause]) -> list[go.Bar]:
    """One stack a part, one colour a cause."""
    tried = [part for part in parts if part.finished]
    return [
        go.Bar(
            x=[part.low for part in tried],
            offset=0,
            width=[part.high - part.low for part in tried],
            y=[part.failed[c] / part.finished for part in tried],
            marker={"color": (*COLORS, OTHERS)[c], "line": {"width": 0.5, "color": "rgba(127, 127, 127, 0.6)"}},
            hoverinfo="text",
            hovertext=[
                style.hover(f"{part.failed[c]} of {part.finished} trials failed", {"reason": cause.error})
                for part in tried
            ],
            name=style.text(cause.error),
        )
        for c, cause in enumerate(causes)
    ]


def _counts(parts: Sequence[Part]) -> go.Scatter:
    """How many failed of how many, above each stack, if there is room for that beside each other."""
    tried = [part for part in parts if part.finished]
    counts = [f"{sum(part.failed)}/{part.finished}" for part in tried]
    return go.Scatter(
        x=[part.middle for part in tried],
        y=[sum(part.failed) / part.finished for part in tried],
        mode="text",
        text=counts if len(tried) * max(map(len, counts), default=0) <= MOST_CHARACTERS else [],
        textposition="top center",
        textfont={"size": 11},
        hoverinfo="skip",
        cliponaxis=False,
        name="counts",
    )
