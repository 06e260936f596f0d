import math

import pytest

import histories
from headstock.analysis.checks import Kind, concerns
from headstock.analysis.transfer import Lesson, Transfer, transfer
from headstock.encoding import Encoding
from headstock.history import History
from headstock.report.words import learnt, warning
from headstock.samplers.bayesian import RELIED_ON, Bayesian
from headstock.samplers.beliefs import learn
from headstock.samplers.precedents import Precedent, trend_of
from headstock.samplers.sobol import Sobol
from headstock.space import Float, Space

SPACE = Space(x=Float(0.0, 1.0), y=Float(0.0, 1.0))


def bowl(p):
    return (p["x"] - 0.3) ** 2 + 2 * (p["y"] - 0.6) ** 2


def of(function, count: int, seed: int = 0) -> History:
    return histories.observed(SPACE, function, count, metric="loss", minimize=True, seed=seed)


def taught_by(**functions) -> Bayesian:
    return Bayesian(precedents=tuple(Precedent.of(name, of(f, 30, 3), SPACE) for name, f in functions.items()))


def unrelated(p):
    return math.sin(12 * p["x"])


def warned(history: History, sampler: Bayesian) -> list[str]:
    found = concerns(history, None, taught=transfer(history, sampler))
    return [concern.name for concern in found if concern.kind is Kind.MISTAUGHT]


def test_an_experiment_that_predicts_has_the_weight_that_the_sampler_gives_it():
    sampler, history = taught_by(old=bowl), of(bowl, 8)
    found = transfer(history, sampler)
    (lesson,) = found.lessons
    encoding = Encoding.of(SPACE)
    X = history.points(encoding.encode)
    beliefs = learn(history, encoding, X, trend_of(sampler.precedents, encoding))
    assert (lesson.weight,) == tuple(beliefs.objective.posterior.trend.weights)
    assert lesson.weight > 0.5
    assert lesson.correlation > 0.9
    assert (lesson.name, found.results, found.counts) == ("old", 8, True)
    assert learnt(found).startswith(
        f"The earlier experiment 'old' has weight {lesson.weight:.2g} in every second suggestion; its predictions"
    )
    assert warned(history, sampler) == []


def test_an_experiment_that_is_upside_down_counts_with_a_negative_weight():
    sampler, history = taught_by(turned=lambda p: -bowl(p)), of(bowl, 8)
    (lesson,) = transfer(history, sampler).lessons
    assert lesson.weight < -0.3
    assert lesson.correlation < -0.8
    assert warned(history, sampler) == []


def test_an_experiment_that_predicts_badly_is_told():
    sampler, history = taught_by(wave=unrelated), of(bowl, 9)
    found = transfer(history, sampler)
    assert found.lessons[0].weight == 0.0
    assert "'wave' has no weight, as the results are predicted better without it" in learnt(found)
    assert warned(history, sampler) == ["wave"]
    (concern,) = (c for c in concerns(history, None, taught=found) if c.kind is Kind.MISTAUGHT)
    assert (concern.count, concern.value) == (9, found.lessons[0].correlation)
    assert warning(concern).startswith("The earlier experiment 'wave' does not predict this one (rank correlation ")


def test_of_two_experiments_the_one_that_predicts_is_not_blamed_for_the_other():
    sampler, history = taught_by(old=bowl, wave=unrelated), of(bowl, 9)
    old, wave = transfer(history, sampler).lessons
    assert old.correlation > 0.9
    assert wave.correlation < 0.3
    assert abs(wave.weight) < old.weight
    assert "old" not in warned(history, sampler)


def test_an_experiment_that_predicts_and_is_not_needed_is_not_blamed():
    history = of(bowl, 9)
    for correlation, blamed in ((0.9, False), (0.1, True), (-0.9, True)):
        found = concerns(history, None, taught=Transfer((Lesson("old", 0.0, correlation),), 9, True))
        assert (Kind.MISTAUGHT in {concern.kind for concern in found}) == blamed


@pytest.mark.parametrize(("count", "counts"), [(9, True), (RELIED_ON + 1, False)])
def test_with_many_results_they_count_no_more(count, counts):
    sampler, history = taught_by(wave=unrelated), of(bowl, count)
    found = transfer(history, sampler)
    assert found.counts == counts
    assert ("counts no more" in learnt(found)) == (not counts)
    assert (warned(history, sampler) == []) == (not counts)
    assert ("in every second suggestion" in learnt(transfer(history, taught_by(old=bowl)))) == counts
    assert transfer(of(bowl, RELIED_ON), sampler).counts


def test_where_there_is_nothing_to_weigh_nothing_is_said():
    sampler = taught_by(old=bowl)
    assert transfer(of(bowl, 3), sampler) is None
    assert transfer(of(lambda _: 1.0, 8), sampler) is None
    assert transfer(of(bowl, 8), Bayesian()) is None
    assert transfer(of(bowl, 8), Sobol()) is None
    assert transfer(of(bowl, 8), None) is None


def test_an_experiment_that_predicts_the_same_of_all_has_no_correlation():
    aside = Space(y=Float(0.0, 1.0), z=Float(0.0, 1.0))
    earlier = histories.observed(aside, lambda p: p["z"] + p["y"], 12, metric="loss", minimize=True)
    whole = Space(x=Float(0.0, 1.0), z=Float(0.0, 1.0))
    history = histories.observed(whole, lambda p: p["x"], 6, metric="loss", minimize=True)
    held = [t.parameters | {"z": 0.5} for t in history]
    trials = tuple(histories.completed(t.index, p, "loss", **t.metrics) for t, p in zip(history, held, strict=True))
    sampler = Bayesian(precedents=(Precedent.of("aside", earlier, whole),))
    found = transfer(History(whole, history.objective, trials), sampler)
    assert found.lessons[0].correlation == 0.0
