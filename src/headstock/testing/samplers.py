"""What every sampler has to do, as checks to run in a test suite.

    @pytest.mark.parametrize("check", headstock.testing.samplers.CHECKS)
    def test_my_sampler(check):
        check(MySampler())

Each check takes a sampler and raises AssertionError, with the reason, if it breaks the contract of
`headstock.samplers.Sampler`.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from headstock.encoding import Encoding
from headstock.errors import SpaceExhaustedError
from headstock.history import History
from headstock.objective import Objective
from headstock.parameters import Parameters
from headstock.samplers import sampler_from_json
from headstock.samplers.base import Sampler, Suggestion
from headstock.space import Choice, Fixed, Float, Int, Space
from headstock.trial import Observation, TrialRecord, TrialState

_OBJECTIVE: Final = Objective("loss", minimize=True)

SPACES: Final = {
    "one real": Space(x=Float(-5.0, 5.0)),
    "mixed": Space(
        lr=Float(1e-5, 1.0, log=True),
        width=Int(8, 1024, log=True),
        dropout=Float(0.0, 0.5, step=0.1),
        optimizer=Choice("sgd", "adamw", "lion"),
        batch=Choice(16, 64, 256, ordered=True),
        epochs=Fixed(10),
    ),
    "conditional": Space(
        optimizer=Choice("sgd", "adamw"),
        momentum=Float(0.0, 0.99, when={"optimizer": "sgd"}),
        schedule=Choice("step", "cosine", when={"optimizer": "sgd"}),
        decay=Float(0.1, 0.9, when={"schedule": "step"}),
    ),
    "constrained": Space(a=Float(0, 1), b=Float(0, 1), n=Int(1, 50), constraints=["a + b <= 0.4", "a >= b"]),
    "narrow": Space(a=Float(0, 1), b=Float(0, 1), c=Float(0, 1), constraints=["a+b+c <= 1", "a+b+c >= 1"]),
    "categories only": Space({name: Choice(*"abcdef") for name in ("p", "q", "r", "s")}),
    "huge": Space(n=Int(0, 10**9), m=Int(1, 10**7, log=True)),
}
"""Spaces of every kind, by name."""

FINITE: Final = Space(
    kind=Choice("a", "b"),
    depth=Int(1, 3, when={"kind": "a"}),
    width=Int(0, 4, step=2),
    constraints=["width <= 2"],
)
"""A space with eight configurations."""


def check_suggestions_are_valid(sampler: Sampler) -> None:
    """Suggestions are new configurations of the space, with their reasons, at every stage of a search."""
    for name, space in SPACES.items():
        history = History(space, _OBJECTIVE, seed=3)
        for _ in range(8):
            suggestions = _suggest(sampler, history, 2)
            assert len(suggestions) == 2, f"{name}: asked for two suggestions, got {len(suggestions)}"
            for suggestion in suggestions:
                assert space.validate(suggestion.parameters) == suggestion.parameters, f"{name}: {suggestion}"
                assert suggestion.source, f"{name}: no source in {suggestion}"
                assert suggestion.because, f"{name}: no reason in {suggestion}"
                assert "\n" not in suggestion.because, f"{name}: more than one line in {suggestion}"
                assert json.loads(json.dumps(suggestion.memo)) == suggestion.memo, f"{name}: {suggestion}"
            history = _finished(history, suggestions)
            _assert_distinct(history)


def check_it_is_pure(sampler: Sampler) -> None:
    """The same history and randomness give the same suggestions, also from a copy that went through JSON."""
    stored = sampler.to_json()
    copies = [sampler, sampler] if stored is None else [sampler, sampler_from_json(json.loads(json.dumps(stored)))]
    for name in ("mixed", "conditional"):
        history = _searched(sampler, SPACES[name], 6)
        first, second = (_suggest(copy, history, 2) for copy in copies)
        assert first == second, f"{name}: {first} is not {second}"


def check_pending_trials_are_not_repeated(sampler: Sampler) -> None:
    """Sixteen workers that ask one after the other, before any has an answer, get sixteen configurations."""
    for name, space in SPACES.items():
        history = _searched(sampler, space, 4)
        for _ in range(16):
            history = _begun(history, _suggest(sampler, history, 1), TrialState.RUNNING)
        assert len(history) == 20, f"{name}: {len(history) - 4} of 16 suggestions came"
        _assert_distinct(history)


def check_failed_trials_are_not_repeated(sampler: Sampler) -> None:
    """A search in which every trial fails goes on to other configurations."""
    history = History(SPACES["conditional"], _OBJECTIVE, seed=1)
    for _ in range(8):
        history = _begun(history, _suggest(sampler, history, 1), TrialState.FAILED)
    _assert_distinct(history)


def check_given_values_are_kept(sampler: Sampler) -> None:
    """Suggestions have the values that are given, and are complete."""
    cases: list[tuple[str, Parameters]] = [
        ("mixed", {"lr": 0.05, "optimizer": "lion"}),
        ("mixed", {"width": 100, "epochs": 10}),
        ("conditional", {"decay": 0.3}),
        ("conditional", {"optimizer": "adamw"}),
        ("constrained", {"a": 0.3, "n": 7}),
    ]
    for name, given in cases:
        for trials in (0, 6):
            history = _searched(sampler, SPACES[name], trials)
            [suggestion] = _suggest(sampler, history, 1, given)
            complete = SPACES[name].validate(suggestion.parameters)
            assert given.items() <= complete.items(), f"{name}: {given} became {complete}"


def check_a_complete_configuration_is_taken_as_given(sampler: Sampler) -> None:
    """What is given completely comes back, though a trial has it."""
    given: Parameters = {"optimizer": "sgd", "momentum": 0.5, "schedule": "cosine"}
    history = History(SPACES["conditional"], _OBJECTIVE)
    for _ in range(2):
        suggestions = _suggest(sampler, history, 1, given)
        assert [s.parameters for s in suggestions] == [given], f"{given} became {suggestions}"
        history = _finished(history, suggestions)


def check_a_finite_space_is_searched_to_its_end(sampler: Sampler) -> None:
    """Every configuration comes once; then there are none, and the error says so."""
    history = History(FINITE, _OBJECTIVE, seed=5)
    history = _finished(history, _suggest(sampler, history, 3))
    history = _begun(history, _suggest(sampler, history, 2), TrialState.RUNNING)
    history = _finished(history, _suggest(sampler, history, 10))
    assert len(history) == 8, f"{len(history)} of 8 configurations came"
    _assert_distinct(history)
    try:
        more = _suggest(sampler, history, 1)
    except SpaceExhaustedError:
        return
    raise AssertionError(f"All eight configurations were tried, and {more} was suggested.")


CHECKS: Final[tuple[Callable[[Sampler], None], ...]] = (
    check_suggestions_are_valid,
    check_it_is_pure,
    check_pending_trials_are_not_repeated,
    check_failed_trials_are_not_repeated,
    check_given_values_are_kept,
    check_a_complete_configuration_is_taken_as_given,
    check_a_finite_space_is_searched_to_its_end,
)
"""The contract: every check."""


def _suggest(sampler: Sampler, history: History, count: int, given: Parameters | None = None) -> Sequence[Suggestion]:
    """Ask as a study does."""
    return sampler.suggest(history, count, np.random.default_rng([history.seed, len(history)]), given or {})


def _begun(history: History, suggestions: Sequence[Suggestion], state: TrialState) -> History:
    """The history with the suggestions as further trials."""
    first = len(history)
    new = tuple(
        TrialRecord(
            index,
            state,
            suggestion.parameters,
            batch=first,
            position=index - first,
            source=suggestion.source,
            because=suggestion.because,
            memo=suggestion.memo,
            objective=_OBJECTIVE.metric,
            error="ValueError: the loss is NaN" if state is TrialState.FAILED else None,
        )
        for index, suggestion in enumerate(suggestions, start=first)
    )
    return replace(history, trials=(*history.trials, *new))


def _finished(history: History, suggestions: Sequence[Suggestion]) -> History:
    """The history with the suggestions evaluated: the squared distance from a corner of the encoded space."""
    begun = _begun(history, suggestions, TrialState.COMPLETED)
    distances = (Encoding.of(history.space).encode([t.parameters for t in begun]) ** 2).sum(axis=1)
    trials = (
        replace(t, metrics={_OBJECTIVE.metric: Observation(float(distances[t.index]))})
        if not t.metrics and t.state is TrialState.COMPLETED
        else t
        for t in begun
    )
    return replace(begun, trials=tuple(trials))


def _searched(sampler: Sampler, space: Space, trials: int) -> History:
    """A history of so many finished trials."""
    history = History(space, _OBJECTIVE, seed=11)
    while len(history) < trials:
        history = _finished(history, _suggest(sampler, history, 1))
    return history


def _assert_distinct(history: History) -> None:
    """No two trials are alike."""
    signatures = {trial.arm.signature for trial in history}
    assert len(signatures) == len(history), f"{len(history) - len(signatures)} of {len(history)} trials are repeated"
