from dataclasses import replace

import numpy as np

from headstock.gp.curve_calibration import overconfidence
from headstock.gp.curves import MEAN_VARIANCES, CurveHyperparameters, CurveSet, condition

STEPS = np.arange(1.0, 13.0)
TRUE = CurveHyperparameters(
    np.log([0.01, 0.01]),  # so short that curves differ independently
    np.log([1.0, 0.5, 0.2, 0.1]),
    np.array([-0.8, 0.3, 0.5, 0.2, -0.1, 0.4]),
    np.log(0.05),
    np.log(0.1),
    0.3,
    np.log(0.02),
)
TOO_SURE = replace(TRUE, log_deviation=TRUE.log_deviation - 4.0, log_noise=TRUE.log_noise - 4.0)


def drawn(n: int, seed: int) -> CurveSet:
    """Curves that the model itself draws, each to a step of its own."""
    rng = np.random.default_rng(seed)
    data = CurveSet(rng.random((n, 2)), STEPS, np.zeros((n, 12)), 12.0, np.array([False, False]))
    sds = np.sqrt(TRUE.variances * (1.0 + TRUE.nugget))
    weights = rng.standard_normal((n, 4)) * sds + rng.standard_normal(4) * np.sqrt(MEAN_VARIANCES)
    own = np.linalg.cholesky(TRUE.deviation(STEPS, STEPS)[0] + TRUE.noise * np.eye(12))
    return replace(data, Y=weights @ (data.shapes(STEPS) @ TRUE.mixture).T + rng.standard_normal((n, 12)) @ own.T)


def short(data: CurveSet) -> CurveSet:
    lengths = np.random.default_rng(0).integers(2, 9, len(data.X))
    return replace(data, Y=np.where(np.arange(12) < lengths[:, None], data.Y, np.nan))


def test_a_model_that_is_right_is_left_as_it_is():
    assert all(overconfidence(TRUE, short(drawn(60, seed))) < 1.25 for seed in range(5))


def test_what_is_too_sure_is_widened_to_intervals_that_hold_far_more_often():
    data = drawn(100, 1)
    h, seen, rows = TOO_SURE, short(data), np.arange(100)
    mean, variance = condition(h, seen).predict(rows, np.full(100, 12.0))
    z = (data.Y[:, -1] - mean) / np.sqrt(variance)
    factor = overconfidence(h, seen)
    assert factor > 1.5
    assert np.mean(np.abs(z) < 1.96) < 0.6
    assert np.mean(np.abs(z / factor) < 1.96) > 0.8


def test_without_a_second_value_nothing_is_known_of_it():
    data = drawn(10, 2)
    assert overconfidence(TOO_SURE, replace(data, Y=np.where(STEPS > 1.0, np.nan, data.Y))) == 1.0
