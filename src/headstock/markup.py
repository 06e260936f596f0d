"""Small tables as HTML, for notebooks; whatever users wrote is escaped."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from headstock import wording


def facts(heading: str, pairs: Mapping[str, object]) -> str:
    """A heading above a table of names and values."""
    rows = "".join(
        f'<tr><th scope="row" style="text-align: left">{escape(name)}</th><td>{_cell(value)}</td></tr>'
        for name, value in pairs.items()
    )
    return f"<p><b>{escape(heading)}</b></p><table><tbody>{rows}</tbody></table>"


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table with a row of heads."""
    head = "".join(f'<th scope="col">{escape(words)}</th>' for words in heads)
    body = "".join(f"<tr>{''.join(f'<td>{_cell(value)}</td>' for value in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(value: object) -> str:
    return "" if value is None else escape(wording.value(value))
