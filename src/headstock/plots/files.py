"""Figures as files."""

from pathlib import Path
from typing import Final

import plotly.graph_objects as go

from headstock.errors import HeadstockError, MissingDependencyError

PICTURES: Final = (".png", ".svg", ".pdf")
WIDTH: Final = 1000
SCALE: Final = 2.0
"""How many pixels of a PNG stand for one of the figure, so that it is sharp on every screen."""


def write_figure(made: go.Figure, path: str | Path) -> Path:
    """Write a figure into a file: `.html` (interactive, opens offline), or `.png`, `.svg`, `.pdf` where kaleido is.

    Args:
        made: the figure.
        path: the file; its ending says what is written. One that exists is replaced, folders that do
            not are made.

    Returns:
        The file's path.

    Raises:
        HeadstockError: if the ending is another one, or the picture cannot be drawn.
        MissingDependencyError: if a picture is wanted, and kaleido is not installed.
    """
    target = Path(path)
    kind = target.suffix.lower()
    if kind == ".html":
        content = made.to_html(include_plotlyjs=True, config={"showSendToCloud": False}).encode()
    elif kind in PICTURES:
        content = _picture(made, kind)
    else:
        raise HeadstockError(f"{str(path)!r} is no figure's file. Let it end in .html, {', '.join(PICTURES)}.")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    return target


def _picture(made: go.Figure, kind: str) -> bytes:
    """The figure as kaleido draws it in a browser of this machine."""
    try:
        import kaleido  # noqa: F401 - only whether it is there
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            f"A {kind} file needs kaleido: pip install 'headstock[pictures]'. An .html file needs nothing."
        ) from error
    try:
        return made.to_image(format=kind[1:], width=WIDTH, scale=SCALE if kind == ".png" else 1.0)
    except (RuntimeError, ValueError, OSError) as error:
        first = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise HeadstockError(f"The {kind} file could not be drawn: {first} An .html file needs no browser.") from error
