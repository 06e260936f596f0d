import json
import math
import re
from dataclasses import replace

import numpy as np
import pytest

from headstock import Bayesian, Choice, Experiment, Fixed, Float, Int, Sobol, Space, optimize
from headstock.encoding import Encoding
from headstock.errors import HeadstockError, NoResultError, ObjectiveError, SpaceError
from headstock.samplers import sampler_from_json
from headstock.samplers.precedents import Precedent

SPACE = Space(lr=Float(1e-5, 1.0, log=True), width=Int(8, 256, log=True), optimizer=Choice("sgd", "adamw"))


def loss(p, best=1e-3):
    miss = math.log10(p["lr"] / best) ** 2 + 0.3 * math.log2(p["width"] / 64) ** 2
    return miss + (0.5 if p.get("optimizer") == "sgd" else 0.0)


def experiment_of(space=SPACE, function=loss, trials=25, name="earlier", **options):
    experiment = Experiment(name, space, **({"minimize": "loss"} | options), seed=1, sampler=Sobol())
    for _ in range(trials):
        trial = experiment.ask()
        experiment.tell(trial, function(trial.parameters))
    return experiment


def best_after(trials, earlier):
    experiment = Experiment("new", SPACE, minimize="loss", seed=2, warm_start=earlier)
    for _ in range(trials):
        trial = experiment.ask()
        experiment.tell(trial, loss(trial.parameters, best=2e-3))
    return min(t.objective_mean for t in experiment.history)


def test_a_history_gives_a_head_start():
    assert best_after(4, [experiment_of()]) < 0.3 < best_after(4, [])


def test_the_second_trial_comes_from_before():
    experiment = Experiment("new", SPACE, minimize="loss", seed=2, warm_start=[experiment_of()])
    trials = experiment.ask(3)
    records = [experiment.trials[t.index] for t in trials]
    assert [r.source for r in records] == ["sobol", "precedent", "sobol"]
    assert [r.because for r in records[:2]] == ["in the centre", "among the best of earlier"]
    assert loss(records[1].parameters) < 0.5


def test_earlier_experiments_count_in_every_second_suggestion_of_a_batch():
    history = experiment_of(function=lambda p: loss(p, best=2e-3), trials=7).history
    knowing = Bayesian(precedents=(Precedent.of("earlier", experiment_of().history, SPACE),))
    told, untold = (s.suggest(history, 2, np.random.default_rng(0)) for s in (knowing, Bayesian()))
    assert told[0].parameters != untold[0].parameters
    history = replace(history, trials=history.trials[:6])
    told, untold = (s.suggest(history, 2, np.random.default_rng(0)) for s in (knowing, Bayesian()))
    assert told[0].parameters == untold[0].parameters
    assert told[1].parameters != untold[1].parameters


def test_what_was_learnt_is_frozen_into_the_experiment(tmp_path):
    storage = f"sqlite:///{tmp_path / 'h.db'}"
    earlier = experiment_of()
    experiment = Experiment("new", SPACE, minimize="loss", seed=2, storage=storage, warm_start=[earlier])
    for _ in range(5):
        trial = experiment.ask()
        experiment.tell(trial, loss(trial.parameters))
    untouched = Experiment.from_json(json.loads(json.dumps(experiment.to_json())))
    earlier.attach({"lr": 1.0, "width": 8, "optimizer": "sgd"}, -50.0)
    reopened = Experiment("new", SPACE, minimize="loss", storage=storage, sampler=Bayesian(), warm_start=[earlier])
    assert reopened.sampler == experiment.sampler
    assert reopened.ask().parameters == untouched.ask().parameters


def test_json_gives_an_equal_sampler_back():
    sampler = Bayesian(5, (Precedent.of("earlier", experiment_of().history, SPACE),))
    assert sampler_from_json(json.loads(json.dumps(sampler.to_json()))) == sampler


