"""How well the model predicts results that it has not seen."""

from typing import Final

import plotly.graph_objects as go

from headstock import wording
from headstock.analysis.cross_validation import CrossValidation
from headstock.history import History
from headstock.plots import style

MOST_POINTS: Final = 500


def plot_cross_validation(validation: CrossValidation, history: History) -> go.Figure:
    """Each observation against its prediction from all others, with the 90 % interval; perfect is the diagonal.

    Args:
        validation: the leave-one-out predictions.
        history: the experiment, for the names of the arms.
    """
    metric = style.text(validation.metric)
    drawn = style.thinned(range(len(validation.trials)), MOST_POINTS)
    total = len(validation.trials)
    note = f"{len(drawn)} of {total:,} trials are drawn." if len(drawn) < total else ""
    made = style.figure(f"{metric}: predicted before it was seen", note=note, height=480)
    observed, predicted = validation.observed[drawn], validation.predicted[drawn]
    lower, upper = validation.lower[drawn], validation.upper[drawn]
    ends = [float(min(observed.min(), predicted.min())), float(max(observed.max(), predicted.max()))]
    made.add_scatter(
        x=ends,
        y=ends,
        mode="lines",
        line={"dash": "dash", "color": style.GREEN, "width": 1.5},
        hoverinfo="skip",
        name="perfect",
    )
    made.add_scatter(
        x=observed,
        y=predicted,
        error_y={
            "array": upper - predicted,
            "arrayminus": predicted - lower,
            "thickness": 1.2,
            "width": 0,
            "color": "rgba(0, 114, 178, 0.75)",
        },
        mode="markers",
        marker={"color": style.BLUE, "size": 8},
        hoverinfo="text",
        hovertext=[_facts(validation, i, history) for i in drawn],
        name="predicted, with 90 % interval",
    )
    made.update_xaxes(title_text=f"measured {metric}")
    made.update_yaxes(title_text=f"predicted {metric}")
    return made


def _facts(validation: CrossValidation, i: int, history: History) -> str:
    interval = f"{wording.number(validation.lower[i])} to {wording.number(validation.upper[i])}"
    facts = {"measured": float(validation.observed[i]), "predicted": float(validation.predicted[i])}
    arm = history.trials[validation.trials[i]].arm
    return style.hover(f"arm {arm.name}", {**facts, "90 % interval": interval})
