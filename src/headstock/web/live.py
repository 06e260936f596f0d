"""What changes, as it changes: server-sent events.

A stream says only that there is something new, with a few numbers; a page fetches what it shows of it. A stream that
breaks off and is opened again by the browser starts with the present state, so nothing can be missed.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

from starlette.concurrency import run_in_threadpool

from headstock.errors import UnknownExperimentError
from headstock.storage import Storage
from headstock.web import views

INTERVAL: Final = 0.15
"""How many seconds pass between two looks at the storage."""

RETRY: Final = 500
"""After how many milliseconds a browser opens a stream again that broke off."""

SILENCE: Final = 100
"""After how many looks without news a comment shows that the connection lives."""


async def events(
    storage: Storage, name: str | None, is_closed: Callable[[], Awaitable[bool]], interval: float = INTERVAL
) -> AsyncIterator[str]:
    """The summary of an experiment, or of all of them, now and whenever it has changed, until the reader has gone.

    Args:
        storage: what is watched.
        name: the experiment; None for all.
        is_closed: whether the reader has gone.
        interval: how many seconds pass between two looks.
    """
    yield f"retry: {RETRY}\n\n"
    last, silent = "", 0
    while not await is_closed():
        try:
            now = json.dumps(await run_in_threadpool(_present, storage, name))
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


def _present(storage: Storage, name: str | None) -> Any:
    """What a stream tells; it changes whenever a trial does, for then the time of the last update does."""
    found = [s for s in storage.experiments() if name in (None, s.spec.name)]
    if name is not None and not found:
        raise UnknownExperimentError(f"There is no experiment {name!r}.")
    told = [views.summary(s) for s in found]
    return told if name is None else told[0]