def test_overlapping_spaces_share_what_both_searched():
    old = Space(
        lr=Float(1e-4, 10.0, log=True),
        width=Fixed(64),
        optimizer=Choice("sgd", "adamw", "lion"),
        dropout=Float(0.0, 0.5),
    )
    precedent = Precedent.of("old", experiment_of(old).history, SPACE)
    assert precedent.columns == ("lr", "optimizer")
    encoding = Encoding.of(SPACE)
    X = encoding.encode([{"lr": 1e-3, "width": w, "optimizer": "adamw"} for w in (8, 64, 256)])
    assert np.ptp(precedent.component(encoding).value(X)) < 1e-12


def test_of_a_long_history_the_best_are_kept():
    precedent = Precedent.of("long", experiment_of(trials=450).history, SPACE)
    assert len(precedent.rows) == 200
    assert min(map(loss, precedent.rows)) == min(t.objective_mean for t in experiment_of(trials=450).history)


@pytest.mark.parametrize(("results", "alone"), [(8, True), (9, False), (10, True), (19, False), (21, True)])
def test_a_history_counts_in_every_second_suggestion_and_after_many_results_no_longer(results, alone):
    history = experiment_of(function=lambda p: loss(p, best=2e-3), trials=results).history
    knowing = Bayesian(precedents=(Precedent.of("earlier", experiment_of().history, SPACE),))
    [[told], [untold]] = [s.suggest(history, 1, np.random.default_rng(0)) for s in (knowing, Bayesian())]
    assert (told.parameters == untold.parameters) is alone


def test_several_histories_and_an_opposite_one_do_no_harm():
    opposite = experiment_of(function=lambda p: -loss(p), name="opposite")
    assert best_after(12, [experiment_of(), opposite]) < 0.3


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        (lambda: {"warm_start": [experiment_of(trials=2)]}, NoResultError, "2 results"),
        (lambda: {"warm_start": [experiment_of(function=lambda _: 1.0)]}, NoResultError, "1 of them different"),
        (
            lambda: {"warm_start": [experiment_of(Space(z=Float(0, 1)), lambda p: p["z"])]},
            SpaceError,
            "they share nothing",
        ),
        (lambda: {"warm_start": experiment_of()}, HeadstockError, "Give a list of them"),
        (lambda: {"warm_start": ["earlier"]}, HeadstockError, "'earlier' is no Experiment"),
        (lambda: {"warm_start": [experiment_of()], "sampler": Sobol()}, HeadstockError, "teaches only Bayesian()"),
        (
            lambda: {"warm_start": [experiment_of(minimize=None, maximize="loss")]},
            ObjectiveError,
            "optimises it the other way",
        ),
    ],
)
def test_what_teaches_nothing_is_refused(options, error, words, tmp_path):
    storage = f"sqlite:///{tmp_path / 'h.db'}"
    with pytest.raises(error, match=re.escape(words)):
        Experiment("new", SPACE, minimize="loss", storage=storage, **options())
    Experiment("new", SPACE, maximize="loss", storage=storage)  # nothing was stored


def test_optimize_learns_from_before():
    *_, experiment, _ = optimize(
        SPACE, loss, minimize=True, total_trials=2, random_seed=0, warm_start=[experiment_of()]
    )
    assert experiment.trials[1].source == "precedent"


def test_precedents_that_do_not_predict_the_results_do_not_shorten_the_initial_design():
    space = Space({f"x{i}": Float(0, 1) for i in range(6)})

    def steep(p):
        return sum((i + 1) * p[f"x{i}"] for i in range(6))

    def unrelated(p):
        return math.sin(1e4 * steep(p))

    def sources(function):
        experiment = Experiment(
            "new", space, minimize="loss", seed=2, warm_start=[experiment_of(space, function, trials=40)]
        )
        for _ in range(10):
            trial = experiment.ask()
            experiment.tell(trial, steep(trial.parameters))
        return [t.source for t in experiment.history]

    assert sources(steep)[4:7] == ["bayesian"] * 3
    assert sources(unrelated)[5] == "sobol"
