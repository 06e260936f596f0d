import numpy as np
import pytest

from headstock.analysis.model import Model
from headstock.analysis.surface import slice_along
from headstock.errors import NoResultError
from headstock.plots.slice import plot_slice
from headstock.trial import Observation


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


def test_each_metric_is_in_the_drop_down(branching: Model):
    names = branching.history.space.searched
    slices = [
        slice_along(branching, name, metric=metric, density=5) for metric in ("loss", "latency") for name in names
    ]
    figure = plot_slice(slices, branching.history)
    loss, latency = figure.layout.updatemenus[0].buttons
    assert [trace.visible for trace in figure.data] == loss.args[0]["visible"]
    assert [not visible for visible in loss.args[0]["visible"]] == latency.args[0]["visible"]
    assert latency.args[1]["yaxis.title.text"] == latency.args[1]["yaxis4.title.text"] == "latency"
    assert figure.layout.yaxis4.title.text == "loss"
    legends = [trace.name for trace in figure.data if trace.showlegend]
    assert len(legends) == 2 * len(set(legends))  # each metric's own


def test_ends_that_are_expected_are_points_of_their_own(branching: Model):
    without = next(t.index for t in branching.history.observed if "momentum" not in t.parameters)
    having = next(t.index for t in branching.history.observed if "momentum" in t.parameters)
    expected = {without: Observation(0.5, 0.1), having: Observation(0.25, 0.1)}
    slices = [slice_along(branching, "momentum", metric=metric) for metric in ("loss", "latency")]
    figure = plot_slice(slices, branching.history, expected)
    (points,) = (trace for trace in figure.data if trace.name == "predicted end")
    assert list(points.y) == [0.25]
    assert "0.25 ± 0.1" in points.hovertext[0]
    assert points.visible
    assert "where they are expected to end" in figure.layout.title.subtitle.text


def test_without_a_slice_there_is_no_figure(digits: Model):
    with pytest.raises(NoResultError):
        plot_slice([], digits.history)
