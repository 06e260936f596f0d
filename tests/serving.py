"""The dashboard as a process of its own, as people start it, and what it answers."""

import http.client
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlencode, urlsplit


@contextmanager
def dashboard(storage: str, *options: str) -> Iterator[str]:
    """The link to a dashboard that runs while the block does."""
    command = [sys.executable, "-c", "from headstock.cli import main; main()"]
    process = subprocess.Popen(
        [*command, "ui", "--no-browser", "--storage", storage, *options], stdout=subprocess.PIPE, text=True
    )
    try:
        line = process.stdout.readline()
        assert line.startswith("Dashboard: "), line
        yield line.removeprefix("Dashboard: ").strip()
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


class Answer:
    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status, self.headers, self.body = response.status, response.headers, response.read()

    @property
    def json(self):
        return json.loads(self.body)


def request(link, method, path, *, body=None, **headers) -> Answer:
    connection = http.client.HTTPConnection(urlsplit(link).netloc, timeout=60)
    try:
        connection.request(method, path, body, headers)
        return Answer(connection.getresponse())
    finally:
        connection.close()


def get(link, path, **what) -> Answer:
    return request(link, "GET", f"/{path}?{urlencode(what)}")
