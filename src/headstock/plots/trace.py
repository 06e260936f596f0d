"""The objective of every trial, and the best so far."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float64

from headstock import wording
from headstock.errors import NoResultError
from headstock.history import History
from headstock.plots import style
from headstock.trial import TrialRecord

FEW: Final = 6
MOST_POINTS: Final = 5_000
MOST_SVG_POINTS: Final = 1_000
MOST_CROSSES: Final = 100
"""How many failures are marked by large crosses."""

MODEL_SOURCES: Final = frozenset({"bayesian"})


def plot_trace(history: History, *, optimum: float | None = None) -> go.Figure:
    """The objective of every trial, the best so far, failures, and where the model took over.

    Past 5,000 trials, the improvements and an even selection of the rest are drawn; the note says so.

    Args:
        history: the experiment.
        optimum: the best possible value, drawn as a line; None if it is not known.

    Raises:
        NoResultError: if no trial has a result.
    """
    if not history.observed:
        raise NoResultError("No trial has a result yet.")
    metric = history.objective.metric
    improvements = _improvements(history)
    shown = style.thinned(range(len(history)), MOST_POINTS, keep=[t.index for t in improvements])
    trials = [history.trials[i] for i in shown]
    values, _ = history.values(metric)
    focus = style.focus(values, low_is_good=history.objective.minimize)
    made = style.figure(f"{style.text(metric)} per trial", note=_note(len(shown), len(history), values, focus))
    margin = 0.5 + 0.01 * len(history)
    whole = 1 if len(history) <= FEW else None  # plotly would put ticks between two trials
    made.update_xaxes(title_text="trial", range=[-margin, len(history) - 1 + margin], dtick=whole)
    made.update_yaxes(title_text=style.text(metric), range=focus)
    made.add_traces(_measured(history, trials))
    made.add_trace(_best_so_far(history))
    _mark_failures(made, [t for t in history.failed if t.index in set(shown)])
    _mark_hand_over(made, next((t.index for t in history if t.source in MODEL_SOURCES), None))
    if optimum is not None:
        _mark_optimum(made, optimum)
    return made


def plot_runs(
    values: Float64[np.ndarray, "r t"],
    *,
    optimum: float | None = None,
    model_transitions: Sequence[int] = (),
    title: str = "",
    ylabel: str = "objective",
) -> go.Figure:
    """The mean of several runs of equal length after each trial, with a band of two standard errors.

    Args:
        values: what is drawn, by run and trial; usually the best so far.
        optimum: the best possible value, drawn as a line; None if it is not known.
        model_transitions: the numbers of trials after which another sampler took over.
        title: the title.
        ylabel: the label of the vertical axis.
    """
    runs, length = values.shape
    trials = np.arange(1, length + 1)
    means = values.mean(axis=0)
    made = style.figure(style.text(title))
    made.update_xaxes(title_text="trial", rangemode="tozero")
    made.update_yaxes(title_text=style.text(ylabel))
    if runs > 1:
        sems = values.std(axis=0, ddof=1) / np.sqrt(runs)
        outline = np.concatenate([means + 2 * sems, (means - 2 * sems)[::-1]])
        made.add_scatter(
            x=np.concatenate([trials, trials[::-1]]),
            y=outline,
            fill="toself",
            line_width=0,
            line_color=style.BLUE,
            opacity=0.3,
            mode="lines",
            hoverinfo="skip",
            name="± 2 standard errors",
        )
    name = f"mean of {runs} runs" if runs > 1 else style.text(ylabel)
    made.add_scatter(x=trials, y=means, mode="lines+markers", line={"color": style.BLUE, "width": 2.5}, name=name)
    for transition in model_transitions:
        _mark_hand_over(made, transition)
    if optimum is not None:
        _mark_optimum(made, optimum)
    return made


def _note(drawn: int, total: int, values: Float64[np.ndarray, " n"], focus: tuple[float, float] | None) -> str:
    notes = [f"{drawn:,} of {total:,} trials are drawn, every improvement among them."] if drawn < total else []
    if focus is not None:
        outside = int(np.sum((values < focus[0]) | (values > focus[1])))
        notes.append(f"{outside:,} far worse than the others lie outside the view; double-click to see them.")
    return " ".join(notes)


def _improvements(history: History) -> list[TrialRecord]:
    """The observed, feasible trials that were better than all before them."""
    sign = history.objective.sign
    best: list[TrialRecord] = []
    for trial in history.observed:
        better = not best or sign * trial.objective_mean > sign * best[-1].objective_mean
        if better and history.is_feasible(trial):
            best.append(trial)
    return best


def _measured(history: History, trials: Iterable[TrialRecord]) -> list[go.Scatter | go.Scattergl]:
    """The measured values: full markers, and hollow ones for trials that break an outcome constraint."""
    has_value = {t.index for t in history.observed}
    observed = [t for t in trials if t.index in has_value]
    kept = [t for t in observed if history.is_feasible(t)]
    broken = [t for t in observed if not history.is_feasible(t)]
    many = len(observed) > MOST_SVG_POINTS
    made = [_markers(kept, many=many, marker={"symbol": "circle"}, name="measured")] if kept else []
    if broken:
        made.append(_markers(broken, many=many, marker={"symbol": "circle-open"}, name="breaks a constraint"))
    sems = [t.metrics[history.objective.metric].sem or 0.0 for t in kept]
    if any(sems) and not many:
        made[0].update(error_y={"array": sems, "thickness": 1, "width": 0})
    return made


def _markers(
    trials: Sequence[TrialRecord], *, many: bool, marker: Mapping[str, str], name: str
) -> go.Scatter | go.Scattergl:
    """Vector graphics for a few, WebGL for many."""
    kind = go.Scattergl if many else go.Scatter
    return kind(
        x=[t.index for t in trials],
        y=[t.objective_mean for t in trials],
        mode="markers",
        marker={**marker, "size": 4 if many else 9, "color": style.BLUE},
        hoverinfo="text",
        hovertext=[_facts(t) for t in trials],
        name=name,
    )


def _facts(trial: TrialRecord) -> str:
    metrics = {name: wording.measured(o.mean, o.sem) for name, o in trial.metrics.items()}
    return style.hover(f"trial {trial.index}, arm {trial.arm.name}", {**metrics, **trial.parameters})


def best_so_far(history: History) -> tuple[list[int], list[float]]:
    """The trials that were better than all before them and the last trial, with the best value up to each."""
    improvements = _improvements(history)
    x = [t.index for t in improvements]
    y = [t.objective_mean for t in improvements]
    return ([*x, len(history) - 1], [*y, y[-1]]) if x else ([], [])


def _best_so_far(history: History) -> go.Scatter:
    """A step at each improvement, level to the last trial."""
    x, y = best_so_far(history)
    return go.Scatter(
        x=x,
        y=y,
        mode="lines",
        line={"shape": "hv", "color": style.VERMILLION, "width": 2.5},
        hoverinfo="skip",
        name="best so far",
    )


def _mark_failures(made: go.Figure, failed: Sequence[TrialRecord]) -> None:
    """Crosses at the bottom edge, on an axis of their own: a failed trial has no value."""
    if not failed:
        return
    made.update_layout(yaxis2={"overlaying": "y", "range": [0, 1], "visible": False, "fixedrange": True})
    made.add_scatter(
        x=[t.index for t in failed],
        y=[0.03] * len(failed),
        yaxis="y2",
        mode="markers",
        marker={"symbol": "x", "size": 9 if len(failed) <= MOST_CROSSES else 4, "color": style.PURPLE},
        hoverinfo="text",
        hovertext=[
            style.hover(f"trial {t.index} failed", {"error": t.error or "no reason given", **t.parameters})
            for t in failed
        ],
        name="failed",
    )


def _mark_hand_over(made: go.Figure, trial: int | None) -> None:
    if trial:
        made.add_vline(
            x=trial - 0.5,
            line={"dash": "dot", "width": 1.5, "color": style.GREEN},
            name="the model takes over",
            showlegend=True,
        )


def _mark_optimum(made: go.Figure, optimum: float) -> None:
    made.add_hline(
        y=optimum,
        line={"dash": "dash", "width": 1.5, "color": style.GREEN},
        annotation={"text": f"optimum {wording.number(optimum)}", "font": {"color": style.GREEN}},
        annotation_position="bottom right",
    )
