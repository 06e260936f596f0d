import copy
import random
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import headstock as hs
from headstock.errors import CheckpointError, HeadstockError, TrialStateError
from headstock.leasing import Leases
from headstock.runner import Ended
from headstock.schedulers.automatic import Automatic
from headstock.schedulers.base import Resume, Start
from headstock.storage.records import Command
from headstock.trial import BY_REQUEST, TrialRecord, TrialState
from trainings import Clock, run_study, study_of

torch = pytest.importorskip("torch")

STEPS = 6
SPACE = hs.Space(x=hs.Float(0, 1))


class InTurn:
    """Trains three trials in turn, `slice_` steps at a time: each is paused as often as can be."""

    def __init__(self, slice_: int = 1, trials: int = 3) -> None:
        self.slice, self.trials = slice_, trials

    def to_json(self) -> None:
        return None

    def decide(self, history: Any, slots: int, propose: Any, *_: Any, **__: float) -> Sequence[Any]:
        if len(history) < self.trials:
            return [Start(suggestion, self.slice) for suggestion in propose(slots)]
        idle = [t for t in history if t.is_waiting or t.state in (TrialState.PAUSED, TrialState.QUEUED)]
        idle.sort(key=lambda t: (t.step, t.is_waiting, t.index))
        return [Resume(t.index, t.step + self.slice, "it is its turn") for t in idle[:slots]]


class Killed(BaseException):
    """What a process does not survive."""


def train(trial: hs.Trial, *, kill: Any = lambda _trial, _step: False, ends: Any = lambda *_: None) -> None:
    """A training with every kind of state: weights, momenta, a schedule, shuffling, three sources of randomness."""
    torch.manual_seed(trial.seed)
    np.random.seed(trial.seed)  # noqa: NPY002 - what users do
    random.seed(trial.seed)
    net = torch.nn.Sequential(
        torch.nn.Linear(4, 8), torch.nn.Dropout(0.3), torch.nn.BatchNorm1d(8), torch.nn.Linear(8, 1)
    )
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01 + trial.parameters["x"] / 10)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 2, gamma=0.5)
    data = torch.randn(24, 5, generator=torch.Generator().manual_seed(1))
    loader = torch.utils.data.DataLoader(
        torch.utils.data.TensorDataset(data[:, :4], data[:, 4:]),
        batch_size=5,
        shuffle=True,
        generator=torch.Generator().manual_seed(trial.seed),
    )
    unattached = torch.utils.data.DataLoader(range(7), shuffle=True)  # shuffles by PyTorch's global numbers
    history: list[float] = []
    trial.attach(model=net, optimizer=optimizer, schedule=schedule, loader=loader, history=history)
    for step in trial.steps(STEPS):
        total = 0.0
        for x, y in loader:
            noise = float(np.random.normal() + random.random()) / 100  # noqa: NPY002
            optimizer.zero_grad()
            loss = ((net(x + noise) - y) ** 2).mean()
            loss.backward()
            optimizer.step()
            total += loss.item()
        total += 1e-3 * int(next(iter(unattached)))
        history.append(total)
        trial.report(score=-total)
        schedule.step()  # after the report: it must have been done before the trial is paused
        if kill(trial, step):
            raise Killed
    ends(trial, {"model": net, "optimizer": optimizer, "schedule": schedule}, history)


def trained(tmp_path: Path, scheduler: Any, *, kills: Iterable[Any] = (), trials: int = 3) -> dict[int, Any]:
    """Train until everything is done, in as many runs as it takes; the final state and the course of each trial."""
    study = study_of()
    finals: dict[int, Any] = {}
    remaining = iter(kills)

    def ends(trial: hs.Trial, things: dict[str, Any], history: list[float]) -> None:
        states = {name: copy.deepcopy(thing.state_dict()) for name, thing in things.items()}
        rngs = torch.get_rng_state(), np.random.get_state()[1], random.getstate()  # noqa: NPY002
        finals[trial.index] = states, list(history), rngs

    while True:
        kill = next(remaining, lambda *_: False)
        try:
            run_study(
                study,
                lambda trial, kill=kill: train(trial, kill=kill, ends=ends),
                scheduler=scheduler,
                folder=tmp_path,
                clock=Clock(tick=1.0),  # so that states are saved now and then
                trials=trials,
            )
        except Killed:
            continue
        assert all(t.state is TrialState.COMPLETED for t in study.history()), study.history().counts
        reports = {t.index: [(o.step, o.mean) for o in t.reports["score"]] for t in study.history()}
        return {index: (*final, reports[index]) for index, final in finals.items()}


