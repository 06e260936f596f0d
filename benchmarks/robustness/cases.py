"""Random spaces with random histories: whatever people may search, and whatever may have happened to them so far."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np

from headstock import Choice, Fixed, Float, Int, Near, Space
from headstock.domain import Domain
from headstock.encoding import Encoding
from headstock.history import History
from headstock.objective import Objective, parse_outcome_constraint
from headstock.parameters import Parameter, Parameters
from headstock.trial import Observation, TrialRecord, TrialState

MOST_PARAMETERS: Final = 8
MOST_TRIALS: Final = 30
MOST_LEVELS: Final = 10**6
MOST_VALUES: Final = 50

_ODDS: Final = (False, True, None, 3, "x")


@final
@dataclass(frozen=True, slots=True)
class Case:
    """A question to a sampler.

    Args:
        history: what happened so far.
        count: how many suggestions are wanted.
        given: values that they must have.
        style: what the results look like.
    """

    history: History
    count: int
    given: Parameters
    style: str


def drawn_case(seed: int) -> Case:
    """The case of a seed."""
    rng = np.random.default_rng([seed, 77])
    space = _space(rng)
    style = str(rng.choice(list(STYLES)))
    history = _history(space, style, seed, rng)
    given = {}
    if rng.random() < 0.15 and not space.constraints and history.trials:
        trial = history.trials[int(rng.integers(len(history.trials)))]
        name = str(rng.choice(list(trial.parameters)))
        given = {name: trial.parameters[name]}
    return Case(history, int(rng.integers(1, 4)), given, style)


def _space(rng: np.random.Generator) -> Space:
    parameters: dict[str, Parameter] = {}
    for i in range(int(rng.integers(1, MOST_PARAMETERS + 1))):
        parents = [n for n, p in parameters.items() if isinstance(p, Choice)]
        when = None
        if parents and rng.random() < 0.3:
            parent = str(rng.choice(parents))
            values = parameters[parent].values  # type: ignore[union-attr]
            when = {parent: values[int(rng.integers(len(values)))]}
        parameters[f"p{i}"] = _parameter(rng, when)
    if all(isinstance(p, Fixed) for p in parameters.values()):
        parameters["x"] = Float(0.0, 1.0)
    return Space(parameters, constraints=_constraints(parameters, rng))


def _parameter(rng: np.random.Generator, when: Mapping[str, Any] | None) -> Parameter:
    match int(rng.integers(7)):
        case 0 | 1:
            return _float(rng, when)
        case 2:
            low = float(rng.normal() * 10.0 ** rng.integers(-6, 7))
            step = float(10.0 ** rng.integers(-4, 4))
            return Float(low, low + step * int(rng.integers(2, 200)), step=step, when=when)
        case 3:
            low = int(rng.integers(-1000, 1000))
            return Int(low, low + int(10.0 ** rng.uniform(0.0, np.log10(MOST_LEVELS))), when=when)
        case 4:
            low = int(rng.integers(1, 50))
            return Int(low, low + int(10.0 ** rng.uniform(0.0, np.log10(MOST_LEVELS))), log=True, when=when)
        case 5:
            values = [f"v{k}" for k in range(int(rng.integers(2, MOST_VALUES + 1)))]
            prior = {values[-1]: 5.0} if rng.random() < 0.2 else None
            return Choice(*values, ordered=bool(rng.random() < 0.3), when=when, prior=prior)
        case _:
            return Fixed(0.5, when=when) if rng.random() < 0.3 else Choice(*_ODDS, when=when)


def _float(rng: np.random.Generator, when: Mapping[str, Any] | None) -> Float:
    size = 10.0 ** rng.uniform(-12.0, 12.0)
    if rng.random() < 0.5:
        high = float(size * 10.0 ** rng.uniform(0.01, 12.0))
        prior = Near(float(np.sqrt(size * high)), within=2.0) if rng.random() < 0.2 else None
        return Float(float(size), high, log=True, when=when, prior=prior)
    low = float(rng.normal() * size * 10.0 ** rng.integers(-3, 4))
    high = float(low + size)
    return Float(low, high, when=when) if high > low else Float(0.0, 1.0, when=when)


def _constraints(parameters: Mapping[str, Parameter], rng: np.random.Generator) -> list[str]:
    """Now and then a constraint that about half of the space keeps."""
    free = [n for n, p in parameters.items() if isinstance(p, Float | Int) and not p.when]
    if len(free) < 2 or rng.random() < 0.8:
        return []
    a, b = (parameters[str(name)] for name in free[:2])
    assert isinstance(a, Float | Int)
    assert isinstance(b, Float | Int)
    wa, wb = 1.0 / (a.high - a.low), 1.0 / (b.high - b.low)
    bound = wa * (a.low + a.high) / 2 + wb * (b.low + b.high) / 2
    return [f"{wa!r}*{free[0]} + {wb!r}*{free[1]} <= {bound!r}"]


def _history(space: Space, style: str, seed: int, rng: np.random.Generator) -> History:
    encoding = Encoding.of(space)
    n = int(rng.integers(0, MOST_TRIALS + 1))
    X = Domain.of(encoding, {}).sample(max(n, 1), rng)[:n]
    if len(X) > 2 and rng.random() < 0.3:
        X[rng.integers(len(X), size=len(X) // 2)] = X[0]  # duplicates
    values = STYLES[style](X, rng)
    failing = float(rng.choice([0.0, 0.0, 0.3, 1.0]))
    sem = [None, 0.0, 1e-3, 1e3][int(rng.integers(4))]
    bounded = rng.random() < 0.2
    trials = []
    for i, (x, value) in enumerate(zip(X, values.tolist(), strict=True)):
        state = TrialState.COMPLETED
        if rng.random() < failing:
            state = TrialState.FAILED
        elif rng.random() < 0.1:
            state = [TrialState.RUNNING, TrialState.QUEUED, TrialState.ABANDONED, TrialState.PAUSED][
                int(rng.integers(4))
            ]
        metrics = {}
        if state is TrialState.COMPLETED:
            metrics = {"value": Observation(value, sem if rng.random() < 0.5 else None)}
            metrics |= {"latency": Observation(float(x[0]))} if bounded else {}
        trials.append(TrialRecord(i, state, encoding.decode(x), batch=i, objective="value", metrics=metrics))
    bounds = (parse_outcome_constraint("latency <= 0.4"),) if bounded else ()
    return History(space, Objective("value", minimize=bool(rng.random() < 0.5)), tuple(trials), bounds, seed)


def _many_scales(n: int, rng: np.random.Generator) -> np.ndarray:
    return rng.choice([-1.0, 1.0], n) * 10.0 ** rng.uniform(-200.0, 200.0, n)


STYLES: Final[Mapping[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]]] = {
    "even": lambda X, rng: rng.standard_normal(len(X)),
    "constant": lambda X, rng: np.full(len(X), float(rng.choice([0.0, -1.5, 1e300]))),
    "two values": lambda X, rng: rng.integers(0, 2, len(X)).astype(float),
    "huge": lambda X, rng: 1e300 * rng.uniform(-1.0, 1.0, len(X)),
    "tiny": lambda X, rng: 1e-300 * rng.standard_normal(len(X)),
    "far from zero": lambda X, rng: 1e9 + 1e-3 * rng.standard_normal(len(X)),
    "one disaster": lambda X, rng: np.where(np.arange(len(X)) == len(X) // 2, -1e12, rng.standard_normal(len(X))),
    "many scales": lambda X, rng: _many_scales(len(X), rng),
    "linear": lambda X, _: X.sum(axis=1),
    "repeated": lambda X, rng: np.round(rng.standard_normal(len(X)), 1),
}
"""What results may look like, by name: from points to values."""
