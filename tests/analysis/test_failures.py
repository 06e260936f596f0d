from dataclasses import replace

import pytest

import histories
from headstock.analysis.failures import failed_along, failures
from headstock.history import History
from headstock.objective import Objective
from headstock.space import Choice, Float, Space
from headstock.trial import Observation

SPACE = Space(lr=Float(1e-5, 1.0, log=True), optimizer=Choice("sgd", "adamw"), width=Float(0, 1))


def experiment(fails, error="ValueError: loss is nan after step {}", count=40):
    trials = [
        histories.failed(i, p, "loss", error.format(i))
        if fails(p)
        else histories.completed(i, p, "loss", loss=Observation(1.0))
        for i, p in enumerate(histories.drawn(SPACE, count))
    ]
    return History(SPACE, Objective("loss", minimize=True), tuple(trials))


def test_the_part_where_trials_fail_is_found():
    found = failures(experiment(lambda p: p["lr"] > 0.1))
    (hazard,) = found.hazards
    assert hazard.parameter == "lr"
    assert hazard.failed == hazard.inside == found.failed
    assert hazard.failed_elsewhere == 0
    assert hazard.inside + hazard.elsewhere == found.finished == 40
    assert 0.05 < float(hazard.where.removeprefix("lr > ")) < 0.2


def test_a_category_can_be_the_hazard():
    hazards = failures(experiment(lambda p: p["optimizer"] == "sgd")).hazards
    assert [h.where for h in hazards] == ["optimizer is 'sgd'"]


def test_chance_is_no_hazard():
    flukes = [failures(experiment(lambda p, s=s: hash((s, p["width"])) % 5 == 0)).hazards for s in range(40)]
    assert sum(map(len, flukes)) <= 6  # each has one at a rate of at most 5 %


def test_errors_that_differ_in_numbers_are_one_cause():
    (cause,) = failures(experiment(lambda p: p["lr"] > 0.1)).causes
    assert cause.error == f"ValueError: loss is nan after step {cause.trials[-1]}"
    assert len(cause.trials) > 3


def test_nothing_failed_and_all_failed():
    assert failures(experiment(lambda _: False)).causes == ()
    everything = failures(experiment(lambda _: True))
    assert everything.failed == everything.finished == 40
    assert everything.hazards == ()


def test_failures_are_counted_in_each_part_of_a_range():
    history = experiment(lambda p: p["lr"] > 0.1)
    found = failures(history)
    parts = failed_along(history, "lr", found.causes, bins=5)  # a decade each
    assert [part.low for part in parts] == pytest.approx([1e-5, 1e-4, 1e-3, 1e-2, 1e-1])
    assert parts[1].middle == pytest.approx(10**-3.5)
    assert parts[-1].high == pytest.approx(1.0)
    assert sum(part.finished for part in parts) == 40
    assert [part.failed for part in parts[:-1]] == [(0,)] * 4
    assert parts[-1].failed == (parts[-1].finished,) == (found.failed,)


def test_failures_are_counted_in_each_category_by_their_cause():
    history = experiment(lambda p: p["optimizer"] == "sgd" and p["width"] > 0.5)
    history = replace(
        history,
        trials=tuple(
            replace(t, error="MemoryError") if t.error and t.parameters["width"] > 0.75 else t for t in history.trials
        ),
    )
    found = failures(history)
    assert len(found.causes) == 2
    sgd, adamw = failed_along(history, "optimizer", found.causes)
    assert (sgd.low, sgd.middle, sgd.high) == (-0.5, 0.0, 0.5)
    assert sgd.failed == tuple(len(cause.trials) for cause in found.causes)
    assert adamw.failed == (0, 0)
    assert sgd.finished + adamw.finished == 40
