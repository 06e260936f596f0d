"""Who may talk to the dashboard, and what a page of it may do.

The dashboard has no users. On the loopback address everybody on the machine may look, but no page of another site may
reach it through a browser: the Host header has to name a loopback address (against DNS rebinding), and whatever changes
something has to come from the dashboard's own pages (the Origin header, against cross-site requests). On any other
address a token is needed, in a cookie that the link with the token sets.
"""

import hmac
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE: Final = "headstock-token"

HEADERS: Final[Mapping[str, str]] = {
    # Plotly compiles WebGL programs with eval and sets styles; nothing comes from anywhere else.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; media-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def is_loopback(host: str) -> bool:
    """Whether a host's name or address is that of this machine alone."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@final
@dataclass(frozen=True, slots=True)
class Guard:
    """Lets through only what may be answered.

    Args:
        app: the application.
        token: what a browser has to show; None on the loopback address.
    """

    app: ASGIApp
    token: str | None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, refuse, or turn a link with a token into a cookie."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def protected(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)  # an answer may have a policy of its own: see artifacts.py
            await send(message)

        refusal = self._refusal(Request(scope))
        await (refusal or self.app)(scope, receive, protected)

    def _refusal(self, request: Request) -> Response | None:
        headers = request.headers
        if self.token is None and not is_loopback(_name(headers)):
            return _refused("This address is not the dashboard's. Open the link that headstock ui printed.")
        if self.token is not None:
            given = request.query_params.get("token")
            if given is not None and hmac.compare_digest(given.encode(), self.token.encode()):
                answer = RedirectResponse("/", HTTPStatus.SEE_OTHER)
                answer.set_cookie(COOKIE, self.token, httponly=True, samesite="strict")
                return answer
            if not hmac.compare_digest(request.cookies.get(COOKIE, "").encode(), self.token.encode()):
                return _refused("A token is needed. Open the link that headstock ui printed.")
        if request.method not in ("GET", "HEAD"):
            if urlsplit(headers.get("origin", "")).netloc != headers.get("host"):
                return _refused("Only the dashboard's own pages may change something.")
            if headers.get("content-type", "").partition(";")[0] != "application/json":
                return PlainTextResponse("Send JSON.", HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
        return None


def _name(headers: Headers) -> str:
    """The host that a request names, without its port."""
    try:
        return urlsplit(f"//{headers.get('host', '')}").hostname or ""
    except ValueError:
        return ""


def _refused(words: str) -> Response:
    return PlainTextResponse(words, HTTPStatus.FORBIDDEN)
