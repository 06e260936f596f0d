"""The table of trials: data that the page's script sorts, filters and pages."""

from collections.abc import Sequence
from typing import Any, Final

from headstock.history import History
from headstock.parameters import Choice, Fixed, Value
from headstock.scalars import is_number
from headstock.trial import TrialRecord

BODY: Final = """<div class="controls">
<input id="words" type="search" placeholder="Filter" aria-label="Show only trials that contain this">
<select id="states" aria-label="Show only trials in this state"><option value="">every state</option></select>
<button id="previous" type="button" hidden>Previous</button><button id="next" type="button" hidden>Next</button>
<span id="count" role="status"></span>
</div>
<div class="scroll" tabindex="0"><table id="table"><thead><tr></tr></thead><tbody></tbody></table></div>"""


def content(history: History, *, best: int | None) -> dict[str, Any]:
    """Columns and rows; the row of the trial `best` stands out."""
    with_sem = {name for trial in history for name, o in trial.metrics.items() if o.sem is not None}
    shown = [(name, name in with_sem) for name in history.measured_metrics]
    return {
        "columns": _columns(history, shown),
        "rows": [_row(trial, history, shown) for trial in history],
        "best": best,
    }


def _columns(history: History, metrics: Sequence[tuple[str, bool]]) -> list[dict[str, str]]:
    columns = [("trial", "number"), ("state", "state"), ("arm", "text")]
    for name, has_sem in metrics:
        columns += [(name, "number"), (f"± {name}", "number")] if has_sem else [(name, "number")]
    for name, parameter in history.space.parameters.items():
        columns.append((name, "text" if isinstance(parameter, Choice | Fixed) else "number"))
    columns += [("seconds", "number"), ("source", "text"), ("because", "long"), ("error", "long")]
    return [{"name": name, "kind": kind} for name, kind in columns]


def _row(trial: TrialRecord, history: History, metrics: Sequence[tuple[str, bool]]) -> list[Value]:
    row: list[Value] = [trial.index, trial.state.value, trial.arm.name]
    for name, has_sem in metrics:
        observation = trial.metrics.get(name)
        cells = (None, None) if observation is None else (observation.mean, observation.sem)
        row += cells if has_sem else cells[:1]
    row += [_cell(trial.parameters[name]) if name in trial.parameters else None for name in history.space]
    seconds = None if trial.seconds is None else round(trial.seconds, 3)
    return [*row, seconds, trial.source or None, trial.because or None, trial.error]


def _cell(value: Value) -> Value:
    """Numbers as they are, anything else in words: in the page, null is a parameter that is not active."""
    return value if is_number(value) else str(value)
