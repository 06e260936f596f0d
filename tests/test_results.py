import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from headstock.errors import MetricError
from headstock.results import read_result
from headstock.trial import Observation


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (0.5, Observation(0.5)),
        (1, Observation(1.0)),
        (np.float32(0.5), Observation(0.5)),
        (np.array([0.5]), Observation(0.5)),
        ((0.5, 0.1), Observation(0.5, 0.1)),
        ((0.5, None), Observation(0.5)),
        ((0.5, math.nan), Observation(0.5)),
        ({"accuracy": (0.5, 0)}, Observation(0.5, 0.0)),
    ],
)
def test_what_an_evaluation_may_return(result: Any, expected: Observation):
    assert read_result(result, ["accuracy"]) == {"accuracy": expected}


def test_several_metrics():
    metrics = read_result({"accuracy": 0.5, "latency": (12, 0.5)}, ["accuracy"], step=3)
    assert metrics == {"accuracy": Observation(0.5, None, 3), "latency": Observation(12.0, 0.5, 3)}


@pytest.mark.parametrize(
    ("result", "words"),
    [
        ("0.5", "'accuracy' is '0.5', of type str"),
        (None, "of type NoneType"),
        (True, "of type bool"),
        (math.nan, "not finite"),
        (-math.inf, "not finite"),
        (10**400, "'accuracy' is 1.*not finite"),
        (Fraction(10**400), "not finite"),
        ((0.5, 10**400), "standard error"),
        ((0.5, -1.0), "standard error"),
        ((0.5, 0.1, 0.2), "of type tuple"),
        (np.array([1.0, 2.0]), "of type ndarray"),
        ({"loss": 0.5}, "has 'loss', but not 'accuracy'"),
        ({}, "nothing was returned, reported or told of 'accuracy'"),
        ({"accuracy": 0.5, 3: 1.0}, "A metric is called 3"),
    ],
)
def test_what_is_no_result_is_refused(result: Any, words: str):
    with pytest.raises(MetricError, match=words):
        read_result(result, ["accuracy"])
