import pickle
from collections.abc import Callable

import numpy as np
import pytest

from headstock.domain import Domain
from headstock.encoding import Encoding
from headstock.testing.problems import PROBLEMS, Problem, ackley, branin, levy, rosenbrock, training


@pytest.fixture(params=PROBLEMS.values(), ids=PROBLEMS)
def make(request: pytest.FixtureRequest) -> Callable[[int | None], Problem]:
    return request.param


@pytest.mark.parametrize("seed", [None, 0, 1, 2])
def test_the_optimum_is_where_and_what_the_problem_says(make: Callable[[int | None], Problem], seed: int | None):
    problem = make(seed)
    assert problem.optimisers
    for optimiser in problem.optimisers:
        assert problem.space.validate(optimiser) == pytest.approx(optimiser)
        assert problem.evaluate(optimiser) == pytest.approx(problem.optimum, abs=1e-6)


@pytest.mark.parametrize("seed", [None, 3])
def test_nothing_is_below_the_optimum(make: Callable[[int | None], Problem], seed: int | None):
    problem = make(seed)
    encoding = Encoding.of(problem.space)
    rng = np.random.default_rng(0)
    anywhere = Domain.of(encoding, {}).sample(1000, rng)
    best = encoding.encode(list(problem.optimisers))
    nearby = best[rng.integers(len(best), size=1000)]
    moves = rng.choice([0.001, 0.01, 0.1], size=(1000, 1)) * rng.standard_normal(nearby.shape)
    nearby = encoding.snap(nearby + np.where(encoding.categorical, 0.0, moves))
    values = [problem.evaluate(encoding.decode(x)) for x in np.concatenate([anywhere, nearby])]
    assert min(values) >= problem.optimum - 1e-6
    assert min(values[:1000]) > problem.optimum + 1e-3


def test_a_seed_moves_the_optimum_away_from_the_centre_and_from_itself(make: Callable[[int | None], Problem]):
    encoding = Encoding.of(make(None).space)
    places = encoding.encode([make(seed).optimisers[0] for seed in range(8)])
    numeric = places[:, ~encoding.categorical]
    assert (numeric.std(axis=0) > 0.05).all()
    assert np.median(np.abs(numeric - 0.5).max(axis=1)) > 0.15
    assert make(5).optimisers == make(5).optimisers


def test_known_values():
    assert branin().evaluate({"x1": 0.0, "x2": 0.0}) == pytest.approx(55.602113, abs=1e-6)
    assert len(branin().optimisers) == 3
    assert ackley(3).evaluate({"x1": 1.0, "x2": 1.0, "x3": 1.0}) == pytest.approx(20 - 20 * np.exp(-0.2))
    assert levy(2).evaluate({"x1": 1.0, "x2": 5.0}) == pytest.approx(1.0)
    assert rosenbrock(3).evaluate({"x1": 0.0, "x2": 0.0, "x3": 0.0}) == 2.0


def test_another_optimizer_is_worse_even_at_its_own_best_learning_rate():
    problem = training()
    best = dict(problem.optimisers[0])
    for optimizer in ("sgd", "rmsprop", "adagrad"):
        errors = [problem.evaluate({**best, "optimizer": optimizer, "lr": lr}) for lr in np.geomspace(1e-6, 0.4, 200)]
        assert min(errors) > problem.optimum + 0.02


def test_problems_travel_to_other_processes(make: Callable[[int | None], Problem]):
    problem = make(1)
    evaluate = pickle.loads(pickle.dumps(problem.evaluate))
    assert evaluate(problem.optimisers[0]) == problem.evaluate(problem.optimisers[0])
