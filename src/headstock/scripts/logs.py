"""What trials have printed, for people to read."""

from collections import deque
from collections.abc import Iterator
from pathlib import Path

from headstock.errors import CommandError
from headstock.executors.command import earlier
from headstock.scripts.folders import LOG, trial_folder
from headstock.wording import harmless


def log_lines(files: Path | None, index: int, *, last: int | None = None) -> Iterator[str]:
    """The lines that a trial printed, without what a terminal would obey.

    Args:
        files: the folder of the experiment's files; None if it has none.
        index: the trial.
        last: only so many, from the end; None for all that was kept.

    Raises:
        CommandError: if there is no log.
    """
    log = None if files is None else trial_folder(files, index) / LOG
    if log is None or not log.is_file():
        raise CommandError(
            f"Trial {index} has no log here. Only `headstock run` and `resume` keep what a trial prints."
        )
    lines = _lines([path for path in (earlier(log), log) if path.is_file()])
    yield from lines if last is None else deque(lines, maxlen=last)


def _lines(paths: list[Path]) -> Iterator[str]:
    for path in paths:
        with path.open(encoding="utf-8", errors="replace", newline="\n") as file:
            for line in file:
                # Of a progress bar, its last state.
                yield harmless(line.rstrip("\r\n").rpartition("\r")[2])
