from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import spearmanr

import histories
from headstock import Float, Space
from headstock.analysis.baseline import against_baseline
from headstock.analysis.checks import Concern, Kind, concerns
from headstock.analysis.model import Model
from headstock.history import History
from headstock.objective import parse_outcome_constraint
from headstock.report.words import warning
from headstock.trial import Observation, TrialState

SPACE = Space(x=Float(0.0, 1.0))


def found(history: History) -> dict[Kind, Concern]:
    model = Model.fit(history) if len(history.observed) >= 2 else None
    return {concern.kind: concern for concern in concerns(history, model)}


def bowl(count: int = 12, noise: float = 0.0) -> History:
    return histories.observed(SPACE, lambda p: -((p["x"] - 0.3) ** 2), count, noise=noise)


def bounded(*bounds: str, **metrics: list[float]) -> History:
    history = bowl(6)
    trials = [
        replace(t, metrics={**t.metrics, **{name: Observation(v[t.index]) for name, v in metrics.items()}})
        for t in history
    ]
    constraints = tuple(map(parse_outcome_constraint, bounds))
    return replace(history, trials=tuple(trials), outcome_constraints=constraints)


def test_nothing_is_said_of_a_search_that_goes_well():
    assert found(bowl()) == {}
    assert found(histories.digits()) == {}
    assert concerns(histories.empty(), None) == ()


def test_few_results_and_none_that_differ():
    assert found(bowl(3)) == {Kind.FEW: Concern(Kind.FEW, "accuracy", 3, 5)}
    same = found(histories.observed(SPACE, lambda _: 0.5, 6))
    assert same == {Kind.ALIKE: Concern(Kind.ALIKE, "accuracy", 6)}


def test_a_bound_that_no_result_keeps_and_bounds_that_none_keeps_together():
    rising = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    broken = found(bounded("latency <= 0.5", "recall >= 3", latency=rising, recall=rising))
    assert set(broken) == {Kind.BROKEN}
    assert (broken[Kind.BROKEN].count, broken[Kind.BROKEN].value) == (6, 1.0)
    assert "None of 6 results keeps latency ≤ 0.5; the nearest is 1" in warning(broken[Kind.BROKEN])
    above = found(bounded("recall >= 7.5", recall=rising))
    assert above[Kind.BROKEN].value == 6.0
    assert set(found(bounded("latency <= 3", "recall >= 4", latency=rising, recall=rising))) == {Kind.NEVER_TOGETHER}
    assert found(bounded("latency <= 3", latency=rising)) == {}


def test_noise_without_signal():
    noise = found(histories.observed(SPACE, lambda _: 0.0, 19, noise=1.0))
    assert noise.keys() & {Kind.NOISE, Kind.UNPREDICTED}
    told = bowl(19)
    rng = np.random.default_rng(3)
    trials = [replace(t, metrics={"accuracy": Observation(float(rng.standard_normal()), 0.9)}) for t in told]
    noise = found(replace(told, trials=tuple(trials)))
    assert noise[Kind.NOISE].value > 0.5
    assert " % of the variance of accuracy is noise" in warning(noise[Kind.NOISE])


def test_a_metric_that_has_no_pattern_is_not_predicted():
    history = histories.observed(Space(x=Float(0.0, 1.0)), lambda p: float(int(1e7 * p["x"]) % 17), 19)
    exact = [replace(t, metrics={"accuracy": replace(t.metrics["accuracy"], sem=0.0)}) for t in history]
    unpredicted = found(replace(history, trials=tuple(exact)))[Kind.UNPREDICTED]
    assert unpredicted.value < 0.1
    assert "predicts accuracy hardly better" in warning(unpredicted)


def given_first(history: History, parameters: dict[str, float], value: float, **metrics: float) -> History:
    """The history with a baseline in place of its first trial."""
    told = {name: Observation(v) for name, v in {"accuracy": value, **metrics}.items()}
    first = replace(histories.completed(0, parameters, "accuracy", **told), source="attached")
    return replace(history, trials=(first, *history.trials[1:]))


def test_a_baseline_that_nothing_beats():
    best = given_first(bowl(12), {"x": 0.3}, 0.0)
    assert found(best)[Kind.NO_BETTER] == Concern(Kind.NO_BETTER, "accuracy", 12)
    assert found(replace(best, trials=best.trials[:4])).keys() == {Kind.FEW}
    assert Kind.NO_BETTER not in found(given_first(bowl(12), {"x": 0.95}, -(0.65**2)))
    assert Kind.NO_BETTER not in found(bowl(12))
    model = Model.fit(bowl(12))
    other = concerns(bowl(12), model, against_baseline(model, {"x": 0.3}))
    assert [concern.kind for concern in other] == [Kind.NO_BETTER]


