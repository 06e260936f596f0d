import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import ndtr

import histories
from headstock.analysis import endings as module
from headstock.analysis.endings import endings
from headstock.errors import NoResultError
from headstock.history import History
from headstock.schedulers import forecast
from headstock.schedulers.forecast import predicted_ends
from headstock.trial import Observation, TrialState

LAST = 27


def curve(p, step: int, noise: float) -> float:
    """Rises by a power law to what the configuration is good for."""
    return histories.accuracy(p) - 0.5 * step**-0.7 + noise


def training(count: int = 24, *, seen: int = 6, state: TrialState = TrialState.PAUSED) -> tuple[History, dict]:
    """Every other trial is whole, the others have trained a part; and the ends that were held back."""
    rng = np.random.default_rng(3)
    given = histories.observed(histories.NETWORK, histories.accuracy, count)
    trials, held_back = [], {}
    for t in given:
        values = [curve(t.parameters, s, 0.004 * rng.standard_normal()) for s in range(1, LAST + 1)]
        whole = t.index % 2 == 0
        reports = {
            "accuracy": tuple(Observation(y, step=s + 1) for s, y in enumerate(values[: LAST if whole else seen]))
        }
        metrics = {"accuracy": Observation(values[-1])} if whole else {}
        if not whole:
            held_back[t.index] = values[-1]
        kind = TrialState.COMPLETED if whole else state
        trials.append(replace(t, state=kind, reports=reports, metrics=metrics, steps=LAST))
    return History(given.space, given.objective, tuple(trials)), held_back


def test_the_ends_that_were_held_back_lie_in_their_intervals():
    history, held_back = training()
    found = endings(history)
    assert [e.trial for e in found] == sorted(held_back)
    inside = [e.lower[-1] <= held_back[e.trial] <= e.upper[-1] for e in found]
    assert 0.6 <= np.mean(inside) <= 1.0
    off = np.array([e.means[-1] - held_back[e.trial] for e in found])
    gains = np.array([held_back[e.trial] - history.trials[e.trial].reports["accuracy"][-1].mean for e in found])
    assert np.abs(off).mean() < 0.3 * np.abs(gains).mean()  # that the curve stays where it is would be off by the gain
    assert np.mean([e.upper[-1] - e.lower[-1] for e in found]) < 0.15


def test_nothing_is_predicted_to_end_worse_than_the_worst_report(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(forecast, "overconfidence", lambda *_: 30.0)
    history, _ = training(seen=1)
    poor = {t.index: (Observation(0.01, step=1),) if t.index % 2 else t.reports["accuracy"] for t in history}
    worse = replace(history, trials=tuple(replace(t, reports={"accuracy": poor[t.index]}) for t in history))
    worst = min(o.mean for c in poor.values() for o in c)
    found = endings(worse)
    assert min(min(e.lower.min(), e.means.min()) for e in found) >= worst - 1e-12
    turned = [
        replace(
            t,
            reports={"accuracy": tuple(replace(o, mean=-o.mean) for o in poor[t.index])},
            metrics={name: replace(o, mean=-o.mean) for name, o in t.metrics.items()},
        )
        for t in worse
    ]
    mirrored = endings(replace(worse, trials=tuple(turned), objective=replace(worse.objective, minimize=True)))
    assert max(e.upper.max() for e in mirrored) <= -worst + 1e-12


def test_intervals_are_as_wide_as_what_verdicts_tell(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "LEVEL", float(ndtr(1.0) - ndtr(-1.0)))  # one standard deviation to either side
    monkeypatch.setattr(forecast, "overconfidence", lambda *_: 3.0)
    history, held_back = training()
    told = predicted_ends(history, fit=True)
    found = endings(history)
    assert len(found) == len(held_back)
    for ending in found:
        value, error = told[ending.trial].mean, told[ending.trial].sem
        assert ending.lower[-1] == pytest.approx(value - error, rel=1e-9)
        assert ending.upper[-1] == pytest.approx(value + error, rel=1e-9)


def test_a_model_that_proved_too_sure_has_wider_intervals(monkeypatch: pytest.MonkeyPatch):
    history, _ = training()
    monkeypatch.setattr(forecast, "overconfidence", lambda *_: 1.0)
    sure = endings(history)
    monkeypatch.setattr(forecast, "overconfidence", lambda *_: 3.0)
    for a, b in zip(sure, endings(replace(history)), strict=True):
        assert b.upper[-1] - b.lower[-1] > 1.5 * (a.upper[-1] - a.lower[-1])
        assert a.means[-1] == b.means[-1]


def test_a_curve_goes_on_from_its_last_report_to_the_last_step():
    history, _ = training()
    for ending in endings(history):
        last = history.trials[ending.trial].reports["accuracy"][-1].mean
        assert ending.means[0] == ending.lower[0] == ending.upper[0] == last
        assert ending.steps[0] == 6
        assert ending.steps[-1] == LAST
        assert (np.diff(ending.steps) > 0).all()
        assert (ending.lower[1:] < ending.means[1:]).all()
        assert (ending.means[1:] < ending.upper[1:]).all()


def test_less_is_better_turns_no_interval_around():
    history, held_back = training()
    errors = tuple(
        replace(
            t,
            reports={"accuracy": tuple(Observation(1.2 - o.mean, step=o.step) for o in t.reports["accuracy"])},
            metrics={m: Observation(1.2 - o.mean) for m, o in t.metrics.items()},
        )
        for t in history
    )
    found = endings(History(history.space, replace(history.objective, minimize=True), errors))
    assert all((e.lower[1:] < e.upper[1:]).all() for e in found)
    assert np.mean([abs(e.means[-1] - (1.2 - held_back[e.trial])) for e in found]) < 0.05


def test_without_a_word_on_steps_the_longest_completed_one_is_a_whole_training():
    history, _ = training(state=TrialState.STOPPED)
    silent = History(history.space, history.objective, tuple(replace(t, steps=None) for t in history))
    assert {e.steps[-1] for e in endings(silent)} == {LAST}


def test_finished_trainings_have_no_ends_to_predict():
    history, _ = training(seen=LAST)
    assert endings(history) == ()


def test_without_curves_it_says_so():
    with pytest.raises(NoResultError, match="report accuracy by step"):
        endings(histories.digits())


def test_diverged_curves_are_predicted_too():
    history, _ = training()
    trials = list(history.trials)
    trials[1] = replace(trials[1], reports={"accuracy": (Observation(1e12, step=1), Observation(-1e12, step=2))})
    assert all(math.isfinite(e.means[-1]) for e in endings(History(history.space, history.objective, tuple(trials))))


def test_one_forecast_serves_all_who_ask_of_one_history(monkeypatch: pytest.MonkeyPatch):
    made = []
    condition = forecast.condition
    monkeypatch.setattr(forecast, "condition", lambda *given: made.append(given) or condition(*given))
    history, _ = training()
    told = predicted_ends(history, fit=True)
    assert len(made) == 1
    assert endings(history)
    assert predicted_ends(history, fit=True) == told
    assert len(made) == 1
    newer = history.updated([replace(history.trials[0], finished=1.0)])
    assert predicted_ends(newer, fit=True) == told
    assert len(made) == 2
