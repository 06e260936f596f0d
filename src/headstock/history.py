"""The frozen snapshot of an experiment that samplers and analyses see."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from operator import attrgetter
from typing import Any, Final, TypeVar, final

import numpy as np
from jaxtyping import Bool, Float64, Int8, Int64

from headstock.objective import Objective, OutcomeConstraint, required_metrics
from headstock.parameters import Parameters
from headstock.space import Space
from headstock.trial import Comparison, TrialRecord, TrialState

T = TypeVar("T")

_STATES: Final = tuple(TrialState)
_CODES: Final = {state: code for code, state in enumerate(_STATES)}
_STEP: Final = attrgetter("step")


@final
@dataclass(frozen=True, slots=True, eq=False)
class _Columns:
    """What is asked of every trial, as arrays: a million records are slow to walk through.

    Args:
        states: of each trial the position of its state in `_STATES`.
        attached: whether its result came from elsewhere.
        means: of each metric that every result must have; NaN where there is none.
        sems: of the same; NaN where there is none.
    """

    states: Int8[np.ndarray, " n"]
    attached: Bool[np.ndarray, " n"]
    means: Mapping[str, Float64[np.ndarray, " n"]]
    sems: Mapping[str, Float64[np.ndarray, " n"]]

    @classmethod
    def of(cls, trials: Sequence[TrialRecord], metrics: Iterable[str]) -> "_Columns":
        observations = {name: [t.metrics.get(name) for t in trials] for name in metrics}
        return cls(
            np.array([_CODES[t.state] for t in trials], dtype=np.int8),
            np.array([t.source == "attached" for t in trials], dtype=bool),
            {name: np.array([np.nan if o is None else o.mean for o in some]) for name, some in observations.items()},
            {
                name: np.array([np.nan if o is None or o.sem is None else o.sem for o in some])
                for name, some in observations.items()
            },
        )

    def updated(self, changed: Sequence[TrialRecord], n: int) -> "_Columns":
        """The columns of n trials, of which some are new or have changed."""
        rows, newer = [t.index for t in changed], _Columns.of(changed, self.means)

        return _Columns(
            _merged(self.states, newer.states, rows, n),
            _merged(self.attached, newer.attached, rows, n),
            {name: _merged(column, newer.means[name], rows, n) for name, column in self.means.items()},
            {name: _merged(column, newer.sems[name], rows, n) for name, column in self.sems.items()},
        )

    def are(self, *states: TrialState) -> Bool[np.ndarray, " n"]:
        """Which trials are in one of these states."""
        return np.isin(self.states, [_CODES[state] for state in states])


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
        comparisons: what persons said of finished trials, in order, if they judge the objective.
    """

    space: Space
    objective: Objective
    trials: tuple[TrialRecord, ...] = ()
    outcome_constraints: tuple[OutcomeConstraint, ...] = ()
    seed: int = 0
    comparisons: tuple[Comparison, ...] = ()

    def __len__(self) -> int:
        """How many trials were created."""
        return len(self.trials)

    @property
    def metrics(self) -> tuple[str, ...]:
        """The objective, then the metrics of the outcome constraints."""
        return tuple(dict.fromkeys((self.objective.metric, *(c.metric for c in self.outcome_constraints))))

    @property
    def required(self) -> tuple[str, ...]:
        """The metrics that every result must have: `metrics`, but for an objective that persons judge."""
        return required_metrics(self.objective, self.outcome_constraints)

    @cached_property
    def measured_metrics(self) -> tuple[str, ...]:
        """`metrics`, then whatever else was measured, in the order in which it came."""
        return tuple(dict.fromkeys([*self.metrics, *(name for trial in self.trials for name in trial.metrics)]))

    def updated(self, changed: Sequence[TrialRecord], comparisons: tuple[Comparison, ...] | None = None) -> "History":
        """The snapshot with some trials changed or added; what was derived from the others is kept.

        Args:
            changed: the trials, as they stand now.
            comparisons: all of them, as they stand now; as before if None.
        """
        trials = list(self.trials)
        for record in changed:
            if record.index < len(trials):
                trials[record.index] = record
            else:
                trials.append(record)
        said = self.comparisons if comparisons is None else comparisons
        newer, derived = replace(self, trials=tuple(trials), comparisons=said), vars(self)
        if "_columns" in derived:
            vars(newer)["_columns"] = self._columns.updated(changed, len(trials))
        if "_by_trial" in derived:
            rows = [record.index for record in changed]
            vars(newer)["_by_trial"] = {
                of: _merged(column, [of(record) for record in changed], rows, len(trials))
                for of, column in derived["_by_trial"].items()
            }
        if "_by_parameters" in derived:
            vars(newer)["_by_parameters"] = dict(derived["_by_parameters"])
        return newer

    def column(self, of: Callable[[TrialRecord], float]) -> Float64[np.ndarray, " n"]:
        """A number of each trial; of trials that have not changed, what an earlier snapshot has derived is reused.

        Args:
            of: derives it from one trial: always the same function.
        """
        kept: dict[Callable[[TrialRecord], float], np.ndarray] = vars(self).setdefault("_by_trial", {})
        if of not in kept:
            kept[of] = np.array([of(trial) for trial in self.trials], dtype=float)
        return kept[of]

    def points(
        self, encode: Callable[[Sequence[Parameters]], Float64[np.ndarray, "m d"]]
    ) -> Float64[np.ndarray, "n d"]:
        """Each trial's parameters, encoded; rows that an earlier snapshot of the same space has encoded are reused.

        Args:
            encode: of the space, one row a configuration: always the same map.
        """
        return self.by_parameters("points", encode, lambda known, newer: np.concatenate([known, newer]))

    def by_parameters(self, name: str, of: Callable[[Sequence[Parameters]], T], merge: Callable[[T, T], T]) -> T:
        """What follows from the trials' parameters; what an earlier snapshot of the same space has derived is reused.

        Args:
            name: what it is.
            of: derives it from the parameters of some trials: always the same map.
            merge: puts together what was derived from older and from newer trials.
        """
        kept: dict[str, tuple[int, T]] = vars(self).setdefault("_by_parameters", {})
        count, known = kept.get(name, (0, None))
        if known is None:
            known = of([t.parameters for t in self.trials])
        elif count < len(self):
            known = merge(known, of([t.parameters for t in self.trials[count:]]))
        kept[name] = (len(self), known)
        return known

    def derived(self, name: str, of: Callable[["History"], T]) -> T:
        """What follows from this snapshot, derived when it is asked for first.

        Args:
            name: what it is.
            of: derives it: always the same map.
        """
        kept: dict[str, T] = vars(self).setdefault("_derived", {})
        if name not in kept:
            kept[name] = of(self)
        return kept[name]

    @cached_property
    def _columns(self) -> _Columns:
        return _Columns.of(self.trials, self.metrics)

    @cached_property
    def observed_rows(self) -> Int64[np.ndarray, " n"]:
        """The indices of `observed`."""
        columns = self._columns
        done = columns.are(TrialState.COMPLETED, TrialState.STOPPED)
        return np.flatnonzero(done & ~np.isnan(columns.means[self.objective.metric]))

    @cached_property
    def observed(self) -> tuple[TrialRecord, ...]:
        """The finished trials that have a value of the objective."""
        return self._those(self.observed_rows)

    @cached_property
    def pending(self) -> tuple[TrialRecord, ...]:
        """The trials that have no final value yet: queued, running or paused."""
        return self._those(np.flatnonzero(self._columns.are(*(s for s in TrialState if not s.is_finished))))

    @cached_property
    def unjudged(self) -> tuple[TrialRecord, ...]:
        """The trials that are done, but that no person has compared yet; none if the objective is measured."""
        if not self.objective.judged:
            return ()
        done = np.flatnonzero(self._columns.are(TrialState.COMPLETED, TrialState.STOPPED))
        return self._those(np.setdiff1d(done, self.observed_rows))

    @cached_property
    def counts(self) -> Mapping[TrialState, int]:
        """How many trials are in each state that any is in."""
        codes, counts = np.unique(self._columns.states, return_counts=True)
        return {_STATES[code]: count for code, count in zip(codes.tolist(), counts.tolist(), strict=True)}

    @cached_property
    def evaluations(self) -> int:
        """How many evaluations were begun here: neither only queued, nor abandoned, nor attached from elsewhere."""
        columns = self._columns
        begun = ~columns.are(TrialState.QUEUED, TrialState.ABANDONED) & ~columns.attached
        again = sum(t.attempt > 0 for t in self._those(np.flatnonzero(columns.are(TrialState.QUEUED))))
        return int(begun.sum()) + again

    @property
    def steps_reached(self) -> int:
        """How far all trials are together: the sum of their last steps."""
        return int(self.column(_STEP).sum())

    @property
    def next_batch(self) -> int:
        """The number of the batch that is suggested next."""
        return self.trials[-1].batch + 1 if self.trials else 0

    @cached_property
    def failed(self) -> tuple[TrialRecord, ...]:
        """The trials that gave no result."""
        return self._those(np.flatnonzero(self._columns.are(TrialState.FAILED)))

    def values(self, metric: str) -> tuple[Float64[np.ndarray, " n"], Float64[np.ndarray, " n"]]:
        """Means and standard errors of a metric over `observed`; NaN where there is none."""
        columns = self._columns
        if metric not in columns.means:
            columns = _Columns.of(self.trials, [metric])
        return columns.means[metric][self.observed_rows], columns.sems[metric][self.observed_rows]

    def is_feasible(self, trial: TrialRecord) -> bool:
        """Whether a trial's measured metrics keep every outcome constraint."""
        return all(
            c.metric in trial.metrics and c.holds(trial.metrics[c.metric].mean) for c in self.outcome_constraints
        )

    def best_seen(self) -> TrialRecord | None:
        """The observed, feasible trial with the best measured objective, the first of equals; None if there is none."""
        rows = self._feasible_rows
        return self.trials[rows[np.argmax(self._worth(rows))]] if len(rows) else None

    def best(self, count: int) -> tuple[TrialRecord, ...]:
        """The `count` observed, feasible trials with the best measured objective, the best first."""
        rows = self._feasible_rows
        return self._those(rows[np.argsort(-self._worth(rows), kind="stable")[:count]])

    @cached_property
    def feasible(self) -> tuple[TrialRecord, ...]:
        """Those of `observed` that keep every outcome constraint."""
        return self._those(self._feasible_rows)

    @cached_property
    def _feasible_rows(self) -> Int64[np.ndarray, " n"]:
        rows, means = self.observed_rows, self._columns.means
        for c in self.outcome_constraints:
            of_rows = means[c.metric][rows]
            rows = rows[of_rows >= c.bound if c.at_least else of_rows <= c.bound]
        return rows

    def _worth(self, rows: Int64[np.ndarray, " m"]) -> Float64[np.ndarray, " m"]:
        """The objective of some observed trials, larger where it is better."""
        return self.objective.sign * self._columns.means[self.objective.metric][rows]

    def _those(self, rows: Int64[np.ndarray, " m"]) -> tuple[TrialRecord, ...]:
        return tuple(map(self.trials.__getitem__, rows.tolist()))

    def __iter__(self) -> Iterator[TrialRecord]:
        """The trials, by index."""
        return iter(self.trials)


def _merged(old: np.ndarray, new: Any, rows: Sequence[int], n: int) -> np.ndarray:
    """The column of n trials, of which those in some rows are new or have changed."""
    column = np.concatenate([old, np.empty(n - len(old), dtype=old.dtype)])
    column[rows] = new
    return column
