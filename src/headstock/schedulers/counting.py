"""Whole numbers that schedulers are given."""

from dataclasses import fields
from typing import Any

from headstock.errors import HeadstockError
from headstock.scalars import MOST, is_whole
from headstock.wording import given, whole


def check_whole(scheduler: Any, **least: int) -> None:
    """Refuse arguments that are no whole numbers of at least so much; what is None if left out may be None.

    Raises:
        HeadstockError: if one is something else.
    """
    for argument in fields(scheduler):
        fewest, value = least.get(argument.name), getattr(scheduler, argument.name)
        if fewest is None or is_whole(value, fewest) or value is argument.default is None:
            continue
        kind = type(scheduler).__name__
        raise HeadstockError(f"{kind}({argument.name}={given(value)}): {whole(value, fewest, MOST)}.")
