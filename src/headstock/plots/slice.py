"""What the model believes along each parameter while the others are held."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import plotly.graph_objects as go

from headstock import wording
from headstock.analysis.pareto import direction
from headstock.analysis.surface import Slice
from headstock.errors import NoResultError
from headstock.history import History
from headstock.parameters import Choice, Parameter, Value
from headstock.plots import style
from headstock.plots.axes import axis, coordinate
from headstock.trial import Observation

MOST_POINTS: Final = 500
MOST_COLUMNS: Final = 3
PANEL_HEIGHT: Final = 300


def plot_slice(
    slices: Sequence[Slice], history: History, expected: Mapping[int, Observation] = MappingProxyType({})
) -> go.Figure:
    """The predicted mean with its 95 % band along each parameter, one panel each, and the measured values.

    Slices hold the other parameters and marginal effects average over them; the note tells which.

    The measured trials differ in the other parameters too, so they scatter about the line. Of more than 500 an even
    selection is drawn; the note says so. A drop-down chooses among several metrics.

    Args:
        slices: what to show; of several metrics, each along the same parameters.
        history: the experiment.
        expected: what unfinished trainings are expected to come to, by trial; they are points of their own.

    Raises:
        NoResultError: if there is no slice.
    """
    if not slices:
        raise NoResultError("A slice needs a parameter that varies.")
    first, *others = [[s for s in slices if s.metric == of] for of in dict.fromkeys(s.metric for s in slices)]
    title = "Metrics" if others else style.text(first[0].metric)
    made = style.figure(f"{title} along each parameter", note=_note(first[0], history, expected))
    columns = min(MOST_COLUMNS, len(first))
    style.arrange(made, wide=panels(len(first), columns), narrow=panels(len(first), 1))
    made.update_layout({**_vertical(first, columns, history), "yaxis.range": focus_of(first[0].metric, history)})
    for panel, shown in enumerate(first):
        end = style.suffix(panel)
        across = {**axis(shown.parameter, history.space[shown.parameter]), "anchor": f"y{end}"}
        made.update_layout({f"xaxis{end}": across})
        made.update_layout({f"yaxis{end}": {"anchor": f"x{end}", "matches": "y" if panel else None}})
    counts = [_draw_all(made, group, history, expected, visible=group is first) for group in (first, *others)]
    if others:
        made.update_layout(updatemenus=[_menu([first, *others], counts, columns, history)], **style.legend_below())
    return made


def _draw_all(
    made: go.Figure, slices: Sequence[Slice], history: History, expected: Mapping[int, Observation], *, visible: bool
) -> int:
    """A panel for each slice of one metric; how many traces they are."""
    before = len(made.data)
    for panel, shown in enumerate(slices):
        _draw(made, shown, history, expected, panel)
    traces = made.data[before:]
    style.name_once(traces)
    for trace in traces:
        trace.update(visible=visible)
    return len(traces)


def _vertical(slices: Sequence[Slice], columns: int, history: History) -> dict[str, Any]:
    """What of the layout belongs to a metric: its name beside each row, and the range of its values."""
    name, focus = style.text(slices[0].metric, longest=style.LONGEST_LABEL), focus_of(slices[0].metric, history)
    ends = [style.suffix(panel) for panel in range(0, len(slices), columns)]
    return {"yaxis.autorange": focus is None, **{f"yaxis{end}.title.text": name for end in ends}}


def _menu(groups: Sequence[Sequence[Slice]], counts: Sequence[int], columns: int, history: History) -> dict[str, Any]:
    """The drop-down of metrics: each entry shows its own traces and relabels the axes."""
    buttons = []
    for group in groups:
        visible = [group is other for other, count in zip(groups, counts, strict=True) for _ in range(count)]
        focus = focus_of(group[0].metric, history)
        layout = _vertical(group, columns, history) | ({} if focus is None else {"yaxis.range": focus})
        label = style.text(group[0].metric)
        buttons.append({"label": label, "method": "update", "args": [{"visible": visible}, layout]})
    return style.menu(buttons)


def focus_of(metric: str, history: History) -> tuple[float, float] | None:
    """The range in which a metric's better results are told apart; None if that is where all of them are."""
    values, _ = history.values(metric)
    return style.focus(values[np.isfinite(values)], low_is_good=direction(history, metric) == -1)


