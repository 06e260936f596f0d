"""The frozen snapshot of an experiment that samplers and analyses see."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np
from jaxtyping import Float64

from headstock.objective import Objective, OutcomeConstraint
from headstock.space import Space
from headstock.trial import TrialRecord, TrialState


@final
@dataclass(frozen=True)
class History:
    """Everything that is known of an experiment at one moment.

    Args:
        space: the current search space.
        objective: the metric that is optimised.
        outcome_constraints: bounds on other metrics.
        trials: every trial, by index (trial i has index i).
        seed: the experiment's seed.
    """

    space: Space
    objective: Objective
    trials: tuple[TrialRecord, ...] = ()
    outcome_constraints: tuple[OutcomeConstraint, ...] = ()
    seed: int = 0

    def __len__(self) -> int:
        """How many trials were created."""
        return len(self.trials)

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics that every result must have: the objective, then those of the outcome constraints."""
        return tuple(dict.fromkeys((self.objective.metric, *(c.metric for c in self.outcome_constraints))))

    @cached_property
    def observed(self) -> tuple[TrialRecord, ...]:
        """The finished trials that have a value of the objective."""
        done = (TrialState.COMPLETED, TrialState.STOPPED)
        return tuple(t for t in self.trials if t.state in done and self.objective.metric in t.metrics)

    @cached_property
    def pending(self) -> tuple[TrialRecord, ...]:
        """The trials that have no final value yet: queued, running or paused."""
        return tuple(t for t in self.trials if not t.state.is_finished)

    @cached_property
    def counts(self) -> Mapping[TrialState, int]:
        """How many trials are in each state that any is in."""
        return Counter(t.state for t in self.trials)

    @cached_property
    def evaluations(self) -> int:
        """How many evaluations were begun here: neither queued, nor abandoned, nor attached from elsewhere."""
        not_begun = (TrialState.QUEUED, TrialState.ABANDONED)
        return sum(t.state not in not_begun and t.source != "attached" for t in self.trials)

    @cached_property
    def failed(self) -> tuple[TrialRecord, ...]:
        """The trials that gave no result."""
        return tuple(t for t in self.trials if t.state is TrialState.FAILED)

    def values(self, metric: str) -> tuple[Float64[np.ndarray, " n"], Float64[np.ndarray, " n"]]:
        """Means and standard errors of a metric over `observed`; NaN where there is none."""
        observations = [t.metrics.get(metric) for t in self.observed]
        means = np.array([np.nan if o is None else o.mean for o in observations])
        sems = np.array([np.nan if o is None or o.sem is None else o.sem for o in observations])
        return means, sems

    def is_feasible(self, trial: TrialRecord) -> bool:
        """Whether a trial's measured metrics keep every outcome constraint."""
        return all(
            c.metric in trial.metrics and c.holds(trial.metrics[c.metric].mean) for c in self.outcome_constraints
        )

    def best_seen(self) -> TrialRecord | None:
        """The observed, feasible trial with the best measured objective, the first of equals; None if there is none."""
        feasible = [t for t in self.observed if self.is_feasible(t)]
        return max(feasible, key=lambda t: self.objective.sign * t.objective_mean, default=None)

    def __iter__(self) -> Iterator[TrialRecord]:
        """The trials, by index."""
        return iter(self.trials)
