import math

import numpy as np
import pytest

import histories
from headstock.analysis.importance import sobol_indices
from headstock.analysis.model import Model
from headstock.space import Choice, Float, Space


def estimates(function, dimensions):
    """Means and standard errors over replicates, of first-order and of total indices."""
    found = sobol_indices(function, dimensions, rng=np.random.default_rng(0))
    return [(indices.mean(axis=0), indices.std(axis=0, ddof=1) / math.sqrt(len(indices))) for indices in found]


def test_ishigami_s_function_and_the_error_bars():
    """The indices are known in closed form (Ishigami and Homma 1990; a = 7, b = 0.1)."""
    a, b = 7.0, 0.1

    def ishigami(U):
        x = math.pi * (2 * U - 1)
        return np.sin(x[:, 0]) + a * np.sin(x[:, 1]) ** 2 + b * x[:, 2] ** 4 * np.sin(x[:, 0])

    alone = np.array([0.5 * (1 + b * math.pi**4 / 5) ** 2, a**2 / 8, 0.0])
    together = b**2 * math.pi**8 * (1 / 18 - 1 / 50)
    variance = alone.sum() + together
    truths = alone / variance, (alone + together * np.array([1, 0, 1])) / variance
    for truth, (estimate, error) in zip(truths, estimates(ishigami, 3), strict=True):
        assert (error < 0.03).all()
        assert (np.abs(estimate - truth) < 3 * error).all()


def test_a_sum_has_no_interactions():
    (first, _), (total, _) = estimates(lambda U: U @ np.array([1.0, 2.0, 0.0]), 3)
    np.testing.assert_allclose(first, [0.2, 0.8, 0.0], atol=0.01)
    np.testing.assert_allclose(total, [0.2, 0.8, 0.0], atol=0.01)


def test_a_narrow_peak_that_few_points_meet():
    """f = Π gᵢ, with gᵢ a bell curve of width wᵢ: V_Ti = Var gᵢ Π E gⱼ² over the others."""
    widths = np.array([0.02, 0.03, 0.05])

    def peak(U):
        return np.exp(-0.5 * np.sum(((U - 0.5) / widths) ** 2, axis=1))

    means, squares = math.sqrt(2 * math.pi) * widths, math.sqrt(math.pi) * widths
    totals = (1 - means**2 / squares) * squares.prod() / (squares.prod() - means.prod() ** 2)
    _, (total, error) = estimates(peak, 3)
    assert (total < 1.5).all()
    assert (np.abs(total - totals) < 3 * error).all()


def test_nothing_matters_to_a_constant():
    (first, _), (total, _) = estimates(lambda U: np.full(len(U), 1e6), 2)
    assert not first.any()
    assert not total.any()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("unit", [2.0**1000, 2.0**-1040])
def test_the_unit_of_a_function_does_not_matter(unit: float):
    def indices(scale: float) -> np.ndarray:
        first, total = sobol_indices(lambda U: scale * (U[:, 0] + U[:, 1] ** 2), 2, rng=np.random.default_rng(0))
        return np.stack([first, total])

    np.testing.assert_allclose(indices(unit), indices(1.0), rtol=1e-6)


def test_the_parameters_of_a_surrogate_are_ranked():
    history = histories.observed(histories.NETWORK, lambda p: math.log10(p["lr"]) + 0.5 * p["momentum"], 40)
    rows = Model.fit(history).importances()
    assert [row.parameter for row in rows] == ["lr", "momentum", "batchsize"]
    assert rows[0].total > 0.9
    assert rows[2].total < 0.02
    for row in rows:
        assert row.first - 3 * row.first_error <= row.total
        assert 0 <= row.total_error < 0.05


def test_a_condition_s_switch_belongs_to_its_parent():
    """Being in the branch is all that counts here: the parent explains everything, the child nothing."""
    space = Space(branch=Choice("a", "b"), x=Float(0.0, 1.0, when={"branch": "a"}), y=Float(0.0, 1.0))
    history = histories.observed(space, lambda p: 1.0 if p["branch"] == "a" else 0.0, 40)
    totals = {row.parameter: row.total for row in Model.fit(history).importances()}
    assert totals["branch"] > 0.95
    assert totals["x"] < 0.02
    assert totals["y"] < 0.02


def test_a_child_matters_inside_its_branch():
    space = Space(branch=Choice("a", "b"), x=Float(0.0, 1.0, when={"branch": "a"}))
    history = histories.observed(space, lambda p: math.sin(6 * p.get("x", 0.0)), 50)
    rows = {row.parameter: row for row in Model.fit(history).importances()}
    assert rows["x"].total > 0.7
    assert rows["x"].total > rows["x"].first + 0.1


def test_the_same_model_gives_the_same_indices(digits: Model):
    assert digits.importances() == Model.fit(digits.history).importances()


def test_a_choice_of_three_matters(branching: Model):
    rows = {row.parameter: row.total for row in branching.importances()}
    assert set(rows) == set(branching.history.space.searched)
    assert rows["lr"] == max(rows.values()) == pytest.approx(0.87, abs=0.1)
    assert rows["optimizer"] > rows["nesterov"]


def test_a_brute_force_estimate_agrees():
    """Two loops, straight from the definitions: V_i = Var E[f | x_i], V_Ti = E Var[f | x_~i]; within 0.02."""
    rng = np.random.default_rng(1)

    def function(U):
        branch = np.floor(3 * U[:, 0])  # three categories
        return np.where(branch == 1, np.sin(6 * U[:, 1]), U[:, 2]) + 0.5 * branch * U[:, 3] ** 2

    outer, inner, d = 3_000, 400, 4
    variance = function(rng.random((1_000_000, d))).var()
    (first, _), (total, _) = estimates(function, d)
    for i in range(d):
        U = np.repeat(rng.random((outer, 1, d)), inner, axis=1)
        alone, rest = rng.random((outer, inner, d)), U.copy()
        alone[:, :, i] = U[:, :, i]
        rest[:, :, i] = rng.random((outer, inner))
        of_alone = function(alone.reshape(-1, d)).reshape(outer, inner)
        of_rest = function(rest.reshape(-1, d)).reshape(outer, inner)
        # What the inner loop's mean varies by chance is taken off.
        alone_variance = of_alone.mean(axis=1).var() - of_alone.var(axis=1, ddof=1).mean() / inner
        assert first[i] == pytest.approx(alone_variance / variance, abs=0.02)
        assert total[i] == pytest.approx(of_rest.var(axis=1, ddof=1).mean() / variance, abs=0.02)
