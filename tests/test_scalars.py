import math
from fractions import Fraction

import numpy as np
import pytest

import headstock as hs
from headstock.dictionaries import space_from_dictionaries
from headstock.errors import HeadstockError, ParameterError, SpaceError, UnknownTrialError
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


def test_scalars_are_python_numbers():
    assert native(np.float32(0.5)) == 0.5
    assert native(np.int64(2**40)) == 2**40
    assert native(Fraction(-(10**400))) == real(-(10**400)) == -math.inf
    assert [is_finite(value) for value in (1, 2.5, 10**308, 10**309, math.nan, True, "1", None)] == [
        *[True] * 3,
        *[False] * 5,
    ]