def panels(count: int, columns: int) -> dict[str, Any]:
    """The layout of panels that stand row by row, each with the name of its parameter below it."""
    rows = -(-count // columns)
    gap = 0.3 / rows if rows > 1 else 0.0
    return {**style.grid(count, columns, gap_x=0.09, gap_y=gap), "height": 130 + PANEL_HEIGHT * rows}


def _note(shown: Slice, history: History, expected: Mapping[int, Observation]) -> str:
    average = "The line is the average over the other parameters, everywhere in the space."
    others = average if shown.at is None else f"The other parameters are held at {style.listed(shown.at)}."
    notes = [others] if len(history.space.searched) > 1 else []
    if expected:
        notes.append("Diamonds are unfinished trainings, where they are expected to end; the model counts them.")
    if len(history.observed) > MOST_POINTS:
        notes.append(f"{MOST_POINTS} of {len(history.observed):,} trials are drawn.")
    return " ".join(notes)


def _draw(made: go.Figure, shown: Slice, history: History, expected: Mapping[int, Observation], panel: int) -> None:
    """A band around a line over numbers; a mean with its interval at each category."""
    parameter = history.space[shown.parameter]
    place: dict[str, Any] = {"xaxis": f"x{style.suffix(panel)}", "yaxis": f"y{style.suffix(panel)}"}
    x = np.array([coordinate(parameter, value) for value in shown.values])
    made.add_trace(_measured(shown, history, parameter, place))
    if expected and shown.metric == history.objective.metric:
        made.add_trace(_expected(shown, history, expected, place))
    if isinstance(parameter, Choice):
        made.add_scatter(
            x=x,
            y=shown.means,
            mode="markers",
            error_y={"array": shown.upper - shown.means, "arrayminus": shown.means - shown.lower, "thickness": 2},
            marker={"color": style.BLUE, "size": 11, "symbol": "diamond"},
            name="predicted, with 95 % interval",
            **place,
        )
        return
    known = np.isfinite(shown.means)
    x, means = x[known], shown.means[known]
    made.add_scatter(
        x=np.concatenate([x, x[::-1]]),
        y=np.concatenate([shown.upper[known], shown.lower[known][::-1]]),
        fill="toself",
        fillcolor="rgba(0, 114, 178, 0.35)",
        line={"width": 0},
        mode="lines",
        hoverinfo="skip",
        name="95 % band",
        **place,
    )
    made.add_scatter(
        x=x,
        y=means,
        mode="lines",
        line={"color": style.BLUE, "width": 2.5},
        name="predicted mean",
        hovertemplate="%{x:.4g}: %{y:.4g}<extra></extra>",
        **place,
    )


def _measured(shown: Slice, history: History, parameter: Parameter, options: dict[str, Any]) -> go.Scatter:
    has_both = [t for t in history.observed if shown.parameter in t.parameters and shown.metric in t.metrics]
    trials = [has_both[i] for i in style.thinned(range(len(has_both)), MOST_POINTS)]
    values: list[Value] = [t.parameters[shown.parameter] for t in trials]
    return go.Scatter(
        x=[coordinate(parameter, value) for value in values],
        y=[t.metrics[shown.metric].mean for t in trials],
        mode="markers",
        marker={"color": style.VERMILLION, "size": 7, "opacity": 0.75},
        cliponaxis=False,
        hoverinfo="text",
        hovertext=[
            style.hover(f"arm {t.arm.name}", {shown.metric: t.metrics[shown.metric].mean, shown.parameter: value})
            for t, value in zip(trials, values, strict=True)
        ],
        name="measured",
        **options,
    )


def _expected(
    shown: Slice, history: History, expected: Mapping[int, Observation], options: dict[str, Any]
) -> go.Scatter:
    """What unfinished trainings are expected to come to, marked as at the ends of learning curves."""
    parameter = history.space[shown.parameter]
    trials = [history.trials[i] for i in expected if shown.parameter in history.trials[i].parameters]
    told: list[dict[str, object]] = [
        {"predicted end": wording.measured(expected[t.index].mean, expected[t.index].sem)}
        | {shown.parameter: t.parameters[shown.parameter]}
        for t in trials
    ]
    return go.Scatter(
        x=[coordinate(parameter, t.parameters[shown.parameter]) for t in trials],
        y=[expected[t.index].mean for t in trials],
        mode="markers",
        marker={"symbol": "diamond-open", "color": style.GREEN, "size": 7},
        hoverinfo="text",
        hovertext=[style.hover(f"trial {t.index}", facts) for t, facts in zip(trials, told, strict=True)],
        name="predicted end",
        **options,
    )
