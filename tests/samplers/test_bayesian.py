import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headstock.encoding import Encoding
from headstock.errors import NumericalError
from headstock.history import History
from headstock.objective import Objective, parse_outcome_constraint
from headstock.priors import Near
from headstock.samplers import bayesian as module
from headstock.samplers.bayesian import Bayesian
from headstock.samplers.sobol import Sobol
from headstock.space import Choice, Float, Int, Space
from headstock.testing.samplers import SPACES
from headstock.trial import Observation, TrialRecord, TrialState

PLANE = Space(a=Float(0, 1), b=Float(0, 1))
LOSS = Objective("loss", minimize=True)


def record(index, parameters, state=TrialState.COMPLETED, memo=None, **metrics):
    observations = {name: o if isinstance(o, Observation) else Observation(o) for name, o in metrics.items()}
    return TrialRecord(
        index, state, parameters, batch=index, objective="loss", memo=memo, metrics=observations, created=1.7e9 + index
    )


def spread(space, count, seed=0):
    encoding = Encoding.of(space)
    U = np.random.default_rng(seed).random((count, encoding.dimensions))
    return [encoding.decode(x) for x in encoding.from_uniform(U)]


def history_of(space, function, count, *, objective=LOSS, constraints=(), seed=0):
    trials = (record(i, p, **function(p)) for i, p in enumerate(spread(space, count, seed)))
    bounds = tuple(parse_outcome_constraint(c) for c in constraints)
    return History(space, objective, tuple(trials), bounds, seed)


def bowl(p):
    return {"loss": (p["a"] - 0.3) ** 2 + (p["b"] - 0.8) ** 2}


def ask(history, count=1, sampler=None, **given):
    rng = np.random.default_rng([history.seed, len(history)])
    return (sampler or Bayesian()).suggest(history, count, rng, given)


def with_running(history, suggestions):
    first = len(history)
    running = (record(i, s.parameters, TrialState.RUNNING, s.memo) for i, s in enumerate(suggestions, first))
    return replace(history, trials=(*history.trials, *running))


def searched(space, function, trials, seed=0):
    """A search with one trial after the other."""
    history = History(space, LOSS, seed=seed)
    for i in range(trials):
        [suggestion] = ask(history)
        trial = record(i, suggestion.parameters, memo=suggestion.memo, **function(suggestion.parameters))
        history = replace(history, trials=(*history.trials, trial))
    return history


def best_of(history):
    return min(t.objective_mean for t in history)


def branin(p):
    a, b = 15 * p["a"] - 5, 15 * p["b"]
    value = (b - 5.1 / (4 * math.pi**2) * a**2 + 5 / math.pi * a - 6) ** 2
    return {"loss": value + 10 * (1 - 1 / (8 * math.pi)) * math.cos(a) + 10 - 0.397887}


def test_it_finds_the_minimum_of_branin():
    assert max(best_of(searched(PLANE, branin, 25, seed)) for seed in range(2)) < 0.1


def test_it_begins_with_the_points_of_sobol():
    empty = History(PLANE, LOSS, seed=4)
    assert ask(empty, 3) == ask(empty, 3, Sobol())
    few = history_of(PLANE, bowl, 3)
    assert ask(few)[0].source == "sobol"
    assert ask(history_of(PLANE, bowl, 4))[0].source == "bayesian"
    assert ask(few, sampler=Bayesian(initial=2))[0].source == "bayesian"


def test_pending_trials_count_towards_the_initial_design_as_soon_as_there_are_some_results():
    wide = Space({f"x{i}": Float(0, 1) for i in range(5)})
    sums = history_of(wide, lambda p: {"loss": sum(p.values())}, 4)
    assert ask(sums)[0].source == "sobol"
    assert ask(with_running(sums, ask(sums, 6)))[0].source == "bayesian"


def test_a_batch_of_sixty_four_is_sixty_four_points_apart():
    history = history_of(PLANE, bowl, 8)
    X = Encoding.of(PLANE).encode([s.parameters for s in ask(history, 64)])
    distances = np.abs(X[:, None] - X[None]).max(axis=2)[~np.eye(64, dtype=bool)]
    assert len(X) == 64
    assert distances.min() > 1e-4


def test_pending_trials_push_the_next_suggestion_away():
    history = history_of(PLANE, bowl, 8)
    [first] = ask(history)
    busy = with_running(history, [first])
    [second] = module.Bayesian().suggest(busy, 1, np.random.default_rng([0, 8]))
    a, b = Encoding.of(PLANE).encode([first.parameters, second.parameters])
    assert np.abs(a - b).max() > 0.01


