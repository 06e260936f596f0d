from dataclasses import replace

import pytest

import histories
from headstock.analysis.failures import failures
from headstock.errors import NoResultError
from headstock.history import History
from headstock.objective import Objective
from headstock.plots.failures import plot_failures
from headstock.space import Float, Space


def drawn(history):
    return plot_failures(failures(history), history)


def test_every_part_has_its_share_and_its_count():
    figure = drawn(histories.digits())
    bars, counts = figure.data[:2]
    assert figure.layout.title.text == "2 of 20 trials failed"
    assert sum(int(words.partition("/")[0]) for words in counts.text) == 2
    assert sum(int(words.partition("/")[2]) for words in counts.text) == 20
    assert list(bars.y) == list(counts.y)
    assert bars.name == "ValueError: loss is NaN"
    assert figure.layout.xaxis.type == "log"


def test_rare_reasons_are_one_and_hostile_ones_are_words():
    history = histories.digits()
    reasons = ["<b>a</b>", "<b>a</b>", "b", "c", "d", "e"]
    trials = [
        histories.failed(t.index, t.parameters, "accuracy", reasons[t.index]) if t.index < len(reasons) else t
        for t in history.trials
    ]
    names = [trace.name for trace in drawn(replace(history, trials=tuple(trials))).data if trace.showlegend]
    assert names[0] == "&lt;b&gt;a&lt;/b&gt;"
    assert len(names) == 4
    assert names[3] == "another reason"


def test_of_many_parameters_six_are_drawn_first_those_that_tell_failures_apart():
    space = Space({f"p{i}": Float(0, 1) for i in range(9)})
    trials = [
        (histories.failed if p["p8"] > 0.5 else histories.completed)(i, p, "loss")
        for i, p in enumerate(histories.drawn(space, 40))
    ]
    figure = drawn(History(space, Objective("loss"), tuple(trials)))
    assert figure.layout.xaxis.title.text == "p8"
    assert len(figure.data) == 12
    assert "6 of 9 parameters" in figure.layout.title.subtitle.text


def test_counts_that_would_overlap_are_left_to_the_hover():
    texts = [trace.text for trace in drawn(histories.digits(12_000)).data if trace.name == "counts"]
    assert all(len("".join(text)) <= 45 for text in texts)
    assert not any(texts)
    assert all(trace.text for trace in drawn(histories.digits()).data if trace.name == "counts")


def test_without_a_failure_there_is_no_figure():
    with pytest.raises(NoResultError, match="No trial failed"):
        drawn(histories.branching())
