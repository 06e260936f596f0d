from dataclasses import replace

import numpy as np
import pytest

import histories
from headstock.analysis.baseline import against_baseline
from headstock.analysis.model import Model
from headstock.analysis.winner import best_believed
from headstock.errors import ParameterError, UnknownTrialError
from headstock.history import History
from headstock.objective import parse_outcome_constraint
from headstock.report.words import won
from headstock.space import Float, Space
from headstock.trial import Observation

LINE = Space(x=Float(0.0, 1.0))


def from_somebody(history: History, index: int = 0, source: str = "enqueued") -> History:
    trials = [replace(t, source=source) if t.index == index else t for t in history]
    return replace(history, trials=tuple(trials))


def rising(count: int = 16, *, minimize: bool = False, noise: float = 0.05) -> Model:
    history = histories.observed(LINE, lambda p: p["x"], count, metric="y", minimize=minimize, noise=noise)
    return Model.fit(history)


def test_the_difference_is_that_of_the_joint_posterior():
    """Between neighbours among the better half, where the metric and its standard scale are proportional."""
    model = rising()
    best = best_believed(model)
    found = against_baseline(model, {"x": best.parameters["x"] - 0.08})
    X = model.encoding.encode([{"x": best.parameters["x"] - 0.08}, best.parameters])
    averaged, slope = model.averaged(), model.surrogate().transform.slope
    contrast = np.array([-1.0, 1.0])
    means = np.array([contrast @ p.predict(X)[0] for p in averaged.posteriors])
    variances = np.array([contrast @ p.covariance(X, X) @ contrast for p in averaged.posteriors])
    mean = averaged.weights @ means
    sd = np.sqrt(averaged.weights @ (variances + (means - mean) ** 2))
    (change,) = found.changes
    assert change.sem == pytest.approx(sd / slope, rel=0.05)
    assert change.difference == pytest.approx(mean / slope, abs=0.1 * change.sem)
    assert found.probability == pytest.approx(1 - change.worse, abs=0.02)
    _, sems = model.posterior(X)
    assert change.sem < 0.85 * np.hypot(*sems)  # neighbours are believed together


@pytest.mark.parametrize("minimize", [False, True])
def test_what_was_won_is_told_in_the_units_and_the_direction_of_the_metric(minimize):
    model = rising(minimize=minimize)
    found = against_baseline(model, {"x": 0.5})
    assert (found.baseline, found.best) == (None, best_believed(model).trial.index)
    assert found.probability > 0.99
    (change,) = found.changes
    assert change.before == pytest.approx(0.5, abs=0.1)
    assert (change.difference < 0) == minimize
    assert abs(change.difference) == pytest.approx(0.45, abs=0.1)
    told = won(found)
    assert told.startswith("The best believed arm is better than the baseline with probability more than 99 %: y is 0.")
    assert told.endswith("lower." if minimize else "higher.")


def test_the_baseline_is_the_first_trial_if_somebody_gave_it():
    history = rising().history
    for source in ("enqueued", "attached"):
        found = against_baseline(Model.fit(from_somebody(history, source=source)))
        assert found == against_baseline(Model.fit(history), 0)
        assert found.baseline == 0
        assert "(trial 0)" in won(found)
    assert against_baseline(Model.fit(history)) is None
    assert against_baseline(Model.fit(from_somebody(history, 7))) is None  # tried in between, not where it began
    without = [histories.failed(0, history.trials[0].parameters, "y"), *from_somebody(history, 1).trials[1:]]
    assert against_baseline(Model.fit(replace(history, trials=tuple(without)))) is None


def test_nothing_is_better_than_the_best():
    model = rising()
    best = best_believed(model)
    for given in (best.trial.index, best.parameters):
        found = against_baseline(model, given)
        assert (found.best, found.probability, found.changes) == (best.trial.index, 0.0, ())
        assert won(found).startswith("No arm is believed to be better than the baseline")


@pytest.mark.parametrize("unit", [1e-100, 1e200])
def test_the_unit_of_the_metric_does_not_matter(unit):
    def compared(unit: float):
        history = histories.observed(LINE, lambda p: unit * (p["x"] - 0.3) ** 2, 9, metric="y", minimize=True)
        return against_baseline(Model.fit(history), {"x": 0.9})

    found, expected = compared(unit), compared(1.0)
    (change,), (usual,) = found.changes, expected.changes
    assert found.probability == pytest.approx(expected.probability, abs=0.02)
    assert change.difference / unit == pytest.approx(usual.difference, rel=0.02)
    assert change.sem / unit == pytest.approx(usual.sem, rel=0.05)


def test_a_baseline_that_breaks_a_bound_is_worse_however_good_its_objective(branching: Model):
    wide = {"lr": 10**-2.5, "optimizer": "adamw", "width": 256}
    found = against_baseline(branching, wide)
    loss, latency = found.changes
    assert found.probability > 0.9
    assert loss.worse > 0.2
    assert latency.metric == "latency"
    assert latency.before > 20 > latency.before + latency.difference
    assert latency.worse < 0.05
    assert "is, within the bounds, better than" in won(found)


def test_where_no_arm_keeps_the_bounds_there_is_nothing_to_compare():
    history = rising().history
    trials = tuple(replace(t, metrics={**t.metrics, "size": Observation(9.0 + t.index)}) for t in history)
    bounded = replace(history, trials=trials, outcome_constraints=(parse_outcome_constraint("size <= 1"),))
    assert against_baseline(Model.fit(bounded), 0) is None


def test_what_is_no_baseline_is_refused():
    model = rising()
    with pytest.raises(UnknownTrialError, match="no trial 16; there are 16"):
        against_baseline(model, 16)
    with pytest.raises(UnknownTrialError):
        against_baseline(model, -1)
    with pytest.raises(ParameterError):
        against_baseline(model, {"x": 7.0})
