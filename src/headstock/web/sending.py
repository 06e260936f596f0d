"""Files as answers: never a page of their own, and as a part where a player asks for one."""

import os
import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, final
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from headstock.web.artifacts import Opened
from headstock.wording import harmless

CHUNK: Final = 2**18

POLICY: Final = "default-src 'none'; sandbox; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""What a file may do that is opened as a page: nothing."""

_RANGE: Final = re.compile(r"bytes=(\d{1,18})-(\d{1,18})?", re.ASCII)


def answer(request: Request, found: Opened) -> "Sending | Response":
    """The answer with a file, or with the part of it that a request asks for; it has the file to close."""
    kind, size, tag = found.kind, found.status.st_size, f'"{found.version}"'
    headers = {
        "ETag": tag,
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-cache",
        "Content-Security-Policy": POLICY,
        "Content-Disposition": f"{kind.disposition}; filename*=UTF-8''{quote(harmless(found.name), safe='')}",
    }
    if request.headers.get("if-none-match") == tag:
        found.file.close()
        return Response(None, HTTPStatus.NOT_MODIFIED, headers)
    part = _RANGE.fullmatch(request.headers.get("range", ""))
    first, end = (0, size) if part is None else (int(part[1]), min(size, int(part[2] or size) + 1))
    if part is None or first >= end or request.headers.get("if-range", tag) != tag:
        return Sending(request, found, 0, size, Response(None, HTTPStatus.OK, headers, kind.media))
    headers["Content-Range"] = f"bytes {first}-{end - 1}/{size}"
    return Sending(request, found, first, end, Response(None, HTTPStatus.PARTIAL_CONTENT, headers, kind.media))


@final
@dataclass(frozen=True, slots=True)
class Sending:
    """The answer with an opened file, which is closed when it was sent or nobody wants it any more.

    Args:
        request: what is answered.
        found: the file.
        first: where what is sent begins.
        end: where it ends. What is written behind it meanwhile belongs to a later answer.
        head: the answer without its body.
    """

    request: Request
    found: Opened
    first: int
    end: int
    head: Response

    async def __call__(self, scope: Scope, _: Receive, send: Send) -> None:
        """Send it."""
        with self.found.file as file:
            self.head.headers["Content-Length"] = str(self.end - self.first)
            start = {"type": "http.response.start", "status": self.head.status_code, "headers": self.head.raw_headers}
            await send(start)
            at = self.end if scope["method"] == "HEAD" else self.first
            if at == self.end:
                await send({"type": "http.response.body"})
            while at < self.end:
                part = await run_in_threadpool(os.pread, file.fileno(), min(CHUNK, self.end - at), at)
                if not part or await self.request.is_disconnected():
                    return  # of a file that was cut, the server breaks the answer off, so that the browser knows
                at += len(part)
                await send({"type": "http.response.body", "body": part, "more_body": at < self.end})
