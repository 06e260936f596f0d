"""What changes, as it changes: server-sent events.

A stream says only that there is something new, with a few numbers; a page fetches what it shows of it. A stream that
breaks off and is opened again by the browser starts with the present state, so nothing can be missed.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from typing import Final

from starlette.concurrency import run_in_threadpool

from headstock.errors import UnknownExperimentError
from headstock.storage import ExperimentSummary, Storage
from headstock.web import views

INTERVAL: Final = 0.15
"""How many seconds pass between two looks at the storage."""

RETRY: Final = 500
"""After how many milliseconds a browser opens a stream again that broke off."""

SILENCE: Final = 100
"""After how many looks without news a comment shows that the connection lives."""


async def events(
    storage: Storage,
    names: Collection[str] | None,
    is_closed: Callable[[], Awaitable[bool]],
    interval: float = INTERVAL,
) -> AsyncIterator[str]:
    """The summaries of experiments, now and whenever one of them has changed, until the reader has gone.

    Args:
        storage: what is watched.
        names: the experiments; None for all. The stream ends when one of those that are named is deleted.
        is_closed: whether the reader has gone.
        interval: how many seconds pass between two looks.
    """
    yield f"retry: {RETRY}\n\n"
    last, silent = "", 0
    while not await is_closed():
        try:
            now = await run_in_threadpool(lambda: json.dumps([views.summary(s) for s in summaries(storage, names)]))
        except UnknownExperimentError:
            yield "event: deleted\ndata: {}\n\n"
            return
        if now != last:
            yield f"data: {now}\n\n"
            last, silent = now, 0
        elif silent == SILENCE:
            yield ": still here\n\n"
            silent = 0
        silent += 1
        await asyncio.sleep(interval)


def summaries(storage: Storage, names: Collection[str] | None) -> list[ExperimentSummary]:
    """The present state of experiments; it changes whenever a trial does, for then the time of the last update does.

    Args:
        storage: where they are kept.
        names: the experiments; None for all.

    Raises:
        UnknownExperimentError: if there is none of one of these names.
    """
    found = {s.spec.name: s for s in storage.experiments() if names is None or s.spec.name in names}
    for name in names or ():
        if name not in found:
            raise UnknownExperimentError(f"There is no experiment {name!r}.")
    return [*found.values()]
