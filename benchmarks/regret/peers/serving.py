"""Ask and tell over pipes: one JSON line in, one out. Every library's module ends in `serve(...)`.

    {"start": {"space": [...], "seed": 0, "trials": 50, "workers": 1}}  ->  {"cpu": seconds}
    {"ask": null}                                                       ->  {"key": 0, "parameters": {...}, "cpu": ...}
    {"tell": {"key": 0, "value": 1.5}}                                  ->  {"cpu": ...}; a value of null has failed
    {"know": [[{...}, 1.5], ...]}                                       ->  {"cpu": ...}; results from elsewhere
    {"best": null}                                                      ->  {"parameters": {...} or null, "cpu": ...}

The first line out, {"versions": {...}}, says that all is imported. A space is the list of parameters of
`headstock.Space.to_json`. Values are minimised. `start` begins anew, so that one process serves many runs.
"""

import json
import os
import platform
import sys
import time
import warnings
from collections.abc import Callable
from importlib.metadata import version
from typing import Any, Protocol


class Search(Protocol):
    """One run of a library's search."""

    def ask(self) -> tuple[int, dict[str, Any]]:
        """A key of the trial's own, and its parameters."""
        ...

    def tell(self, key: int, value: float | None) -> None:
        """The value of a trial; None if it failed."""
        ...

    def know(self, results: list[tuple[dict[str, Any], float]]) -> None:
        """Results that were obtained elsewhere."""
        ...

    def best(self) -> dict[str, Any] | None:
        """What the library recommends; None if it recommends nothing but the best value seen."""
        ...


Start = Callable[[list[dict[str, Any]], int, int, int], Search]
"""A new search of a space, with a seed, that will have so many trials, by so many workers."""


def serve(start: Start, packages: tuple[str, ...]) -> None:
    """Answer until the input ends. What a library prints goes to standard error."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    warnings.simplefilter("ignore")
    versions = {"python": platform.python_version(), **{name: version(name) for name in packages}}
    print(json.dumps({"versions": versions}), file=answers, flush=True)
    search: Search | None = None
    for line in sys.stdin:
        [(verb, given)] = json.loads(line).items()
        began = time.process_time()
        answer: dict[str, Any] = {}
        if verb == "start":
            search = start(given["space"], given["seed"], given["trials"], given["workers"])
        elif search is None:
            raise ValueError(f"{verb} before start")
        elif verb == "ask":
            answer["key"], answer["parameters"] = search.ask()
        elif verb == "tell":
            search.tell(given["key"], given["value"])
        elif verb == "know":
            search.know(given)
        else:
            answer["parameters"] = search.best()
        answer["cpu"] = time.process_time() - began
        print(json.dumps(answer, default=_plain), file=answers, flush=True)


def _plain(number: Any) -> Any:
    """A NumPy scalar as the number, string or boolean that it holds."""
    return number.item()
