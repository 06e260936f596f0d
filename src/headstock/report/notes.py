"""Notes, which people write in Markdown, as HTML that can do nothing.

HTML of the writer's is shown as it was typed, pictures are not loaded, and a link leads only to where markdown-it lets
one lead: no scripts, files or data.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.token import Token

LEVEL: Final = 3
"""By how many levels a heading is lowered: a page's own stand above it."""

MOST_NOTES: Final = 200
"""How many notes on trials a report holds, the newest."""


def note_html(text: str) -> str:
    """A note as HTML; a line that the writer broke stays broken."""
    markdown = _markdown()
    tokens = markdown.parse(text)
    for token in _every(tokens):
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, int(token.tag[1]) + LEVEL)}"
        elif token.type == "link_open":
            token.attrs |= {"rel": "noopener noreferrer nofollow", "target": "_blank"}
    return str(markdown.renderer.render(tokens, markdown.options, {}))


def notes_html(notes: Mapping[int | None, str]) -> str:
    """The note on the experiment, then those on its trials, of very many the newest."""
    indices = sorted(index for index in notes if index is not None)
    shown = indices[-MOST_NOTES:]
    parts = [_box(notes[None])] if None in notes else []
    parts += [f"<p>The newest {MOST_NOTES} of {len(indices):,} notes on trials:</p>"] if shown != indices else []
    parts += [f"<h3>Trial {index}</h3>{_box(notes[index])}" for index in shown]
    return "\n".join(parts)


def _box(text: str) -> str:
    return f'<div class="written">{note_html(text)}</div>'


def _every(tokens: Iterable[Token]) -> Iterable[Token]:
    for token in tokens:
        yield token
        yield from token.children or ()


@cache
def _markdown() -> MarkdownIt:
    made = MarkdownIt("commonmark", {"html": False, "breaks": True})
    return made.enable(["table", "strikethrough"]).disable("image")
