"""From a storage to a server with an address."""

import secrets
import socket
import time
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import Final

import uvicorn

from headstock.errors import StorageError
from headstock.storage import Storage
from headstock.web.app import create_app
from headstock.web.guard import is_loopback

FAREWELL: Final = 2
"""How many seconds open streams have to end when the server does."""


def serve(
    storage: Storage,
    *,
    host: str,
    port: int,
    browser: bool,
    announce: Callable[[str], None],
    folder: Path | None = None,
) -> None:
    """Serve the dashboard until it is interrupted.

    Args:
        storage: what it shows.
        host: the address to listen on; on any but a loopback address a token is needed, which the link holds.
        port: the port; 0 for a free one.
        browser: whether to open it in a browser.
        announce: is told the link.
        folder: where the files of trials lie, if not beside the storage's own.

    Raises:
        StorageError: if the address cannot be listened on.
    """
    token = None if is_loopback(host) else secrets.token_urlsafe()
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((host, port))
            listening.listen()  # whoever follows the link from now on waits for the answer, and is not refused
        except OSError as error:
            raise StorageError(f"{host}:{port} cannot be listened on: {error}. Choose another --port.") from error
        shown = f"[{host}]" if ":" in host else host
        link = f"http://{shown}:{listening.getsockname()[1]}/" + ("" if token is None else f"?token={token}")
        announce(link)
        if browser:
            webbrowser.open(link)
        config = uvicorn.Config(
            create_app(storage, token=token, folder=folder, is_closing=lambda: server.should_exit, clock=time.time),
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=FAREWELL,
        )
        server = uvicorn.Server(config)
        server.run(sockets=[listening])
