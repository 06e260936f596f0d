import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from scipy.stats import kendalltau

from headstock import Budget, Experiment, Failed, Float, Space
from headstock.analysis import preferences
from headstock.errors import (
    MetricError,
    NoResultError,
    ObjectiveError,
    StorageError,
    TrialStateError,
    UnknownTrialError,
)
from headstock.runner import Ended
from headstock.samplers.preferences import compared

SPACE = Space(hue=Float(0.0, 1.0), size=Float(0.0, 1.0))


def appeal(parameters) -> float:
    """What the person feels, who has no number for it."""
    return -((parameters["hue"] - 0.3) ** 2) - (parameters["size"] - 0.7) ** 2


def posters(count: int = 0, **options) -> Experiment:
    experiment = Experiment("posters", SPACE, maximize="appeal", judged=True, seed=0, **options)
    if count:
        experiment.run(lambda _: None, budget=Budget(trials=count))
    return experiment


def judge(experiment: Experiment, pairs: int) -> None:
    for _ in range(pairs):
        better, worse = sorted(experiment.next_pair(), key=lambda t: -appeal(t.parameters))
        experiment.prefer(better, over=worse)


def test_trials_finish_without_a_value():
    experiment = posters(1)
    first, second, third = experiment.ask(3)
    assert experiment.tell(first).metrics == {}
    assert experiment.tell(second, {"seconds": 3.0}).get_metric_mean("seconds") == 3.0
    assert experiment.tell(third, Failed("no ink")).state == "failed"
    assert experiment.attach({"hue": 0.5, "size": 0.5}, None).state == "completed"
    assert experiment.trials[0].state == "completed"
    assert [t.index for t in experiment.history.unjudged] == [0, 1, 2, 4]
    assert experiment.history.observed == ()


@pytest.mark.parametrize("result", [0.9, (0.9, 0.1), {"appeal": 0.9}, float("nan")])
def test_a_value_is_refused_and_the_trial_stays_open(result):
    experiment = posters()
    trial = experiment.ask()
    with pytest.raises(MetricError, match=r"persons judge|not finite"):
        experiment.tell(trial, result)
    assert experiment.trials[0].state == "running"


@pytest.mark.parametrize("result", [0.9, {"appeal": 0.9}])
def test_a_function_that_measures_what_persons_judge_fails(result):
    experiment = posters()
    experiment.run(lambda _: result, budget=Budget(trials=1))
    assert experiment.trials[0].state == "failed"
    assert "persons judge" in experiment.trials[0].error


def test_before_the_first_comparison_there_is_no_best():
    with pytest.raises(NoResultError, match="Nobody has compared"):
        posters(3).best()


def test_what_is_better_has_more_appeal():
    experiment = posters(4)
    experiment.prefer(2, over=[experiment.trials[0], 1, 1])
    said = experiment.prefer(experiment.trials[0], over=1)
    assert [(c.better, c.worse) for c in experiment.history.comparisons] == [(2, (0, 1)), (0, (1,))]
    assert experiment.history.comparisons[1] == said
    values = [experiment.trials[i].metrics["appeal"] for i in (2, 0, 1)]
    assert values[0].mean > values[1].mean > values[2].mean
    assert sum(v.mean for v in values) == pytest.approx(0.0, abs=1e-9)
    assert all(v.sem > 0 for v in values)
    assert "appeal" not in experiment.trials[3].metrics
    assert experiment.best().trial.index == experiment.best_seen().trial.index == 2


def test_what_makes_no_sense_is_refused_and_nothing_is_written():
    experiment = posters(2)
    experiment.tell(experiment.ask(), Failed("no ink"))
    running = experiment.ask()
    for better, over, error, words in (
        (0, 0, MetricError, "better than itself"),
        (0, [1, 0], MetricError, "better than itself"),
        (0, [], MetricError, "better than nothing"),
        (0, 9, UnknownTrialError, "no trial 9"),
        (-1, 0, UnknownTrialError, "no trial -1"),
        (float("nan"), 0, UnknownTrialError, "nan is no trial"),
        (0, "1", UnknownTrialError, "'1' is no trial"),
        (0, 2, TrialStateError, "is failed"),
        (running, 0, TrialStateError, "is running"),
    ):
        with pytest.raises(error, match=words):
            experiment.prefer(better, over=over)
    assert experiment.history.comparisons == ()
    with pytest.raises(MetricError, match="nothing to take back"):
        experiment.take_back()


def test_an_experiment_that_measures_takes_no_preferences():
    experiment = Experiment("measured", SPACE, maximize="appeal")
    with pytest.raises(ObjectiveError, match="judged=True"):
        experiment.prefer(0, over=1)
    with pytest.raises(ObjectiveError, match="Use maximize"):
        Experiment("judged", SPACE, minimize="ugliness", judged=True)
    with pytest.raises(ObjectiveError, match="no report is best"):
        Experiment("judged", SPACE, maximize="appeal", judged=True, value="best")


def test_people_may_contradict_themselves():
    experiment = posters(3)
    for better, worse in ((0, 1), (1, 2), (2, 0), (1, 0)) * 3:
        experiment.prefer(better, over=worse)
    assert all(np.isfinite(t.objective_mean) for t in experiment.history)


def test_what_was_said_last_can_be_taken_back():
    experiment = posters(3)
    experiment.prefer(0, over=1)
    before = [t.metrics for t in experiment.history]
    said = experiment.prefer(2, over=0)
    assert experiment.take_back() == said
    assert [t.metrics for t in experiment.history] == before
    experiment.take_back()
    assert all(t.metrics == {} for t in experiment.history)


