"""Metrics of the trials against each other."""

from collections.abc import Sequence
from itertools import combinations
from typing import Any, Final

import plotly.graph_objects as go

from headstock import wording
from headstock.analysis.pareto import pareto_front
from headstock.errors import NoResultError
from headstock.history import History
from headstock.plots import style
from headstock.trial import TrialRecord

MOST_POINTS: Final = 2_000
"""How many trials are drawn, shared by the pairs."""

FEWEST_POINTS: Final = 200
"""How many a pair has at least."""

MOST_PAIRS: Final = 15
TRACES: Final = 4


def plot_metrics(history: History, pairs: Sequence[tuple[str, str]] | None = None) -> go.Figure:
    """One point a trial, with its standard errors; a drop-down chooses among the pairs of metrics.

    Filled points keep every outcome constraint, hollow ones break one; a star is the best trial, lines are bounds.
    Where it is known of both metrics whether more is better, by the objective and the bounds, a stepped line joins the
    Pareto front. Of very many trials an even selection, the best one and the front are drawn; the note says so.

    Args:
        history: the experiment.
        pairs: the metrics along the horizontal and the vertical axis; if left out, each other metric with the
            objective, then the others with each other, at most 15 pairs.

    Raises:
        NoResultError: if no trial has both metrics of a pair.
    """
    chosen = _pairs(history) if pairs is None else list(pairs)
    measured = [pair for pair in chosen if any(set(pair) <= set(t.metrics) for t in history.observed)]
    if not measured:
        missing = f"both {' and '.join(chosen[0])}" if chosen else f"a metric but {history.objective.metric}"
        raise NoResultError(f"No trial has {missing}.")
    limit = max(MOST_POINTS // len(measured), FEWEST_POINTS)
    drawn = [_draw(history, x, y, limit) for x, y in measured]
    x, y = measured[0]
    title = f"{style.text(y)} against {style.text(x)}" if len(measured) == 1 else "Metrics against each other"
    made = style.figure(title, note=_note(history, measured, limit), height=480)
    for i, (traces, layout) in enumerate(drawn):
        made.add_traces([trace.update(visible=i == 0) for trace in traces])
        if i == 0:
            made.update_layout(layout)
    if len(measured) > 1:
        menu = _menu(measured, [layout for _, layout in drawn])
        made.update_layout(updatemenus=[menu], **style.legend_below())
    return made


def _pairs(history: History) -> list[tuple[str, str]]:
    objective = history.objective.metric
    others = [name for name in history.measured_metrics if name != objective]
    return [*((name, objective) for name in others), *combinations(others, 2)][:MOST_PAIRS]


def _both(history: History, x: str, y: str) -> list[int]:
    return [t.index for t in history.observed if x in t.metrics and y in t.metrics]


def _note(history: History, pairs: Sequence[tuple[str, str]], limit: int) -> str:
    total = max(len(_both(history, x, y)) for x, y in pairs)
    return f"{limit:,} of {total:,} trials are drawn, and the Pareto front." if total > limit else ""


def _draw(history: History, x: str, y: str, limit: int) -> tuple[list[go.Scatter], dict[str, Any]]:
    """What a pair shows: always as many traces, and what of the layout is its own."""
    both = _both(history, x, y)
    front = pareto_front(history, x, y) or ()
    best = history.best_seen()
    star = [] if best is None or best.index not in both else [best]
    keep = [t.index for t in (*front, *star)]
    trials = [history.trials[i] for i in style.thinned(both, limit, keep=keep)]
    kept = [t for t in trials if history.is_feasible(t) and t not in star]
    broken = [t for t in trials if not history.is_feasible(t)]
    bounded = bool(history.outcome_constraints)
    traces = [
        _points(kept, x, y, name="keeps every constraint" if bounded else "measured", symbol="circle"),
        _points(broken, x, y, name="breaks a constraint", symbol="circle-open"),
        go.Scatter(
            x=[t.metrics[x].mean for t in front],
            y=[t.metrics[y].mean for t in front],
            mode="lines+markers",
            line={"color": style.VERMILLION, "width": 2, "shape": "hv"},
            marker={"color": style.VERMILLION, "size": 9},
            hoverinfo="text",
            hovertext=[_facts(t) for t in front],
            name="Pareto front",
        ),
        _points(star, x, y, name="best seen", symbol="star"),
    ]
    for trace in traces:
        trace.update(showlegend=len(trace.x) > 0)
    return traces, {
        "xaxis": {"title": {"text": style.text(x)}},
        "yaxis": {"title": {"text": style.text(y)}},
        **_bounds(history, x, y),
    }


def _points(trials: Sequence[TrialRecord], x: str, y: str, *, name: str, symbol: str) -> go.Scatter:
    color = style.VERMILLION if symbol == "star" else style.BLUE
    return go.Scatter(
        x=[t.metrics[x].mean for t in trials],
        y=[t.metrics[y].mean for t in trials],
        error_x={"array": [t.metrics[x].sem or 0.0 for t in trials], "thickness": 1, "width": 0},
        error_y={"array": [t.metrics[y].sem or 0.0 for t in trials], "thickness": 1, "width": 0},
        mode="markers",
        marker={"color": color, "symbol": symbol, "size": 16 if symbol == "star" else 8, "opacity": 0.85},
        hoverinfo="text",
        hovertext=[_facts(t) for t in trials],
        name=name,
    )


def _facts(trial: TrialRecord) -> str:
    metrics = {name: wording.measured(o.mean, o.sem) for name, o in trial.metrics.items()}
    return style.hover(f"trial {trial.index}", {**metrics, **trial.parameters})


def _bounds(history: History, x: str, y: str) -> dict[str, Any]:
    """The bounds on both metrics as lines with their words."""
    shapes, annotations = [], []
    for constraint in history.outcome_constraints:
        for metric, across, along in ((x, "x", "y"), (y, "y", "x")):
            if constraint.metric != metric:
                continue
            line = {"dash": "dash", "width": 1.5, "color": style.GREEN}
            ends = {f"{across}0": constraint.bound, f"{across}1": constraint.bound, f"{along}0": 0, f"{along}1": 1}
            shapes.append({"type": "line", f"{along}ref": f"{along} domain", "line": line, **ends})
            # Beside the line where it is upright, over it where it lies: never on it.
            place = (
                {"xanchor": "left", "yanchor": "top"} if across == "x" else {"xanchor": "right", "yanchor": "bottom"}
            )
            words = {"text": style.text(constraint.words), "showarrow": False, "font": {"color": style.GREEN}}
            annotations.append({**words, f"{along}ref": f"{along} domain", across: constraint.bound, along: 1, **place})
    return {"shapes": shapes, "annotations": annotations}


def _menu(pairs: Sequence[tuple[str, str]], layouts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The drop-down of pairs."""
    buttons = []
    for i, ((x, y), layout) in enumerate(zip(pairs, layouts, strict=True)):
        visible = [trace // TRACES == i for trace in range(TRACES * len(pairs))]
        axes = {"xaxis.autorange": True, "yaxis.autorange": True}
        axes |= {f"{axis}.title.text": layout[axis]["title"]["text"] for axis in ("xaxis", "yaxis")}
        own = {**axes, "shapes": layout["shapes"], "annotations": layout["annotations"]}
        buttons.append(
            {"label": f"{style.text(y)} × {style.text(x)}", "method": "update", "args": [{"visible": visible}, own]}
        )
    return style.menu(buttons)
