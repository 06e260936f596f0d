"""What a script writes for TensorBoard, read with TensorBoard's own reader."""

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from headstock.errors import CommandError, MissingDependencyError

Stamps = Mapping[Path, tuple[int, int]]
"""For each event file what changes when it is written: the time and the size."""


def event_files(folder: Path | None) -> Stamps:
    """The event files in a folder and those below it."""
    found: dict[Path, tuple[int, int]] = {}
    for path in sorted(folder.rglob("*tfevents*")) if folder is not None else ():
        with contextlib.suppress(OSError):  # somebody tidies up meanwhile
            status = path.stat()
            found[path] = (status.st_mtime_ns, status.st_size)
    return found


def read_events(folder: Path, before: Stamps, metrics: Sequence[str]) -> dict[str, list[float]]:
    """The curve of each metric that was written, in order of its steps; a metric is the tag of a scalar.

    Args:
        folder: where the event files lie.
        before: those that were there before the script began; they count if they have grown since.
        metrics: the metrics to read.

    Raises:
        CommandError: if no event file was written, or the first metric is in none.
        MissingDependencyError: if TensorBoard is not installed.
    """
    check_tensorboard()
    from tensorboard.backend.event_processing.event_accumulator import SCALARS, EventAccumulator

    written = [path for path, stamp in event_files(folder).items() if before.get(path) != stamp]
    curves: dict[str, dict[int, float]] = {}
    tags: set[str] = set()
    for path in written:
        events = EventAccumulator(str(path), size_guidance={SCALARS: 0})
        events.Reload()
        tags.update(events.Tags()[SCALARS])
        for metric in tags.intersection(metrics, events.Tags()[SCALARS]):
            curves.setdefault(metric, {}).update({event.step: event.value for event in events.Scalars(metric)})
    if metrics and (not written or metrics[0] not in curves):
        there = f"they have {', '.join(map(repr, sorted(tags)[:9])) or 'no scalars'}" if written else "there are none"
        raise CommandError(f"The script wrote no {metrics[0]!r} for TensorBoard into {folder}: of its files, {there}.")
    return {metric: [value for _, value in sorted(curve.items())] for metric, curve in curves.items()}


def check_tensorboard() -> None:
    """Refuse to go on without TensorBoard.

    Raises:
        MissingDependencyError: if it is not installed.
    """
    try:
        import tensorboard as _  # noqa: F401
    except ImportError:
        raise MissingDependencyError(
            "To read event files needs TensorBoard: pip install 'headstock[tensorboard]'."
        ) from None