def assert_equal(a: Any, b: Any) -> None:
    """Bit by bit."""
    if isinstance(a, torch.Tensor):
        assert a.dtype == b.dtype
        assert torch.equal(a, b)
    elif isinstance(a, np.ndarray):
        assert (a == b).all()
    elif isinstance(a, dict):
        assert a.keys() == b.keys()
        for key in a:
            assert_equal(a[key], b[key])
    elif isinstance(a, list | tuple):
        assert len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            assert_equal(x, y)
    else:
        assert a == b


@pytest.mark.torch
def test_a_paused_training_is_bit_equal_to_an_uninterrupted_one(tmp_path: Path):
    whole = trained(tmp_path / "whole", hs.FullTraining())
    assert_equal(trained(tmp_path / "ones", InTurn(1)), whole)
    assert_equal(trained(tmp_path / "twos", InTurn(2)), whole)


@pytest.mark.torch
def test_a_killed_training_is_bit_equal_to_an_uninterrupted_one(tmp_path: Path):
    """Killed after some steps, some of which were saved and some not; then killed again."""
    whole = trained(tmp_path / "whole", hs.FullTraining())
    for scheduler in (hs.FullTraining(), InTurn(2)):
        kills = [lambda t, s: (t.index, s) == (0, 3), lambda t, s: (t.index, s) == (1, 4), lambda _t, s: s == 5]
        folder = tmp_path / f"killed-{type(scheduler).__name__}"
        assert_equal(trained(folder, scheduler, kills=kills), whole)


@pytest.mark.torch
def test_a_torn_state_falls_back_to_the_one_before(tmp_path: Path):
    whole = trained(tmp_path / "whole", hs.FullTraining())

    def tear(trial: hs.Trial, step: int) -> bool:
        if (trial.index, step) != (1, 4):
            return False
        newest, before = trial.keeper.checkpoints.saved(1)
        newest.path.write_bytes(newest.path.read_bytes()[:-10])
        return before.step >= 1

    assert_equal(trained(tmp_path / "torn", InTurn(2), kills=[tear]), whole)


SCHEDULERS = [
    hs.FullTraining(),
    hs.MedianStopping(),
    hs.PercentileStopping(),
    hs.SuccessiveHalving(),
    hs.Hyperband(),
    hs.TopK(trials=10),
    hs.FreezeThaw(),
    hs.PopulationBased(population=4, interval=2),
    Automatic(),
    InTurn(),
]


def descend(trial: hs.Trial) -> None:
    """A training without PyTorch: a curve towards a limit that depends on x, held in an array."""
    position = np.zeros(2)
    trial.attach(position=position)
    for _ in trial.steps(9):
        position += (trial.parameters["x"] - position) / 2
        trial.report(score=float(position[0]))


def curve(x: float, steps: int) -> list[float]:
    return [x * (1 - 0.5**step) for step in range(1, steps + 1)]


@pytest.mark.parametrize("scheduler", SCHEDULERS, ids=lambda s: type(s).__name__)
def test_every_scheduler_drives_a_run_within_an_exact_budget(scheduler: Any, tmp_path: Path):
    study = study_of()
    ended = run_study(study, descend, scheduler=scheduler, folder=tmp_path, steps=40)
    spent = sum(t.step - (t.parent[1] if t.parent else 0) for t in study.history())
    assert spent == 40 if ended is Ended.BUDGET else (ended is Ended.DONE and 27 <= spent < 40)
    for trial in study.history():
        assert trial.state not in (TrialState.RUNNING, TrialState.QUEUED), trial
        assert trial.verdicts[0].decision == "start"
        assert all(verdict.because for verdict in trial.verdicts)
        assert (trial.steps, trial.saves) == (9, True)
        assert trial.trained is not None
        if trial.parent is None:
            means = [o.mean for o in trial.reports["score"]]
            assert means == pytest.approx(curve(trial.parameters["x"], trial.step))
            assert [o.step for o in trial.reports["score"]] == list(range(1, trial.step + 1))
    assert run_study(study, descend, scheduler=scheduler, folder=tmp_path, steps=40) is ended
    assert sum(t.step - (t.parent[1] if t.parent else 0) for t in study.history()) == spent


