from dataclasses import dataclass
from typing import Any

import pytest

from headstock.leasing import BEAT, LAPSE, SHARE, Leases
from headstock.processes import new_owner
from headstock.storage import Command, NewTrial
from headstock.study import Study
from headstock.trial import Observation, TrialState
from trainings import Clock, study_of

ELSEWHERE = "another-host/1/2/3.00/abcd"


def leases_of(study: Study, owner: str, clock: Clock) -> Leases:
    return Leases(study.storage, study.spec.name, owner, clock, clock)


def states(study: Study) -> list[TrialState]:
    return [trial.state for trial in study.history()]


def test_an_owner_that_does_not_renew_loses_its_trial():
    study, clock = study_of(), Clock()
    study.ask(now=0.0, owner=ELSEWHERE)
    watched = leases_of(study, new_owner(), clock)
    for _ in range(3):
        assert watched.take_expired() == 0
        clock.now += LAPSE / 2 - 1
        study.storage.extend(study.spec.name, ELSEWHERE)
    assert watched.take_expired() == 0
    clock.now += LAPSE
    assert watched.take_expired() == 1
    assert states(study) == [TrialState.QUEUED]
    assert watched.take_expired() == 0


def test_a_dead_process_of_this_machine_loses_it_at_once():
    study, clock = study_of(), Clock()
    mine, host = new_owner(), new_owner().split("/", maxsplit=1)[0]
    study.ask(now=0.0, owner=f"{host}/1/999999999/1.00/abcd")
    study.ask(now=0.0, owner=mine)
    assert leases_of(study, mine, clock).take_expired() == 1
    assert states(study) == [TrialState.QUEUED, TrialState.RUNNING]


def test_commands_are_heard_with_the_renewal():
    study, clock = study_of(), Clock()
    mine = new_owner()
    study.ask(now=0.0, owner=mine)
    watched = leases_of(study, mine, clock)
    study.storage.request(study.spec.name, 0, Command.PAUSE)
    assert watched.command(0, 0) is None
    watched.renew()
    assert watched.command(0, 0) is Command.PAUSE
    assert watched.command(0, 1) is None, "what was wanted of the attempt before"


@pytest.mark.parametrize(("command", "state"), [(Command.STOP, TrialState.STOPPED), (Command.PAUSE, TrialState.PAUSED)])
def test_what_was_asked_of_a_trial_is_done_by_who_takes_it_from_a_lost_owner(command: Command, state: TrialState):
    study, clock = study_of(), Clock()
    study.ask(now=0.0, owner=ELSEWHERE)
    study.storage.report(study.spec.name, 0, {"score": Observation(0.5, step=3)}, now=0.0)
    study.storage.request(study.spec.name, 0, command)
    watched = leases_of(study, new_owner(), clock)
    assert watched.take_expired() == 0
    clock.now += LAPSE
    assert watched.take_expired() == 1
    assert states(study) == [state]
    assert study.trial(0).is_by_request
    assert watched.take_expired() == 0


@dataclass
class Counting:
    """A storage that counts the leases which are looked at."""

    storage: Any
    seen: int = 0

    def __getattr__(self, verb: str) -> Any:
        return getattr(self.storage, verb)

    def leases(self, name: str, **given: Any) -> Any:
        found = self.storage.leases(name, **given)
        self.seen += len(found)
        return found


def crowd(study: Study, clock: Clock, count: int) -> list[Leases]:
    """Owners on other machines, with a trial each."""
    owners = [f"host-{i}/1/2/3.00/{i}" for i in range(count)]
    new = [NewTrial({"x": 0.5}, owner=owner) for owner in owners]
    study.storage.add_trials(study.spec.name, new, created=0, now=0.0)
    study.storage = Counting(study.storage)
    return [leases_of(study, owner, clock) for owner in owners]


def beat(alive: list[Leases]) -> int:
    """Each owner renews its lease, and looks at others; how many trials were put back."""
    for one in alive:
        one.renew()
    return sum(one.watch() for one in alive)


def test_one_among_many_is_missed_at_once_though_each_looks_at_a_few():
    study, clock = study_of(), Clock()
    owners = crowd(study, clock, 100)
    assert beat(owners) == 0
    clock.now += BEAT
    assert beat(owners) == 0
    dead, *alive = owners  # of which the last 32 follow one another around the ring
    since = clock.now
    while clock.now < since + LAPSE:
        assert states(study)[0] is TrialState.RUNNING, "it was taken before its time"
        clock.now += BEAT
        taken = beat(alive)
    assert taken == 1
    assert states(study) == [TrialState.QUEUED] + [TrialState.RUNNING] * 99
    assert dead.watch() == 0
    beats = 1 + (clock.now - since) / BEAT
    assert study.storage.seen <= 100 * (beats + 1) * 2 * SHARE


@pytest.mark.parametrize("survivors", [1, 20])
def test_all_are_found_though_those_who_watched_them_are_lost_with_them(survivors: int):
    study, clock = study_of(), Clock()
    owners = crowd(study, clock, 100)
    alive = owners[:survivors]
    beat(owners)
    taken, since = 0, clock.now
    while taken < 100 - survivors:
        clock.now += BEAT
        taken += beat(alive)
        assert clock.now - since <= LAPSE + 2 * BEAT * (1 + 100 // SHARE), "somebody was not found"
    assert states(study) == [TrialState.RUNNING] * survivors + [TrialState.QUEUED] * (100 - survivors)
