import math

import numpy as np
import pytest

from headstock.acquisition.prior import LogPrior
from headstock.acquisition.weighted import Weighted
from headstock.encoding import Encoding
from headstock.priors import Near
from headstock.space import Choice, Float, Int, Space

SPACE = Space(
    lr=Float(1e-6, 1.0, log=True, prior=Near(1e-3, within=10)),
    width=Int(0, 99, prior=Near(20, within=10)),
    optimizer=Choice("sgd", "adamw", "rmsprop", prior={"adamw": 4}),
    depth=Choice(1, 2, 4, 8, ordered=True, prior={8: 3}),
    momentum=Float(0.0, 1.0, when={"optimizer": "sgd"}, prior=Near(0.9, within=0.05)),
    free=Float(0.0, 1.0),
)
ENCODING = Encoding.of(SPACE)
PRIOR = LogPrior.of(ENCODING)
LIKELIEST = {"lr": 1e-3, "width": 20, "optimizer": "adamw", "depth": 8, "free": 0.5}


def density(**changed):
    return PRIOR.value(ENCODING.encode([{**LIKELIEST, **changed}])).item()


def test_a_space_without_beliefs_has_no_prior():
    assert LogPrior.of(Encoding.of(Space(x=Float(0, 1), c=Choice("a", "b")))) is None


def test_the_density_is_one_where_the_best_is_believed_and_falls_by_half_a_nat_within_one_standard_deviation():
    assert density() == pytest.approx(0.0)
    assert density(free=0.1) == pytest.approx(0.0)
    for change in ({"lr": 1e-2}, {"lr": 1e-4}, {"width": 30}):
        assert density(**change) == pytest.approx(math.log(0.9 * math.exp(-0.5) + 0.1))
    assert density(optimizer="rmsprop") == pytest.approx(math.log(0.9 / 4 + 0.1))
    assert density(depth=1) == pytest.approx(math.log(0.9 / 3 + 0.1))


def test_a_belief_costs_no_more_than_its_doubt():
    assert density(lr=1.0) == pytest.approx(math.log(0.1), abs=0.1)
    assert density(lr=1.0, width=99) == pytest.approx(2 * math.log(0.1), abs=0.1)


def test_a_belief_about_a_branch_says_nothing_of_the_choice_of_the_branch():
    assert density(optimizer="sgd", momentum=0.9) == density(optimizer="rmsprop")


def test_the_gradient_is_that_of_the_value():
    rng = np.random.default_rng(0)
    X = ENCODING.from_uniform(rng.random((6, ENCODING.dimensions)))
    numeric = ~ENCODING.categorical & (ENCODING.levels == 0)
    value, gradient = Weighted(((1.0, PRIOR), (2.5, PRIOR))).value_and_gradient(X)
    np.testing.assert_allclose(value, 3.5 * PRIOR.value(X))
    for j in np.flatnonzero(numeric):
        step = 1e-6 * np.eye(X.shape[1])[j]
        slope = (PRIOR.value(X + step) - PRIOR.value(X - step)) / 2e-6
        np.testing.assert_allclose(gradient[:, j], 3.5 * np.where(ENCODING.active(X)[:, j], slope, 0.0), atol=1e-5)


def test_points_are_drawn_as_believed():
    U = np.random.default_rng(0).random((20_000, ENCODING.dimensions))
    drawn = ENCODING.from_uniform(PRIOR.quantiles(U))
    rows = [ENCODING.decode(x) for x in drawn[:4000]]
    logs = np.log10([row["lr"] for row in rows])
    assert np.mean(np.abs(logs + 3) < 1) == pytest.approx(0.9 * 0.683 + 0.1 / 3, abs=0.03)
    assert np.mean([row["optimizer"] == "adamw" for row in rows]) == pytest.approx(4 / 6, abs=0.03)
    assert np.mean([row["depth"] == 8 for row in rows]) == pytest.approx(0.5, abs=0.03)
    assert np.mean([row["free"] for row in rows]) == pytest.approx(0.5, abs=0.03)
    assert drawn.min() >= 0.0


def test_the_likeliest_point_is_where_the_density_is_highest():
    x = ENCODING.from_uniform(PRIOR.likeliest(np.full((1, ENCODING.dimensions), 0.5)))
    assert PRIOR.value(x).item() == pytest.approx(0.0, abs=1e-3)
    assert ENCODING.decode(x[0])["optimizer"] == "adamw"
