import numpy as np
import pytest

import histories
from headstock.analysis.hypervolume import hypervolume
from headstock.history import History
from headstock.objective import Objective, parse_outcome_constraint
from headstock.trial import Observation


def two_metrics(accuracies, latencies, *bounds: str) -> History:
    points = histories.drawn(histories.NETWORK, len(accuracies))
    trials = [
        histories.completed(i, p, "accuracy", accuracy=Observation(float(a)), latency=Observation(float(b)))
        for i, (p, a, b) in enumerate(zip(points, accuracies, latencies, strict=True))
    ]
    constraints = tuple(map(parse_outcome_constraint, bounds))
    return History(histories.NETWORK, Objective("accuracy"), tuple(trials), constraints)


@pytest.mark.parametrize("seed", range(6))
def test_it_is_the_number_of_dominated_cells_after_every_trial(seed: int):
    rng = np.random.default_rng(seed)
    accuracy, latency = rng.integers(0, 15, (2, 60))  # whole numbers, with many ties, and some beyond the reference
    found = hypervolume(two_metrics(accuracy, latency, "latency <= 100"), "latency", "accuracy", reference=(12.0, 2.0))
    dominated = np.zeros((15, 15), dtype=bool)  # by cell: latency from l to l + 1, accuracy from a - 1 to a
    grown, values = [], []
    for i in range(60):
        before = dominated.sum()
        dominated[latency[i] : 12, 2 : max(accuracy[i], 2)] = True
        if dominated.sum() > before:
            grown.append(i)
            values.append(dominated.sum())
    assert list(found.trials) == grown
    np.testing.assert_allclose(found.values, values, rtol=1e-12)


def test_a_bound_is_the_reference_and_what_breaks_it_does_not_count():
    found = hypervolume(two_metrics([0.9, 0.5, 0.7], [30, 10, 15], "latency <= 20"), "latency", "accuracy")
    assert found.trials == (1, 2)
    # The front's accuracies are from 0.5 to 0.7, and a tenth of that beyond counts.
    assert found.reference == pytest.approx((20, 0.48))
    assert found.values == pytest.approx([10 * 0.02, 10 * 0.02 + 5 * 0.2])


def test_a_front_of_one_trial_is_measured_from_the_poorest():
    found = hypervolume(two_metrics([0.2, 0.7], [15, 10], "latency <= 20"), "latency", "accuracy")
    assert found.reference == pytest.approx((20, 0.2))
    assert found.trials == (1,)
    assert found.values == pytest.approx([5.0])


def test_there_is_none_where_nobody_said_what_is_better_or_nothing_keeps_the_bound():
    assert hypervolume(two_metrics([0.9], [30]), "latency", "accuracy") is None
    assert hypervolume(two_metrics([0.9], [30], "latency <= 20"), "latency", "accuracy") is None


def test_a_long_front_takes_no_time():
    n = 20_000
    history = two_metrics(np.arange(n), np.arange(n), f"latency <= {n}")  # each trial is on the front
    found = hypervolume(history, "latency", "accuracy", reference=(n, 0.0))
    assert len(found.trials) == n - 1
    assert found.values[-1] == pytest.approx(n * (n - 1) / 2)
