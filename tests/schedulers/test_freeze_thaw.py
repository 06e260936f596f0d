import json
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.stats import spearmanr

from headstock.history import History
from headstock.samplers.base import Suggestion
from headstock.samplers.random import Random
from headstock.schedulers import Resume, Start, scheduler_from_json
from headstock.schedulers.forecast import Forecast
from headstock.schedulers.freeze_thaw import FreezeThaw
from headstock.schedulers.successive_halving import SuccessiveHalving
from headstock.testing.replay import Replay
from headstock.testing.schedulers import table
from headstock.trial import Observation, TrialState


@pytest.fixture(scope="module")
def replay() -> Replay:
    curves = table(rows=200, steps=16, minimize=True, failing=0.1)
    replay = Replay(curves, FreezeThaw(pool=curves.rows), Random(), seed=1)
    replay.run(96)
    return replay


def test_the_best_are_found_and_trained_to_their_end(replay: Replay):
    finals = replay.table.curves[:, -1]
    others = [Replay(replay.table, FreezeThaw(pool=replay.table.rows), Random(), seed) for seed in (2, 3)]
    for other in others:
        other.run(96)
    found = [r.history.best_seen() for r in (replay, *others)]
    assert all(best.state is TrialState.COMPLETED for best in found)
    assert np.median([best.objective_mean for best in found]) <= np.nanquantile(finals, 0.2)
    assert len(replay.trials) > 10


def test_what_the_budget_does_not_finish_is_no_finalist(replay: Replay):
    given_up = tuple(
        replace(t, state=TrialState.ABANDONED) if t.state is TrialState.COMPLETED else t for t in replay.trials
    )
    history = replace(replay.history, trials=given_up)
    left = 16 - max(t.step for t in history if t.state is TrialState.PAUSED)
    scheduler = FreezeThaw(max_steps=16, pool=replay.table.rows)
    (decision,) = scheduler.decide(history, 1, _nothing, np.random.default_rng(0), steps_left=left)
    assert isinstance(decision, Resume)
    assert history.trials[decision.trial].step == 16 - left


def test_decisions_say_what_is_predicted_and_what_is_needed(replay: Replay):
    reasons = [d.because for d in replay.decisions if isinstance(d, Start) and d.suggestion.source == "freeze-thaw"]
    assert reasons
    assert all("predicted" in r and "needs" in r for r in reasons)


