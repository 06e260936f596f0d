import numpy as np

import histories
from headstock.analysis.pareto import direction, pareto_front
from headstock.history import History
from headstock.objective import Objective, parse_outcome_constraint
from headstock.trial import Observation


def two_metrics(accuracies, latencies, *bounds: str) -> History:
    points = histories.drawn(histories.NETWORK, len(accuracies))
    trials = [
        histories.completed(i, p, "accuracy", accuracy=Observation(a), latency=Observation(b))
        for i, (p, a, b) in enumerate(zip(points, accuracies, latencies, strict=True))
    ]
    constraints = tuple(map(parse_outcome_constraint, bounds))
    return History(histories.NETWORK, Objective("accuracy"), tuple(trials), constraints)


def test_the_front_is_what_no_other_trial_beats():
    rng = np.random.default_rng(0)
    accuracy, latency = rng.integers(0, 12, (2, 80)).astype(float)  # with many ties
    history = two_metrics(accuracy, latency, "latency <= 100")

    def is_beaten(i: int) -> bool:
        as_good = (accuracy >= accuracy[i]) & (latency <= latency[i])
        return bool(np.any(as_good & ((accuracy > accuracy[i]) | (latency < latency[i]))))

    front = pareto_front(history, "latency", "accuracy")
    expected = {(accuracy[i], latency[i]) for i in range(80) if not is_beaten(i)}
    found = [(t.objective_mean, t.metrics["latency"].mean) for t in front]
    assert set(found) == expected
    assert len(found) == len(expected)
    assert [latency for _, latency in found] == sorted(latency for _, latency in found)


def test_what_breaks_a_constraint_is_no_part_of_the_front():
    history = two_metrics([0.9, 0.8, 0.7], [30.0, 10.0, 5.0], "latency <= 20")
    assert [t.index for t in pareto_front(history, "latency", "accuracy")] == [2, 1]


def test_a_bound_from_below_says_that_more_is_better():
    history = two_metrics([0.9, 0.8, 0.7], [30.0, 10.0, 5.0], "latency >= 1")
    assert [t.index for t in pareto_front(history, "latency", "accuracy")] == [0]


def test_there_is_no_front_where_nobody_said_what_is_better():
    history = two_metrics([0.9], [30.0])
    assert direction(history, "latency") is None
    assert pareto_front(history, "latency", "accuracy") is None
