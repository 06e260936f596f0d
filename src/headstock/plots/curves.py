"""Learning curves: what trials reported after their training steps."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import plotly.graph_objects as go

from headstock import wording
from headstock.analysis.endings import LEVEL, Ending
from headstock.errors import NoResultError
from headstock.history import History
from headstock.plots import style
from headstock.trial import TrialRecord, TrialState

MOST_CURVES: Final = 100
MOST_STEPS: Final = 200
MOST_PREDICTED: Final = 8
"""How many curves are drawn on to their predicted ends: the most promising ones."""

NAMED: Final[Mapping[TrialState, tuple[str, str]]] = {
    TrialState.RUNNING: ("running", "circle"),
    TrialState.PAUSED: ("paused", "line-ns-open"),
    TrialState.STOPPED: ("stopped early", "x-thin-open"),
    TrialState.FAILED: ("failed", "x"),
}
"""How the ends of curves are marked; a completed one just ends."""


def plot_curves(history: History, *, metric: str | None = None, endings: Sequence[Ending] = ()) -> go.Figure:
    """A metric after every training step, one line a trial; running, paused, stopped and failed ends are marked.

    Of more than 100 trials the unfinished ones, the best one and an even selection of the others are drawn; the note
    says so. Of a curve of more than 200 steps an even selection is drawn, its last step among them.

    Args:
        history: the experiment.
        metric: the metric; the objective if left out.
        endings: how curves of the objective are expected to go on. Of the running and the eight most promising ones it
            is drawn, dotted, with the 80 % interval at the last step.

    Raises:
        NoResultError: if no trial reported the metric.
    """
    name = metric or history.objective.metric
    reported = [t.index for t in history if name in t.reports]
    if not reported:
        raise NoResultError(f"No trial reported {name} after training steps.")
    best = history.best_seen()
    keep = [t.index for t in history.pending if name in t.reports][-MOST_CURVES:]
    keep += [best.index] if best is not None and name in best.reports else []
    chosen = style.thinned(reported, MOST_CURVES, keep=keep)
    note = f"{len(chosen):,} of {len(reported):,} curves are drawn." if len(chosen) < len(reported) else ""
    made = style.figure(f"{style.text(name)} while training", note=note)
    trials = [history.trials[i] for i in chosen]
    trials.sort(key=lambda t: best is not None and t.index == best.index)  # the best one is drawn last, on top
    for trial in trials:
        made.add_trace(_line(trial, name, is_best=best is not None and trial.index == best.index))
    for state, (label, symbol) in NAMED.items():
        ended = [t for t in trials if t.state is state]
        if ended:
            made.add_trace(_ends(ended, name, label, symbol))
    predicted = _promising(endings, history) if name == history.objective.metric else []
    predicted = [e for e in predicted if e.trial in set(chosen)]
    if predicted:
        made.add_traces(_predicted(predicted))
    low_is_good = history.objective.minimize and name == history.objective.metric
    means = np.array([o.mean for t in trials for o in t.reports[name]])
    made.update_xaxes(title_text="step", rangemode="tozero")
    focus = style.focus(means, low_is_good=low_is_good)
    if focus is None and predicted:  # what an interval takes in is no reason to make the curves flat
        means = np.concatenate([means, *(e.means for e in predicted)])
        margin = 0.06 * float(np.ptp(means)) or 1.0
        focus = float(means.min()) - margin, float(means.max()) + margin
    made.update_yaxes(title_text=style.text(name), range=focus)
    return made


def _promising(endings: Sequence[Ending], history: History) -> list[Ending]:
    """The running ones, and the others by what they are expected to come to, as many as can be told apart."""
    sign = history.objective.sign
    running = {t.index for t in history.pending if t.state is TrialState.RUNNING}
    ranked = sorted(endings, key=lambda e: (e.trial not in running, -sign * float(e.means[-1])))
    return sorted(ranked[:MOST_PREDICTED], key=lambda e: e.trial)


def _line(trial: TrialRecord, metric: str, *, is_best: bool) -> go.Scatter:
    curve = trial.reports[metric]
    points = [curve[i] for i in style.thinned(range(len(curve)), MOST_STEPS, keep=[len(curve) - 1])]
    alive = not trial.state.is_finished
    color, width = (style.VERMILLION, 3.0) if is_best else (style.GREEN if alive else style.BLUE, 1.5)
    return go.Scatter(
        x=[o.step for o in points],
        y=[o.mean for o in points],
        mode="lines" if len(points) > 1 else "markers",
        line={"color": color, "width": width},
        opacity=1.0 if is_best or alive else 0.6,
        hovertemplate=f"<b>trial {trial.index}</b>, {trial.state}<br>step %{{x}}: %{{y:.4g}}<extra></extra>",
        name="best trial",
        showlegend=is_best,
    )


def _predicted(endings: Sequence[Ending]) -> list[go.Scatter]:
    """How curves are expected to go on, in one line with gaps, and where they end."""
    x: list[float | None] = []
    y: list[float | None] = []
    for ending in endings:
        x += [*ending.steps.tolist(), None]
        y += [*ending.means.tolist(), None]
    ends = [(e.steps[-1], e.means[-1], e.lower[-1], e.upper[-1]) for e in endings]
    steps, means, lower, upper = (np.array(column) for column in zip(*ends, strict=True))
    line = {"color": style.GREEN, "width": 1.5, "dash": "dot"}
    path = go.Scatter(x=x, y=y, mode="lines", line=line, opacity=0.8, hoverinfo="skip", showlegend=False)
    error = {"array": upper - means, "arrayminus": means - lower, "thickness": 1.5, "width": 3, "color": style.GREEN}
    at_end = go.Scatter(
        x=steps,
        y=means,
        error_y=error,
        mode="markers",
        marker={"symbol": "diamond-open", "size": 9, "color": style.GREEN},
        hoverinfo="text",
        hovertext=[style.hover(f"trial {e.trial}, predicted", _said(e)) for e in endings],
        name="predicted end",
    )
    return [path, at_end]


def _said(ending: Ending) -> Mapping[str, object]:
    interval = f"{wording.number(ending.lower[-1])} to {wording.number(ending.upper[-1])}"
    return {f"at step {ending.steps[-1]:.0f}": float(ending.means[-1]), f"{LEVEL:.0%} interval": interval}


def _ends(trials: Sequence[TrialRecord], metric: str, label: str, symbol: str) -> go.Scatter:
    last = [t.reports[metric][-1] for t in trials]
    color = style.PURPLE if label == "failed" else style.GREEN
    marker: dict[str, Any] = {"symbol": symbol, "size": 9, "color": color, "line": {"width": 2, "color": color}}
    return go.Scatter(
        x=[o.step for o in last],
        y=[o.mean for o in last],
        mode="markers",
        marker=marker,
        hoverinfo="text",
        hovertext=[style.hover(f"trial {t.index}, {label}", t.parameters) for t in trials],
        name=label,
    )
