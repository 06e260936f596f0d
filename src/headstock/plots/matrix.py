"""Every parameter against every other, and against the objective: where trials were made."""

from collections.abc import Sequence
from typing import Any, Final

import plotly.graph_objects as go

from headstock.errors import NoResultError
from headstock.history import History
from headstock.parameters import Choice, Fixed
from headstock.plots import style
from headstock.plots.axes import axis, coordinate, ticks
from headstock.plots.parallel import FROM_POOR_TO_GOOD

MOST_POINTS: Final = 1_000
MOST_PARAMETERS: Final = 6
MOST_TICKS: Final = 3
LONGEST_HEAD: Final = 16
MARGIN: Final = 0.05
"""How much of a range is free beyond its ends: many good trials lie there, and points are cut off at a panel's edge."""
PANEL: Final = 130


def plot_matrix(history: History, parameters: Sequence[str] | None = None) -> go.Figure:
    """A scatter matrix of parameters and the objective, coloured by the objective.

    Of more than 1,000 trials an even selection and the best one are drawn, of more than six parameters the first; the
    note says so.

    Args:
        history: the experiment.
        parameters: which parameters, the first ones first; if left out, those that are searched.

    Raises:
        NoResultError: if no trial has a result.
    """
    if not history.observed:
        raise NoResultError("No trial has a result yet.")
    searched = history.space.searched
    names = (searched if parameters is None else tuple(parameters))[:MOST_PARAMETERS]
    best = history.best_seen()
    observed = [t.index for t in history.observed]
    trials = [
        history.trials[i] for i in style.thinned(observed, MOST_POINTS, keep=[] if best is None else [best.index])
    ]
    notes = [f"{len(trials):,} of {len(observed):,} trials are drawn."] if len(trials) < len(observed) else []
    notes += [f"{len(names)} of {len(searched)} parameters are drawn."] if len(names) < len(searched) else []
    metric = style.text(history.objective.metric)
    values = [t.objective_mean for t in trials]
    columns = [
        {
            "label": style.text(name, longest=LONGEST_HEAD),
            "values": [
                coordinate(history.space[name], t.parameters[name]) if name in t.parameters else None for t in trials
            ],
        }
        for name in names
    ]
    made = style.figure("Where trials were made", note=" ".join(notes), height=PANEL * (len(names) + 1) + 140)
    made.add_splom(
        dimensions=[*columns, {"label": style.text(history.objective.metric, longest=LONGEST_HEAD), "values": values}],
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
    """A parameter's axis, with few ticks of a number: there is no room for more."""
    parameter = history.space[name]
    made = axis(name, parameter) | {"title": {"text": style.text(name, longest=LONGEST_HEAD)}}
    low, high = made["range"]
    made["range"] = [low - MARGIN * (high - low), high + MARGIN * (high - low)]
    if isinstance(parameter, Choice | Fixed):
        return made
    if parameter.log and made["tickvals"]:
        return made | ticks(made["tickvals"][:: -(-len(made["tickvals"]) // MOST_TICKS)])
    return made | {"tickmode": "auto", "tickvals": None, "ticktext": None, "nticks": MOST_TICKS + 1}
