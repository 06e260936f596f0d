"""What a running trial and its runner say to each other."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, final

from headstock.results import read_result
from headstock.trial import Observation


class Word(StrEnum):
    """What becomes of a running trial."""

    GO_ON = "go on"
    PAUSE = "pause"
    """Save its state and leave, to go on later."""
    STOP = "stop"
    """Leave for good; what it reported is its result."""
    HALT = "halt"
    """The run ends: leave, and be paused if there is a state to save."""
    LOST = "lost"
    """Another process runs it now: leave everything as it is."""


@final
@dataclass(frozen=True, slots=True)
class Answer:
    """What a running trial hears.

    Args:
        word: what becomes of it.
        until: the step after which it asks again; None if it does not.
    """

    word: Word = Word.GO_ON
    until: int | None = None

    def to_json(self) -> dict[str, Any]:
        """The answer as JSON; `from_json` gives it back."""
        return {"word": self.word.value, "until": self.until}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Answer":
        """The answer that `to_json` wrote."""
        return cls(Word(stored["word"]), stored["until"])


@final
@dataclass(frozen=True, slots=True)
class Report:
    """What a training step brought.

    Args:
        step: the step, from 1.
        metrics: what was measured.
        steps: how many steps the training has in all; None if it did not say.
        trained: how many seconds its steps took so far.
        saves: whether it has attached a state.
    """

    step: int
    metrics: Mapping[str, Observation]
    steps: int | None
    trained: float
    saves: bool

    def to_json(self) -> dict[str, Any]:
        """The report as JSON; `from_json` gives it back."""
        return {
            "step": self.step,
            "metrics": {metric: [o.mean, o.sem] for metric, o in self.metrics.items()},
            "steps": self.steps,
            "trained": self.trained,
            "saves": self.saves,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Report":
        """The report that `to_json` wrote.

        Raises:
            MetricError: if a value is not a finite number.
        """
        step = int(stored["step"])
        metrics = read_result({name: tuple(value) for name, value in stored["metrics"].items()}, (), step=step)
        return cls(step, metrics, stored["steps"], float(stored["trained"]), bool(stored["saves"]))


REPORT: Final = "report"
"""The kind of message that is a `Report`. The answer is `GO_ON`, unless the trial is to leave wherever it is."""

WAITS: Final = "waits"
"""The kind of message that is a step which was reported, and is as far as the trial was to go: how does it go on?"""
