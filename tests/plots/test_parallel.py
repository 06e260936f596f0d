import math

import pytest

import histories
from headstock.errors import NoResultError
from headstock.plots.parallel import plot_parallel
from headstock.report.figures import draw, needs_model
from headstock.report.findings import Findings
from headstock.space import Float, Space


def test_every_parameter_and_the_objective_have_an_axis():
    history = histories.digits()
    (lines,) = plot_parallel(history).data
    assert [d.label for d in lines.dimensions] == ["lr", "batchsize", "momentum", "accuracy"]
    assert list(lines.dimensions[3].values) == pytest.approx([t.objective_mean for t in history.observed])


def test_a_logarithmic_axis_is_labelled_in_the_parameter_s_units():
    history = histories.digits()
    lr = plot_parallel(history).data[0].dimensions[0]
    assert lr.values[0] == pytest.approx(math.log10(history.trials[0].parameters["lr"]))
    assert lr.ticktext[:2] == ("1e-6", "1e-5")
    assert lr.tickvals[:2] == pytest.approx((-6, -5))


def test_an_inactive_parameter_is_off():
    history = histories.branching()
    figure = plot_parallel(history)
    momentum = next(d for d in figure.data[0].dimensions if d.label == "momentum")
    off = momentum.tickvals[momentum.ticktext.index("off")]
    inactive = ["momentum" not in t.parameters for t in history.observed]
    assert [value == pytest.approx(off) for value in momentum.values] == inactive
    assert off < 0.0


def test_the_best_colour_is_that_of_the_best():
    assert plot_parallel(histories.branching()).data[0].line.reversescale
    assert not plot_parallel(histories.digits()).data[0].line.reversescale


def test_without_a_result_there_is_no_figure():
    with pytest.raises(NoResultError):
        plot_parallel(histories.empty())


def test_of_many_parameters_the_first_ones_given_are_drawn():
    space = Space({f"p{i:02}": Float(0, 1) for i in range(60)})
    history = histories.observed(space, lambda p: p["p41"], 30)
    figure = plot_parallel(history)
    assert len(figure.data[0].dimensions) == 13
    assert "12 of 60 parameters" in figure.layout.title.subtitle.text
    found = Findings.of(history)
    assert found.ranked[0] == "p41"
    assert draw(found, "parallel").data[0].dimensions[0].label == "p41"
    assert draw(found, "matrix").data[0].dimensions[0].label == "p41"
    assert needs_model("parallel", space)
    assert not needs_model("parallel", histories.NETWORK)
