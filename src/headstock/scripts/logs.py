"""What trials have printed, for people to read."""

import sys
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack
from io import BufferedReader, FileIO, TextIOWrapper
from pathlib import Path

from headstock.errors import CommandError
from headstock.executors.command import earlier
from headstock.scripts.folders import LOG
from headstock.trial_files import open_file, opened_trial
from headstock.wording import given, harmless


def log_lines(files: Path | None, index: int, *, last: int | None = None) -> Iterator[str]:
    """The lines that a trial printed, without what a terminal would obey.

    Args:
        files: the folder of the experiment's files; None if it has none.
        index: the trial.
        last: only so many, from the end; None for all that was kept.

    Raises:
        CommandError: if there is no log.
    """
    with ExitStack() as stack:
        folder = None if files is None else stack.enter_context(opened_trial(files, index))
        names = (earlier(Path(LOG)).name, LOG)
        logs = [] if folder is None else [log for name in names if (log := open_file(folder, name)) is not None]
        if not logs:
            raise CommandError(
                f"Trial {given(index)} has no log here. Only `headstock run` and `resume` keep what a trial prints."
            )
        texts = [stack.enter_context(_text(log)) for log in logs]
        # Of a progress bar, its last state.
        lines = (harmless(line.rstrip("\r\n").rpartition("\r")[2]) for text in texts for line in text)
        yield from lines if last is None else deque(lines, maxlen=min(last, sys.maxsize))


def _text(log: FileIO) -> TextIOWrapper:
    return TextIOWrapper(BufferedReader(log), encoding="utf-8", errors="replace", newline="\n")
