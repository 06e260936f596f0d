"""What the model believes over two parameters: the mean, the standard error, and the arms that were tried."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float64

from headstock import wording
from headstock.analysis.pareto import direction
from headstock.analysis.surface import Surface
from headstock.errors import NoResultError
from headstock.history import History
from headstock.parameters import Choice, Fixed, Float, Int, Parameter
from headstock.plots import style
from headstock.plots.axes import axis, coordinate
from headstock.plots.slice import focus_of
from headstock.trial import TrialRecord

MOST_POINTS: Final = 300
MOST_LABELS: Final = 30
WIDE: Final = 0.12
TALL: Final = 0.05
"""The size of a name, as shares of a panel's width and height."""

EDGE: Final = 0.07
"""How near to an end of an axis, as a share of it, there is no room for a name beyond a point."""

GOLDEN: Final = (math.sqrt(5) - 1) / 2
HEADINGS: Final = ("predicted mean", "standard error", "constraints hold")
"""The headings of the panels; without outcome constraints there is no third one."""


def _wide(panels: int) -> dict[str, Any]:
    """The panels side by side, each with its colour bar to its right."""
    gap = {2: 0.19, 3: 0.12}[panels]
    right = 0.93
    width = (right - gap * (panels - 1)) / panels
    bars = {f"coloraxis{style.suffix(i)}.colorbar.x": (i + 1) * width + i * gap + 0.005 for i in range(panels)}
    places = {
        f"coloraxis{style.suffix(i)}.colorbar.{what}": n for i in range(panels) for what, n in (("y", 0.5), ("len", 1))
    }
    return {
        **style.grid(panels, panels, gap_x=gap, gap_y=0, right=right),
        "height": 520 - 60 * (panels - 2),
        **bars,
        **places,
        **_ticks(panels, shown=panels < len(HEADINGS)),
    }


def _narrow(panels: int) -> dict[str, Any]:
    """The panels above each other."""
    gap = 0.4 / panels
    height = (1 - gap * (panels - 1)) / panels
    places: dict[str, Any] = {}
    for i in range(panels):
        bar = f"coloraxis{style.suffix(i)}.colorbar"
        places |= {f"{bar}.x": 0.87, f"{bar}.y": 1 - i * (height + gap) - height / 2, f"{bar}.len": height * 1.05}
    places |= _ticks(panels, shown=True)
    return {**style.grid(panels, 1, gap_x=0, gap_y=gap, right=0.86), "height": 430 * panels, **places}


def _ticks(panels: int, *, shown: bool) -> dict[str, Any]:
    """Whether panels but the first have words at their ticks: three side by side leave none beside a colour bar."""
    return {f"yaxis{style.suffix(i)}.showticklabels": shown for i in range(1, panels)}


def plot_contour(surfaces: Sequence[Surface], history: History, *, best: TrialRecord | None = None) -> go.Figure:
    """The predicted mean of a metric and its standard error over pairs of parameters.

    Where there are outcome constraints, a third panel shows the probability that all of them hold, and the arms that
    broke one are crossed out. The first surface is shown; a drop-down chooses among several, also of several metrics.
    Up to 300 of the arms that were tried are drawn in place: the best one and an even selection of the others.

    Args:
        surfaces: what to show, with the same configuration held.
        history: the experiment.
        best: the trial whose arm is marked by a star; None for no mark.

    Raises:
        NoResultError: if there is no surface.
    """
    if not surfaces:
        raise NoResultError("A contour needs two parameters that vary together.")
    keep = [] if best is None else [best.index]
    drawn = style.thinned([t.index for t in history.observed], MOST_POINTS, keep=keep)
    arms = [history.trials[i] for i in drawn]
    metric = surfaces[0].metric
    made = style.figure(f"{style.text(metric)} as the model sees it", note=_note(surfaces[0], history, len(arms)))
    scales = {of: _scales([s for s in surfaces if s.metric == of], history) for of in {s.metric for s in surfaces}}
    headings = HEADINGS if surfaces[0].feasibility is not None else HEADINGS[:2]
    made.update_layout(
        annotations=[style.heading(words, panel) for panel, words in enumerate(headings)],
        coloraxis={"colorscale": "Viridis"},
        coloraxis2={"colorscale": "Cividis"},
        margin={"t": style.TITLE + style.LEGEND + (style.MENU if len(surfaces) > 1 else 0)},
        showlegend=False,
    )
    made.update_layout(scales[metric])
    if len(headings) == len(HEADINGS):
        made.update_layout(
            coloraxis3={"colorscale": "Viridis", "cmin": 0, "cmax": 1, "colorbar": {"tickformat": ".0%"}}
        )
    for end in map(style.suffix, range(1, len(headings))):
        made.update_layout({f"xaxis{end}": {"anchor": f"y{end}"}, f"yaxis{end}": {"anchor": f"x{end}"}})
    style.arrange(made, wide=_wide(len(headings)), narrow=_narrow(len(headings)))
    for i, surface in enumerate(surfaces):
        traces = [*_fields(surface, history), *_arms(surface, history, arms, best)]
        made.add_traces([trace.update(visible=i == 0) for trace in traces])
    made.update_layout(_axes(surfaces[0], history))
    if len(surfaces) > 1:
        each = len(made.data) // len(surfaces)
        made.update_layout(updatemenus=[_menu(surfaces, history, scales, traces=each)])
    return made


