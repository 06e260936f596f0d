import numpy as np
import pytest

from headstock.analysis.model import Model
from headstock.analysis.surface import slice_along
from headstock.errors import NoResultError
from headstock.plots.slice import plot_slice


def test_each_parameter_has_a_panel_with_points_band_and_line(digits: Model):
    slices = [slice_along(digits, name, density=7) for name in digits.history.space.searched]
    figure = plot_slice(slices, digits.history)
    assert [trace.name for trace in figure.data] == ["measured", "95 % band", "predicted mean"] * 3
    np.testing.assert_allclose(figure.data[2].y, slices[0].means)
    assert figure.layout.xaxis.type == "log"
    assert figure.layout.xaxis3.title.text == "momentum"
    assert [trace.showlegend for trace in figure.data] == [True] * 3 + [False] * 6
    assert figure.layout.meta["narrow"]["xaxis3.domain"] == [0.0, 1.0]


def test_categories_have_intervals(branching: Model):
    shown = slice_along(branching, "optimizer")
    _, predicted = plot_slice([shown], branching.history).data
    assert list(predicted.x) == [0, 1, 2]
    np.testing.assert_allclose(predicted.y + predicted.error_y.array, shown.upper)
    np.testing.assert_allclose(predicted.y - predicted.error_y.arrayminus, shown.lower)


def test_only_trials_in_which_the_parameter_is_active_are_points(branching: Model):
    points = plot_slice([slice_along(branching, "momentum")], branching.history).data[0]
    assert len(points.x) == sum("momentum" in t.parameters for t in branching.history.observed)


def test_without_a_slice_there_is_no_figure(digits: Model):
    with pytest.raises(NoResultError):
        plot_slice([], digits.history)