@pytest.mark.usefixtures("untimed")
def test_freeze_thaw_is_the_default_and_finishes_the_best():
    experiment = hs.Experiment("e", SPACE, maximize="score", seed=1)
    experiment.run(descend, budget=hs.Budget(trials=12))
    counts = experiment.history.counts
    assert counts[TrialState.PAUSED] >= 6
    assert experiment.history.evaluations == 12
    best = experiment.best()
    assert best.trial.state is TrialState.COMPLETED
    assert best.trial.parameters["x"] == max(t.parameters["x"] for t in experiment.history)
    assert best.load_checkpoint()["position"][0] == best.trial.objective_mean


def test_median_stopping_is_the_default_without_a_state():
    started = []

    def forgetful(trial: hs.Trial) -> None:
        started.append(trial.index)
        for step in trial.steps(9):
            trial.report(score=trial.parameters["x"] * (step + 1))

    experiment = hs.Experiment("e", SPACE, maximize="score", seed=1)
    experiment.run(forgetful, budget=hs.Budget(trials=15))
    counts = experiment.history.counts
    assert counts == {
        TrialState.COMPLETED: counts[TrialState.COMPLETED],
        TrialState.STOPPED: counts[TrialState.STOPPED],
    }
    assert started == list(range(15)), "a training that cannot go on was begun twice"
    stopped = next(t for t in experiment.history if t.state is TrialState.STOPPED)
    assert "needs" in stopped.verdicts[-1].because
    assert stopped.objective_mean == stopped.reports["score"][-1].mean


def test_a_function_that_uses_no_steps_is_never_interrupted():
    def whole(trial: hs.Trial) -> None:
        for k in range(5):
            trial.report(score=trial.parameters["x"] * k)

    experiment = hs.Experiment("e", SPACE, maximize="score", seed=1)
    experiment.run(whole, budget=hs.Budget(trials=12))
    assert experiment.history.counts == {TrialState.COMPLETED: 12}
    assert {t.step for t in experiment.history} == {5}


def test_a_function_without_state_is_trusted_by_a_scheduler_that_was_given():
    begun: list[tuple[int, int]] = []

    def keeps_its_own(trial: hs.Trial) -> None:
        file = trial.directory / "value.txt"
        value = float(file.read_text()) if file.exists() else 0.0
        for step in trial.steps(9):
            begun.append((trial.index, step))
            value += trial.parameters["x"]
            file.write_text(repr(value))
            trial.report(score=value)

    experiment = hs.Experiment("e", SPACE, maximize="score", seed=1, scheduler=hs.SuccessiveHalving())
    experiment.run(keeps_its_own, budget=hs.Budget(steps=60))
    assert len(begun) == len(set(begun)) == 60
    for trial in experiment.history:
        assert [o.mean for o in trial.reports["score"]] == pytest.approx(
            [trial.parameters["x"] * k for k in range(1, trial.step + 1)]
        )


def test_the_best_report_is_the_value_and_its_state_is_kept():
    def up_and_down(trial: hs.Trial) -> None:
        state = {"at": 0}
        trial.attach(state=state)
        for step in trial.steps(8):
            state["at"] = step
            trial.report(score=-abs(step - 3.0) + trial.parameters["x"])

    for value, step in (("last", 7), ("best", 3), (None, 7)):
        experiment = hs.Experiment("e", SPACE, maximize="score", seed=1, value=value, scheduler=hs.FullTraining())
        experiment.run(up_and_down, budget=hs.Budget(trials=3))
        best = experiment.best_seen()
        assert best.load_checkpoint() == {"state": {"at": step}}
        assert best.mean == best.trial.parameters["x"] - abs(step - 3)


