"""What a request says: in its address, or as JSON."""

import json
from collections.abc import Mapping
from typing import Any, Final

from starlette.requests import Request

from headstock.errors import HeadstockError
from headstock.scalars import is_whole

MOST_NAMED: Final = 8
LARGEST_BODY: Final = 1_000_000


class BadRequestError(HeadstockError, ValueError):
    """A request that lacks something, or has it in another form."""


def text(request: Request, what: str) -> str:
    """What a request has to name in its address."""
    value = request.query_params.get(what)
    if value is None:
        raise BadRequestError(f"Name the {what}.")
    return value


def number(request: Request, what: str, default: int | None = None) -> int:
    """A number in the address of a request."""
    value = request.query_params.get(what)
    if value is None and default is not None:
        return default
    if value is None or not value.isdecimal() or len(value) > 9:
        raise BadRequestError(f"Give the {what} as a number.")
    return int(value)


def experiment_of(request: Request) -> str:
    """The experiment that a request is about."""
    return text(request, "experiment")


def trial_of(request: Request) -> tuple[str, int]:
    """The trial that a request is about: its experiment and its index."""
    return experiment_of(request), number(request, "trial")


def experiments_of(request: Request) -> list[str]:
    """The experiments that a request names, each once, at most eight."""
    return list(dict.fromkeys(request.query_params.getlist("experiment")))[:MOST_NAMED]


async def body(request: Request) -> dict[str, Any]:
    """The JSON object that a page sends."""
    content = b""
    async for part in request.stream():
        content += part
        if len(content) > LARGEST_BODY:
            raise BadRequestError("The request is too large.")
    try:
        given = json.loads(content)
    except ValueError as error:
        raise BadRequestError("The request is no JSON.") from error
    if not isinstance(given, dict):
        raise BadRequestError("The request is no JSON object.")
    return given


def experiment_in(given: Mapping[str, Any]) -> str:
    """The experiment that such an object is about."""
    name = given.get("experiment")
    if not isinstance(name, str):
        raise BadRequestError("Name the experiment.")
    return name


def trial_in(given: Mapping[str, Any]) -> int:
    """The index of the trial that such an object is about."""
    index = given.get("trial")
    if not is_whole(index, 0):
        raise BadRequestError("Name the trial by its number.")
    return index
