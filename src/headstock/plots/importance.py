"""Which parameters matter."""

from collections.abc import Sequence

import plotly.graph_objects as go

from headstock.analysis.importance import Importance
from headstock.errors import NoResultError
from headstock.plots import style


def plot_importances(importances: Sequence[Importance], metric: str) -> go.Figure:
    """The total and first-order Sobol index of each parameter as bars, with their standard errors.

    Args:
        importances: the indices; the most important parameter is drawn on top.
        metric: the name of the metric that they explain.

    Raises:
        NoResultError: if there is none.
    """
    if not importances:
        raise NoResultError("Importances need a parameter that varies.")
    rising = sorted(importances, key=lambda i: i.total)
    made = style.figure(f"What {style.text(metric)} depends on", height=150 + 44 * len(rising))
    labels = [style.text(i.parameter) for i in rising]
    for name, values, errors, color, width in (
        ("total, interactions included", [i.total for i in rising], [i.total_error for i in rising], style.BLUE, 0.62),
        ("on its own", [i.first for i in rising], [i.first_error for i in rising], style.VERMILLION, 0.26),
    ):
        made.add_bar(
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
    made.update_layout(barmode="overlay")
    made.update_xaxes(title_text="share of the predicted variation", tickformat=".0%", range=[0, _longest(rising)])
    made.update_yaxes(tickmode="array", tickvals=list(range(len(labels))), ticktext=labels, ticks="", showgrid=False)
    return made


def _longest(importances: Sequence[Importance]) -> float:
    """Where the axis ends: a little past the longest bar, at 1 if nothing matters."""
    return 1.05 * max(max(i.total + i.total_error, i.first + i.first_error) for i in importances) or 1.0
