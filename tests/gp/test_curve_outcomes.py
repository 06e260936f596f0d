import numpy as np
import pytest

from headstock.gp.curve_outcomes import CurveTransform

RNG = np.random.default_rng(2)
METRICS = {
    "accuracy": (RNG.beta(5, 1, 50), 1.0, 1.0),
    "per cent": (100 * RNG.beta(5, 1, 50), 1.0, 100.0),
    "reward": (RNG.normal(-50, 200, 50), 1.0, None),
    "loss": (RNG.lognormal(0, 1, 50), -1.0, 0.0),
    "negative likelihood": (RNG.normal(0, 1, 50), -1.0, None),
}


@pytest.mark.parametrize(("values", "sign", "bound"), METRICS.values(), ids=METRICS)
def test_it_keeps_the_order_and_leads_back(values, sign, bound):
    transform = CurveTransform.of(values[:, None], sign)
    assert transform.bound == bound
    z = transform.apply(values)
    assert (np.argsort(z) == np.argsort(sign * values)).all()
    np.testing.assert_allclose(transform.invert(z), values, rtol=1e-8)
    assert (sign * transform.invert(z + 0.1) > sign * values).all()


def test_disasters_stay_near():
    usual = RNG.lognormal(0, 0.3, 99)
    z = CurveTransform.of(np.append(usual, 1e30)[:, None], -1.0).apply(np.append(usual, 1e30))
    assert z[:-1].std() > 0.3
    assert z[-1] > -10


def test_improvement_is_even_where_a_bound_is_approached():
    transform = CurveTransform.of(np.array([[0.5], [0.9], [0.99], [0.999]]), 1.0)
    z = transform.apply(np.array([0.9, 0.99, 0.999]))
    assert z[2] - z[1] == pytest.approx(z[1] - z[0], rel=0.3)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_values_at_both_ends_of_what_numbers_can_be_are_told_apart(sign: float):
    most = np.finfo(float).max
    Y = np.array([[-most], [1.0], [most], [most]])
    worse, middle, better, best = sorted(CurveTransform.of(Y, sign).apply(Y)[:, 0])
    assert -1e3 < worse <= middle <= better <= best < 1e3
    assert worse < best


@pytest.mark.parametrize("values", [[0.0], [1.0, 1.0], [0.0, 0.0], [100.0], [-3.0, -3.0, 1e300], [1e-300, 1e-300]])
def test_odd_values_stay_finite(values):
    for sign in (1.0, -1.0):
        transform = CurveTransform.of(np.array(values)[:, None], sign)
        z = transform.apply(np.array([*values, np.nan]))
        assert np.isfinite(z[:-1]).all()
        assert np.isnan(z[-1])
        assert np.isfinite(transform.invert(z[:-1] + 1.0)).all()


def test_the_ripples_of_a_plateau_are_small():
    plateau = 0.693 + 1e-4 * RNG.standard_normal(90)
    z = CurveTransform.of(np.append(plateau, [0.3, 0.2])[:, None], -1.0).apply(np.append(plateau, [0.3, 0.2]))
    assert np.ptp(z[:90]) < 0.1
    assert 2 < z[-1] < 60


def test_long_curves_weigh_no_more_than_short_ones():
    short, long = np.full((9, 50), np.nan), 90.0 + RNG.random((1, 50))
    short[:, 0] = np.linspace(20.0, 80.0, 9)
    alone = CurveTransform.of(np.vstack([short, long]), 1.0)
    assert alone.scale > 0.3
    assert alone.apply(np.array([85.0])) > 0.0 > alone.apply(np.array([40.0]))
