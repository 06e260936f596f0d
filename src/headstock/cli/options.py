"""What the commands share: options, and ways to open and to print."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.table import Table

from headstock import TrialRecord, wording
from headstock.storage import Storage, open_storage
from headstock.terminal import plain

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

MOST_COLUMNS: Final = 8
"""How many parameters a table has room for."""

out: Final = Console()


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


def trials_table(records: Sequence[TrialRecord]) -> Table:
    """The trials, with as many of their parameters as have room."""
    every = list(dict.fromkeys(name for record in records for name in record.parameters))
    names, others = every[:MOST_COLUMNS], len(every[MOST_COLUMNS:])
    metrics = list(dict.fromkeys(name for record in records for name in record.metrics))
    table = Table("trial", "state", *map(plain, metrics), *map(plain, names), "seconds", box=None, header_style="bold")
    for record in records:
        means = [record.metrics[m].mean if m in record.metrics else "" for m in metrics]
        values = [record.parameters.get(name, "") for name in names]
        seconds = "" if record.seconds is None else f"{record.seconds:.1f}"
        shown = (plain(wording.value(value)) for value in (*means, *values))
        table.add_row(str(record.index), record.state.value, *shown, seconds)
    if others:
        table.caption = f"and {others} more parameters: headstock export has them all"
        table.caption_justify = "left"
    return table
