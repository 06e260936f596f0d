"""Some of the random spaces and histories of benchmarks/robustness; the whole of it runs there."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cases import STYLES, drawn_case
from headstock.domain import Domain
from headstock.encoding import Encoding
from headstock.objective import Objective
from headstock.samplers import bayesian
from headstock.samplers.beliefs import learn
from headstock.trial import Observation
from histories import NETWORK, accuracy, observed
from spaces import check


@given(seed=st.integers(10_000, 10**6))
@example(seed=5)
@settings(max_examples=150, deadline=None)
def test_any_space_and_history_gets_valid_suggestions(seed: int):
    check(seed, units=seed % 5 == 0)


def test_the_cases_hold_what_they_promise():
    cases = [drawn_case(seed) for seed in range(300)]
    assert {case.style for case in cases} == set(STYLES)
    assert any(case.history.failed and not case.history.observed for case in cases)
    assert any(case.history.space.constraints for case in cases)
    levels = {p.levels or 0 for case in cases for p in case.history.space.parameters.values()}
    assert max(levels) > 500_000
    assert any(case.given for case in cases)


@pytest.mark.parametrize(("factor", "shift"), [(3.7, 0.0), (1e-7, 0.3), (1e6, -12345.6), (-0.77, 5.0)])
def test_an_affine_change_of_the_metric_changes_the_acquisition_only_by_rounding(factor: float, shift: float):
    history = observed(NETWORK, accuracy, 25, noise=0.01)
    encoding = Encoding.of(NETWORK)
    query = Domain.of(encoding, {}).sample(200, np.random.default_rng(0))

    def acquisition(scale: float, offset: float) -> np.ndarray:
        trials = tuple(
            replace(t, metrics={"accuracy": Observation(scale * t.objective_mean + offset)}) for t in history
        )
        changed = replace(history, trials=trials, objective=Objective("accuracy", minimize=scale < 0))
        X = encoding.encode([t.parameters for t in changed])
        beliefs = learn(changed, encoding, X)
        _, baseline = bayesian._incumbents(beliefs)
        return bayesian._acquisition(beliefs, baseline, X[:0], np.random.default_rng(1)).value(query)

    np.testing.assert_allclose(acquisition(factor, shift), acquisition(1.0, 0.0), rtol=1e-6, atol=1e-6)
