"""The part of the contract of storages that is about threads which use one at once."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Final

from headstock.objective import Objective
from headstock.space import Float, Space
from headstock.storage.base import Storage
from headstock.storage.records import ExperimentSpec, NewTrial, Outcome
from headstock.trial import TrialState

SPEC: Final = ExperimentSpec("shared", Space(x=Float(0, 1)), Objective("y"))


def check_threads_share_it(storage: Storage) -> None:
    """Threads that add, take and finish trials at once lose none and share none."""
    storage.create(SPEC)
    queued = NewTrial({"x": 0.5}, state=TrialState.QUEUED)

    def work(owner: str) -> list[int]:
        taken = []
        for _ in range(5):
            storage.add_trials(SPEC.name, [queued, queued], created=None, now=0.0)
            for _ in range(2):
                trial = storage.lease(SPEC.name, owner, now=0.0)
                assert trial is not None, "as many trials were taken as were queued, yet the queue is empty"
                storage.finish(SPEC.name, trial.index, Outcome(TrialState.ABANDONED), now=0.0, owner=owner)
                taken.append(trial.index)
        return taken

    with ThreadPoolExecutor(4) as threads:
        taken = [index for found in threads.map(work, "abcd") for index in found]
    assert sorted(taken) == list(range(40)), f"taken were {sorted(taken)}"
    assert all(trial.state is TrialState.ABANDONED for trial in storage.changes(SPEC.name).trials)


def check_turns_are_taken_one_by_one(storage: Storage) -> None:
    """While one has the turn to suggest, another one waits for it; what is raised in the block gives it back."""
    storage.create(SPEC)
    entered = threading.Event()

    def wait_for_the_turn() -> None:
        with storage.turn(SPEC.name):
            entered.set()

    with ThreadPoolExecutor(1) as threads:
        with suppress(ZeroDivisionError), storage.turn(SPEC.name):
            other = threads.submit(wait_for_the_turn)
            assert not entered.wait(0.05), "two had the turn at once"
            assert storage.is_suggesting(SPEC.name), "it is not known that the turn is taken"
            storage.add_trials(SPEC.name, [NewTrial({"x": 0.5})], created=0, now=0.0)
            raise ZeroDivisionError
        other.result()
    assert entered.is_set(), "the turn was not given on"
    assert not storage.is_suggesting(SPEC.name), "a turn that was given back is taken"
