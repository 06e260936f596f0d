"""The values that a storage takes and gives: what an experiment is, trials to be, outcomes, changes, leases."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, final

from headstock import wording
from headstock.errors import HeadstockError, MetricError, StorageError, TrialStateError
from headstock.objective import Objective, OutcomeConstraint
from headstock.results import value_of
from headstock.scalars import LARGEST, is_whole, native
from headstock.space import Parameters, Space
from headstock.trial import Comparison, Metrics, TrialRecord, TrialState, Verdict

LONGEST_NAME: Final = 200
"""How many characters the name of an experiment or of a metric may have."""

LONGEST_NOTE: Final = 10_000
"""How many characters a note may have."""


def check_name(what: str, name: str, error: type[HeadstockError]) -> None:
    """Refuse a name that cannot be stored and shown safely.

    Args:
        what: what is named, for the message.
        name: the name.
        error: what to raise.

    Raises:
        HeadstockError: of type `error`, if the name is empty, too long, or has characters that cannot be printed.
    """
    if not isinstance(name, str) or not name.strip():
        raise error(f"The {what} is called {name!r}. Give it a name that is a non-empty string.")
    if len(name) > LONGEST_NAME:
        raise error(
            f"The {what} {name[:20]!r}... has a name of {len(name)} characters. Use at most {LONGEST_NAME} of them."
        )
    if not name.isprintable():
        raise error(f"The {what} {name!r} has characters in its name that cannot be printed. Leave them out.")


@final
@dataclass(frozen=True, slots=True)
class ExperimentSpec:
    """What an experiment is: fixed when it is created.

    Args:
        name: its name, unique in its storage.
        space: the current search space.
        objective: the metric that is optimised.
        outcome_constraints: bounds on other metrics.
        seed: what the random numbers of its suggestions start from, in [0, 2**63).
        sampler: the sampler as JSON; None if it was not one that can be written down.
        scheduler: the scheduler as JSON; None if it was not one that can be written down.
        value: which of its reports is a trial's value: "last" or "best".
        budget: bounds that hold in place of those that a run is given, by name; None if nobody changed any.
        created: when it was created, in seconds since 1970, UTC.
        space_version: the version of the space, from 1.

    Raises:
        StorageError: if the name or the seed cannot be stored, or the value is neither.
    """

    name: str
    space: Space
    objective: Objective
    outcome_constraints: tuple[OutcomeConstraint, ...] = ()
    seed: int = 0
    sampler: Mapping[str, Any] | None = None
    created: float = 0.0
    space_version: int = 1
    scheduler: Mapping[str, Any] | None = None
    value: str = "last"
    budget: Mapping[str, float] | None = None

    def __post_init__(self) -> None:
        """Check the name, the seed and the value."""
        check_name("experiment", self.name, StorageError)
        if self.value not in ("last", "best"):
            raise StorageError(f"value={self.value!r}: a trial's value is its 'last' report or its 'best' one.")
        if not is_whole(native(self.seed), 0, LARGEST):
            raise StorageError(f"The seed {wording.given(self.seed)} cannot be stored. Give an integer in [0, 2**63).")


@final
@dataclass(frozen=True, slots=True)
class ExperimentSummary:
    """One line of a list of experiments.

    Args:
        spec: what the experiment is.
        counts: how many trials are in each state; every state is there.
        best: the trial that is best seen; None if there is none.
        updated: when it was created, or when its trials were last added, leased, released, reported or finished.
    """

    spec: ExperimentSpec
    counts: Mapping[TrialState, int]
    best: TrialRecord | None
    updated: float


@final
@dataclass(frozen=True, slots=True)
class Outcome:
    """How a trial ended.

    Args:
        state: completed, stopped, failed or abandoned.
        metrics: the final observation of each metric.
        error: why it failed, in one line; None if it did not.
        traceback: where it failed; None if it did not.

    Raises:
        TrialStateError: if a trial does not end in this state.
        MetricError: if a metric has a name that cannot be stored.
    """

    state: TrialState
    metrics: Metrics = field(default_factory=dict)
    error: str | None = None
    traceback: str | None = None

    def __post_init__(self) -> None:
        """Check the state and the names."""
        if not self.state.is_finished:
            ends = ", ".join(s for s in TrialState if s.is_finished)
            raise TrialStateError(f"A trial cannot end as {self.state}. It ends as one of {ends}.")
        for metric in self.metrics:
            check_name("metric", metric, MetricError)


def stopped(trial: TrialRecord, objective: Objective, required: Sequence[str], value: str) -> Outcome:
    """How a trial ends that is given up: with what it reported; without a result it is abandoned.

    Args:
        trial: the trial.
        objective: the metric that is optimised.
        required: the metrics that a result must have.
        value: which of its reports counts: "last" or "best".
    """
    try:
        return Outcome(TrialState.STOPPED, value_of(trial, objective, required, value))
    except MetricError as error:
        return Outcome(TrialState.ABANDONED, error=str(error))


@final
@dataclass(frozen=True, slots=True)
class NewTrial:
    """A trial that is to be created.

    Args:
        parameters: the configuration.
        batch: the number of its batch; None for the next batch, which it has to itself.
        position: its place in the batch, from 0.
        source: who suggested it.
        because: one line on why it was suggested.
        memo: what the sampler wants to remember, as JSON.
        state: queued or running.
        owner: the process that runs it, as a handle; None if none does.
        outcome: how it ended, for a result that is already there; the state is then the outcome's.
        until: the training step after which a scheduler is asked how to go on; None to train to the end.
        parent: the trial and the step whose saved state it begins with; None if it begins from nothing.
        verdict: what the scheduler said about it; None if none did.

    Raises:
        TrialStateError: if a trial cannot begin in this state.
    """

    parameters: Parameters
    batch: int | None = None
    position: int = 0
    source: str = ""
    because: str = ""
    memo: Mapping[str, Any] | None = None
    state: TrialState = TrialState.RUNNING
    owner: str | None = None
    outcome: Outcome | None = None
    until: int | None = None
    parent: tuple[int, int] | None = None
    verdict: Verdict | None = None

    def __post_init__(self) -> None:
        """Check the state."""
        if self.state not in (TrialState.QUEUED, TrialState.RUNNING):
            raise TrialStateError(
                f"A trial cannot begin as {self.state}. It begins queued or running; a finished one has an outcome."
            )


@final
@dataclass(frozen=True, slots=True)
class Changes:
    """What happened to an experiment after some revision.

    Args:
        revision: the experiment's revision now; ask for what happened after it next time. It only grows.
        created: how many trials were ever created.
        space_version: the version of the current space.
        trials: the trials that were created or changed, complete, as they stand now, by index.
        budget: bounds that hold in place of those that a run is given, whenever they were changed.
        comparisons: all of them, in order, if persons judge the objective.
    """

    revision: int
    created: int
    space_version: int
    trials: tuple[TrialRecord, ...]
    budget: Mapping[str, float] | None = None
    comparisons: tuple[Comparison, ...] = ()


class Command(StrEnum):
    """What somebody wants of a trial that a process runs: done when it lets go of the trial, or is lost."""

    STOP = "stop"
    """End it now; what it has reported is its result."""
    PAUSE = "pause"
    """Save its state and give it back, to go on later."""


@final
@dataclass(frozen=True, slots=True)
class Lease:
    """The right of one process to run one trial.

    Args:
        index: the trial.
        owner: the process, as a handle.
        attempt: which attempt of the trial it runs.
        renewals: grows whenever the owner says that it lives.
        command: what somebody wants of the trial; None for nothing.
    """

    index: int
    owner: str
    attempt: int
    renewals: int
    command: Command | None = None
