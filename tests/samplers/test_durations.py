from dataclasses import replace

import numpy as np
import pytest

from headstock.acquisition.speed import LogSpeed
from headstock.encoding import Encoding
from headstock.errors import HeadstockError
from headstock.gp.fit import fit
from headstock.history import History
from headstock.objective import Objective
from headstock.samplers import durations, sampler_from_json
from headstock.samplers.bayesian import Bayesian
from headstock.samplers.durations import log_speed
from headstock.space import Choice, Float, Space
from headstock.trial import Observation, TrialRecord, TrialState

SPACE = Space(width=Float(0, 1), depth=Float(0, 1), kind=Choice("a", "b"))
ENCODING = Encoding.of(SPACE)


def seconds(p):
    """A hundred times as long for the widest, twice as long for one kind."""
    return 100.0 ** p["width"] * (2.0 if p["kind"] == "b" else 1.0)


def history_of(count, duration=seconds, loss=lambda p: (p["depth"] - 0.5) ** 2):
    X = ENCODING.from_uniform(np.random.default_rng(0).random((count, 3)))
    rows = [ENCODING.decode(x) for x in X]
    trials = tuple(
        TrialRecord(
            i,
            TrialState.COMPLETED,
            p,
            batch=i,
            objective="loss",
            metrics={"loss": Observation(loss(p))},
            started=100.0,
            finished=100.0 + duration(p),
        )
        for i, p in enumerate(rows)
    )
    return History(SPACE, Objective("loss", minimize=True), trials, seed=0), X


def test_durations_are_learnt():
    history, X = history_of(30)
    speed, _ = log_speed(history, ENCODING, X)
    query = ENCODING.from_uniform(np.random.default_rng(1).random((50, 3)))
    truth = -np.log([seconds(ENCODING.decode(x)) for x in query])
    value = speed.value(query)
    assert np.std(value - truth) < 0.15 * np.std(truth)


def test_the_gradient_is_that_of_the_value():
    history, X = history_of(12)
    speed, _ = log_speed(history, ENCODING, X)
    query = ENCODING.from_uniform(np.random.default_rng(1).random((5, 3)))
    value, gradient = speed.value_and_gradient(query)
    np.testing.assert_allclose(value, speed.value(query))
    for j in (0, 1):
        step = 1e-6 * np.eye(3)[j]
        slope = (speed.value(query + step) - speed.value(query - step)) / 2e-6
        np.testing.assert_allclose(gradient[:, j], slope, rtol=1e-4, atol=1e-5)
    assert isinstance(speed, LogSpeed)


@pytest.mark.parametrize(
    ("count", "duration"),
    [
        (2, seconds),
        (20, lambda _: 60.0),
        (20, lambda p: 60.0 + 0.1 * p["width"]),
        (20, lambda _: 0),
        (20, lambda _: -5),
    ],
)
def test_too_few_durations_or_equal_ones_teach_nothing(count, duration):
    history, X = history_of(count, duration)
    assert log_speed(history, ENCODING, X) is None


def test_what_was_learnt_is_kept_with_the_trial_and_fitted_again_when_the_objective_is():
    history, X = history_of(15)
    sampler = Bayesian(cost_exponent=1.0)
    [first] = sampler.suggest(history, 1, np.random.default_rng(0))
    _, fitted = log_speed(history, ENCODING, X)
    assert first.memo["bayesian"]["hyperparameters"]["durations"] == fitted.to_json()
    queued = TrialRecord(15, TrialState.QUEUED, first.parameters, batch=15, memo=first.memo)
    later = replace(history, trials=(*history.trials, queued))
    _, kept = log_speed(later, ENCODING, X, known=fitted, refitted=False)
    assert kept is fitted
    [second] = sampler.suggest(later, 1, np.random.default_rng(1))
    assert second.memo["bayesian"]["hyperparameters"]["durations"].keys() == fitted.to_json().keys()


def test_the_turns_of_a_batch_share_what_was_learnt(monkeypatch):
    fits = []
    monkeypatch.setattr(durations, "fit", lambda *given: fits.append(given) or fit(*given))
    history, _ = history_of(15)
    batch = Bayesian(cost_exponent=1.0).suggest(history, 4, np.random.default_rng(0))
    assert len(fits) == 1
    assert len({str(s.memo["bayesian"]["hyperparameters"]["durations"]) for s in batch}) == 1


def test_trials_without_a_duration_do_not_count():
    history, X = history_of(6)
    attached = replace(history, trials=tuple(replace(t, started=None, finished=None) for t in history))
    assert log_speed(attached, ENCODING, X) is None


def widths(sampler, count=5):
    history, _ = history_of(15)
    return [s.parameters["width"] for s in sampler.suggest(history, count, np.random.default_rng(0))]


def test_per_second_it_tries_what_is_cheap():
    """The loss does not depend on the width, the duration does."""
    assert np.mean(widths(Bayesian(cost_exponent=1.0), 8)) < 0.8 * np.mean(widths(Bayesian(), 8))
    assert widths(Bayesian(cost_exponent=0.0)) == widths(Bayesian())


def test_a_run_s_time_sets_the_exponent_unless_a_person_has():
    assert Bayesian().with_time_left(0.25) == Bayesian(cost_exponent=0.25)
    assert Bayesian(cost_exponent=1.0).with_time_left(0.25) == Bayesian(cost_exponent=1.0)
    [suggestion] = Bayesian(cost_exponent=0.25).suggest(history_of(15)[0], 1, np.random.default_rng(0))
    assert suggestion.because.endswith("; per second^0.25")


@pytest.mark.parametrize("exponent", [-0.1, 1.5, True])
def test_what_is_no_exponent_is_refused(exponent):
    with pytest.raises(HeadstockError, match="give a number from 0 to 1"):
        Bayesian(cost_exponent=exponent)


def test_json_keeps_the_exponent():
    assert sampler_from_json(Bayesian(cost_exponent=0.5).to_json()) == Bayesian(cost_exponent=0.5)
    assert "cost_exponent" not in Bayesian().to_json()
