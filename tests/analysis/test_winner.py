from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

import histories
from headstock.analysis.model import Model
from headstock.analysis.winner import best_believed, best_seen
from headstock.errors import NoResultError
from headstock.gp.averaging import AveragedPosterior
from headstock.gp.curves import CurvePosterior
from headstock.history import History
from headstock.objective import Objective, parse_outcome_constraint
from headstock.schedulers.forecast import Forecast
from headstock.space import Float, Space
from headstock.trial import Observation, TrialRecord, TrialState

LINE = Space(x=Float(0.0, 1.0))


def lucky() -> History:
    """A smooth bump at 0.5, measured with noise, and one arm far from it that was lucky."""
    rng = np.random.default_rng(3)
    xs = [*np.linspace(0.0, 1.0, 21), 0.12]
    ys = [1 - 4 * (x - 0.5) ** 2 + 0.05 * rng.standard_normal() for x in xs[:-1]] + [1.3]
    trials = [
        histories.completed(i, {"x": float(x)}, "y", y=Observation(y))
        for i, (x, y) in enumerate(zip(xs, ys, strict=True))
    ]
    return History(LINE, Objective("y"), tuple(trials))


def test_the_best_seen_may_be_lucky_and_the_best_believed_is_not():
    history = lucky()
    believed = best_believed(Model.fit(history))
    assert best_seen(history).parameters == {"x": 0.12}
    assert best_seen(history).probability is None
    assert abs(believed.parameters["x"] - 0.5) < 0.15
    assert believed.mean == pytest.approx(1.0, abs=0.15)
    assert 0 < believed.sem < 0.2
    assert 0.02 < believed.probability < 0.9


def test_a_clear_winner_is_certain():
    history = histories.observed(LINE, lambda p: 10 * p["x"], 12, metric="y")
    winner = best_believed(Model.fit(history))
    assert winner.trial == history.best_seen()
    assert winner.probability > 0.8


def test_the_likeliest_of_four_arms_wins_at_least_a_quarter_of_the_draws():
    history = histories.observed(LINE, lambda _: 0.0, 4, metric="y", noise=1.0)
    assert 1 / 4 <= best_believed(Model.fit(history)).probability <= 1


@pytest.mark.parametrize("minimize", [False, True])
def test_trainings_that_are_left_unfinished_may_be_the_best(monkeypatch: pytest.MonkeyPatch, minimize: bool):
    sign = -1.0 if minimize else 1.0
    done = histories.observed(LINE, lambda p: sign * 10 * p["x"], 12, metric="y", minimize=minimize)
    best, left = done.best_seen(), TrialRecord(12, TrialState.PAUSED, {"x": 0.5}, batch=12, objective="y")

    def sure(end: float, parameters: dict[str, float]) -> float:
        monkeypatch.setattr("headstock.analysis.model.predicted_ends", lambda _: {12: Observation(sign * end, 0.5)})
        winner = best_believed(Model.fit(done.updated([replace(left, parameters=parameters)])))
        assert winner.trial == best
        return winner.probability

    monkeypatch.setattr("headstock.analysis.model.predicted_ends", lambda _: {})
    alone = best_believed(Model.fit(done)).probability
    assert alone > 0.8
    assert sure(0.0, left.parameters) == alone
    assert sure(sign * best.objective_mean, left.parameters) == pytest.approx(alone / 2, abs=0.1)
    assert sure(20.0, left.parameters) == 0
    assert sure(20.0, best.parameters) == alone  # its end is known


@pytest.mark.parametrize(("bound", "keeps"), [("size <= 2", True), ("size >= 0.6", False)])
def test_an_unfinished_training_that_breaks_a_constraint_is_no_rival(
    monkeypatch: pytest.MonkeyPatch, bound: str, keeps: bool
):
    given = histories.observed(LINE, lambda p: 10 * p["x"], 12, metric="y")
    sized = [replace(t, metrics={**t.metrics, "size": Observation(t.parameters["x"])}) for t in given]
    done = History(LINE, given.objective, tuple(sized), (parse_outcome_constraint(bound),))
    left = TrialRecord(12, TrialState.PAUSED, {"x": 0.041}, batch=12, objective="y")
    monkeypatch.setattr("headstock.analysis.model.predicted_ends", lambda _: {12: Observation(20.0, 0.5)})
    found = best_believed(Model.fit(done.updated([left]))).probability
    monkeypatch.setattr("headstock.analysis.model.predicted_ends", lambda _: {})
    alone = best_believed(Model.fit(done)).probability
    assert found == (pytest.approx(0, abs=0.05) if keeps else pytest.approx(alone, abs=0.05))


def trainings(shape: np.ndarray, noise: float, *, ended: int, last: dict[int, float] | None = None) -> History:
    """Trainings on `LINE` that come to x, reported with noise, of which the first so many have ended.

    Args:
        shape: the share of their ends that they have reached after each step.
        noise: of a report.
        ended: how many have ended, with the last report for a result; the others are paused after four steps.
        last: the last reports of some of these.
    """
    rng = np.random.default_rng(1)
    trials = []
    for i, p in enumerate(histories.drawn(LINE, 14)):
        values = p["x"] * shape + noise * rng.standard_normal(len(shape))
        values[-1] = (last or {}).get(i, values[-1])
        curve = tuple(Observation(v, step=s) for s, v in enumerate(values.tolist(), start=1))
        trial = TrialRecord(i, TrialState.PAUSED, p, batch=i, objective="y", reports={"y": curve[:4]}, steps=len(shape))
        done = {"state": TrialState.COMPLETED, "reports": {"y": curve}, "metrics": {"y": Observation(values[-1])}}
        trials.append(replace(trial, **done) if i < ended else trial)
    return History(LINE, Objective("y"), tuple(trials))


