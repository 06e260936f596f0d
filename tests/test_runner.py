import signal
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from headstock import Bayesian, Budget, Failed, Int, Space, Trial
from headstock.checkpoints import Checkpoints
from headstock.errors import HeadstockError, TooManyFailuresError, UnknownExperimentError
from headstock.executors.base import Finished, Listen
from headstock.executors.inline import Inline
from headstock.history import History
from headstock.processes import is_dead, new_owner
from headstock.runner import Ended, run
from headstock.schedulers.automatic import Automatic
from headstock.schedulers.full import FullTraining
from headstock.trial import TrialState
from trainings import Clock, run_study, study_of, training_of


def test_trials_are_a_total():
    study = study_of()
    assert run_study(study, lambda t: t.parameters["x"], trials=3) is Ended.BUDGET
    assert run_study(study, lambda t: t.parameters["x"], trials=5) is Ended.BUDGET
    assert [t.state for t in study.history()] == [TrialState.COMPLETED] * 5


def test_the_budget_counts_evaluations_and_nothing_else():
    study = study_of()
    study.attach({"x": 0.5}, study.read(1.0), now=0.0)
    study.enqueue({"x": 0.1}, now=0.0)
    study.enqueue({"x": 0.2}, now=0.0)
    run_study(study, lambda t: t.parameters["x"], trials=1)
    assert [t.state for t in study.history()] == [TrialState.COMPLETED, TrialState.COMPLETED, TrialState.QUEUED]
    run_study(study, lambda t: t.parameters["x"], trials=3)
    assert study.history().counts == {TrialState.COMPLETED: 4}


def test_seconds_and_target():
    study, clock = study_of(), Clock()

    def slow(_: Trial) -> float:
        clock.now += 10.0
        return 0.0

    assert run_study(study, slow, clock=clock, seconds=25.0) is Ended.BUDGET
    assert len(study.history()) == 3
    assert study.trial(0).seconds == 10.0
    assert run_study(study, lambda _: 1.0, target=0.9) is Ended.TARGET
    assert len(study.history()) == 4


def test_with_a_budget_of_seconds_the_gain_per_second_counts_and_ever_less_so():
    study, clock = study_of(), Clock()
    study.sampler = Bayesian()

    def slower_and_slower(trial: Trial) -> float:
        clock.now += 1.0 + 9.0 * trial.parameters["x"]
        return (trial.parameters["x"] - 0.4) ** 2

    run_study(study, slower_and_slower, clock=clock, seconds=60.0)
    exponents = [float(t.because.split("per second^")[1]) for t in study.history() if "per second^" in t.because]
    assert len(exponents) >= 4
    assert exponents == sorted(exponents, reverse=True)
    assert 0.0 < exponents[-1] < exponents[0] < 1.0


def test_a_finite_space_ends_the_run():
    assert run_study(study_of(Space(n=Int(1, 3))), lambda t: t.parameters["n"], trials=9) is Ended.EXHAUSTED


def test_an_exception_is_that_trial_s_failure():
    study = study_of()

    def evaluate(trial: Trial) -> float:
        if trial.index == 1:
            raise ValueError("bad luck\nin detail")
        return 1.0

    run_study(study, evaluate, trials=3)
    failed = study.trial(1)
    assert failed.state is TrialState.FAILED
    assert failed.error == "ValueError: bad luck"
    assert "raise ValueError" in (failed.traceback or "")
    assert study.history().counts == {TrialState.COMPLETED: 2, TrialState.FAILED: 1}


@pytest.mark.parametrize("result", [float("nan"), "0.9", {"loss": 1.0}, None])
def test_what_is_no_result_fails_the_trial(result: Any):
    study = study_of()
    run_study(study, lambda _: result, trials=1)
    assert study.trial(0).state is TrialState.FAILED
    assert "MetricError" in (study.trial(0).error or "")


