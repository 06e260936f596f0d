"""The dashboard as a process of its own, as people start it."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager


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
        process.wait(timeout=30)
        process.stdout.close()
