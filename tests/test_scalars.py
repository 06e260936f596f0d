import math
import re
from fractions import Fraction

import numpy as np
import pytest

import headstock as hs
from headstock.dictionaries import space_from_dictionaries
from headstock.errors import HeadstockError, ParameterError, SpaceError, UnknownTrialError
from headstock.executors.gpus import slots
from headstock.results import read_result
from headstock.scalars import is_finite, native, real
from headstock.trial import Observation

HUGE = (10**400, -(10**400), 10**5000, Fraction(10**400))
IDS = ("many digits", "negative", "more than Python writes", "a fraction")


@pytest.mark.parametrize("huge", HUGE, ids=IDS)
def test_a_number_that_no_float_holds_is_refused_where_it_enters(huge):
    space = hs.Space(x=hs.Float(0, 1), n=hs.Int(0, 9), c=hs.Choice(1, 2), f=hs.Fixed(3))
    makers = (
        lambda: hs.Float(0, huge),
        lambda: hs.Float(0, 1, step=huge),
        lambda: hs.Int(0, huge),
        lambda: hs.Int(0, 9, step=huge),
        lambda: hs.Choice(1, huge),
        lambda: hs.Choice(1, 2, prior={1: huge}),
        lambda: hs.Fixed(huge),
        lambda: hs.Float(0, 1, prior=hs.Near(huge, within=1)),
        lambda: hs.Float(0, 1, prior=hs.Near(1, within=huge)),
        lambda: hs.Space(c=hs.Choice(1, 2), x=hs.Float(0, 1, when={"c": huge})),
        lambda: space.widened({"x": (-abs(huge), abs(huge))}),
        *(lambda name=name: space.validate_partial({name: huge}) for name in space.parameters),
        lambda: space_from_dictionaries([{"name": "x", "type": "range", "bounds": [0.0, huge]}]),
        lambda: space_from_dictionaries([{"name": "x", "type": "fixed", "value": huge, "value_type": "float"}]),
    )
    for make in makers:
        with pytest.raises((SpaceError, ParameterError)) as refused:
            make()
        assert len(str(refused.value)) < 400


@pytest.mark.parametrize("huge", HUGE, ids=IDS)
def test_a_result_or_a_bound_that_no_float_holds_is_refused(huge):
    for make in (
        lambda: read_result(huge, ["loss"]),
        lambda: read_result((0.5, huge), ["loss"]),
        lambda: Observation(0.5, huge),
        lambda: hs.Budget(trials=huge),
        lambda: hs.Budget(trials=3, target=huge),
    ):
        with pytest.raises(HeadstockError) as refused:
            make()
        assert len(str(refused.value)) < 400


@pytest.mark.parametrize("constraint", ["x <= 1" + "0" * 400, "1e400*x <= 1", "1e308*x + 1e308*x <= 1"])
def test_a_constraint_holds_finite_numbers(constraint):
    with pytest.raises(SpaceError, match="not finite"):
        hs.Space({"x": hs.Float(0, 1)}, constraints=[constraint])


@pytest.mark.parametrize(("value", "kind"), [(math.inf, "int"), ("two", "int"), ("two", "float")])
def test_a_value_that_is_not_of_its_type_is_refused(value, kind):
    with pytest.raises(SpaceError, match=f"is no {kind}"):
        space_from_dictionaries([{"name": "x", "type": "fixed", "value": value, "value_type": kind}])


def test_a_range_is_no_wider_than_a_float_holds():
    with pytest.raises(SpaceError, match="wider"):
        hs.Float(-1.7e308, 1.7e308)


def test_a_whole_number_is_told_exactly_where_floats_are_coarse():
    assert hs.Int(0, 2**60).validate("n", 2**53 + 1) == 2**53 + 1


