import numpy as np
import pytest

from headstock import Choice, Fixed, Float, Int, Space
from headstock.domain import Domain, are_among, digests, row_keys, tried
from headstock.encoding import Encoding
from headstock.errors import ParameterError
from headstock.history import History
from headstock.objective import Objective
from headstock.trial import TrialRecord, TrialState


def domain(space: Space, **given) -> Domain:
    return Domain.of(Encoding.of(space), given)


def configurations(domain: Domain, count: int = 64):
    X = domain.sample(count, np.random.default_rng(0))
    return [domain.decode(x) for x in X]


@pytest.fixture
def conditional() -> Space:
    return Space(
        optimizer=Choice("sgd", "adamw", "lion"),
        momentum=Choice("none", "heavy", "nesterov", when={"optimizer": ("sgd", "lion")}),
        damping=Float(0, 1, when={"momentum": "heavy"}),
        epochs=Fixed(3),
    )


def test_given_values_hold_to_the_last_bit():
    space = Space(lr=Float(1e-5, 1, log=True), x=Float(0, 1), n=Int(1, 9, log=True))
    for configuration in configurations(domain(space, lr=0.05, n=7)):
        assert space.validate(configuration) == configuration
        assert (configuration["lr"], configuration["n"]) == (0.05, 7)


def test_a_given_value_makes_its_conditions_hold(conditional: Space):
    found = configurations(domain(conditional, damping=0.25))
    assert {c["optimizer"] for c in found} == {"sgd", "lion"}
    assert {(c["momentum"], c["damping"]) for c in found} == {("heavy", 0.25)}


@pytest.mark.parametrize("given", [{"optimizer": "adamw", "damping": 0.1}, {"momentum": "none", "damping": 0.1}])
def test_given_values_that_do_not_go_together_are_refused(conditional: Space, given):
    with pytest.raises(ParameterError, match="which does not go with"):
        domain(conditional, **given)


def test_given_values_that_are_not_of_the_space_are_refused(conditional: Space):
    with pytest.raises(ParameterError, match="not one of"):
        domain(conditional, optimizer="adam")


@pytest.mark.parametrize(
    ("space", "given"),
    [
        (Space(a=Float(0, 1), b=Float(0, 1), constraints=["a + b <= 1"]), {}),
        (Space(a=Float(0, 1), b=Float(0, 1), k=Choice("x", "y"), constraints=["a + b <= 1e-4"]), {}),
        (Space(a=Float(0, 1), b=Float(0, 1), c=Float(0, 1), constraints=["a+b+c <= 1", "a+b+c >= 1"]), {}),
        (Space(a=Float(1e-6, 1, log=True), b=Float(0, 1), constraints=["a + 1000*b <= 1e-3"]), {}),
        (Space(a=Int(0, 10**6), b=Int(0, 10**6, step=10), constraints=["a + b <= 100", "a >= b"]), {}),
        (Space(a=Float(0, 1), b=Float(0, 1), c=Float(0, 9), constraints=["a + b + c <= 0.001"]), {"a": 0.0005}),
        (Space(a=Float(0, 1), b=Float(0, 1), constraints=["a - b >= 0.9999"]), {}),
    ],
)
def test_samples_keep_constraints_however_small_the_region(space: Space, given):
    found = configurations(domain(space, **given))
    assert len({tuple(c.values()) for c in found}) > 40
    assert all(space.validate(c) == c and given.items() <= c.items() for c in found)


def test_a_walk_covers_a_flat_region_evenly():
    space = Space(a=Float(0, 1), b=Float(0, 1), c=Float(0, 1), constraints=["a+b+c <= 1", "a+b+c >= 1"])
    X = domain(space).sample(4000, np.random.default_rng(3))
    np.testing.assert_allclose(X.mean(axis=0), 1 / 3, atol=0.02)
    np.testing.assert_allclose(X.var(axis=0), 1 / 18, atol=0.005)  # of the flat Dirichlet distribution


def test_there_is_no_sample_of_nothing():
    space = Space(a=Int(0, 10), b=Int(0, 10), constraints=["2*a - 2*b <= 1.5", "2*a - 2*b >= 0.5"])
    assert len(domain(space).sample(5, np.random.default_rng(0))) == 0
    assert len(domain(space).points(1000)) == 0


def test_points_are_every_configuration_once(conditional: Space):
    given = domain(Space({n: p for n, p in conditional.parameters.items() if n != "damping"}))
    X = given.points(7)
    assert {tuple(given.decode(x).values()) for x in X} == {
        *(("adamw", 3),),
        *((o, m, 3) for o in ("sgd", "lion") for m in ("none", "heavy", "nesterov")),
    }
    assert len(X) == 7
    assert given.points(6) is None


def test_a_continuum_has_no_list_of_points_unless_it_is_inactive(conditional: Space):
    assert domain(conditional).points(10**6) is None
    assert len(domain(conditional, optimizer="adamw").points(10)) == 1
    assert len(domain(conditional, momentum="none").points(10)) == 2


def test_points_of_a_small_feasible_region_in_a_huge_space():
    space = Space(a=Int(0, 1000), b=Int(0, 1000), c=Int(0, 1000), constraints=["a + b + c <= 3"])
    assert len(domain(space).points(1000 * 10)) == 20


def test_projection_takes_the_nearest_allowed_positions():
    given = Domain(Encoding.of(Space(x=Float(0, 1), k=Choice("a", "b"))), {}, {0: np.array([0.0, 0.5, 1.0])})
    X = given.project(np.array([[0.3, 1.2], [0.1, -1.0]]))
    assert X.tolist() == [[0.5, 1.0], [0.0, 0.0]]
    assert len(given.points(10)) == 6


def test_points_within_rounding_have_one_key():
    X = np.array([[0.1, 0.5], [0.1 + 1e-14, 0.5], [0.1 + 1e-6, 0.5]])
    keys = row_keys(X)
    assert keys[0] == keys[1] != keys[2]


def test_rows_are_found_among_many():
    rng = np.random.default_rng(0)
    many = rng.random((5_000, 3))
    X = np.concatenate([many[[7, 4_999]] + 1e-9, rng.random((40, 3)), many[:1]])
    X[:2] = np.rint(X[:2] / 1e-7) * 1e-7
    many[[7, 4_999]] = X[:2] + 1e-9
    assert np.flatnonzero(are_among(X, digests(many))).tolist() == [0, 1, 42]
    assert not are_among(X, digests(many[:0])).any()
    assert not are_among(X[:0], digests(many)).any()


def test_what_was_tried_grows_with_the_history():
    space = Space(x=Float(0, 1), kind=Choice("a", "b"))
    encoding = Encoding.of(space)
    rng = np.random.default_rng(0)
    trials = [
        TrialRecord(i, TrialState.QUEUED, {"x": x, "kind": "ab"[i % 2]}, batch=i) for i, x in enumerate(rng.random(30))
    ]
    X = encoding.encode([t.parameters for t in trials])
    history = History(space, Objective("loss"), tuple(trials[:10]))
    assert tried(history, encoding).tolist() == digests(X[:10]).tolist()
    for end in (11, 20, 30):
        history = history.updated(trials[len(history) : end])
        assert tried(history, encoding).tolist() == digests(X[:end]).tolist()
        assert are_among(X, tried(history, encoding)).tolist() == [i < end for i in range(30)]
