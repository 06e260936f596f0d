from headstock.leasing import LAPSE, Leases
from headstock.processes import new_owner
from headstock.storage import Command
from headstock.study import Study
from headstock.trial import TrialState
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
    assert watched.command(0) is None
    watched.renew()
    assert watched.command(0) is Command.PAUSE
