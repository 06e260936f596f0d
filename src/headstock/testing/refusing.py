"""That something is refused."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def refused(error: type[Exception]) -> Iterator[None]:
    """Assert that the block raises `error`."""
    try:
        yield
    except error:
        return
    raise AssertionError(f"this was accepted, and should have raised {error.__name__}")