def test_told_failures_need_no_exception():
    study = study_of()
    run_study(study, lambda _: Failed("out of memory"), trials=1)
    assert study.trial(0).error == "out of memory"


def test_too_many_failures_end_the_run_with_the_first_cause():
    study = study_of()

    def evaluate(trial: Trial) -> float:
        raise RuntimeError(f"cause {trial.index}")

    with pytest.raises(TooManyFailuresError, match=r"5 of 5 .*RuntimeError: cause 0"):
        run_study(study, evaluate, trials=20)
    assert study.history().counts == {TrialState.FAILED: 5}


def test_half_of_the_evaluations_may_fail():
    study = study_of()

    def evaluate(trial: Trial) -> float:
        if trial.index % 2:
            raise RuntimeError("every second one")
        return 1.0

    assert run_study(study, evaluate, trials=20) is Ended.BUDGET


def test_an_interruption_loses_nothing_and_the_run_goes_on():
    study = study_of()

    def interrupted(trial: Trial) -> float:
        if trial.index == 2:
            raise KeyboardInterrupt
        return 1.0

    assert run_study(study, interrupted, trials=6, batch_size=2) is Ended.INTERRUPTED
    assert study.history().counts == {TrialState.COMPLETED: 2, TrialState.QUEUED: 2}
    assert run_study(study, lambda _: 1.0, trials=6, batch_size=2) is Ended.BUDGET
    assert study.history().counts == {TrialState.COMPLETED: 6}
    assert study.trial(2).attempt == 1


def test_an_interruption_waits_until_what_is_known_is_stored():
    study = study_of()
    events: list[str] = []

    def observe(history: History) -> None:
        if history.counts.get(TrialState.COMPLETED) == 2 and not events:
            signal.raise_signal(signal.SIGINT)
            events.append("after a result, before the next trial")

    assert run_study(study, lambda _: 1.0, trials=6, observe=observe) is Ended.INTERRUPTED
    assert events
    assert study.history().counts == {TrialState.COMPLETED: 2, TrialState.QUEUED: 1}


def test_a_dead_process_s_trial_is_queued_again():
    study = study_of()
    host = new_owner().split("/", maxsplit=1)[0]
    study.ask(now=0.0, owner=f"{host}/1/999999999/1.00/abcd")
    study.ask(now=0.0, owner=None)
    run_study(study, lambda _: 1.0, trials=3)
    assert [t.state for t in study.history()] == [TrialState.COMPLETED, TrialState.RUNNING, TrialState.COMPLETED]


def test_a_live_process_keeps_its_trials():
    assert not is_dead(new_owner())
    assert not is_dead("another-host/1/999999999/1.00/abcd")
    assert new_owner() != new_owner()


def test_the_last_report_is_the_result_of_a_function_that_returns_nothing():
    study = study_of()
    seeds = set()

    def train(trial: Trial) -> None:
        seeds.add(trial.seed)
        for epoch in trial.steps(3):
            trial.report(loss=1.0 - epoch)
            trial.report(score=epoch / 10)

    run_study(study, train, trials=2)
    record = study.trial(1)
    assert [(o.step, o.mean) for o in record.reports["score"]] == [(1, 0.0), (2, 0.1), (3, 0.2)]
    assert [(o.step, o.mean) for o in record.reports["loss"]] == [(1, 1.0), (2, 0.0), (3, -1.0)]
    assert record.objective_mean == 0.2
    assert len(seeds) == 2


def test_the_observer_sees_starts_and_ends():
    study = study_of()
    seen: list[tuple[int, int]] = []

    def observe(history: History) -> None:
        seen.append((len(history), len(history.observed)))

    run_study(study, lambda _: 1.0, observe=observe, trials=2)
    assert seen == [(1, 0), (1, 1), (2, 1), (2, 2)]


