import numpy as np
import pytest

import histories
from headstock.analysis.model import Model
from headstock.analysis.surface import odds_along
from headstock.errors import NoResultError
from headstock.plots.feasibility import plot_feasibility
from headstock.report.figures import draw
from headstock.report.findings import Findings


def test_each_parameter_has_the_probability_and_the_trials_above_and_below(branching: Model):
    odds = [odds_along(branching, name, density=9) for name in ("width", "lr", "momentum")]
    figure = plot_feasibility(odds, branching.history)
    assert [trace.name for trace in figure.data[:3]] == ["latency ≤ 20", "kept every constraint", "broke one"]
    np.testing.assert_allclose(figure.data[3].y, odds[1].together)
    kept, broken = figure.data[4:6]
    assert len(kept.x) == len(branching.history.feasible)
    assert len(kept.x) + len(broken.x) == len(branching.history)
    assert min(kept.y) > 1
    assert max(broken.y) < 0
    active = sum("momentum" in t.parameters for t in branching.history)
    assert len(figure.data[7].x) + len(figure.data[8].x) == active
    assert [trace.showlegend for trace in figure.data] == [True] * 3 + [False] * 6


def test_what_matters_to_the_constraints_comes_first_and_without_any_there_is_no_figure():
    odds = Findings.of(histories.branching()).odds()
    assert odds[0].parameter == "width"
    with pytest.raises(NoResultError, match="no outcome constraints"):
        draw(Findings.of(histories.digits()), "feasibility")
