import math
import re

import pytest

from headstock import Choice, Experiment, Float, Int, Near, Space
from headstock.errors import SpaceError

SPACE = Space(
    lr=Float(1e-6, 0.4, log=True, prior=Near(1e-3, within=3)),
    width=Int(16, 512, prior=Near(128, within=32)),
    optimizer=Choice("sgd", "adamw", "rmsprop", prior={"adamw": 3}),
    amp=Choice(False, True, ordered=True, prior={True: 2.5}),
)


def test_json_and_the_representation_keep_beliefs():
    assert Space.from_json(SPACE.to_json()) == SPACE
    assert eval(repr(SPACE)) == SPACE
    assert SPACE["optimizer"].prior == (1.0, 3.0, 1.0)


def test_what_was_stored_without_beliefs_has_none():
    plain = Space(lr=Float(1e-6, 0.4, log=True), c=Choice("a", "b"), n=Int(1, 3))
    stored = plain.to_json()
    assert all("prior" not in entry for entry in stored["parameters"])
    assert Space.from_json(stored) == plain


def test_a_wider_range_keeps_the_belief():
    assert SPACE.widened({"lr": (1e-7, 1.0)})["lr"].prior == Near(1e-3, within=3)


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: Near(math.nan, within=3), "value is nan"),
        (lambda: Near(1.0, within="3"), "within is '3'"),
        (lambda: Near(1.0, within=0), "within must be positive"),
        (lambda: Float(0, 1, prior=Near(2, within=0.1)), "which is not searched"),
        (lambda: Float(1e-5, 1, log=True, prior=Near(1e-3, within=0.5)), "within= is a factor"),
        (lambda: Int(1, 9, prior=3), "the prior is 3. Give Near"),
        (lambda: Choice("a", "b", prior="a"), "Give weights by value, such as {'a': 3}"),
        (lambda: Choice("a", "b", prior={"c": 1}), "'c' is not one of ['a', 'b']"),
        (lambda: Choice("a", "b", prior={"a": 0}), "'a' has the weight 0"),
    ],
)
def test_what_is_no_belief_is_refused(build, words):
    with pytest.raises(SpaceError, match=re.escape(words)):
        build()


def test_an_experiment_starts_where_the_best_is_believed():
    trial = Experiment("believed", SPACE, minimize="loss", seed=0).ask()
    assert trial.parameters["lr"] == pytest.approx(1e-3)
    assert (trial.parameters["width"], trial.parameters["optimizer"], trial.parameters["amp"]) == (128, "adamw", True)
