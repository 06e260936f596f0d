"""What the commands share: options, and ways to open and to print."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console

from headstock.storage import Storage, open_storage

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