@pytest.mark.parametrize(("factor", "shift"), [(2.0**-20, 0.0), (1024.0, 0.0), (4.0, 3.0), (-1.0, 0.0)])
def test_an_affine_change_of_the_metric_changes_no_suggestion(factor, shift):
    def rounded(p):
        return {"loss": round(bowl(p)["loss"] * 2**20) / 2**20}

    def changed(p):
        return {"loss": factor * (rounded(p)["loss"] + shift)}

    one = ask(history_of(PLANE, rounded, 12), 2)
    other = ask(history_of(PLANE, changed, 12, objective=Objective("loss", minimize=factor > 0)), 2)
    assert [s.parameters for s in one] == [s.parameters for s in other]


def test_the_units_of_a_parameter_change_no_suggestion():
    wide = Space(a=Float(0, 1024), b=Float(0, 1))
    one = ask(history_of(PLANE, bowl, 10))[0].parameters
    other = ask(history_of(wide, lambda p: bowl({**p, "a": p["a"] / 1024}), 10))[0].parameters
    assert {**other, "a": other["a"] / 1024} == one


def test_hyperparameters_come_from_the_newest_memo_until_there_are_new_results(monkeypatch):
    history = history_of(PLANE, bowl, 9)
    first = ask(history)
    assert first[0].memo["bayesian"]["fitted"] == 9
    fits = []
    monkeypatch.setattr("headstock.samplers.beliefs.fit_surrogate", lambda *_, **__: fits.append(1))
    second = ask(with_running(history, first))
    assert not fits
    assert second[0].memo == first[0].memo


def test_with_many_results_only_growth_or_a_surprise_calls_for_a_new_fit():
    history = history_of(PLANE, bowl, 120)
    memo = ask(history)[0].memo
    last = replace(history.trials[-1], memo=memo)
    known = replace(history, trials=(*history.trials[:-1], last))
    expected = record(120, {"a": 0.5, "b": 0.5}, **bowl({"a": 0.5, "b": 0.5}))
    surprising = record(120, {"a": 0.5, "b": 0.5}, loss=-1.0)
    more = [record(120 + i, p, **bowl(p)) for i, p in enumerate(spread(PLANE, 4, seed=1))]

    def fitted(*new):
        return ask(replace(known, trials=(*known.trials, *new)))[0].memo["bayesian"]["fitted"]

    assert (fitted(expected), fitted(surprising), fitted(*more)) == (120, 121, 124)


def test_a_memo_of_another_space_is_not_used():
    history = history_of(PLANE, bowl, 9)
    three_columns = {"log_lengthscales": [0.0] * 3, "log_variance": 0.0, "log_noise": -4.0}
    foreign = {"bayesian": {"fitted": 9, "hyperparameters": {"objective": three_columns}}}
    strange = replace(history, trials=(*history.trials[:-1], replace(history.trials[-1], memo=foreign)))
    assert ask(strange)[0].memo["bayesian"] == ask(history)[0].memo["bayesian"]


def test_the_reason_is_in_the_metric_s_units():
    history = history_of(PLANE, lambda p: {"loss": 1000 + bowl(p)["loss"]}, 30)
    because = ask(history)[0].because
    assert because.startswith("expected 1000 ± ")
    assert f"best so far {best_of(history):.4g}; " in because
    assert because.endswith(("explores a", "explores b", "refines the best"))


def test_outcome_constraints_are_kept():
    """The bowl's minimum is forbidden; the best allowed point lies on b = 0.5."""

    def constrained(p):
        return {**bowl(p), "latency": 10 * p["b"]}

    history = history_of(PLANE, constrained, 25, constraints=["latency <= 5"])
    for suggestion in ask(history, 4):
        assert suggestion.parameters["b"] < 0.55
    assert "feasible with probability" in suggestion.because
    assert set(suggestion.memo["bayesian"]["hyperparameters"]) == {"objective", "latency <= 5.0"}


def test_without_a_feasible_result_it_looks_for_one():
    def constrained(p):
        return {**bowl(p), "recall": p["a"]}

    history = history_of(PLANE, constrained, 12, constraints=["recall >= 0.999"])
    suggestions = ask(history, 2)
    assert max(s.parameters["a"] for s in suggestions) > 0.97
    assert suggestions[0].because.endswith("nothing feasible so far")


def test_a_constraint_that_was_never_measured_does_not_count():
    history = history_of(PLANE, bowl, 12, constraints=["latency <= 5"])
    assert ask(history)[0].source == "bayesian"


def test_where_trials_fail_it_does_not_go():
    def fails(p):
        return p["b"] > 0.6

    trials = [
        record(i, p, TrialState.FAILED) if fails(p) else record(i, p, **bowl(p))
        for i, p in enumerate(spread(PLANE, 30))
    ]
    suggestions = ask(History(PLANE, LOSS, tuple(trials)), 5)
    assert sum(fails(s.parameters) for s in suggestions) <= 1