def test_what_another_person_said_since_stands():
    experiment = posters(3)
    first, mine = experiment.prefer(0, over=1), experiment.prefer(2, over=0)
    theirs = experiment.prefer(1, over=2)
    assert experiment.take_back(mine) == mine
    assert experiment.history.comparisons == (first, theirs)
    same = posters(3)
    same.prefer(0, over=1)
    same.prefer(1, over=2)
    assert [t.objective_mean for t in experiment.history] == pytest.approx([t.objective_mean for t in same.history])
    with pytest.raises(MetricError, match="taken back before"):
        experiment.take_back(mine)
    last = experiment.prefer(2, over=0)
    assert experiment.history.comparisons == (first, theirs, last)


def test_a_search_follows_the_person():
    experiment = posters(2)
    for _ in range(20):
        judge(experiment, 1)
        experiment.tell(experiment.ask())
    assert appeal(experiment.best().parameters) > -0.02
    ranked = [experiment.trials[i] for i in compared(experiment.history)]
    assert kendalltau([t.objective_mean for t in ranked], [appeal(t.parameters) for t in ranked]).statistic > 0.6
    assert "bayesian" in {t.source for t in experiment.history}


def test_a_run_ends_when_it_is_too_far_ahead_of_the_person():
    experiment = posters(4)
    assert experiment.run(lambda _: None, budget=Budget(trials=20)) is Ended.UNJUDGED
    assert len(experiment.history.unjudged) == len(experiment.history) == 8
    experiment.enqueue({"hue": 0.1, "size": 0.2})
    assert experiment.run(lambda _: None, budget=Budget(trials=20)) is Ended.UNJUDGED
    assert len(experiment.history) == 9  # what somebody has asked for is made
    judge(experiment, 8)
    assert experiment.run(lambda _: None, budget=Budget(trials=12)) is Ended.BUDGET


def test_pairs_are_those_that_may_hold_the_best():
    assert posters(1).next_pair() is None
    experiment = posters(8)
    assert [t.index for t in experiment.next_pair()] == [0, 1]
    judge(experiment, 12)
    best = experiment.best().trial.index
    assert best in {t.index for t in experiment.next_pair()}


def test_of_many_trials_only_those_that_may_be_the_best_are_paired(monkeypatch):
    experiment = posters()
    for trial in experiment.ask(30):
        experiment.tell(trial)
    judge(experiment, 12)
    one, other = experiment.next_pair()
    monkeypatch.setattr(preferences, "CANDIDATES", 10)
    assert experiment.next_pair() == (one, other)
    ranked = [t.index for t in experiment.history.best(5)]
    monkeypatch.setattr(preferences, "CANDIDATES", 1)
    assert experiment.next_pair() is None
    assert {one.index, other.index} & set(ranked)


def test_the_same_comparisons_give_the_same_suggestion(tmp_path):
    url = f"sqlite:///{tmp_path / 'a.db'}"
    experiment = posters(6, storage=url)
    judge(experiment, 8)
    copy = Experiment.from_json(json.loads(json.dumps(experiment.to_json(), allow_nan=False)))
    assert copy.history.comparisons == experiment.history.comparisons
    again = Experiment.open("posters", storage=url)
    assert again.objective.judged
    suggested = again.ask().parameters
    assert copy.ask().parameters == suggested


@pytest.mark.parametrize("judged", [True, False])
def test_what_persons_judged_teaches_later_experiments(judged: bool):
    earlier = posters(6)
    judge(earlier, 8)
    later = Experiment("later", SPACE, maximize="appeal", judged=judged, seed=0, warm_start=[earlier])
    assert [precedent.name for precedent in later.sampler.precedents] == ["posters"]
    second = later.ask(2)[1]
    assert second.record.source == "precedent"
    worst = min(earlier.trials.values(), key=lambda trial: trial.objective_mean)
    assert appeal(second.parameters) > appeal(worst.parameters)


def test_comparisons_of_trials_that_are_not_there_are_refused():
    experiment = posters(4)
    judge(experiment, 2)
    with pytest.raises(StorageError, match="Comparison 0 of 'posters' is damaged"):
        Experiment.from_json({**experiment.to_json(), "trials": []})


def test_several_people_may_compare_at_once(tmp_path):
    url = f"sqlite:///{tmp_path / 'a.db'}"
    posters(6, storage=url).close()

    def compare(person: int) -> None:
        with Experiment.open("posters", storage=url) as experiment:
            for other in range(1, 6):
                experiment.prefer(0, over=other)
            experiment.prefer(person, over=5)

    with ThreadPoolExecutor(3) as people:
        for done in [people.submit(compare, person) for person in range(1, 4)]:
            done.result()
    with Experiment.open("posters", storage=url) as experiment:
        assert len(experiment.history.comparisons) == 18
        assert experiment.best().trial.index == 0


def test_a_report_and_every_figure_can_be_drawn(tmp_path):
    experiment = posters(8)
    judge(experiment, 12)
    report = experiment.report(tmp_path / "report.html").read_text(encoding="utf-8")
    assert "appeal" in report
    assert "measure longer" not in report  # nothing is measured, and the errors of appeal are no noise
    assert experiment.model().predict_one({"hue": 0.3, "size": 0.7})["appeal"].sem > 0
