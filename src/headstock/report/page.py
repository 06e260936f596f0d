"""The HTML page around a report: everything in one file, nothing from the network, nothing of a user's run as code.

What users wrote reaches the page in three ways: as HTML, through `html.escape`; as JSON, compressed, in elements that
are not run; and as text of plotly's figures, through `plots.style.text`. The page's Content-Security-Policy names the
hash of its one script, so that no other one runs. That script unpacks the data, and plotly, which is compressed, too: a
report has less than half of plotly's own size.
"""

import base64
import gzip
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from html import escape
from importlib.resources import files
from string import Template
from typing import Any, final

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from headstock import __version__
from headstock.plots import style


@final
@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page.

    Args:
        heading: its title.
        body: what it holds, as HTML.
        data: what its script reads: the JSON of each id.
    """

    heading: str
    body: str
    data: Mapping[str, Any] = field(default_factory=dict)

    @property
    def anchor(self) -> str:
        """The fragment under which the section is reached."""
        return self.heading.lower().replace(" ", "-")


def page(title: str, goal: str, sections: Sequence[Section]) -> str:
    """The whole HTML document."""
    assets = files("headstock.report")
    script = "\n".join(assets.joinpath(name).read_text("utf-8") for name in ("figures.js", "page.js"))
    data: dict[str, Any] = {"templates": {"light": style.template(), "dark": style.template(dark=True)}}
    for section in sections:
        data.update(section.data)
    return Template(assets.joinpath("page.html").read_text("utf-8")).substitute(
        policy=_policy(script),
        version=escape(__version__),
        title=escape(title),
        goal=escape(goal),
        style=assets.joinpath("page.css").read_text("utf-8"),
        contents=" ".join(f'<a href="#{escape(s.anchor)}">{escape(s.heading)}</a>' for s in sections),
        sections="\n".join(map(_section, sections)),
        data="\n".join(_data(name, value) for name, value in data.items()),
        plotly=_plotly(),
        script=script,
    )


def figure(name: str, drawn: go.Figure) -> tuple[str, dict[str, Any]]:
    """A figure as HTML and data; its title is left to the page, its note becomes a paragraph."""
    made = json.loads(drawn.to_json())
    layout = made["layout"]
    layout.pop("template")
    note = layout.pop("title")["subtitle"].get("text", "")
    margin = {**style.template()["layout"]["margin"], **layout.get("margin", {})}
    layout["margin"] = {**margin, "t": margin["t"] - style.TITLE}
    size = f"min-height: {layout['height']}px; min-width: {layout.get('meta', {}).get('least_width', 0)}px"
    place = f'<div class="scrolling"><div class="figure" data-name="{name}" style="{size}"></div></div>'
    caption = f'<p class="note">{note}</p>' if note else ""  # the note is escaped already: plotly reads it as HTML
    return caption + place, {name: made}


def _section(section: Section) -> str:
    anchor = escape(section.anchor)
    return f'<section id="{anchor}"><h2>{escape(section.heading)}</h2>\n{section.body}\n</section>'


def _data(name: str, value: Any) -> str:
    """JSON, packed; what strings it holds, no HTML parser sees."""
    encoded = json.dumps(value, allow_nan=False, separators=(",", ":"))
    return f'<script type="application/gzip" id="data-{name}">{_packed(encoded)}</script>'


def _packed(text: str) -> str:
    """Compressed, in letters and digits; the same text gives the same ones."""
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()


@cache
def _plotly() -> str:
    return _packed(get_plotlyjs())


def _policy(script: str) -> str:
    """Only this script may run, and nothing may be loaded; plotly is evaluated, and compiles WebGL programs itself."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        f"default-src 'none'; script-src 'sha256-{digest}' 'unsafe-eval'; style-src 'unsafe-inline'; "
        f"img-src data: blob:; base-uri 'none'; form-action 'none'"
    )
