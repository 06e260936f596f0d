"""Persons judge an experiment: what they say is kept together with what follows for the appeal of every trial."""

from collections.abc import Collection
from contextlib import suppress
from dataclasses import replace

from headstock.analysis.preferences import appeals
from headstock.analysis.preferences import next_pair as worth_comparing
from headstock.errors import MetricError, ObjectiveError, StaleHistoryError
from headstock.study import Study
from headstock.trial import Comparison, TrialRecord


def prefer(study: Study, better: int, worse: Collection[int], *, now: float) -> Comparison:
    """Keep that a person finds one finished trial better than others.

    Raises:
        ObjectiveError: if the objective is measured.
        UnknownTrialError: if there is no such trial.
        TrialStateError: if one of them gave no result, or is not finished.
        MetricError: if there is nothing to compare it with, or it is to be better than itself.
    """
    _check_judged(study)
    for index in (better, *worse):
        study.trial(index)
    if not worse or better in worse:
        what = "itself" if worse else "nothing"
        raise MetricError(f"Trial {better} is to be better than {what}. Name other trials that it is better than.")
    said = Comparison(better, tuple(sorted(set(worse))), now)
    _keep(study, said, now)
    return said


def take_back(study: Study, *, now: float) -> Comparison:
    """Take back what was said last, and give it.

    Raises:
        ObjectiveError: if the objective is measured.
        MetricError: if nothing was said yet.
    """
    _check_judged(study)
    return _keep(study, None, now)[-1]


def next_pair(study: Study) -> tuple[TrialRecord, TrialRecord] | None:
    """The two finished trials that are worth most to compare; None if there are no two.

    Raises:
        ObjectiveError: if the objective is measured.
    """
    _check_judged(study)
    return worth_comparing(study.history())


def _keep(study: Study, said: Comparison | None, now: float) -> tuple[Comparison, ...]:
    """Keep what was said, or take back the newest comparison if it is None, and give the comparisons of before."""
    while True:
        history = study.history()
        known = history.comparisons
        if said is None and not known:
            raise MetricError(f"Nobody has compared trials of {study.spec.name!r}, so there is nothing to take back.")
        comparisons = known[:-1] if said is None else (*known, said)
        follows = appeals(replace(history, comparisons=comparisons))
        with suppress(StaleHistoryError):
            study.storage.judge(study.spec.name, said, follows, known=known, now=now)
            return known


def _check_judged(study: Study) -> None:
    """Refuse an experiment whose objective is measured."""
    if not study.spec.objective.judged:
        raise ObjectiveError(
            f"{study.spec.name!r} measures {study.spec.objective.metric!r}, so it takes no preferences. Create an "
            f"experiment with judged=True."
        )
