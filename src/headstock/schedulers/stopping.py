"""What the schedulers share that stop trainings and never pause one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

from headstock.history import History
from headstock.schedulers.base import Decision, Propose, Resume, Stop, beginnings
from headstock.schedulers.reports import is_resumable
from headstock.trial import TrialRecord


@final
@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a training goes on, and why, in one line."""

    goes_on: bool
    because: str


def going_on_or_stopping(
    history: History,
    slots: int,
    propose: Propose,
    judge: Callable[[History, TrialRecord], Verdict],
    *,
    first: int,
    interval: int,
) -> Sequence[Decision]:
    """Every trial that waits goes on or stops; the slots that are left are for new trials.

    Args:
        history: the trials.
        slots: how many trainings may begin or go on.
        propose: the sampler.
        judge: decides about a trial that waits or was paused.
        first: how many steps a trial trains before it is judged.
        interval: after how many more it is judged again.
    """
    decisions: list[Decision] = []
    for trial in filter(is_resumable, history):
        verdict = judge(history, trial)
        if not verdict.goes_on:
            decisions.append(Stop(trial.index, verdict.because))
        elif slots:
            decisions.append(Resume(trial.index, trial.step + interval, verdict.because))
            slots -= 1
    because = f"every trial trains {first} steps before it is judged"
    return [*decisions, *beginnings(history, propose, slots, until=first, because=because)]
