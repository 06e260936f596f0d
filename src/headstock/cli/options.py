"""What the commands share: options, and ways to open and to print."""

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, TextIO, final

import typer
from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from headstock import TrialRecord, wording
from headstock.storage import Storage, open_storage
from headstock.wording import harmless

INTERRUPTED: Final = 130
"""The exit code of a command that was asked to end."""

DEFAULT_STORAGE: Final = "sqlite:///headstock.db"

StorageUrl = Annotated[
    str,
    typer.Option("--storage", metavar="URL", envvar="HEADSTOCK_STORAGE", help="Where the experiments are kept."),
]
Name = Annotated[str, typer.Argument(help="The experiment's name, as `headstock list` shows it.", show_default=False)]
Files = Annotated[
    Path | None, typer.Option(metavar="FOLDER", help="Where files of trials lie, if not beside the storage's own.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a script to read.")]

WIDEST_CELL: Final = 30
"""How many characters of a value, or of a name over a column, a table shows."""

PIPE_WIDTH: Final = 4_000
"""How long lines may be where no terminal shows them, as in a pipe or a file."""


def console_for(stream: TextIO) -> Console:
    """As wide as the terminal; where there is none, lines are as long as they are, so that `grep` finds rows whole."""
    is_measured = stream.isatty() or "COLUMNS" in os.environ
    return Console(width=None if is_measured else PIPE_WIDTH)


out: Final = console_for(sys.stdout)


@contextmanager
def stored(url: str, *, create: bool = False) -> Iterator[Storage]:
    """The storage of a URL, which is closed in the end."""
    opened = open_storage(url, create=create)
    try:
        yield opened
    finally:
        opened.close()


def print_json(value: Any) -> None:
    """Print strict JSON."""
    typer.echo(json.dumps(value, indent=2, allow_nan=False))


def trials_table(records: Sequence[TrialRecord], room: int) -> Table:
    """The trials, with as many of their metrics and parameters as fit into a width: no number is cut short.

    Args:
        records: the trials.
        room: how many characters a line has.
    """
    indices = _Column("trial", [str(t.index) for t in records])
    states = _Column("state", [t.state.value for t in records])
    seconds = _Column("seconds", ["" if t.seconds is None else f"{t.seconds:.1f}" for t in records])
    metrics = dict.fromkeys(name for record in records for name in record.metrics)
    parameters = dict.fromkeys(name for record in records for name in record.parameters)
    means = ([t.metrics[name].mean if name in t.metrics else "" for t in records] for name in metrics)
    values = ([t.parameters.get(name, "") for t in records] for name in parameters)
    others = [
        _Column(harmless(name), [harmless(wording.value(value)) for value in cells])
        for name, cells in zip((*metrics, *parameters), (*means, *values), strict=True)
    ]
    room -= indices.width + states.width + seconds.width
    fitting = []
    for column in others:
        if column.width <= room:
            fitting.append(column)
            room -= column.width
    shown = (indices, states, *fitting, seconds)
    table = Table(box=None, header_style="bold")
    for column in shown:
        table.add_column(escape(column.name), no_wrap=True, overflow="ellipsis", max_width=WIDEST_CELL)
    for row in zip(*(column.cells for column in shown), strict=True):
        table.add_row(*map(escape, row))
    if len(fitting) < len(others):
        table.caption = f"{len(others) - len(fitting)} more columns need more room: headstock export has them all"
        table.caption_justify = "left"
    return table


@final
@dataclass(frozen=True, slots=True)
class _Column:
    """A column of a table: its name, and a text for each row."""

    name: str
    cells: Sequence[str]

    @property
    def width(self) -> int:
        """How many characters it takes, with a space on both sides."""
        return min(WIDEST_CELL, max(map(cell_len, (self.name, *self.cells)))) + 2
