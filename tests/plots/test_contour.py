from dataclasses import replace

import numpy as np
import pytest

import histories
from headstock.analysis.model import Model
from headstock.analysis.surface import surface
from headstock.analysis.winner import best_believed
from headstock.errors import NoResultError
from headstock.plots.contour import MOST_POINTS, plot_contour


def test_one_pair_has_two_panels_and_its_arms(digits: Model):
    shown = surface(digits, "lr", "momentum", density=9)
    winner = best_believed(digits)
    figure = plot_contour([shown], digits.history, best=winner.trial)
    mean, sem, arms, again = figure.data
    np.testing.assert_allclose(mean.z, shown.means, rtol=1e-6)
    np.testing.assert_allclose(sem.z, shown.sems, rtol=1e-6)
    names = [t.arm.name for t in digits.history.observed]
    assert {(text, name) for text, name in zip(arms.text, names, strict=True) if text not in ("", name)} == set()
    assert winner.arm.name in arms.text
    assert list(arms.text)[list(arms.marker.symbol).index("star")] == winner.arm.name
    assert (mean.xaxis, again.xaxis) == ("x", "x2")
    assert figure.layout.xaxis.type == figure.layout.xaxis2.type == "log"
    assert figure.layout.yaxis.title.text == "momentum"
    assert not figure.layout.updatemenus
    assert "batchsize" in figure.layout.title.subtitle.text


def test_a_drop_down_chooses_among_pairs(digits: Model):
    pairs = [("lr", "momentum"), ("lr", "batchsize"), ("batchsize", "momentum")]
    figure = plot_contour([surface(digits, x, y, density=5) for x, y in pairs], digits.history)
    (menu,) = figure.layout.updatemenus
    assert [button.label for button in menu.buttons] == ["lr × momentum", "lr × batchsize", "batchsize × momentum"]
    assert [trace.visible for trace in figure.data] == [True] * 4 + [False] * 8
    traces, axes = menu.buttons[2].args
    assert traces["visible"] == [False] * 8 + [True] * 4
    assert axes["xaxis.type"] == "linear"
    assert axes["xaxis2.title"] == {"text": "batchsize"}


def test_categories_are_tiles(branching: Model):
    figure = plot_contour([surface(branching, "optimizer", "lr", density=5)], branching.history)
    tiles = figure.data[0]
    assert tiles.type == "heatmap"
    assert list(tiles.x) == [0, 1, 2]
    assert figure.layout.xaxis.ticktext == ("sgd", "adamw", "rmsprop")
    assert all(abs(x - round(x)) <= 0.3 for x in figure.data[2].x)


def test_bright_is_good_where_the_objective_is_minimised(branching: Model):
    loss = plot_contour([surface(branching, "lr", "width", density=5)], branching.history)
    latency = plot_contour([surface(branching, "lr", "width", metric="latency", density=5)], branching.history)
    assert loss.layout.coloraxis.reversescale
    assert latency.layout.coloraxis.reversescale  # for it has an upper bound
    free = replace(branching.history, outcome_constraints=())
    assert not plot_contour([surface(branching, "lr", "width", metric="latency")], free).layout.coloraxis.reversescale


def test_metrics_have_their_own_entries_and_colours(branching: Model):
    shown = [surface(branching, "lr", "width", metric=metric, density=5) for metric in ("loss", "latency")]
    figure = plot_contour(shown, branching.history)
    loss, latency = figure.layout.updatemenus[0].buttons
    assert (loss.label, latency.label) == ("loss: lr × width", "latency: lr × width")
    assert loss.args[1]["coloraxis.cmax"] == figure.layout.coloraxis.cmax == shown[0].means.max()
    assert latency.args[1]["coloraxis.cmax"] == shown[1].means.max()


def test_colours_span_the_same_range_for_every_pair(digits: Model):
    shown = [surface(digits, "lr", "momentum", density=5), surface(digits, "batchsize", "momentum", density=5)]
    colors = plot_contour(shown, digits.history).layout.coloraxis
    assert colors.cmin == min(s.means.min() for s in shown)
    assert colors.cmax == max(s.means.max() for s in shown)


def test_many_arms_are_thinned_and_the_figure_says_so():
    model = Model.fit(histories.digits(400))
    figure = plot_contour([surface(model, "lr", "momentum", density=3)], model.history)
    assert len(figure.data[2].x) <= MOST_POINTS
    assert figure.data[2].mode == "markers"
    assert "of 398 arms are drawn" in figure.layout.title.subtitle.text


def test_a_name_stays_on_the_field(digits: Model):
    figure = plot_contour([surface(digits, "lr", "momentum", density=5)], digits.history)
    points = figure.data[2]
    assert all(place.startswith("bottom") for place, y in zip(points.textposition, points.y, strict=True) if y > 0.93)
    assert "bottom center" in points.textposition
    ends = {1e-6: "right", 0.4: "left"}
    trials = [replace(t, parameters={**t.parameters, "lr": lr}) for t, lr in zip(digits.history, ends, strict=False)]
    history = replace(digits.history, trials=(*trials, *digits.history.trials[2:]))
    points = plot_contour([surface(digits, "lr", "momentum", density=5)], history).data[2]
    for x, side in ends.items():
        assert points.textposition[points.x.index(x)].endswith(side)


def test_names_do_not_stand_on_each_other_and_the_best_has_its_own(digits: Model):
    trials = digits.history.trials
    near = replace(trials[0], index=len(trials), batch=len(trials))
    history = replace(digits.history, trials=(*trials, near))
    points = plot_contour([surface(digits, "lr", "momentum", density=5)], history, best=near).data[2]
    assert near.arm.name in points.text
    assert trials[0].arm.name not in points.text
    assert len(points.text) == len(points.x)


def test_without_a_pair_there_is_no_contour(digits: Model):
    with pytest.raises(NoResultError, match="two parameters"):
        plot_contour([], digits.history)


def test_constraints_have_a_panel_and_what_broke_one_is_crossed_out(branching: Model):
    shown = [surface(branching, "lr", "width", density=5), surface(branching, "lr", "optimizer", density=5)]
    figure = plot_contour(shown, branching.history)
    assert len(figure.data) == 2 * 6
    np.testing.assert_allclose(figure.data[2].z, shown[0].feasibility, rtol=1e-6)
    assert figure.data[2].xaxis == figure.data[5].xaxis == "x3"
    broken = [not branching.history.is_feasible(t) for t in branching.history.observed]
    assert [symbol == "circle-x" for symbol in figure.data[3].marker.symbol] == broken
    assert any(broken)
    traces, axes = figure.layout.updatemenus[0].buttons[1].args
    assert traces["visible"] == [False] * 6 + [True] * 6
    assert axes["yaxis3.ticktext"] == ["sgd", "adamw", "rmsprop"]


def test_three_panels_side_by_side_have_words_at_the_ticks_of_the_first_only(branching: Model, digits: Model):
    figure = plot_contour([surface(branching, "lr", "optimizer", density=5)], branching.history)
    assert [figure.layout[f"yaxis{i}"].showticklabels for i in ("", "2", "3")] == [None, False, False]
    assert figure.layout.meta["narrow"]["yaxis3.showticklabels"]
    two = plot_contour([surface(digits, "lr", "momentum", density=5)], digits.history)
    assert two.layout.yaxis2.showticklabels