def test_saved_states_are_looked_through_the_more_seldom_the_more_trials_there_are(tmp_path: Path):
    study = study_of()
    looks = []

    @dataclass
    class Counting:
        """Saved states, and when all of them were looked through."""

        inside: Checkpoints

        def collect(self, worth: Sequence[int]) -> int:
            looks.append(len(worth))
            return self.inside.collect(worth)

        def __getattr__(self, name: str) -> Any:
            return getattr(self.inside, name)

    def train(trial: Trial) -> None:
        trial.attach(state=[0.0] * 100)
        for _ in trial.steps(1):
            trial.report(score=trial.parameters["x"])

    training = training_of(study, train, tmp_path)
    size = 30_000  # with the random states of PyTorch, where it is loaded
    kept: Any = Counting(replace(training.checkpoints, quota=50 * size))
    clock, budget = Clock(), Budget(trials=150)
    run(study, FullTraining(), Inline(training), budget=budget, clock=clock, observe=lambda _: None, checkpoints=kept)
    assert looks[:31] == list(range(1, 32)), "of a few, all are looked through each time"
    assert len(looks) <= 75
    there = [path.stat().st_size for path in tmp_path.rglob("*.zip")]
    assert max(there) < size
    assert sum(there) <= (50 + 150 // 32) * size


def test_where_the_storage_fails_before_anything_has_begun_the_executor_is_closed():
    study = study_of()
    training = training_of(study, lambda t: t.parameters["x"], Path("nowhere"))

    @dataclass
    class Closing:
        """Notes that it is closed."""

        inside: Inline
        is_closed: bool = False

        def close(self) -> None:
            self.is_closed = True

        def __getattr__(self, name: str) -> Any:
            return getattr(self.inside, name)

    executor, budget = Closing(Inline(training)), Budget(trials=4)
    study.storage.delete("run")
    with pytest.raises(UnknownExperimentError):
        run(
            study,
            FullTraining(),
            executor,
            budget=budget,
            clock=Clock(),
            observe=lambda _: None,
            checkpoints=training.checkpoints,
        )
    assert executor.is_closed


def test_a_run_that_has_lost_places_takes_no_trial_before_there_is_one():
    study = study_of()
    taken = []

    @dataclass
    class Shrinking:
        """Two places, of which one is lost when both are taken."""

        inside: Inline
        capacity: int = 2

        def wait(self, listen: Listen, seconds: float) -> Sequence[Finished]:
            if self.inside.unfinished == 2:
                taken.append(len(study.history()))
                self.capacity = 1
                if len(taken) < 3:  # nothing was over for a while
                    return ()
            return self.inside.wait(listen, seconds)

        def __getattr__(self, name: str) -> Any:
            return getattr(self.inside, name)

    training = training_of(study, lambda t: t.parameters["x"], Path("nowhere"))
    budget = Budget(trials=4)
    kept = training.checkpoints
    executor = Shrinking(Inline(training))
    run(study, Automatic(), executor, budget=budget, clock=Clock(), observe=lambda _: None, checkpoints=kept)
    assert taken == [2, 2, 2]
    assert study.history().counts == {TrialState.COMPLETED: 4}


@pytest.mark.parametrize("bounds", [{}, {"trials": 0}, {"seconds": -1.0}, {"seconds": float("inf")}])
def test_a_budget_has_a_bound(bounds: dict[str, Any]):
    with pytest.raises(HeadstockError):
        Budget(**bounds)


def test_a_failure_in_passing_is_tried_twice_more():
    study, tries = study_of(), list[int]()

    def evaluate(trial):
        tries.append(trial.index)
        lasting = trial.index == 1
        is_better = not lasting and tries.count(0) == 2
        return 1.0 if is_better else Failed("no connection", is_transient=True)

    run_study(study, evaluate, trials=2)
    assert tries == [0, 0, 1, 1, 1]
    done, failed = study.history()
    assert (done.state, done.retries) == (TrialState.COMPLETED, 1)
    assert (failed.state, failed.error) == (TrialState.FAILED, "no connection, as in 2 tries before")
