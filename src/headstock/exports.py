"""Trials as comma-separated values, for spreadsheets."""

import csv
import io
from typing import Final

from headstock.history import History

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def trials_csv(history: History) -> str:
    """A table with a row for each trial: its state, parameters, metrics with standard errors, times and error.

    Cells of text that a spreadsheet would take for a formula begin with an apostrophe, which shows them as they are.
    """
    metrics = list(dict.fromkeys(name for trial in history for name in trial.metrics))
    columns = ["index", "arm_name", "state", *history.space]
    columns += [f"{name}{suffix}" for name in metrics for suffix in ("", "_sem")]
    columns += ["seconds", "time_created", "source", "because", "error"]
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow([_cell(column) for column in columns])
    for trial in history:
        observed = [trial.metrics.get(name) for name in metrics]
        row: list[object] = [trial.index, trial.arm.name, trial.state.value]
        row += [trial.parameters.get(name) for name in history.space]
        row += [value for o in observed for value in ((None, None) if o is None else (o.mean, o.sem))]
        row += [trial.seconds, trial.time_created.isoformat(), trial.source, trial.because, trial.error]
        table.writerow([_cell(value) for value in row])
    return text.getvalue()


def _cell(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