@pytest.mark.parametrize(("bound", "is_worse"), [("latency <= 20", True), ("latency <= 500", False)])
def test_a_bounded_metric_that_got_worse(bound, is_worse):
    """The best is at 0.3, with a latency of 13; the baseline has 4: of the way to 500 that is a small part."""
    history = histories.observed(SPACE, lambda p: -((p["x"] - 0.3) ** 2), 14)
    trials = [replace(t, metrics={**t.metrics, "latency": Observation(1 + 40 * t.parameters["x"])}) for t in history]
    bounded = replace(history, trials=tuple(trials), outcome_constraints=(parse_outcome_constraint(bound),))
    concern = found(given_first(bounded, {"x": 0.075}, -(0.225**2), latency=4.0)).get(Kind.WORSE)
    assert (concern is not None) == is_worse
    if concern is not None:
        assert concern.constraint == bounded.outcome_constraints[0]
        assert concern.value == pytest.approx(9, abs=2)
        assert "keeps latency ≤ 20, but is worse than the baseline in latency, by " in warning(concern)
    better = found(given_first(bounded, {"x": 0.45}, -(0.15**2), latency=19.0))
    assert Kind.WORSE not in better


def test_no_improvement_for_long():
    history = bowl(60)
    best = history.best_seen().index
    moved = [*(t for t in history if t.index == best), *(t for t in history if t.index != best)]
    trials = [replace(t, index=i) for i, t in enumerate(moved)]
    assert found(replace(history, trials=tuple(trials)))[Kind.STALLED] == Concern(Kind.STALLED, "accuracy", 59, 0)
    assert Kind.STALLED not in found(
        replace(history, trials=tuple(replace(t, index=i) for i, t in enumerate(moved[::-1])))
    )
    assert Kind.STALLED not in found(replace(history, trials=tuple(trials[:20])))


@pytest.mark.parametrize("says_much", [True, False])
def test_trainings_that_are_given_up_where_nothing_is_known(says_much):
    history = bowl(16)

    def trained(trial):
        end = trial.objective_mean
        at_two = end if says_much else -end
        curve = tuple(Observation(v, step=s) for s, v in ((1, 0.0), (2, at_two), (9, end)))
        if trial.index % 2:
            return replace(trial, reports={"accuracy": curve})
        return replace(trial, state=TrialState.STOPPED, reports={"accuracy": curve[:2]})

    concern = found(replace(history, trials=tuple(map(trained, history)))).get(Kind.TOO_EARLY)
    assert concern == (None if says_much else Concern(Kind.TOO_EARLY, "accuracy", 8, 2))


@pytest.mark.parametrize(("apart", "is_due"), [(0.01, False), (0.5, True)])
def test_trainings_that_end_alike_are_not_given_up_too_early(apart, is_due):
    """After step 2 the order of whole trainings is the reverse of that of their ends."""
    rng = np.random.default_rng(0)

    def trained(trial):
        at_two = rng.uniform(0.4, 0.8)
        if trial.index % 2:
            end = 0.9 - apart * at_two
            curve = tuple(Observation(v, step=s) for s, v in ((1, 0.1), (2, at_two), (9, end)))
            return replace(trial, reports={"accuracy": curve}, metrics={"accuracy": Observation(end)})
        curve = (Observation(0.1, step=1), Observation(at_two - 0.3, step=2))
        return replace(trial, state=TrialState.STOPPED, reports={"accuracy": curve}, metrics={})

    history = histories.observed(SPACE, lambda p: p["x"], 24)
    concern = found(replace(history, trials=tuple(map(trained, history)))).get(Kind.TOO_EARLY)
    assert (concern is not None) == is_due


@pytest.mark.parametrize(("count", "is_due"), [(6, False), (60, True)])
def test_a_few_trainings_do_not_tell_that_others_are_given_up_too_early(count, is_due):
    """After step 2 the order of whole trainings has hardly to do with that of their ends, as may be chance of few."""
    rng = np.random.default_rng(0)
    at_two = np.arange(count) / count
    orders = (rng.permutation(at_two) for _ in range(1000))
    ends = next(order for order in orders if abs(spearmanr(at_two, order).statistic) < 0.1)

    def trained(trial):
        if trial.index < count:
            end = float(ends[trial.index])
            values = ((1, 0.0), (2, float(at_two[trial.index])), (9, end))
            curve = tuple(Observation(v, step=s) for s, v in values)
            return replace(trial, reports={"accuracy": curve}, metrics={"accuracy": Observation(end)})
        curve = (Observation(0.0, step=1), Observation(0.1, step=2))
        return replace(trial, state=TrialState.STOPPED, reports={"accuracy": curve}, metrics={})

    history = histories.observed(SPACE, lambda p: p["x"], count + 6)
    trials = tuple(map(trained, history))
    kinds = [concern.kind for concern in concerns(replace(history, trials=trials), None)]
    assert (Kind.TOO_EARLY in kinds) == is_due


def test_every_kind_is_told_with_what_to_do():
    bound = parse_outcome_constraint("latency <= 20")
    for kind in Kind:
        words = warning(Concern(kind, "{latency}", 1234, 0.75, bound))
        assert words.endswith(".")
        assert "1,234" in words
        assert "nan" not in words