def test_a_loop_may_ask_and_return():
    def asks(trial: hs.Trial) -> None:
        count = [0]
        trial.attach(count=count)
        for _ in trial.steps(9):
            count[0] += 1
            trial.report(score=count[0] * trial.parameters["x"])
            if trial.should_stop:
                return

    study = study_of()
    run_study(study, asks, scheduler=hs.SuccessiveHalving(), steps=40)
    assert study.history().counts[TrialState.PAUSED] > 3
    for t in study.history():
        assert [o.mean for o in t.reports["score"]] == [k * t.parameters["x"] for k in range(1, t.step + 1)]


def test_pausing_is_no_exception_that_a_function_could_swallow(tmp_path: Path):
    def careful(trial: hs.Trial) -> None:
        trial.attach(state={})
        with (trial.directory / "log").open("w") as log:
            files.append(log)
            for _ in trial.steps(9):
                try:
                    trial.report(score=trial.parameters["x"])
                except Exception as error:
                    raise AssertionError("it came as an exception") from error

    files: list[Any] = []
    study = study_of()
    run_study(study, careful, scheduler=hs.SuccessiveHalving(), folder=tmp_path, steps=20)
    assert TrialState.FAILED not in study.history().counts
    assert all(file.closed for file in files)


def test_seconds_pause_what_can_go_on(tmp_path: Path):
    study, clock = study_of(), Clock()

    def slow_steps(trial: hs.Trial) -> None:
        trial.attach(state={})
        for _ in trial.steps(9):
            clock.now += 10.0
            trial.report(score=1.0)

    assert (
        run_study(study, slow_steps, clock=clock, folder=tmp_path, scheduler=hs.FullTraining(), seconds=45)
        is Ended.BUDGET
    )
    assert [(t.state, t.step, t.trained) for t in study.history()] == [(TrialState.PAUSED, 5, 50.0)]
    run_study(study, slow_steps, clock=clock, folder=tmp_path, scheduler=hs.FullTraining(), trials=1)
    assert [(t.state, t.step) for t in study.history()] == [(TrialState.COMPLETED, 9)]


