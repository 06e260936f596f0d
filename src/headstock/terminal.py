"""Texts for a terminal."""

from rich.markup import escape

from headstock.wording import harmless


def plain(text: str) -> str:
    """A text of somebody's, as rich prints it letter by letter: no markup, and nothing that a terminal would obey."""
    return escape(harmless(text))
