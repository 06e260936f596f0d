"""What happened: trials, their states and the transitions between them.

A `TrialRecord` is a frozen row of the history. The live handle that a training function holds is
`headstock.running.Trial`.
"""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final, final

from headstock import markup, wording
from headstock.errors import MetricError
from headstock.scalars import real
from headstock.space import Parameters


class TrialState(StrEnum):
    """Where a trial is in its life."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"
    STOPPED = "stopped"
    FAILED = "failed"
    ABANDONED = "abandoned"

    @property
    def is_finished(self) -> bool:
        """Whether nothing more will happen to the trial."""
        return not TRANSITIONS[self]


TRANSITIONS: Final[Mapping[TrialState, frozenset[TrialState]]] = MappingProxyType(
    {
        # Somebody may have evaluated a queued one by hand; one that ran before may be stopped with what it reported.
        TrialState.QUEUED: frozenset(set(TrialState) - {TrialState.QUEUED, TrialState.PAUSED}),
        TrialState.RUNNING: frozenset(set(TrialState) - {TrialState.RUNNING}),
        TrialState.PAUSED: frozenset(
            {
                TrialState.QUEUED,
                TrialState.RUNNING,
                TrialState.STOPPED,
                TrialState.ABANDONED,
            }
        ),
        TrialState.COMPLETED: frozenset(),
        TrialState.STOPPED: frozenset(),
        TrialState.FAILED: frozenset(),
        TrialState.ABANDONED: frozenset(),
    }
)
"""For each state, the states that may follow it."""

BY_REQUEST: Final = "somebody asked for it"
"""Why a trial is paused or stopped where no scheduler said so."""


@final
@dataclass(frozen=True, slots=True)
class Observation:
    """One measured value of one metric.

    Args:
        mean: the value, finite.
        sem: its standard error; None if it is not known and has to be inferred from the other trials.
        step: the training step after which it was measured; None for a result of the whole trial.

    Raises:
        MetricError: if the mean is not a finite number, or the standard error is negative or not finite.
    """

    mean: float
    sem: float | None = None
    step: int | None = None

    def __post_init__(self) -> None:
        """Check the numbers."""
        if not math.isfinite(real(self.mean)):
            raise MetricError(f"The value {wording.given(self.mean)} is not finite. Tell it as Failed(reason) instead.")
        if self.sem is not None and not (math.isfinite(real(self.sem)) and self.sem >= 0):
            raise MetricError(
                f"The standard error {wording.given(self.sem)} is not a number of at least 0. Leave it out if unknown."
            )


Metrics = Mapping[str, Observation]
"""The observation of each metric."""


@final
@dataclass(frozen=True, slots=True)
class Comparison:
    """What a person said of finished trials: one is better than the others.

    Args:
        better: its index.
        worse: the indices of the others, in order.
        time: when it was said, in seconds since 1970, UTC.
    """

    better: int
    worse: tuple[int, ...]
    time: float = 0.0

    @property
    def trials(self) -> tuple[int, ...]:
        """The indices of all of them."""
        return (self.better, *self.worse)

    def to_json(self) -> list[Any]:
        """The comparison as JSON."""
        return [self.better, list(self.worse), self.time]

    @classmethod
    def from_json(cls, stored: Sequence[Any]) -> "Comparison":
        """The comparison that `to_json` wrote."""
        better, worse, time = stored
        return cls(better, tuple(worse), time)


@final
@dataclass(frozen=True, slots=True)
class Failed:
    """What to tell about a trial that gave no result.

    Args:
        reason: one line that says what went wrong, such as "CUDA out of memory".
        traceback: where it went wrong, if an exception did.
        is_transient: whether it may go better another time, such as without a connection; a run tries it twice more.
    """

    reason: str
    traceback: str | None = None
    is_transient: bool = False


@final
@dataclass(frozen=True, slots=True)
class Verdict:
    """What a scheduler said about a trial.

    Args:
        step: how far the trial was.
        decision: "start", "resume", "pause" or "stop".
        because: one line on why: "predicted 0.871 ± 0.006 at step 30, needs 0.902".
    """

    step: int
    decision: str
    because: str

    def __str__(self) -> str:
        """One line for a person."""
        return f"{self.decision} at step {self.step}: {self.because}"


@final
@dataclass(frozen=True, slots=True)
class Arm:
    """A configuration with a name.

    Args:
        name: batch and position in it, such as "18_0".
        parameters: the configuration.
    """

    name: str
    parameters: Parameters

    @property
    def signature(self) -> str:
        """A digest that is the same for equal configurations, whatever their names."""
        return hashlib.sha256(json.dumps(dict(self.parameters), sort_keys=True).encode()).hexdigest()[:32]


@final
@dataclass(frozen=True, slots=True)
class TrialRecord:
    """One trial as it stands in the history: one arm, evaluated once.

    Args:
        index: the trial's number in its experiment, from 0.
        state: where it is in its life.
        parameters: the configuration.
        batch: the number of the batch that it was suggested in, from 0.
        position: its place in the batch, from 0.
        space_version: the version of the space that it was suggested in.
        source: who suggested it: "sobol", "bayesian", "attached", "enqueued" ...
        because: one line on why it was suggested.
        memo: what the sampler wants to remember, as JSON.
        objective: the name of the metric that is optimised.
        metrics: the final observation of each metric; empty before the trial has finished.
        reports: for each metric, what was reported after training steps, in order.
        error: why it failed, in one line; None if it did not.
        traceback: where it failed; None if it did not.
        owner: the process that runs it, as a handle; None if none does.
        attempt: how many times it was started again from the queue, for whatever reason.
        retries: how many times it was started again because its process was lost or it failed in passing.
        until: the training step after which a scheduler is asked how to go on; None if it trains to its end.
        steps: how many steps the training has in all, as it told `trial.steps`; None before it did.
        parent: the trial and the step whose saved state it began with; None if it began from nothing.
        trained: how many seconds its steps took so far, pauses left out; None if that is not known.
        saves: whether its training function attached a state that is saved; None as long as nobody knows.
        verdicts: what the scheduler said about it, the newest last; of very many, the newest.
        created: when it was suggested, in seconds since 1970, UTC.
        started: when its evaluation began; None before.
        finished: when it finished; None before.
    """

    index: int
    state: TrialState
    parameters: Parameters
    batch: int
    position: int = 0
    space_version: int = 1
    source: str = ""
    because: str = ""
    memo: Mapping[str, Any] | None = None
    objective: str = "objective"
    metrics: Metrics = field(default_factory=dict)
    reports: Mapping[str, tuple[Observation, ...]] = field(default_factory=dict)
    error: str | None = None
    traceback: str | None = None
    owner: str | None = None
    attempt: int = 0
    until: int | None = None
    steps: int | None = None
    parent: tuple[int, int] | None = None
    trained: float | None = None
    saves: bool | None = None
    verdicts: tuple[Verdict, ...] = ()
    retries: int = 0
    created: float = 0.0
    started: float | None = None
    finished: float | None = None

    @property
    def arm(self) -> Arm:
        """The configuration with its name."""
        return Arm(f"{self.batch}_{self.position}", self.parameters)

    @property
    def status(self) -> TrialState:
        """The state, by the name that readers of Ax's tutorials know."""
        return self.state

    @property
    def objective_mean(self) -> float:
        """The mean of the objective; NaN if the trial has none."""
        observation = self.metrics.get(self.objective)
        return math.nan if observation is None else observation.mean

    def get_metric_mean(self, name: str) -> float:
        """The mean of a metric.

        Raises:
            MetricError: if the trial has no such metric.
        """
        if name not in self.metrics:
            known = ", ".join(self.metrics) or "no metrics"
            raise MetricError(f"Trial {self.index} ({self.state}) has no metric {name!r}; it has {known}.")
        return self.metrics[name].mean

    @property
    def step(self) -> int:
        """The last training step of its own that was reported, or the step that it began from; 0 if there is none."""
        reported = (curve[-1].step or 0 for curve in self.reports.values() if curve)
        return max(reported, default=0 if self.parent is None else self.parent[1])

    @property
    def is_waiting(self) -> bool:
        """Whether it holds a slot and has trained as far as it was told to."""
        return self.state is TrialState.RUNNING and self.until is not None and self.step >= self.until

    @property
    def is_by_request(self) -> bool:
        """Whether the newest of its verdicts is a person's."""
        return bool(self.verdicts) and self.verdicts[-1].because == BY_REQUEST

    @property
    def is_held(self) -> bool:
        """Whether a person has paused it: only a person lets it go on."""
        return self.state is TrialState.PAUSED and self.is_by_request

    @property
    def seconds(self) -> float | None:
        """How long the evaluation took; None before it has finished."""
        return None if self.started is None or self.finished is None else self.finished - self.started

    @property
    def time_created(self) -> datetime:
        """When it was suggested."""
        return datetime.fromtimestamp(self.created, UTC)

    @property
    def time_run_started(self) -> datetime | None:
        """When its evaluation began; None before."""
        return None if self.started is None else datetime.fromtimestamp(self.started, UTC)

    @property
    def time_completed(self) -> datetime | None:
        """When it finished; None before."""
        return None if self.finished is None else datetime.fromtimestamp(self.finished, UTC)

    def _repr_html_(self) -> str:
        """What is known of the trial as a table, for notebooks."""
        measured = {name: wording.measured(o.mean, o.sem) for name, o in self.metrics.items()}
        told = {"because": self.because, "error": self.error}
        rows = {**self.parameters, **measured, **{name: words for name, words in told.items() if words}}
        return markup.facts(f"Trial {self.index}: {self.state}", rows)

    def to_json(self) -> dict[str, Any]:
        """The record as strict JSON; `from_json` gives an equal record back."""
        return {
            "index": self.index,
            "state": self.state.value,
            "parameters": dict(self.parameters),
            "arm_name": self.arm.name,
            "metrics": {name: [o.mean, o.sem] for name, o in self.metrics.items()},
            "reports": {name: [[o.step, o.mean, o.sem] for o in curve] for name, curve in self.reports.items()},
            "objective": self.objective,
            "created": self.created,
            "started": self.started,
            "finished": self.finished,
            "seconds": self.seconds,
            "source": self.source,
            "because": self.because,
            "memo": None if self.memo is None else dict(self.memo),
            "error": self.error,
            "traceback": self.traceback,
            "batch": self.batch,
            "position": self.position,
            "space_version": self.space_version,
            "owner": self.owner,
            "attempt": self.attempt,
            "until": self.until,
            "steps": self.steps,
            "parent": None if self.parent is None else list(self.parent),
            "trained": self.trained,
            "saves": self.saves,
            "verdicts": [[v.step, v.decision, v.because] for v in self.verdicts],
            "retries": self.retries,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "TrialRecord":
        """The record that `to_json` wrote."""
        derived = ("arm_name", "seconds")
        fields = {name: value for name, value in stored.items() if name not in derived}
        fields["state"] = TrialState(stored["state"])
        fields["metrics"] = {name: Observation(mean, sem) for name, (mean, sem) in stored["metrics"].items()}
        fields["reports"] = {
            name: tuple(Observation(mean, sem, step) for step, mean, sem in curve)
            for name, curve in stored["reports"].items()
        }
        if fields.get("parent") is not None:
            fields["parent"] = tuple(fields["parent"])
        fields["verdicts"] = tuple(Verdict(*verdict) for verdict in stored.get("verdicts", ()))
        return cls(**fields)
