from dataclasses import make_dataclass
from typing import Any

import pytest

from headstock import (
    FreezeThaw,
    HeadstockError,
    Hyperband,
    MedianStopping,
    PercentileStopping,
    PopulationBased,
    SuccessiveHalving,
    TopK,
)
from headstock.schedulers.counting import check_whole


@pytest.mark.parametrize(
    ("kind", "argument", "value"),
    [
        (FreezeThaw, "max_steps", 0),
        (FreezeThaw, "first_steps", -3),
        (FreezeThaw, "finalists", 0),
        (Hyperband, "eta", 1),
        (Hyperband, "max_steps", 0),
        (MedianStopping, "interval", True),
        (PercentileStopping, "min_trials", 0),
        (PopulationBased, "population", 1),
        (SuccessiveHalving, "min_steps", 10**400),
        (SuccessiveHalving, "max_steps", 2**63),
        (TopK, "best", -1),
    ],
)
def test_what_is_no_whole_number_is_refused_with_its_name(kind, argument, value):
    with pytest.raises(
        HeadstockError,
        match=rf"{kind.__name__}\({argument}=.*give a whole number of at (least [12]|most 9,007,199,254,740,992)\.",
    ) as error:
        kind(**{argument: value})
    assert len(str(error.value)) < 130


@pytest.mark.parametrize(
    ("kind", "argument", "value"),
    [(PercentileStopping, "percentile", 0.0), (PopulationBased, "share", 0.6)],
)
def test_other_arguments_are_refused_too(kind, argument, value):
    with pytest.raises(HeadstockError, match=f"{kind.__name__}\\({argument}="):
        kind(**{argument: value})


def test_what_may_be_left_out_may_be_none():
    for kind in (FreezeThaw, Hyperband, PopulationBased, SuccessiveHalving, TopK):
        assert kind(max_steps=None) == kind()


@pytest.mark.parametrize("value", ["3", 2.5, True, float("nan"), [4], 0, 10**400])
def test_whatever_is_no_whole_number_is_refused(value):
    kind = make_dataclass("Kind", [("best", Any, 2), ("max_steps", Any, None)])
    for name in ("best", "max_steps"):
        with pytest.raises(HeadstockError, match=rf"Kind\({name}="):
            check_whole(kind(**{name: value}), best=1, max_steps=1)
    check_whole(kind(), best=1, max_steps=1)
    with pytest.raises(HeadstockError, match=r"Kind\(best=None\)"):
        check_whole(kind(best=None), best=1)
