"""What every storage has to do with notes and budgets, as checks; see `headstock.testing.storages`."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from headstock.errors import HeadstockError, StorageError, UnknownExperimentError, UnknownTrialError
from headstock.storage.base import Storage
from headstock.storage.records import LONGEST_NOTE, NewTrial
from headstock.testing.specimen import PARAMETERS, SPEC


def check_notes_are_kept(storage: Storage) -> None:
    """A note stands until another one takes its place; it is no news of a trial, and gone with its experiment."""
    storage.create(SPEC)
    storage.add_trials(SPEC.name, [NewTrial(PARAMETERS), NewTrial(PARAMETERS)], created=0, now=1.0)
    revision = storage.changes(SPEC.name).revision
    assert storage.notes(SPEC.name) == {}, "there are notes before there are any"
    text = "größer als </script>\n'gedacht' \0 \ud800"
    storage.note(SPEC.name, "a first one", index=1, now=2.0)
    storage.note(SPEC.name, text, index=1, now=2.0)
    storage.note(SPEC.name, "  on all of it  ", now=3.0)
    kept = storage.notes(SPEC.name)
    assert kept == {None: "on all of it", 1: "größer als </script>\n'gedacht' \\x00 \\ud800"}, f"{kept} is kept"
    assert storage.changes(SPEC.name).revision == revision, "a note is no new revision"
    assert storage.experiments()[0].updated == 3.0, "nobody hears of the note"
    storage.note(SPEC.name, " ", index=1, now=4.0)
    assert storage.notes(SPEC.name) == {None: "on all of it"}, "an empty note is kept"
    _check_refused(lambda: storage.note(SPEC.name, "x", index=2, now=5.0), UnknownTrialError)
    _check_refused(lambda: storage.note(SPEC.name, "x" * (LONGEST_NOTE + 1), now=5.0), StorageError)
    _check_refused(lambda: storage.note("nobody", "x", now=5.0), UnknownExperimentError)
    _check_refused(lambda: storage.notes("nobody"), UnknownExperimentError)
    storage.delete(SPEC.name)
    storage.create(SPEC)
    assert storage.notes(SPEC.name) == {}, "the notes of a deleted experiment are back"


def check_a_changed_budget_is_heard_of(storage: Storage) -> None:
    """Bounds stand until others take their place, and every look at the changes tells them."""
    storage.create(SPEC)
    storage.create(replace(SPEC, name="limited", budget={"trials": 3.0}))
    assert storage.experiment("limited").budget == {"trials": 3.0}, "the budget of a new experiment is lost"
    assert storage.experiment(SPEC.name).budget is None, "there is a budget before there is any"
    since = storage.changes(SPEC.name).revision
    for budget in ({"trials": 40.0, "target": 0.9}, {"seconds": 1e-3}, None):
        storage.limit(SPEC.name, budget, now=2.0)
        assert storage.experiment(SPEC.name).budget == budget, "the budget is not kept"
        changes = storage.changes(SPEC.name, since)
        assert changes.budget == budget, "the changes do not tell the budget"
        assert changes.revision == since, "a budget is no new revision"
    _check_refused(lambda: storage.limit("nobody", None, now=2.0), UnknownExperimentError)


def _check_refused(verb: Callable[[], object], error: type[HeadstockError]) -> None:
    try:
        verb()
    except error:
        return
    raise AssertionError(f"this was accepted, and should have raised {error.__name__}")


CHECKS: Final[tuple[Callable[[Storage], None], ...]] = (check_notes_are_kept, check_a_changed_budget_is_heard_of)
"""The contract: every check."""