def with_curves_known(history: History) -> History:
    """As freeze-thaw leaves it: with the hyper-parameters of learning curves."""
    memo = Forecast.of(history, history.trials[0].steps).memo
    return history.updated([replace(history.trials[0], memo=memo)])


SATURATING = 1 - 0.5 ** np.arange(1, 13)


def test_two_results_that_are_equal_by_chance_are_not_exact():
    noise = 0.02
    history = trainings(SATURATING, noise, ended=2, last={0: 0.8, 1: 0.8 + 1e-5})
    assert best_believed(Model.fit(history)).sem < 0.01 * noise  # without a model of curves
    winner = best_believed(Model.fit(with_curves_known(history)))
    assert 0.5 * noise / np.sqrt(2) < winner.sem < 0.2  # neither x is 0.8


def test_whole_curves_tell_more_than_their_last_reports():
    history = trainings(SATURATING, 0.06, ended=5, last={4: 0.66, 0: 0.73})
    better, worse = history.trials[4], history.trials[0]
    assert better.parameters["x"] > worse.parameters["x"] + 0.15
    assert best_seen(history).trial is worse
    winner = best_believed(Model.fit(with_curves_known(history)))
    assert winner.trial.index == better.index
    assert abs(winner.mean - better.parameters["x"]) < 0.1
    assert 0.06 / 4 < winner.sem < 0.06


def test_what_only_ends_show_is_believed_of_all_that_have_ended():
    """With a learning rate that falls on a schedule, the last reports are better than the curves before them tell."""
    history = trainings(0.5 + 0.5 * (np.arange(1, 13) / 12) ** 3, 0.01, ended=5)
    winner = best_believed(Model.fit(with_curves_known(history)))
    assert abs(winner.mean - winner.parameters["x"]) < 2 * winner.sem < 0.15


def test_a_result_that_was_not_reported_is_no_end_of_a_curve():
    known = with_curves_known(trainings(SATURATING, 0.02, ended=5))
    elsewhere = [replace(t, metrics={"y": Observation(0.5 * t.objective_mean)}) for t in known.observed]
    model = Model.fit(known.updated(elsewhere))
    winner = best_believed(model)
    assert winner.mean == model.predict_one(winner.parameters)["y"].mean


def test_one_thread_is_enough_for_the_winner(monkeypatch: pytest.MonkeyPatch):
    """Workers share the cores, and how many there are changes no last bit."""
    model = Model.fit(with_curves_known(trainings(SATURATING, 0.02, ended=5)))
    used = set()

    def watched(cls: type, name: str) -> None:
        method = getattr(cls, name)

        def wrapper(*given: Any, **named: Any) -> Any:
            used.update(pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas")
            return method(*given, **named)

        monkeypatch.setattr(cls, name, wrapper)

    watched(AveragedPosterior, "draw")
    watched(AveragedPosterior, "predict")
    watched(CurvePosterior, "predict")
    with threadpool_limits(2, user_api="blas"):
        best_believed(model)
    assert used == {1}


def test_arms_that_break_a_constraint_do_not_win(branching: Model):
    believed, seen = best_believed(branching), best_seen(branching.history)
    assert believed.parameters["width"] < 256
    assert seen.parameters["width"] < 256
    free = Model.fit(History(branching.history.space, branching.history.objective, branching.history.trials))
    assert best_believed(free).mean <= believed.mean + 1e-9


def test_less_is_better_where_the_objective_is_minimised(branching: Model):
    means, _ = branching.predict([t.parameters for t in branching.history.observed])
    feasible = [
        m for m, t in zip(means["loss"], branching.history.observed, strict=True) if t.parameters["width"] < 256
    ]
    assert best_believed(branching).mean == pytest.approx(min(feasible))


def test_without_a_feasible_arm_there_is_no_winner(branching: Model):
    given = branching.history
    strict = History(given.space, given.objective, given.trials, (parse_outcome_constraint("latency <= 1"),))
    with pytest.raises(NoResultError, match="latency ≤ 1"):
        best_believed(Model.fit(strict))
    with pytest.raises(NoResultError, match="keeps every outcome constraint"):
        best_seen(strict)


def test_before_the_first_result_there_is_no_winner():
    with pytest.raises(NoResultError, match="No trial has a result yet"):
        best_seen(histories.empty())


def test_arms_tried_twice_count_once():
    history = lucky()
    twice = [
        histories.completed(i, t.parameters, "y", **t.metrics) for i, t in enumerate([*history.trials, *history.trials])
    ]
    winner = best_believed(Model.fit(History(LINE, history.objective, tuple(twice))))
    assert winner.trial.index < len(history)


def test_of_very_many_arms_the_best_measured_ones_are_looked_at(branching: Model, monkeypatch):
    monkeypatch.setattr("headstock.analysis.winner.MOST_ARMS", 5)
    feasible = [t for t in branching.history.observed if branching.history.is_feasible(t)]
    best_measured = sorted(feasible, key=lambda t: t.objective_mean)[:5]
    assert best_believed(branching).trial in best_measured
