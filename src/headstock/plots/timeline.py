"""When each trial ran, and who ran it."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

import plotly.graph_objects as go

from headstock.errors import NoResultError
from headstock.history import History
from headstock.plots import style
from headstock.trial import TrialRecord, TrialState

MOST_BARS: Final = 1_000
MOST_LANES: Final = 40
COLORS: Final = {
    TrialState.COMPLETED: style.BLUE,
    TrialState.RUNNING: style.GREEN,
    TrialState.STOPPED: style.GREY,
    TrialState.PAUSED: style.GREY,
    TrialState.FAILED: style.PURPLE,
    TrialState.ABANDONED: style.PURPLE,
}
HATCHED: Final = frozenset({TrialState.PAUSED, TrialState.ABANDONED})
"""The states that share a colour with another one."""


def plot_timeline(history: History, *, now: float | None = None) -> go.Figure:
    """A bar from the start to the end of each trial, in as few lanes as run at once, coloured by its state.

    A paused trial's bar is as long as it has trained. Of more than 1,000 trials the newest are drawn; the note says so.

    Args:
        history: the experiment.
        now: where the bars of running trials end, in seconds since 1970; if left out, at the latest time that is known.

    Raises:
        NoResultError: if no trial was started.
    """
    started = sorted((t for t in history if t.started is not None and t.source != "attached"), key=_start)
    if not started:
        raise NoResultError("No trial was started yet.")
    drawn = started[-MOST_BARS:]
    latest = max(time for t in drawn for time in (t.started, t.finished) if time is not None)
    end = max(latest, now or latest)
    lanes = _lanes(drawn, end)
    note = f"The newest {len(drawn):,} of {len(started):,} trials are drawn." if len(drawn) < len(started) else ""
    count = max(lanes) + 1
    made = style.figure("When trials ran", note=note, height=170 + 22 * min(count, MOST_LANES))
    for state, color in COLORS.items():
        bars = [(t, lane) for t, lane in zip(drawn, lanes, strict=True) if t.state is state]
        if bars:
            made.add_bar(
                base=[_moment(_start(t)) for t, _ in bars],
                x=[1000 * (_end(t, end) - _start(t)) for t, _ in bars],
                y=[lane + 1 for _, lane in bars],
                orientation="h",
                width=0.8,
                marker={
                    "color": color,
                    "line": {"width": 0.5, "color": "rgba(127, 127, 127, 0.6)"},
                    "pattern": {"shape": "/" if state in HATCHED else "", "solidity": 0.3},
                },
                hoverinfo="text",
                hovertext=[_facts(t, end) for t, _ in bars],
                textposition="none",
                name=state.value,
            )
    made.update_layout(barmode="overlay", showlegend=True)
    made.update_xaxes(type="date", title_text="time (UTC)", tickangle=0)
    style.arrange(made, wide={"xaxis.nticks": 0}, narrow={"xaxis.nticks": 4})  # 0: as many as fit
    made.update_yaxes(title_text="at once", tickformat="d", dtick=max(1, count // 10), range=[count + 0.6, 0.4])
    return made


def _lanes(trials: Iterable[TrialRecord], end: float) -> list[int]:
    """For each trial, by start, the first lane that is free."""
    free_from: list[float] = []
    lanes = []
    for trial in trials:
        lane = next((i for i, free in enumerate(free_from) if free <= _start(trial)), len(free_from))
        free_from[lane : lane + 1] = [_end(trial, end)]
        lanes.append(lane)
    return lanes


def _facts(trial: TrialRecord, end: float) -> str:
    facts: dict[str, object] = {"state": trial.state.value, "seconds": _end(trial, end) - _start(trial)}
    facts |= {} if trial.owner is None else {"worker": trial.owner}
    return style.hover(f"trial {trial.index}", {**facts, **trial.parameters})


def _start(trial: TrialRecord) -> float:
    return trial.started or 0.0


def _end(trial: TrialRecord, end: float) -> float:
    if trial.state is TrialState.PAUSED:
        return _start(trial) + (trial.trained or 0.0)
    return end if trial.finished is None else max(trial.finished, _start(trial))


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
