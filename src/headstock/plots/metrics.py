"""Two metrics of the trials against each other."""

from typing import Final

import plotly.graph_objects as go

from headstock import wording
from headstock.errors import NoResultError
from headstock.history import History
from headstock.plots import style

MOST_POINTS: Final = 2_000


def plot_metrics(history: History, x: str, y: str) -> go.Figure:
    """One point a trial, with its standard errors; bounds on the metrics as lines, the best trial as a star.

    Of more than 2,000 trials an even selection and the best one are drawn; the note says so.

    Args:
        history: the experiment.
        x: the metric along the horizontal axis.
        y: the metric along the vertical axis.

    Raises:
        NoResultError: if no trial has both.
    """
    both = [t.index for t in history.observed if x in t.metrics and y in t.metrics]
    if not both:
        raise NoResultError(f"No trial has both {x} and {y}.")
    best = history.best_seen()
    star = None if best is None or best.index not in both else best.index
    trials = [history.trials[i] for i in style.thinned(both, MOST_POINTS, keep=[] if star is None else [star])]
    note = f"{len(trials):,} of {len(both):,} trials are drawn." if len(trials) < len(both) else ""
    made = style.figure(f"{style.text(y)} against {style.text(x)}", note=note)
    made.add_scatter(
        x=[t.metrics[x].mean for t in trials],
        y=[t.metrics[y].mean for t in trials],
        error_x={"array": [t.metrics[x].sem or 0.0 for t in trials], "thickness": 1, "width": 0},
        error_y={"array": [t.metrics[y].sem or 0.0 for t in trials], "thickness": 1, "width": 0},
        mode="markers",
        marker={
            "color": [style.VERMILLION if t.index == star else style.BLUE for t in trials],
            "symbol": [
                "star" if t.index == star else "circle" if history.is_feasible(t) else "circle-open" for t in trials
            ],
            "size": [16 if t.index == star else 8 for t in trials],
            "opacity": 0.85,
        },
        hoverinfo="text",
        hovertext=[
            style.hover(
                f"trial {t.index}",
                {**{m: wording.measured(o.mean, o.sem) for m, o in t.metrics.items()}, **t.parameters},
            )
            for t in trials
        ],
        name="measured",
    )
    line = {"dash": "dash", "width": 1.5, "color": style.GREEN}
    for constraint in history.outcome_constraints:
        words = {"text": style.text(constraint), "font": {"color": style.GREEN}}
        if constraint.metric == x:
            made.add_vline(x=constraint.bound, line=line, annotation=words)
        if constraint.metric == y:
            made.add_hline(y=constraint.bound, line=line, annotation=words)
    made.update_xaxes(title_text=style.text(x))
    made.update_yaxes(title_text=style.text(y))
    return made