def _note(surface: Surface, history: History, drawn: int) -> str:
    held = style.listed(surface.at)
    notes = [f"Parameters that are not on the axes are held at {held}."] if len(history.space.searched) > 2 else []
    notes += [f"{drawn} of {len(history.observed):,} arms are drawn."] if drawn < len(history.observed) else []
    return " ".join(notes)


def _scales(surfaces: Sequence[Surface], history: History) -> dict[str, Any]:
    """The colours of one metric, the same for all pairs: bright where it is good, or much if nobody said what is."""
    metric = surfaces[0].metric
    means = _range([s.means for s in surfaces], focus_of(metric, history))
    sems = _range([s.sems for s in surfaces])
    scales: dict[str, Any] = {"coloraxis.reversescale": direction(history, metric) == -1}
    scales |= {f"coloraxis.{end}": value for end, value in means.items()}
    return scales | {f"coloraxis2.{end}": value for end, value in sems.items()}


def _range(
    fields: Sequence[Float64[np.ndarray, "ny nx"]], focus: tuple[float, float] | None = None
) -> dict[str, float]:
    """One range of colours for all pairs, so that they can be compared; within the focus, if there is one."""
    finite = np.concatenate([field[np.isfinite(field)] for field in fields])
    ends = finite.min(), finite.max()
    low, high = ends if focus is None else np.clip(ends, *focus)
    return {"cmin": float(low), "cmax": float(high)}


def _fields(surface: Surface, history: History) -> list[go.Contour | go.Heatmap]:
    """Mean and standard error: lines of equal value over numbers, tiles where a category is an axis."""
    x_axis, y_axis = history.space[surface.x], history.space[surface.y]
    tiled = isinstance(x_axis, Choice | Fixed) or isinstance(y_axis, Choice | Fixed)
    fields = []
    shown = [("mean %{z:.4g}", surface.means), ("standard error %{z:.4g}", surface.sems)]
    shown += [] if surface.feasibility is None else [("constraints hold with %{z:.1%}", surface.feasibility)]
    for panel, (words, field) in enumerate(shown):
        shared: dict[str, Any] = {
            "x": [coordinate(x_axis, v) for v in surface.x_values],
            "y": [coordinate(y_axis, v) for v in surface.y_values],
            "z": field.astype(np.float32),
            "coloraxis": f"coloraxis{style.suffix(panel)}",
            "xaxis": f"x{style.suffix(panel)}",
            "yaxis": f"y{style.suffix(panel)}",
            "hovertemplate": f"{words}<extra></extra>",
        }
        contours = {"contours": {"coloring": "heatmap"}, "ncontours": 16}
        lines = {"line": {"width": 0.6, "color": "rgba(255, 255, 255, 0.6)"}}
        fields.append(go.Heatmap(**shared) if tiled else go.Contour(**shared, **contours, **lines))
    return fields


