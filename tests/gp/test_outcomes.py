import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headstock.gp.outcomes import OutcomeTransform

values = st.lists(st.floats(-1e6, 1e6).map(lambda x: round(x, 9)), min_size=1, max_size=30).map(np.array)
signs = st.sampled_from([1.0, -1.0])


@given(values, signs)
def test_standard_scale_is_larger_where_the_metric_is_better(y, sign):
    z = OutcomeTransform.of(y, sign).apply(y)
    assert np.isfinite(z).all()
    order = np.argsort(sign * y)
    assert (np.diff(z[order]) >= 0).all()
    if len(np.unique(y)) > 1:
        assert z.mean() == pytest.approx(0.0, abs=1e-9)
        assert z.std() == pytest.approx(1.0, rel=1e-9)
    else:
        assert not z.any()


@given(values, signs)
def test_the_way_back_ends_where_it_began(y, sign):
    transform = OutcomeTransform.of(y, sign)
    back, sd = transform.invert(transform.apply(y), np.zeros(len(y)))
    np.testing.assert_allclose(back, y, rtol=1e-9, atol=1e-9 * np.ptp(y))
    assert not sd.any()


def test_the_better_half_keeps_its_shape_and_disasters_are_only_ranks():
    y = np.array([0.1, 0.2, 0.5, 0.6, 0.9])
    z = OutcomeTransform.of(y, 1.0).apply(y)
    assert (z[4] - z[3]) / (z[3] - z[2]) == pytest.approx(3.0)
    disastrous = np.array([-1e9, 0.2, 0.5, 0.6, 0.9])
    np.testing.assert_allclose(OutcomeTransform.of(disastrous, 1.0).apply(disastrous), z, atol=1e-7)


@given(st.lists(st.integers(-500, 500), min_size=2, max_size=30), st.integers(-40, 40), st.integers(-3, 3), signs)
def test_an_affine_change_of_the_metric_changes_nothing(whole, exponent, shift, sign):
    y = np.array(whole, dtype=float)
    other = 2.0**exponent * (y + shift)
    z = OutcomeTransform.of(y, sign).apply(y)
    assert z.tolist() == OutcomeTransform.of(other, sign).apply(other).tolist()
    assert z.tolist() == OutcomeTransform.of(-other, -sign).apply(-other).tolist()


@pytest.mark.parametrize("y", [[5.0], [3.0, 3.0, 3.0], [0.0, 5e-324], [1e-200, 3e-200], [-1e300, 2.0, 1e300]])
def test_constant_tiny_and_huge_values_stay_finite(y):
    y = np.array(y)
    transform = OutcomeTransform.of(y, 1.0)
    assert np.isfinite(transform.apply(y)).all()
    assert np.isfinite(transform.invert(np.array([-3.0, 0.0, 3.0]), np.ones(3))[0]).all()


@pytest.mark.filterwarnings("error")
def test_values_at_both_ends_of_what_numbers_can_be_are_told_apart():
    most = np.finfo(float).max
    y = np.array([-most, 1.0, most, most])
    z = OutcomeTransform.of(y, 1.0).apply(y)
    assert np.isfinite(z).all()
    assert z[0] < z[1] < z[2] == z[3]


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_standard_errors_scale_with_the_better_half(sign):
    y = sign * np.array([1.0, 2.0, 3.0, 5.0, 8.0])
    transform = OutcomeTransform.of(y, sign)
    noise = transform.noise_variances(y, np.array([np.nan, 0.0, np.nan, 0.5, 0.5]))
    np.testing.assert_array_equal(np.isnan(noise), [True, False, True, False, False])
    assert noise[1] == 0.0
    assert noise[3] == pytest.approx((0.5 * transform.slope) ** 2)
    _, sd = transform.invert(transform.apply(y[4:]), np.sqrt(noise[4:]))
    assert sd.item() == pytest.approx(0.5)
