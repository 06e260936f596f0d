import numpy as np

from headstock.analysis.model import Model
from headstock.plots.cross_validation import plot_cross_validation


def test_predictions_are_drawn_over_observations_with_their_intervals(digits: Model):
    found = digits.cross_validate()
    perfect, points = plot_cross_validation(found, digits.history).data
    np.testing.assert_array_equal(points.x, found.observed)
    np.testing.assert_array_equal(points.y, found.predicted)
    np.testing.assert_allclose(points.y + points.error_y.array, found.upper)
    assert list(perfect.x) == list(perfect.y)
    assert "arm 0_0" in points.hovertext[0]
