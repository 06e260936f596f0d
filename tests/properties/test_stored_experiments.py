"""An experiment's JSON with anything of it changed is read, or refused before anything of it is kept."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

import headstock as hs
from headstock.errors import HeadstockError
from headstock.storage import open_storage

GONE = object()


def written() -> Any:
    space = hs.Space(x=hs.Float(0, 1), o=hs.Choice("a", "b"), n=hs.Int(1, 3, when={"o": ("a", "b")}))
    experiment = hs.Experiment("e", space, maximize="score", seed=0, outcome_constraints=["cost <= 2"])

    def train(trial: hs.Trial) -> None:
        for step in trial.steps(2):
            trial.report(score=float(step), cost=1.0)

    experiment.run(train, budget=hs.Budget(trials=1))
    experiment.note("of all")
    experiment.note("of the first", 0)
    return json.loads(json.dumps(experiment.to_json()))


def places(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to each value in a JSON."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inside:
        yield (*way, key)
        yield from places(one, (*way, key))


@pytest.mark.parametrize(
    "other",
    [GONE, None, -1, "x", [], {}, float("inf"), True],
    ids=lambda value: "gone" if value is GONE else repr(value),
)
def test_what_is_something_else_is_refused_and_leaves_nothing_behind(other: Any):
    whole = written()
    refused = 0
    for *way, last in places(whole):
        changed = copy.deepcopy(whole)
        inside = changed
        for key in way:
            inside = inside[key]
        if other is GONE:
            del inside[last]
        else:
            inside[last] = other
        storage = open_storage()
        try:
            repr(hs.Experiment.from_json(changed, storage=storage))
        except HeadstockError:
            assert list(storage.experiments()) == [], (*way, last)
            refused += 1
        storage.close()
    assert refused >= 20
