"""Where the outcome constraints are believed to hold."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import plotly.graph_objects as go

from headstock.analysis.surface import Odds
from headstock.errors import NoResultError
from headstock.history import History
from headstock.parameters import Choice
from headstock.plots import style
from headstock.plots.axes import axis, coordinate
from headstock.plots.slice import MOST_COLUMNS, panels

MOST_POINTS: Final = 300
COLORS: Final = (style.VERMILLION, style.PURPLE, style.GREEN)
ABOVE: Final = 1.06  # where trials that kept every constraint are marked; those that broke one stand as far below 0


def plot_feasibility(odds: Sequence[Odds], history: History) -> go.Figure:
    """The probability that every outcome constraint holds along each parameter, one panel each.

    Where there are several constraints, each has a thin line of its own. Ticks are the trials that were measured: above
    those that kept every constraint, below those that broke one. Of more than 300 an even selection is drawn; the note
    says so.

    Args:
        odds: what to show.
        history: the experiment.

    Raises:
        NoResultError: if there is nothing to show.
    """
    if not odds:
        raise NoResultError("Feasibility needs a parameter that varies.")
    made = style.figure("Probability that the outcome constraints hold", note=_note(odds[0], history))
    columns = min(MOST_COLUMNS, len(odds))
    style.arrange(made, wide=panels(len(odds), columns), narrow=panels(len(odds), 1))
    made.update_layout(yaxis={"range": [-0.12, 1.12], "tickformat": ".0%"})
    for panel, shown in enumerate(odds):
        end = style.suffix(panel)
        place = {"xaxis": f"x{end}", "yaxis": f"y{end}"}
        made.add_traces([trace.update(place) for trace in (*_lines(shown, history), *_trials(shown, history))])
        made.update_layout(
            {f"xaxis{end}": {**axis(shown.parameter, history.space[shown.parameter]), "anchor": f"y{end}"}}
        )
        made.update_layout({f"yaxis{end}": {"anchor": f"x{end}", "matches": "y" if panel else None}})
        if panel:
            made.update_layout({f"yaxis{end}": {"tickformat": ".0%"}})
        if panel % columns == 0:
            made.update_layout({f"yaxis{end}": {"title": {"text": "probability"}}})
    style.name_once(made.data)
    return made


def _note(shown: Odds, history: History) -> str:
    notes = [f"The other parameters are held at {style.listed(shown.at)}."] if len(history.space.searched) > 1 else []
    if len(history.observed) > MOST_POINTS:
        notes.append(f"{MOST_POINTS} of {len(history.observed):,} trials are drawn.")
    return " ".join(notes)


def _lines(shown: Odds, history: History) -> list[go.Scatter]:
    """A line for all constraints together, and one for each where there are several; diamonds at categories."""
    parameter = history.space[shown.parameter]
    x = [coordinate(parameter, value) for value in shown.values]
    is_category = isinstance(parameter, Choice)

    def line(values: Any, name: str, color: str, *, is_one_of_many: bool) -> go.Scatter:
        return go.Scatter(
            x=x,
            y=values,
            mode="markers" if is_category else "lines",
            line={"color": color, "width": 1.5, "dash": "dash"} if is_one_of_many else {"color": color, "width": 3},
            marker={
                "color": color,
                "size": 9 if is_one_of_many else 13,
                "symbol": "diamond-open" if is_one_of_many else "diamond",
            },
            hovertemplate=f"{name}: %{{y:.1%}}<extra></extra>",
            name=name,
        )

    constraints = history.outcome_constraints
    apart = [
        line(row, style.text(constraint.words), COLORS[i % len(COLORS)], is_one_of_many=True)
        for i, (constraint, row) in enumerate(zip(constraints, shown.apart, strict=True))
    ]
    name = "all hold" if len(constraints) > 1 else style.text(constraints[0].words)
    return [*(apart if len(apart) > 1 else ()), line(shown.together, name, style.BLUE, is_one_of_many=False)]


def _trials(shown: Odds, history: History) -> list[go.Scatter]:
    """The trials that were measured, above or below."""
    parameter = history.space[shown.parameter]
    measured = [t for t in history.observed if shown.parameter in t.parameters]
    trials = [measured[i] for i in style.thinned(range(len(measured)), MOST_POINTS)]
    kept = np.array([history.is_feasible(t) for t in trials], dtype=bool)
    return [
        go.Scatter(
            x=[coordinate(parameter, t.parameters[shown.parameter]) for t in those],
            y=[height] * len(those),
            mode="markers",
            marker={"symbol": "line-ns-open", "size": 9, "color": color, "line": {"width": 1.5}},
            hoverinfo="text",
            hovertext=[
                style.hover(f"trial {t.index}", {**{n: o.mean for n, o in t.metrics.items()}, **t.parameters})
                for t in those
            ],
            name=name,
        )
        for name, those, height, color in (
            ("kept every constraint", [t for t, k in zip(trials, kept, strict=True) if k], ABOVE, style.BLUE),
            ("broke one", [t for t, k in zip(trials, kept, strict=True) if not k], 1 - ABOVE, style.VERMILLION),
        )
    ]