def _arms(
    surface: Surface, history: History, arms: Sequence[TrialRecord], best: TrialRecord | None
) -> list[go.Scatter]:
    """The arms on every panel, with their names where there is room."""
    placed = [t for t in arms if surface.x in t.parameters and surface.y in t.parameters]
    x = [_spread(history.space[surface.x], t, surface.x) for t in placed]
    y = [_spread(history.space[surface.y], t, surface.y) for t in placed]
    across, up = history.space[surface.x], history.space[surface.y]
    spots = [*zip(_shares(across, x), _shares(up, y), strict=True)]
    is_best = [best is not None and t.index == best.index for t in placed]
    shared: dict[str, Any] = {
        "x": x,
        "y": y,
        "mode": "markers+text" if len(placed) <= MOST_LABELS else "markers",
        "marker": {
            "symbol": [
                "star" if star else "circle" if history.is_feasible(t) else "circle-x"
                for t, star in zip(placed, is_best, strict=True)
            ],
            "size": [17 if star else 8 for star in is_best],
            "color": [style.VERMILLION if star else "white" for star in is_best],
            "line": {"width": 1.2, "color": "#1b1f24"},
            "opacity": 1.0,  # plotly fades markers of different sizes
        },
        "text": [t.arm.name if shown else "" for t, shown in zip(placed, _apart(spots, is_best), strict=True)],
        "textposition": [_inwards(*spot) for spot in spots],
        "textfont": {"color": "white", "size": 11, "shadow": "0 0 3px black, 0 0 3px black"},
        "hoverinfo": "text",
        "hovertext": [_facts(t, surface) for t in placed],
        "cliponaxis": False,
    }
    return [
        go.Scatter(**shared, xaxis=f"x{end}", yaxis=f"y{end}") for end in map(style.suffix, range(_panels(surface)))
    ]


def _facts(trial: TrialRecord, surface: Surface) -> str:
    observation = trial.metrics.get(surface.metric)
    measured = {} if observation is None else {surface.metric: wording.measured(observation.mean, observation.sem)}
    return style.hover(
        f"arm {trial.arm.name}", {**measured, **{n: trial.parameters[n] for n in (surface.x, surface.y)}}
    )


def _spread(parameter: Parameter, trial: TrialRecord, name: str) -> float:
    """The coordinate; within a category's tile, trials are set apart by the golden ratio's even sequence."""
    apart = (trial.index * GOLDEN % 1 - 0.5) * 0.6 if isinstance(parameter, Choice) else 0.0
    return coordinate(parameter, trial.parameters[name]) + apart


def _shares(parameter: Parameter, coordinates: Sequence[float]) -> list[float]:
    """Where on the parameter's axis coordinates lie, from 0 to 1."""
    low, high = axis("", parameter)["range"]
    is_log = isinstance(parameter, Float | Int) and parameter.log
    return [((math.log10(x) if is_log else x) - low) / (high - low) for x in coordinates]


def _inwards(right: float, high: float) -> str:
    """On which side of a point its name stands on the field, not on the paper beside it."""
    if EDGE < right < 1 - EDGE:
        return "bottom center" if high > 1 - EDGE else "top center"
    height = "top" if high < EDGE else "bottom" if high > 1 - EDGE else "middle"
    return f"{height} {'left' if right > EDGE else 'right'}"


def _apart(spots: Sequence[tuple[float, float]], is_best: Sequence[bool]) -> list[bool]:
    """Which points have their names beside them: the best one, and the earlier ones that do not stand on another's."""
    named: list[int] = []
    for i in sorted(range(len(spots)), key=lambda i: not is_best[i]):
        clear = all(abs(spots[i][0] - spots[j][0]) > WIDE or abs(spots[i][1] - spots[j][1]) > TALL for j in named)
        named += [i] if clear else []
    return [i in named for i in range(len(spots))]


def _axes(surface: Surface, history: History) -> dict[str, dict[str, Any]]:
    x, y = axis(surface.x, history.space[surface.x]), axis(surface.y, history.space[surface.y])
    ends = [*map(style.suffix, range(_panels(surface)))]
    # Three panels side by side leave no room for a name beside a colour bar.
    unnamed = {**y, "title": {"text": ""}} if len(ends) == len(HEADINGS) else y
    return {f"xaxis{end}": x for end in ends} | {f"yaxis{end}": unnamed if end else y for end in ends}


def _panels(surface: Surface) -> int:
    return len(HEADINGS) - (surface.feasibility is None)


def _menu(
    surfaces: Sequence[Surface], history: History, scales: Mapping[str, dict[str, Any]], *, traces: int
) -> dict[str, Any]:
    """The drop-down of pairs: each entry shows its own traces, relabels the axes and has its metric's colours."""
    buttons = []
    for i, surface in enumerate(surfaces):
        visible = [i * traces <= trace < (i + 1) * traces for trace in range(traces * len(surfaces))]
        axes = {f"{name}.{key}": v for name, made in _axes(surface, history).items() for key, v in made.items()}
        label = f"{style.text(surface.x)} × {style.text(surface.y)}"
        label = f"{style.text(surface.metric)}: {label}" if len(scales) > 1 else label
        layout = {**axes, **scales[surface.metric]}
        buttons.append({"label": label, "method": "update", "args": [{"visible": visible}, layout]})
    return style.menu(buttons, above=34)