def test_there_is_no_trial_or_seed_of_such_a_number():
    space = hs.Space(x=hs.Float(0, 1))
    with hs.Experiment("some", space, minimize="loss", seed=0) as experiment:
        for huge in (2**70, 10**400, 10**5000):
            for act in (experiment.stop, experiment.abandon, experiment.unpause, experiment.pause):
                with pytest.raises(UnknownTrialError):
                    act(huge)
            with pytest.raises(UnknownTrialError):
                experiment.tell(huge, 1.0)
            with pytest.raises(HeadstockError, match="seed"):
                hs.Experiment("other", space, minimize="loss", seed=huge)
        trial = experiment.ask()
        experiment.tell(trial, 1.0)
        stored = experiment.to_json()
        stored["trials"][0]["metrics"] = {"loss": [10**400, None]}
    with pytest.raises(HeadstockError, match="not finite"):
        hs.Experiment.from_json(stored)


@pytest.mark.parametrize("huge", [2**63, 10**400, 10**5000], ids=["2**63", "many digits", "more than Python writes"])
def test_an_absurd_count_is_refused_where_it_is_given(huge):
    def evaluate(_):
        raise AssertionError("it was run")

    parameters = [{"name": "x", "type": "range", "bounds": [0.0, 1.0]}]
    with hs.Experiment("some", hs.Space(x=hs.Float(0, 1)), minimize="loss", seed=0) as experiment:
        budget = hs.Budget(trials=1)
        calls = {
            "ask": lambda: experiment.ask(huge),
            "trials": lambda: hs.Budget(trials=huge),
            "Budget(steps": lambda: experiment.change_budget(hs.Budget(steps=huge)),
            "workers": lambda: experiment.run(evaluate, budget=budget, workers=huge),
            "batch_size": lambda: experiment.run(evaluate, budget=budget, batch_size=huge),
            "gpus=": lambda: experiment.run(evaluate, budget=budget, gpus=[huge]),
            "gpus_per_trial": lambda: experiment.run(evaluate, budget=budget, gpus=[0], gpus_per_trial=huge),
            "total_trials": lambda: hs.optimize(parameters, evaluate, total_trials=huge),
            "arms_per_trial": lambda: hs.optimize(parameters, evaluate, arms_per_trial=huge),
            "initial": lambda: hs.Bayesian(initial=huge),
            "cost_exponent": lambda: hs.Bayesian(cost_exponent=huge),
            "points": lambda: hs.Grid(huge),
        }
        for named, call in calls.items():
            with pytest.raises(HeadstockError, match=re.escape(named)) as refused:
                call()
            assert len(str(refused.value)) < 200
        with pytest.raises(HeadstockError, match="steps"):
            experiment.ask().steps(huge)
        with pytest.raises(HeadstockError, match="timeout"):
            experiment.run(evaluate, budget=budget, workers=1, timeout=max(huge, 10**400))
        assert len(experiment.trials) == 1


@pytest.mark.parametrize("count", [-1, 1.5, math.nan, "2", True])
def test_what_is_no_count_is_no_number_of_suggestions(count):
    with hs.Experiment("some", hs.Space(x=hs.Float(0, 1)), minimize="loss", seed=0) as experiment:
        with pytest.raises(HeadstockError, match="whole number of at least 0"):
            experiment.ask(count)
        with pytest.raises(HeadstockError, match="whole number of at least 1"):
            experiment.run(lambda _: 0.5, budget=hs.Budget(trials=1), batch_size=0 if count is True else count)
        assert experiment.ask(0) == []
        assert [trial.index for trial in experiment.ask(np.int64(2))] == [0, 1]


@pytest.mark.parametrize("share", [5e-324, 1e-9])
def test_a_share_of_a_gpu_is_no_smaller_than_trials_are_counted(share):
    with pytest.raises(HeadstockError, match="share"):
        slots(gpus=[0], gpus_per_trial=share, environment={})
    with pytest.raises(HeadstockError, match="share"):
        hs.Ray("auto", {"GPU": share})


def test_scalars_are_python_numbers():
    assert native(np.float32(0.5)) == 0.5
    assert native(np.int64(2**40)) == 2**40
    assert native(Fraction(-(10**400))) == real(-(10**400)) == -math.inf
    assert [is_finite(value) for value in (1, 2.5, 10**308, 10**309, math.nan, True, "1", None)] == [
        *[True] * 3,
        *[False] * 5,
    ]
