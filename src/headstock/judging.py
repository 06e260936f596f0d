"""Persons judge an experiment: what they say is kept together with what follows for the appeal of every trial."""

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import replace

from headstock.analysis.preferences import appeals
from headstock.analysis.preferences import next_pair as worth_comparing
from headstock.errors import MetricError, ObjectiveError, StaleHistoryError
from headstock.study import Study
from headstock.trial import Comparison, TrialRecord
from headstock.wording import given


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
    return _keep(study, lambda _: said, now)


def take_back(study: Study, said: Comparison | None, *, now: float) -> Comparison:
    """Take back a comparison, or the newest one, whoever said it, if it is None; and give it.

    Raises:
        ObjectiveError: if the objective is measured.
        MetricError: if nothing was said yet, or it was taken back before.
    """
    _check_judged(study)

    def place(known: Sequence[Comparison]) -> int:
        if not known:
            raise MetricError(f"Nobody has compared trials of {study.spec.name!r}, so there is nothing to take back.")
        if said is not None and said not in known:
            raise MetricError(
                f"{given(said)} is no comparison of {study.spec.name!r}; maybe it was taken back before. Look at "
                f"history.comparisons."
            )
        return len(known) - 1 if said is None else known.index(said)

    return _keep(study, place, now)


def next_pair(study: Study) -> tuple[TrialRecord, TrialRecord] | None:
    """The two finished trials that are worth most to compare; None if there are no two.

    Raises:
        ObjectiveError: if the objective is measured.
    """
    _check_judged(study)
    return worth_comparing(study.history())


def _keep(study: Study, change: Callable[[Sequence[Comparison]], Comparison | int], now: float) -> Comparison:
    """Keep what was said, or take back the one of a place among all that are known, and give it."""
    while True:
        history = study.history()
        known = history.comparisons
        changed = change(known)
        if isinstance(changed, int):
            said, comparisons = known[changed], (*known[:changed], *known[changed + 1 :])
        else:
            said, comparisons = changed, (*known, changed)
        follows = appeals(replace(history, comparisons=comparisons))
        with suppress(StaleHistoryError):
            study.storage.judge(study.spec.name, changed, follows, known=known, now=now)
            return said


def _check_judged(study: Study) -> None:
    """Refuse an experiment whose objective is measured."""
    if not study.spec.objective.judged:
        raise ObjectiveError(
            f"{study.spec.name!r} measures {study.spec.objective.metric!r}, so it takes no preferences. Create an "
            f"experiment with judged=True."
        )
