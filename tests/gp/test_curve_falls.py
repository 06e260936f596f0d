from dataclasses import replace

import numpy as np
import pytest

from headstock.gp.curve_falls import with_falls_doubted
from headstock.gp.curves import CurveHyperparameters, CurveSet, condition

STEPS = np.arange(1.0, 13.0)
MODEL = CurveHyperparameters(
    np.log([0.5, 0.5]),
    np.log([1.0, 0.5, 0.2, 0.1]),
    np.array([-0.8, 0.3, 0.5, 0.2, -0.1, 0.4]),
    np.log(0.05),
    np.log(0.01),
    0.3,
    np.log(0.01),
)


def rising(*lengths: int) -> CurveSet:
    """Curves that rise alike, each as long as is said."""
    X = np.random.default_rng(0).random((len(lengths), 2))
    Y = np.tile(1.0 - STEPS**-0.5, (len(lengths), 1)) + X[:, :1]
    Y[np.array(lengths)[:, None] < STEPS] = np.nan
    return CurveSet(X, STEPS, Y, 12.0, np.array([False, False]))


def end_of_first(data: CurveSet) -> tuple[float, float]:
    """What the first curve is expected to come to: as the values say, and with falls doubted."""
    plain = condition(MODEL, data)
    ends = [p.predict(np.array([0]), np.array([12.0]))[0][0] for p in (plain, with_falls_doubted(plain))]
    return ends[0], ends[1]


def test_curves_that_did_not_fall_are_left_as_they_are():
    posterior = condition(MODEL, rising(5, 1, 12, 9))
    assert with_falls_doubted(posterior) is posterior


def test_one_low_value_costs_a_training_little_and_a_second_one_confirms_it():
    data = rising(5, 8, 12, 12)
    unharmed, _ = end_of_first(data)
    data.Y[0, 4] -= 2.0
    believed, doubted = end_of_first(data)
    assert unharmed - doubted < 0.3 * (unharmed - believed)
    data.Y[0, 5] = data.Y[0, 4]
    believed, doubted = end_of_first(data)
    assert doubted == pytest.approx(believed, abs=0.02)


def test_a_value_is_raised_to_what_all_others_let_one_expect():
    data = rising(5, 8, 12, 12)
    data.Y[0, 4] -= 2.0
    Y = data.Y.copy()
    Y[0, 4] = np.nan
    mean, variance = condition(MODEL, replace(data, Y=Y)).predict(np.array([0]), STEPS[[4]])
    least = mean[0] - 2.0 * np.sqrt(variance[0] + MODEL.noise)
    assert with_falls_doubted(condition(MODEL, data)).data.Y[0, 4] == pytest.approx(least, abs=1e-9)
    assert least < data.Y[0, 3], "never above the value before it"


def test_other_values_give_the_same_model_as_from_the_beginning():
    data = rising(5, 8, 12, 12)
    other = replace(data, Y=data.Y**2)
    again, anew = condition(MODEL, data).with_values(other.Y), condition(MODEL, other)
    assert again.log_likelihood == pytest.approx(anew.log_likelihood, rel=1e-12)
    np.testing.assert_allclose(again.coefficients, anew.coefficients, rtol=1e-10)


def test_the_end_of_a_finished_training_is_what_it_is():
    data = rising(12, 8, 6)
    data.Y[0, 11] -= 2.0
    posterior = condition(MODEL, data)
    assert with_falls_doubted(posterior) is posterior
