"""Every parameter against every other, and against the objective: where trials were made."""

from typing import Any, Final

import plotly.graph_objects as go

from headstock.errors import NoResultError
from headstock.history import History
from headstock.parameters import Choice, Fixed
from headstock.plots import style
from headstock.plots.axes import axis, coordinate
from headstock.plots.parallel import FROM_POOR_TO_GOOD

MOST_POINTS: Final = 1_000
MOST_PARAMETERS: Final = 6
PANEL: Final = 130


def plot_matrix(history: History, parameters: tuple[str, ...] | None = None) -> go.Figure:
    """A scatter matrix of parameters and the objective, coloured by the objective.

    Of more than 1,000 trials an even selection and the best one are drawn; the note says so.

    Args:
        history: the experiment.
        parameters: which parameters; if left out, the first six that are searched.

    Raises:
        NoResultError: if no trial has a result.
    """
    if not history.observed:
        raise NoResultError("No trial has a result yet.")
    names = (parameters or history.space.searched)[:MOST_PARAMETERS]
    best = history.best_seen()
    observed = [t.index for t in history.observed]
    trials = [
        history.trials[i] for i in style.thinned(observed, MOST_POINTS, keep=[] if best is None else [best.index])
    ]
    note = f"{len(trials):,} of {len(observed):,} trials are drawn." if len(trials) < len(observed) else ""
    metric = style.text(history.objective.metric)
    values = [t.objective_mean for t in trials]
    columns = [
        {
            "label": style.text(name),
            "values": [
                coordinate(history.space[name], t.parameters[name]) if name in t.parameters else None for t in trials
            ],
        }
        for name in names
    ]
    made = style.figure("Where trials were made", note=note, height=PANEL * (len(names) + 1) + 140)
    made.add_splom(
        dimensions=[*columns, {"label": metric, "values": values}],
        marker={
            "color": values,
            "colorscale": FROM_POOR_TO_GOOD,
            "reversescale": history.objective.minimize,
            "size": 5,
            "showscale": False,
        },
        diagonal={"visible": False},
        showupperhalf=False,
        hoverinfo="text",
        hovertext=[style.hover(f"trial {t.index}", {metric: t.objective_mean, **t.parameters}) for t in trials],
    )
    for i, name in enumerate(names):
        made.update_layout({f"{way}axis{style.suffix(i)}": _axis(history, name) for way in "xy"})
    return style.at_least(made, width=PANEL * (len(names) + 1))


def _axis(history: History, name: str) -> dict[str, Any]:
    """A parameter's axis, without the ticks of a number, for which there is no room."""
    parameter = history.space[name]
    made = axis(name, parameter)
    return (
        made
        if isinstance(parameter, Choice | Fixed)
        else {**made, "tickmode": "auto", "nticks": 4, "exponentformat": "power"}
    )
