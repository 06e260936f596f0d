"""Which parameters matter."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import plotly.graph_objects as go

from headstock.analysis.importance import Importance
from headstock.errors import NoResultError
from headstock.plots import style

MOST_BARS: Final = 20


def plot_importances(importances: Mapping[str, Sequence[Importance]]) -> go.Figure:
    """The total and first-order Sobol index of each parameter as bars, with their standard errors.

    Of more than 20 parameters the most important ones are drawn; the note says so.

    Args:
        importances: the indices by the metric that they explain; a drop-down chooses among several metrics. The most
            important parameter is drawn on top.

    Raises:
        NoResultError: if there is none.
    """
    found = {metric: sorted(rows, key=lambda i: i.total)[-MOST_BARS:] for metric, rows in importances.items() if rows}
    if not found:
        raise NoResultError("Importances need a parameter that varies.")
    first, *others = found
    count = len(importances[first])
    note = f"The {MOST_BARS} most important of {count} parameters." if count > MOST_BARS else ""
    title = "What metrics depend on" if others else f"What {style.text(first)} depends on"
    made = style.figure(title, note=note, height=150 + 44 * min(count, MOST_BARS) + (style.MENU if others else 0))
    for metric, rising in found.items():
        made.add_traces([bar.update(visible=metric == first) for bar in _bars(rising)])
    made.update_layout(barmode="overlay")
    made.update_xaxes(title_text="share of variation", tickformat=".0%", range=[0, _longest(found[first])])
    made.update_yaxes(**_labels(found[first]), ticks="", showgrid=False)
    if others:
        made.update_layout(updatemenus=[_menu(found)], **style.legend_below())
    return made


def _bars(rising: Sequence[Importance]) -> list[go.Bar]:
    """The total indices, and over them the first-order ones."""
    labels = [style.text(i.parameter) for i in rising]
    return [
        go.Bar(
            x=values,
            y=list(range(len(rising))),
            orientation="h",
            width=width,
            marker={"color": color},
            error_x={"array": errors, "thickness": 1.5, "width": 4, "color": "#9aa2ab"},
            hoverinfo="text",
            hovertext=[
                f"{label}<br>{name}: {v:.1%} ± {e:.1%}" for label, v, e in zip(labels, values, errors, strict=True)
            ],
            name=name,
            textposition="none",
        )
        for name, values, errors, color, width in (
            (
                "total, interactions included",
                [i.total for i in rising],
                [i.total_error for i in rising],
                style.BLUE,
                0.62,
            ),
            ("on its own", [i.first for i in rising], [i.first_error for i in rising], style.VERMILLION, 0.26),
        )
    ]


def _labels(rising: Sequence[Importance]) -> dict[str, Any]:
    labels = [style.text(i.parameter, longest=style.LONGEST_LABEL) for i in rising]
    return {"tickmode": "array", "tickvals": list(range(len(labels))), "ticktext": labels}


def _menu(found: Mapping[str, Sequence[Importance]]) -> dict[str, Any]:
    """The drop-down of metrics: each entry shows its own bars and relabels the axes."""
    buttons = []
    for i, (metric, rising) in enumerate(found.items()):
        visible = [bar // 2 == i for bar in range(2 * len(found))]
        axes = {"xaxis.range": [0, _longest(rising)], "yaxis.ticktext": _labels(rising)["ticktext"]}
        buttons.append({"label": style.text(metric), "method": "update", "args": [{"visible": visible}, axes]})
    return style.menu(buttons)


def _longest(importances: Sequence[Importance]) -> float:
    """Where the axis ends: a little past the longest bar, at 1 if nothing matters."""
    return 1.05 * max(max(i.total + i.total_error, i.first + i.first_error) for i in importances) or 1.0
