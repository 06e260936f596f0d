"""The page and what it is made of: static files, which are held and never looked for."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from importlib.resources import files
from pathlib import PurePath
from typing import Final, final

from plotly.offline import get_plotlyjs
from starlette.requests import Request
from starlette.responses import Response

from headstock.plots import style

KINDS: Final = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".html": "text/html",
    ".json": "application/json",
}


@final
@dataclass(frozen=True)
class Assets:
    """Answers with static files."""

    @cached_property
    def contents(self) -> Mapping[str, bytes]:
        """The files, by name; Plotly's is large, so they are read when the first is asked for."""
        ours, shared = files("headstock.web").joinpath("static"), files("headstock.report")
        templates = {"light": style.template(), "dark": style.template(dark=True)}
        return {
            **{file.name: file.read_bytes() for file in ours.iterdir()},
            **{name: shared.joinpath(name).read_bytes() for name in ("page.css", "figures.js")},
            "plotly.js": get_plotlyjs().encode(),
            "templates.json": json.dumps(templates).encode(),
        }

    @cached_property
    def tags(self) -> Mapping[str, str]:
        """What tells each file from what it was before."""
        return {name: f'"{hashlib.sha256(content).hexdigest()[:16]}"' for name, content in self.contents.items()}

    def file(self, request: Request) -> Response:
        """A static file: one of those that are held, never a path."""
        name = request.path_params.get("name", "index.html")  # the one page, which shows what its address says
        if name not in self.contents:
            return Response(status_code=HTTPStatus.NOT_FOUND)
        headers = {"ETag": self.tags[name], "Cache-Control": "no-cache"}  # it is kept, and asked for again
        if request.headers.get("if-none-match") == self.tags[name]:
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
        return Response(self.contents[name], media_type=KINDS[PurePath(name).suffix], headers=headers)