def test_beside_failures_it_is_cautious(monkeypatch):
    """The best lies at the edge of what works."""
    trials = [
        record(i, p, TrialState.FAILED) if p["b"] > 0.3 else record(i, p, loss=-p["b"])
        for i, p in enumerate(spread(PLANE, 16))
    ]
    history = History(PLANE, LOSS, tuple(trials))
    cautious = max(s.parameters["b"] for s in ask(history, 3))
    monkeypatch.setattr(module, "CAUTION", 1.0)
    assert cautious < max(s.parameters["b"] for s in ask(history, 3))


def test_numerical_trouble_falls_back_to_sobol_and_says_so(monkeypatch):
    def trouble(*_):
        raise NumericalError("A 9 x 9 covariance matrix is not positive definite.")

    history = history_of(PLANE, bowl, 9)
    monkeypatch.setattr(module, "learn", trouble)
    [suggestion] = ask(history)
    assert suggestion.source == "sobol"
    assert suggestion.because.endswith(
        "the model could not be used: A 9 x 9 covariance matrix is not positive definite."
    )


@pytest.mark.parametrize("loss", [0.5, 0.0, -1e300])
def test_equal_results_teach_nothing(loss):
    assert ask(history_of(PLANE, lambda _: {"loss": loss}, 20))[0].source == "sobol"


def test_values_of_every_size_are_survived():
    values = iter([1e-300, -1e300, 1e300, 0.0, 5e-324, 1.0, 1e308, -1e-5])
    history = history_of(PLANE, lambda _: {"loss": next(values)}, 8)
    assert PLANE.validate(ask(history)[0].parameters)


def test_exact_results_at_one_point_are_survived():
    same = [record(i, {"a": 0.5, "b": 0.5}, loss=Observation(float(i % 2), 0.0)) for i in range(10)]
    assert len(ask(History(PLANE, LOSS, tuple(same)), 3)) == 3


@given(
    name=st.sampled_from(sorted(SPACES)),
    seed=st.integers(0, 1000),
    results=st.lists(
        st.one_of(st.none(), st.sampled_from([0.0, 1.0]), st.floats(-1e9, 1e9, allow_subnormal=False)),
        min_size=5,
        max_size=12,
    ),
)
@settings(max_examples=15, deadline=None)
def test_any_history_gets_a_valid_suggestion(name, seed, results):
    space = SPACES[name]
    trials = tuple(
        record(i, p, TrialState.FAILED) if loss is None else record(i, p, loss=loss)
        for i, (p, loss) in enumerate(zip(spread(space, len(results), seed), results, strict=True))
        if not space.constraints
    )
    for suggestion in ask(History(space, LOSS, trials, seed=seed), sampler=Bayesian(initial=2)):
        assert space.validate(suggestion.parameters) == suggestion.parameters


@pytest.mark.parametrize(
    "space",
    [Space(n=Int(0, 10**6)), Space(c=Choice("x", "y", "z")), Space(lr=Float(1e-9, 1e3, log=True))],
    ids=["million levels", "three choices", "wide log range"],
)
def test_spaces_of_one_parameter(space):
    history = history_of(space, lambda p: {"loss": float(len(str(p)))}, 1)
    for _ in range(2):
        suggestions = ask(history, 1, Bayesian(initial=2))
        history = with_running(history, suggestions)
        done = (
            replace(t, state=TrialState.COMPLETED, metrics={"loss": Observation(t.index + 0.5)}) for t in history.trials
        )
        history = replace(history, trials=tuple(done))
    assert len({str(t.parameters) for t in history}) == 3


def test_every_second_point_of_a_batch_follows_a_belief():
    space = Space(a=Float(0, 1), b=Float(0, 1, prior=Near(0.1, within=0.03)))
    for trials in (8, 9):  # batches of an even size always begin on the same turn
        batch = ask(history_of(space, lambda p: {"loss": (p["a"] - 0.3) ** 2}, trials), 4)
        believed = [abs(s.parameters["b"] - 0.1) < 0.1 for s in batch]
        assert believed[1 - trials % 2 :: 2] == [True, True]


def test_a_belief_draws_the_search_and_a_wrong_one_does_not_hold_it():
    def believing(a, b):
        return Space(a=Float(0, 1, prior=Near(a, within=0.05)), b=Float(0, 1, prior=Near(b, within=0.05)))

    right, wrong = (searched(believing(*at), bowl, 18) for at in ((0.3, 0.8), (0.9, 0.1)))
    near = [abs(t.parameters["a"] - 0.3) < 0.15 and abs(t.parameters["b"] - 0.8) < 0.15 for t in right]
    assert sum(near[:6]) >= 3
    assert best_of(wrong) < 0.005
    # What the results contradict is believed no more.
    assert sum(abs(t.parameters["a"] - 0.9) < 0.15 for t in wrong.trials[8:]) <= 2
