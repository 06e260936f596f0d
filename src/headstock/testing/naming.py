"""The part of the contract of storages that is about new names."""

from dataclasses import replace
from typing import Final

from headstock.errors import ExperimentExistsError, StorageError, TrialStateError, UnknownExperimentError
from headstock.objective import Objective
from headstock.space import Float, Space
from headstock.storage.base import Storage
from headstock.storage.records import ExperimentSpec, NewTrial, Outcome
from headstock.testing.refusing import refused
from headstock.trial import TrialState

SPEC: Final = ExperimentSpec("named", Space(x=Float(0, 1)), Objective("y"))


def check_a_new_name_keeps_everything_else(storage: Storage) -> None:
    """A renamed experiment is what it was under its new name, and its old name is free; names in use are refused."""
    storage.create(SPEC)
    storage.create(replace(SPEC, name="other"))
    new = [NewTrial({"x": 0.5}), NewTrial({"x": 0.5}, owner="me")]
    [held, led] = storage.add_trials(SPEC.name, new, created=None, now=1.0)
    storage.note(SPEC.name, "odd", now=1.0)
    for taken, error in (("other", ExperimentExistsError), (" ", StorageError), ("new", TrialStateError)):
        with refused(error):
            storage.rename(SPEC.name, taken)
    storage.finish(SPEC.name, led.index, Outcome(TrialState.ABANDONED), now=2.0, owner="me")
    storage.rename(SPEC.name, "new")
    assert storage.experiment("new") == replace(SPEC, name="new")
    assert storage.page("new", newest_first=False)[0] == held
    assert storage.notes("new") == {None: "odd"}
    with refused(UnknownExperimentError):
        storage.experiment(SPEC.name)
    storage.create(SPEC)
    assert not storage.page(SPEC.name)
