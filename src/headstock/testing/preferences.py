"""What every storage has to do with what persons prefer, as checks; see `headstock.testing.storages`."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from headstock.errors import StaleHistoryError, StorageError, TrialStateError, UnknownExperimentError, UnknownTrialError
from headstock.objective import Objective
from headstock.storage.base import Storage
from headstock.storage.records import NewTrial, Outcome
from headstock.testing.refusing import refused
from headstock.testing.specimen import PARAMETERS, SPEC
from headstock.trial import Comparison, Observation, TrialState

JUDGED: Final = replace(SPEC, objective=Objective("appeal", judged=True), outcome_constraints=(), value="last")
NAME: Final = JUDGED.name

FIRST: Final = Comparison(2, (0, 1), 4.5)
SECOND: Final = Comparison(0, (2,), 5.5)  # people contradict themselves


def _begin(storage: Storage) -> None:
    """Three trials that are done, one of which measured something else, one that failed and one that runs."""
    storage.create(JUDGED)
    outcomes = [Outcome(TrialState.COMPLETED, {"seconds": Observation(3.0)}), Outcome(TrialState.STOPPED)]
    outcomes += [Outcome(TrialState.COMPLETED), Outcome(TrialState.FAILED)]
    new = [*(NewTrial(PARAMETERS, outcome=outcome) for outcome in outcomes), NewTrial(PARAMETERS)]
    storage.add_trials(NAME, new, created=0, now=1.0)


def _appeal(*means: float) -> dict[int, Observation]:
    return {index: Observation(mean, 0.5) for index, mean in enumerate(means)}


def check_comparisons_are_kept_with_what_follows(storage: Storage) -> None:
    """A comparison and the appeal of every trial are written at once, and are news; each one can be taken back."""
    _begin(storage)
    since = storage.changes(NAME).revision
    storage.judge(NAME, FIRST, _appeal(-1.0, -2.0, 3.0), known=(), now=4.5)
    changes = storage.changes(NAME, since)
    assert changes.comparisons == (FIRST,), f"{changes.comparisons} is not {(FIRST,)}"
    assert [t.index for t in changes.trials] == [0, 1, 2], f"changed are {changes.trials}"
    assert changes.trials[0].metrics == {"appeal": Observation(-1.0, 0.5), "seconds": Observation(3.0)}
    best = storage.best(NAME)
    assert best is not None
    assert best.index == 2, f"the best is {best}"
    storage.judge(NAME, SECOND, _appeal(1.0, -2.0, 1.0), known=(FIRST,), now=5.5)
    assert storage.changes(NAME).comparisons == (FIRST, SECOND), "the second is lost"
    storage.judge(NAME, 1, _appeal(-1.0, -2.0, 3.0), known=(FIRST, SECOND), now=6.5)
    changes = storage.changes(NAME)
    assert changes.comparisons == (FIRST,), f"{changes.comparisons} is not {(FIRST,)}"
    assert [t.objective_mean for t in changes.trials[:3]] == [-1.0, -2.0, 3.0], f"{changes.trials}"
    storage.judge(NAME, SECOND, _appeal(1.0, -2.0, 1.0), known=(FIRST,), now=7.0)
    of_second = {0: Observation(1.0, 0.5), 2: Observation(-1.0, 0.5)}
    storage.judge(NAME, 0, of_second, known=(FIRST, SECOND), now=7.2)
    storage.judge(NAME, FIRST, _appeal(1.0, -2.0, 1.0), known=(SECOND,), now=7.3)
    assert storage.changes(NAME).comparisons == (SECOND, FIRST), "what was said after another was taken back is lost"
    storage.judge(NAME, 1, of_second, known=(SECOND, FIRST), now=7.4)
    storage.judge(NAME, 0, {}, known=(SECOND,), now=7.5)
    changes = storage.changes(NAME)
    assert changes.comparisons == (), f"{changes.comparisons} are left"
    assert changes.trials[0].metrics == {"seconds": Observation(3.0)}, f"{changes.trials[0]}"
    assert storage.best(NAME) is None, "nothing was compared"


def check_who_did_not_see_the_newest_comparison_is_refused(storage: Storage) -> None:
    """What is said by old comparisons is refused, and so is what cannot be compared; nothing is written."""
    _begin(storage)
    with refused(UnknownExperimentError):
        storage.judge("nobody", FIRST, {}, known=(), now=4.5)
    for trials, error in (((0, 3), TrialStateError), ((4, 0), TrialStateError), ((0, 9), UnknownTrialError)):
        with refused(error):
            storage.judge(NAME, Comparison(trials[0], trials[1:]), {}, known=(), now=4.5)
    storage.judge(NAME, FIRST, _appeal(-1.0, -2.0, 3.0), known=(), now=4.5)
    before = storage.changes(NAME)
    for known in ((), (SECOND,), (FIRST, SECOND)):
        for said in (SECOND, 0):
            with refused(StaleHistoryError):
                storage.judge(NAME, said, {}, known=known, now=5.5)
    assert storage.changes(NAME) == before, "what was refused left something behind"


def check_comparisons_go_and_come_with_their_experiment(storage: Storage) -> None:
    """They are gone with an experiment, keep to it under a new name, and can be written with one that was kept."""
    _begin(storage)
    storage.judge(NAME, FIRST, _appeal(-1.0, -2.0, 3.0), known=(), now=4.5)
    trials = storage.changes(NAME).trials
    storage.rename(NAME, "another")
    for wrong in (Comparison(0, (5,)), Comparison(-1, (0,)), Comparison(0, (0,))):
        with refused(StorageError):
            storage.create(JUDGED, trials, [FIRST, wrong])
    assert storage.changes("another").comparisons == (FIRST,), "lost with the old name"
    storage.create(JUDGED, trials, [FIRST, SECOND])
    kept = storage.changes(NAME)
    assert (kept.trials, kept.comparisons) == (trials, (FIRST, SECOND)), f"{kept}"
    storage.delete(NAME)
    storage.create(JUDGED)
    assert storage.changes(NAME).comparisons == (), "the new experiment has the old one's comparisons"
    assert storage.changes("another").comparisons == (FIRST,), "another experiment's went with it"
    assert storage.experiment(NAME).objective.judged, "it is forgotten that persons judge"


CHECKS: Final[tuple[Callable[[Storage], None], ...]] = (
    check_comparisons_are_kept_with_what_follows,
    check_who_did_not_see_the_newest_comparison_is_refused,
    check_comparisons_go_and_come_with_their_experiment,
)
"""The contract: every check."""
