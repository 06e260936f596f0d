"""Histories made by hand, for tests of what is computed and drawn from them."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from headstock.encoding import Encoding
from headstock.experiment import Experiment
from headstock.history import History
from headstock.objective import Objective, parse_outcome_constraint
from headstock.space import Choice, Float, Int, Parameters, Space
from headstock.storage import ExperimentSpec, Storage
from headstock.trial import Observation, TrialRecord, TrialState

NETWORK = Space(lr=Float(1e-6, 0.4, log=True), batchsize=Int(16, 128), momentum=Float(0.0, 1.0))

BRANCHING = Space(
    lr=Float(1e-5, 1.0, log=True),
    optimizer=Choice("sgd", "adamw", "rmsprop"),
    momentum=Float(0.0, 0.99, when={"optimizer": "sgd"}),
    nesterov=Choice(False, True, when={"optimizer": "sgd"}),
    width=Choice(32, 64, 128, 256, ordered=True),
)


def accuracy(p: Parameters) -> float:
    """Like a small network on handwritten digits: a ridge in lr, batch size and momentum."""
    steepness = math.log10(p["lr"] / (1.02 - p["momentum"]) * math.sqrt(32 / p["batchsize"]) / 0.15)
    return 0.1 + 0.88 * math.exp(-0.5 * (steepness / (1.6 if steepness < 0 else 0.45)) ** 2)


def loss(p: Parameters) -> float:
    """A bowl in log lr whose depth depends on the optimiser, its momentum and the width."""
    branch = {"sgd": 0.1, "adamw": 0.0, "rmsprop": 0.4}[p["optimizer"]]
    return (
        0.3 * (math.log10(p["lr"]) + 2.5) ** 2
        + branch
        + (p.get("momentum", 0.9) - 0.9) ** 2
        + 0.1 * abs(math.log2(p["width"] / 128))
    )


def completed(index: int, parameters: Parameters, objective: str, **observations: Observation) -> TrialRecord:
    """A finished trial with these observations."""
    return TrialRecord(
        index,
        TrialState.COMPLETED,
        parameters,
        batch=index,
        source="sobol" if index < 5 else "bayesian",
        because="fills the space" if index < 5 else "expected gain 0.8 % here",
        objective=objective,
        metrics=observations,
        created=1.7e9 + 3 * index,
        started=1.7e9 + 3 * index,
        finished=1.7e9 + 3 * index + 2,
    )


def failed(index: int, parameters: Parameters, objective: str, error: str = "ValueError: loss is NaN") -> TrialRecord:
    """A trial that gave no result."""
    return TrialRecord(index, TrialState.FAILED, parameters, batch=index, objective=objective, error=error)


def drawn(space: Space, count: int, *, seed: int = 0) -> list[Parameters]:
    """Configurations drawn evenly from a space."""
    encoding = Encoding.of(space)
    U = np.random.default_rng(seed).random((count, encoding.dimensions))
    return [encoding.decode(x) for x in encoding.from_uniform(U)]


def observed(
    space: Space,
    function: Callable[[Parameters], float],
    count: int,
    *,
    metric: str = "accuracy",
    minimize: bool = False,
    noise: float = 0.0,
    seed: int = 0,
) -> History:
    """Trials of a function at random configurations, with noise that is not told."""
    rng = np.random.default_rng(seed + 1)
    trials = [
        completed(i, p, metric, **{metric: Observation(function(p) + noise * rng.standard_normal())})
        for i, p in enumerate(drawn(space, count, seed=seed))
    ]
    return History(space, Objective(metric, minimize=minimize), tuple(trials), seed=1234)


def digits(count: int = 20) -> History:
    """Like the demo: a network on handwritten digits, two trials of which failed."""
    history = observed(NETWORK, accuracy, count, noise=0.006)
    trials = [failed(t.index, t.parameters, "accuracy") if t.index in (3, 11) else t for t in history]
    return History(NETWORK, history.objective, tuple(trials), seed=1234)


def branching(count: int = 40) -> History:
    """A conditional space, a loss with known noise, and a bound on a second metric that rules out the widest."""
    rng = np.random.default_rng(5)
    trials = [
        completed(
            i,
            p,
            "loss",
            loss=Observation(loss(p) + 0.03 * rng.standard_normal(), 0.03),
            latency=Observation(p["width"] / 10 + 0.3 * rng.standard_normal()),
        )
        for i, p in enumerate(drawn(BRANCHING, count))
    ]
    bound = (parse_outcome_constraint("latency <= 20"),)
    return History(BRANCHING, Objective("loss", minimize=True), tuple(trials), bound, seed=7)


def wide(count: int = 40) -> History:
    """Sixty parameters, with long names and a long value, and a metric of a long name."""
    names = [f"a_parameter_whose_name_nobody_wants_to_type_{i:02}" for i in range(59)]
    space = Space(dict.fromkeys(names, Float(0.0, 1.0)) | {"prompt": Choice("word " * 60 + "1", "word " * 60 + "2")})
    return observed(space, lambda p: p[names[7]], count, metric="validation/perplexity_of_the_held_out_set")


def empty(space: Space = NETWORK) -> History:
    """Nothing was tried yet."""
    return History(space, Objective("accuracy"))


STEPS = 20


def at_step(parameters: Parameters, step: int) -> float:
    """A learning curve: a power law that rises to what the configuration is good for."""
    return accuracy(parameters) - 0.5 * step**-0.7


def train(storage: Storage, name: str, *, whole: int) -> None:
    """Create an experiment of whole trainings, as a run leaves it."""
    given = observed(NETWORK, accuracy, whole)
    trials = [
        replace(
            t,
            steps=STEPS,
            reports={"accuracy": tuple(Observation(at_step(t.parameters, s), step=s) for s in range(1, STEPS + 1))},
            metrics={"accuracy": Observation(at_step(t.parameters, STEPS))},
        )
        for t in given
    ]
    storage.create(ExperimentSpec(name, given.space, given.objective, (), 7), trials)


def taught(storage: str, name: str, *, earlier: str = "earlier") -> None:
    """Create an experiment with a baseline of loss 9 that learns from an earlier one, and both have the best at 0."""
    space = Space(x=Float(-3.0, 4.0))
    before = Experiment(earlier, space, minimize="loss", seed=1)
    for i in range(8):
        before.attach({"x": i - 3.0}, (i - 3.0) ** 2)
    with Experiment(name, space, minimize="loss", storage=storage, seed=1, warm_start=[before]) as experiment:
        experiment.enqueue({"x": 3.0})
        for trial in (experiment.ask() for _ in range(6)):
            experiment.tell(trial, trial.parameters["x"] ** 2)
