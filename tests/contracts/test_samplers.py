"""Every sampler keeps the contract of samplers; a sampler added to SAMPLERS is held to it."""

from collections.abc import Callable

import pytest

from headstock.samplers import Sampler, sampler_from_json
from headstock.samplers.bayesian import Bayesian
from headstock.samplers.grid import Grid
from headstock.samplers.random import Random
from headstock.samplers.sobol import Sobol
from headstock.testing.samplers import CHECKS

SAMPLERS: dict[str, Callable[[], Sampler]] = {
    "bayesian": lambda: Bayesian(initial=2),  # so that most checks meet the model
    "sobol": Sobol,
    "random": Random,
    "grid": lambda: Grid(30),  # enough points of one parameter for every check
}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("sampler", SAMPLERS.values(), ids=SAMPLERS)
def test_a_sampler_keeps_the_contract(sampler: Callable[[], Sampler], check: Callable[[Sampler], None]):
    check(sampler())


@pytest.mark.parametrize(
    "sampler", [Bayesian(), Bayesian(7), Sobol(centre=False), Random(), Grid(), Grid(3), Grid({"lr": 7, "n": 2})]
)
def test_json_gives_an_equal_sampler_back(sampler: Sampler):
    assert sampler_from_json(sampler.to_json()) == sampler