def test_no_decision_tells_of_an_end_that_is_worse_than_all_reports_or_better_than_can_be(
    replay: Replay, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("headstock.schedulers.forecast.overconfidence", lambda *_: 30.0)
    history = replace(replay.history, trials=tuple(replace(t, memo=None) for t in replay.trials))
    scheduler = FreezeThaw(pool=replay.table.rows, finalists=4)
    decisions = [
        decision
        for left in (16, 96)
        for decision in scheduler.decide(history, 6, _nothing, np.random.default_rng(0), steps_left=left)
    ]
    worst = max(o.mean for t in history for o in t.reports.get("value", ()))
    ends = [re.search(r"predicted (\S+) ± (\S+) at step", d.because) for d in decisions]
    intervals = np.array([(float(end[1]), float(end[2])) for end in ends if end])
    assert {isinstance(d, Start) for d in decisions} == {True, False}
    assert any("the ends of the best" in d.because for d in decisions)
    assert len(intervals) == len(decisions)
    assert (intervals[:, 1] > 0.05).any()
    assert (intervals.sum(axis=1) <= worst + 0.01).all()  # numbers are rounded
    assert (intervals[:, 0] - intervals[:, 1] >= -0.01).all()


def test_the_last_of_the_budget_is_for_the_ends_of_the_best():
    long = table(rows=200, steps=40)
    begun = Replay(long, FreezeThaw(finalists=1, pool=long.rows), Random(), seed=1)
    begun.run(60)
    ends = [d for d in begun.decisions if isinstance(d, Resume) and "the ends of the best" in d.because]
    assert all(d.until is None for d in ends)
    assert begun.trials[ends[0].trial].state is TrialState.COMPLETED


def test_where_curves_tell_nothing_of_their_ends_some_are_trained_to_them():
    telling = table(rows=200, steps=40)
    curves = telling.curves.copy()
    curves[:, :35] = 0.1 + 0.02 * np.random.default_rng(0).random((200, 35))  # then all come to where they end
    scheduler = FreezeThaw(pool=telling.rows)
    silent = Replay(replace(telling, curves=curves), scheduler, Random(), seed=1)
    for search in (other := Replay(telling, scheduler, Random(), seed=1), silent):
        search.run(80)
    ends = [d for d in silent.decisions if "tell little" in d.because]
    assert ends
    assert all(d.until is None for d in ends)
    assert silent.history.counts[TrialState.COMPLETED] >= 1
    assert not any("tell little" in d.because for d in other.decisions)


def test_on_a_plateau_half_of_the_steps_go_on_looking_elsewhere():
    flat = table(rows=200, steps=40, minimize=True)
    ripples = 1.0 + 1e-3 * np.random.default_rng(0).standard_normal(flat.curves.shape)
    replay = Replay(replace(flat, curves=ripples), FreezeThaw(pool=flat.rows), Random(), seed=1)
    replay.run(400)
    whole = 40 * replay.history.counts[TrialState.COMPLETED]
    assert 40 <= whole <= 200 + 40
    assert len(replay.trials) >= 20


def test_the_sampler_is_told_what_trials_will_come_to():
    curves = table(rows=200, steps=40, minimize=True)
    told: list[History] = []

    class Listening(Random):
        def suggest(self, history: History, *others: Any) -> Sequence[Suggestion]:
            told.append(history)
            return super().suggest(history, *others)

    replay = Replay(curves, FreezeThaw(), Listening(), seed=1)
    replay.run(240)
    seen = told[-1]
    assert not seen.objective.minimize
    assert all(t.state is TrialState.COMPLETED for t in seen)
    means, sems = seen.values("value")
    ends = curves.curves[replay.rows[: len(seen)], -1]
    assert spearmanr(means, -ends).statistic > 0.5
    ended = np.array([t.step == 40 for t in seen])
    assert ended.any()
    assert (np.isnan(sems) == ended).all()  # what came to its end is known
    assert (np.argsort(means[ended]) == np.argsort(-ends[ended])).all()
    [begun] = [d for d in replay.decisions if isinstance(d, Start)][-1:]
    assert "predicted" in begun.because
    assert begun.suggestion.source == "random"


def test_hyperparameters_and_how_sure_they_proved_come_from_the_newest_memo(
    replay: Replay, monkeypatch: pytest.MonkeyPatch
):
    trials = tuple(replace(t, memo=None) for t in replay.trials)
    fitted = Forecast.of(replace(replay.history, trials=trials), 16)
    assert fitted.memo is not None
    monkeypatch.setattr(
        "headstock.schedulers.forecast.fit_curves", None
    )  # nothing is fitted, and nothing calibrated, again
    monkeypatch.setattr("headstock.schedulers.forecast.overconfidence", None)
    remembered = json.loads(json.dumps(fitted.memo))
    known = Forecast.of(replace(replay.history, trials=(replace(trials[0], memo=remembered), *trials[1:])), 16)
    assert known.memo is None
    assert (known.posterior.hyperparameters.vector == fitted.posterior.hyperparameters.vector).all()
    assert known.overconfidence == fitted.overconfidence
    assert all((a == b).all() for a, b in zip(_told(known), _told(fitted), strict=True))


def test_a_memo_of_an_earlier_version_without_a_calibration_is_read(replay: Replay):
    trials = tuple(replace(t, memo=None) for t in replay.trials)
    memo = Forecast.of(replace(replay.history, trials=trials), 16).memo
    assert memo is not None
    earlier = {"freeze_thaw": {k: v for k, v in memo["freeze_thaw"].items() if k != "overconfidence"}}
    known = Forecast.of(replace(replay.history, trials=(replace(trials[0], memo=earlier), *trials[1:])), 16)
    assert known.overconfidence == 1.0


def _told(known: Forecast) -> tuple[np.ndarray, np.ndarray]:
    return known.as_measured(known.final, known.final_sd)


def test_predictions_are_near_the_ends_that_were_held_back(replay: Replay):
    forecast = Forecast.of(replay.history, 16)
    open_ = [k for k, t in enumerate(forecast.trials) if t.state is TrialState.PAUSED]
    mean, sd = forecast.of_trials(np.full(len(forecast.trials), 16.0))
    values, errors = forecast.as_measured(mean, sd)
    ends = replay.table.curves[[replay.rows[forecast.trials[k].index] for k in open_], -1]
    known = ~np.isnan(ends)
    apart = np.abs(values[open_] - ends)[known]
    assert np.median(apart) < 0.15
    assert np.mean(apart < 3 * errors[open_][known] + 0.03) > 0.8


def test_steps_that_cost_more_count_as_such(replay: Replay):
    forecast = Forecast.of(replay.history, 16)
    assert np.allclose(forecast.log_costs[~np.isnan(forecast.log_costs)], 0.0)
    dear = tuple(
        replace(t, trained=10.0 * t.step if t.parameters["lr"] > 0.01 else 1.0 * t.step) for t in replay.trials
    )
    costs = Forecast.of(replace(replay.history, trials=dear), 16)
    high, low = (costs.encoding.encode([{"lr": lr, "momentum": 0.5, "optimizer": "sgd"}]) for lr in (0.5, 0.0003))
    assert costs.log_costs_of_new(high)[0] > costs.log_costs_of_new(low)[0] + 0.5
    quick = tuple(replace(t, trained=(t.trained or 0.0) / 1000.0) for t in dear)
    unknown = Forecast.of(replace(replay.history, trials=quick), 16)  # milliseconds: they are the machine's
    assert np.isnan(unknown.log_costs).all()
    assert (unknown.log_costs_of_new(np.vstack([high, low])) == 0.0).all()


def test_where_the_model_fails_successive_halving_decides(replay: Replay, monkeypatch: pytest.MonkeyPatch):
    def broken(*_: object) -> Forecast:
        raise FloatingPointError("overflow")

    monkeypatch.setattr(Forecast, "of", broken)
    trials = tuple(replace(t, state=TrialState.PAUSED) if t.state is TrialState.RUNNING else t for t in replay.trials)
    history = replace(replay.history, trials=trials)
    decisions = [
        s.decide(history, 2, lambda n: Random().suggest(history, n, np.random.default_rng(1)), np.random.default_rng(0))
        for s in (FreezeThaw(max_steps=16), SuccessiveHalving(1, max_steps=16))
    ]
    assert decisions[0] == decisions[1]


def test_json_keeps_a_pool():
    scheduler = FreezeThaw(27, 2, 3, ({"lr": 0.1, "momentum": 0.5, "optimizer": "sgd"},))
    assert scheduler_from_json(scheduler.to_json()) == scheduler


def test_of_two_that_promise_the_same_the_one_nearer_to_its_end_goes_on(replay: Replay):
    trials = [replace(t, state=TrialState.COMPLETED) if t.reports.get("value") else t for t in replay.trials]
    paused = next(t for t in replay.trials if t.state is TrialState.PAUSED)
    best = min(o.mean for t in replay.trials for o in t.reports.get("value", ()))
    flat = [Observation(best, None, step) for step in range(1, 17)]
    for step in (14, 7):  # the same configuration and the same values, one further than the other
        twin = replace(paused, index=len(trials), created=len(trials), reports={"value": tuple(flat[:step])})
        trials.append(twin)
    history = replace(replay.history, trials=tuple(trials))
    scheduler = FreezeThaw(max_steps=16)
    chosen = [scheduler.decide(history, 1, lambda *_: [], np.random.default_rng(seed))[0] for seed in range(12)]
    resumed = [d.trial for d in chosen if isinstance(d, Resume)]
    assert resumed.count(len(trials) - 2) > 3 * resumed.count(len(trials) - 1)


def test_what_is_dear_is_doubted_less_often(replay: Replay):
    def new_configurations_above(threshold: float, dear: float) -> float:
        trials = tuple(
            replace(t, trained=(dear if t.parameters["lr"] > 0.01 else 1.0) * t.step, state=TrialState.COMPLETED)
            for t in replay.trials
        )
        history = replace(replay.history, trials=trials)
        scheduler = FreezeThaw(max_steps=16, pool=replay.table.rows)
        decisions = [scheduler.decide(history, 1, _nothing, np.random.default_rng(seed))[0] for seed in range(12)]
        return sum(d.suggestion.parameters["lr"] > threshold for d in decisions if isinstance(d, Start)) / 12

    assert new_configurations_above(0.01, 100.0) < new_configurations_above(0.01, 1.0)


def _nothing(count: int, given: History | None = None) -> list[Suggestion]:  # noqa: ARG001 - a sampler
    raise AssertionError(f"{count} proposals were asked for")