def test_how_long_reports_take_to_be_stored_is_no_training(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    study, clock = study_of(), Clock()
    storage = type(study.storage)
    stored = storage.report

    def slowly(*given: Any, **named: Any) -> Any:
        clock.now += 7.0
        return stored(*given, **named)

    def steps(trial: hs.Trial) -> None:
        for step in trial.steps(4):
            clock.now += 5.0
            trial.report(score=float(step))
            clock.now += 5.0
            trial.report(other=float(step))

    monkeypatch.setattr(storage, "report", slowly)
    run_study(study, steps, clock=clock, folder=tmp_path, scheduler=hs.FullTraining(), trials=1)
    assert [t.trained for t in study.history()] == [40.0]


def test_what_cannot_go_on_later_is_not_paused():
    """Seconds wait for the end of its training, steps end it with the value that it has."""
    clock = Clock()

    def forgetful(trial: hs.Trial) -> None:
        for step in trial.steps(9):
            clock.now += 10.0
            trial.report(score=float(step))

    for scheduler in (None, hs.FullTraining()):
        study = study_of()
        assert run_study(study, forgetful, clock=clock, scheduler=scheduler, seconds=45) is Ended.BUDGET
        assert [(t.state, t.step) for t in study.history()] == [(TrialState.COMPLETED, 9)]
        study = study_of()
        assert run_study(study, forgetful, clock=clock, scheduler=scheduler, steps=13) is Ended.BUDGET
        found = [(t.state, t.step, t.objective_mean) for t in study.history()]
        assert found == [(TrialState.COMPLETED, 9, 8.0), (TrialState.STOPPED, 4, 3.0)]


def test_as_long_as_everything_is_paused_the_best_report_is_seen():
    experiment = hs.Experiment("e", SPACE, maximize="score", seed=1, scheduler=InTurn(1, trials=3))
    experiment.run(descend, budget=hs.Budget(steps=6))
    assert experiment.history.counts == {TrialState.PAUSED: 3}
    best = experiment.best()
    assert best.mean == max(t.reports["score"][-1].mean for t in experiment.history)
    assert best.load_checkpoint()["position"][0] == best.mean


def test_files_lie_where_they_are_wanted(tmp_path: Path):
    experiment = hs.Experiment("e", SPACE, maximize="score", seed=1, files=tmp_path / "states")
    experiment.run(descend, budget=hs.Budget(steps=6))
    assert {path.suffix for path in (tmp_path / "states").rglob("*") if path.is_file()} == {".zip"}


def test_a_target_is_reached_by_a_report():
    study = study_of()
    assert run_study(study, descend, target=0.5) is Ended.TARGET
    best = study.history().best_seen()
    assert best is not None
    assert best.objective_mean >= 0.5
    assert best.verdicts[-1].because == "the target 0.5 is reached"


def test_cost_is_what_trials_report():
    study = study_of()

    def costly(trial: hs.Trial) -> None:
        trial.attach(state={})
        for _ in trial.steps(4):
            trial.report(score=1.0, cost=2.5)

    assert run_study(study, costly, scheduler=hs.FullTraining(), cost=20) is Ended.BUDGET
    assert sum(t.step for t in study.history()) == 8


def test_an_interrupted_run_goes_on_where_it_was(tmp_path: Path):
    study, begun = study_of(), []

    def interrupted(trial: hs.Trial) -> None:
        position = np.zeros(1)
        trial.attach(position=position)
        for step in trial.steps(9):
            begun.append(step)
            if len(begun) == 7:
                raise KeyboardInterrupt
            position += 1
            trial.report(score=position[0])

    given = {"scheduler": hs.FullTraining(), "folder": tmp_path, "clock": Clock(tick=1.0)}
    assert run_study(study, interrupted, **given, trials=1) is Ended.INTERRUPTED
    assert study.history().counts == {TrialState.QUEUED: 1}
    assert run_study(study, interrupted, **given, trials=1) is Ended.BUDGET
    assert [o.mean for o in study.trial(0).reports["score"]] == list(range(1, 10))
    assert begun[:7] == list(range(7))
    assert begun[7:] == list(range(2, 9)), "it goes on from its last save"


@pytest.mark.parametrize(
    ("misuse", "words"),
    [
        (lambda t: t.attach(file=object()), "does not know how to save a object"),
        (lambda t: t.steps(0), "give a whole number"),
        (lambda t: (t.steps(3), t.steps(3)), "was called before"),
        (lambda t: (t.steps(3), t.attach(a=[])), "before trial.steps"),
    ],
)
def test_misuse_fails_the_trial_with_advice(misuse: Any, words: str):
    study = study_of()
    run_study(study, misuse, trials=1)
    assert study.trial(0).error is not None
    assert words in study.trial(0).error


def test_what_was_saved_must_be_attached_again(tmp_path: Path):
    study = study_of()
    names = iter(["first", "second"])

    def renamed(trial: hs.Trial) -> None:
        trial.attach(**{next(names): [1]})
        for _ in trial.steps(3):
            trial.report(score=1.0)

    run_study(study, renamed, scheduler=InTurn(1, trials=1), folder=tmp_path, trials=1, steps=1)
    run_study(study, renamed, scheduler=InTurn(1, trials=1), folder=tmp_path, trials=1)
    assert "has no 'second'; it has first" in (study.trial(0).error or "")


def test_a_value_is_the_last_or_the_best():
    with pytest.raises(HeadstockError, match="'last' report or its 'best'"):
        hs.Experiment("e", SPACE, maximize="score", value="median")


def test_without_a_saved_state_there_is_none_to_load():
    experiment = hs.Experiment("e", SPACE, maximize="score", seed=1)
    experiment.run(lambda trial: trial.parameters["x"], budget=hs.Budget(trials=3))
    with pytest.raises(CheckpointError, match="has no saved state"):
        experiment.best().load_checkpoint()


def test_trials_of_ask_have_steps_as_well():
    experiment = hs.Experiment("e", SPACE, maximize="score", seed=1)
    trial = experiment.ask()
    for step in trial.steps(3):
        trial.report(score=float(step))
        assert not trial.should_stop
    record: TrialRecord = experiment.tell(trial)
    assert (record.objective_mean, record.steps) == (2.0, 3)


def test_a_budget_that_was_changed_holds_for_the_run_that_goes_on():
    experiment = hs.Experiment("longer", SPACE, maximize="score", sampler=hs.Sobol(), seed=0)

    def train(trial: hs.Trial) -> float:
        if trial.index == 2:
            experiment.change_budget(hs.Budget(trials=5))
        return trial.parameters["x"]

    assert experiment.run(train, budget=hs.Budget(trials=3)) is Ended.BUDGET
    assert len(experiment.trials) == 5
    experiment.run(train, budget=hs.Budget(trials=9))
    assert len(experiment.trials) == 5
    experiment.change_budget(None)
    experiment.run(train, budget=hs.Budget(trials=6))
    assert len(experiment.trials) == 6


def test_what_is_asked_between_the_last_report_and_a_pause_by_the_scheduler_is_done(tmp_path: Path):
    url = f"sqlite:///{tmp_path / 'a.db'}"
    held = []

    def train(trial: hs.Trial) -> None:
        trial.attach(state=[0])
        with hs.Experiment.open("asked", storage=url) as other:
            for step in trial.steps(STEPS):
                if (trial.index, step) == (2, 0):
                    held.append(other.trials[1].is_held)
                    other.unpause(1)
                trial.report(score=float(step))
                if (trial.index, step) == (0, 1):  # it was told to come so far, and another's turn is next
                    other.stop(0)
                if (trial.index, step) == (1, 1):
                    other.pause(1)

    with hs.Experiment("asked", SPACE, maximize="score", storage=url, seed=0, scheduler=InTurn(2)) as experiment:
        experiment.run(train, budget=hs.Budget(steps=60))
        stopped, paused, _ = experiment.trials.values()
    assert (stopped.state, stopped.step, stopped.verdicts[-1].because) == (TrialState.STOPPED, 2, BY_REQUEST)
    assert held == [True], "a scheduler might have let it go on"
    assert (paused.state, paused.step) == (TrialState.COMPLETED, STEPS)
    assert [v.because for v in paused.verdicts].count(BY_REQUEST) == 1, "it was paused again, unasked"


def test_what_somebody_else_wants_of_a_trial_is_done_after_its_next_report(tmp_path: Path, monkeypatch):
    heard = Leases.command

    def hear(leases: Leases, index: int, attempt: int) -> Command | None:
        leases.renew()  # as the heartbeat does every few seconds
        return heard(leases, index, attempt)

    monkeypatch.setattr(Leases, "command", hear)
    url = f"sqlite:///{tmp_path / 'a.db'}"

    def train(trial: hs.Trial) -> None:
        trial.attach(state=[0])
        with hs.Experiment.open("asked", storage=url) as other:
            for step in trial.steps(STEPS):
                if step == 2 and trial.index == 0:
                    assert other.stop(0).state is TrialState.RUNNING
                if step == 2 and trial.index == 1:
                    other.pause(1)
                trial.report(score=float(step))

    with hs.Experiment("asked", SPACE, maximize="score", storage=url, seed=0, scheduler=InTurn(STEPS, 2)) as experiment:
        experiment.run(train, budget=hs.Budget(steps=9))
        stopped, paused = experiment.trials[0], experiment.trials[1]
        assert (stopped.state, stopped.step, stopped.objective_mean) == (TrialState.STOPPED, 3, 2.0)
        assert stopped.verdicts[-1].because == "somebody asked for it"
        assert next(v.because for v in paused.verdicts if v.decision == "pause") == "somebody asked for it"
        assert (paused.state, paused.is_held) == (TrialState.PAUSED, True), "a scheduler let it go on"
        assert experiment.unpause(1).state is TrialState.QUEUED
        with pytest.raises(TrialStateError, match="queued, not paused"):
            experiment.unpause(1)
        experiment.run(train, budget=hs.Budget(steps=30))
        went_on = experiment.trials[1]
        assert (went_on.state, went_on.step) == (TrialState.COMPLETED, STEPS)
        queued = experiment.enqueue({})
        assert experiment.stop(queued).state is TrialState.ABANDONED
        with pytest.raises(TrialStateError, match="abandoned"):
            experiment.stop(queued)
        with pytest.raises(TrialStateError, match="not running"):
            experiment.pause(0)
