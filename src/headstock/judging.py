"""Persons judge an experiment: what they say is kept together with what follows for the appeal of every trial."""

from collections.abc import Collection
from contextlib import suppress
from dataclasses import replace

from headstock.analysis.preferences import appeals
from headstock.errors import MetricError, ObjectiveError, StaleHistoryError
from headstock.history import History
from headstock.study import Study
from headstock.trial import Comparison


def prefer(study: Study, better: int, worse: Collection[int], *, now: float) -> Comparison:
    """Keep that a person finds one finished trial better than others.

    Raises:
        ObjectiveError: if the objective is measured.
        UnknownTrialError: if there is no such trial.
        TrialStateError: if one of them gave no result, or is not finished.
        MetricError: if there is nothing to compare it with, or it is to be better than itself.
    """
    history = _judged(study)
    for index in (better, *worse):
        study.trial(index)
    if not worse or better in worse:
        what = "itself" if worse else "nothing"
        raise MetricError(f"Trial {better} is to be better than {what}. Name other trials that it is better than.")
    said = Comparison(better, tuple(sorted(set(worse))), now)
    while True:
        known = history.comparisons
        follows = appeals(replace(history, comparisons=(*known, said)))
        with suppress(StaleHistoryError):
            study.storage.judge(study.spec.name, said, follows, known=known, now=now)
            return said
        history = study.history()


def take_back(study: Study, *, now: float) -> Comparison:
    """Take back what was said last, and give it.

    Raises:
        ObjectiveError: if the objective is measured.
        MetricError: if nothing was said yet.
    """
    history = _judged(study)
    while True:
        known = history.comparisons
        if not known:
            raise MetricError(f"Nobody has compared trials of {study.spec.name!r}, so there is nothing to take back.")
        follows = appeals(replace(history, comparisons=known[:-1]))
        with suppress(StaleHistoryError):
            study.storage.judge(study.spec.name, None, follows, known=known, now=now)
            return known[-1]
        history = study.history()


def _judged(study: Study) -> History:
    """The history of an experiment that persons judge."""
    if not study.spec.objective.judged:
        raise ObjectiveError(
            f"{study.spec.name!r} measures {study.spec.objective.metric!r}, so it takes no preferences. Create an "
            f"experiment with judged=True."
        )
    return study.history()
