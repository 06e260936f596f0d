"""What every scheduler has to do, as checks to run in a test suite.

    @pytest.mark.parametrize("check", headstock.testing.schedulers.CHECKS)
    def test_my_scheduler(check):
        check(MyScheduler())

Each check takes a scheduler and raises AssertionError, with the reason, if it breaks the contract of
`headstock.schedulers.Scheduler`.
"""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from jaxtyping import Float64

from headstock.encoding import Encoding
from headstock.history import History
from headstock.objective import Objective
from headstock.samplers.base import Suggestion
from headstock.samplers.random import Random
from headstock.schedulers import scheduler_from_json
from headstock.schedulers.base import Decision, Propose, Resume, Scheduler, Start, Stop
from headstock.space import Choice, Float, Int, Space
from headstock.testing.replay import Replay, Table
from headstock.trial import TrialRecord, TrialState

SPACE: Final = Space(lr=Float(1e-4, 1.0, log=True), momentum=Float(0.0, 1.0), optimizer=Choice("sgd", "adamw"))


def table(rows: int = 120, steps: int = 9, *, minimize: bool = False, failing: float = 0.0, seed: int = 0) -> Table:
    """Noisy curves that saturate towards an accuracy which depends on the configuration, or losses that mirror them."""
    rng = np.random.default_rng(seed)
    encoding = Encoding.of(SPACE)
    X = encoding.from_uniform(rng.random((rows, encoding.dimensions)))
    final = 0.95 - 0.6 * ((X[:, :2] - [0.6, 0.4]) ** 2).sum(axis=1) - 0.1 * X[:, 2]
    speed = 0.3 + 2.0 * X[:, 0]
    t = np.arange(1, steps + 1)
    curves: Float64[np.ndarray, "n t"] = final[:, None] * (1.0 - np.exp(-speed[:, None] * t / 3.0))
    curves += 0.01 * rng.standard_normal(curves.shape)
    curves = np.clip(curves, 0.0, 1.0)
    curves[rng.random(rows) < failing, steps // 2 :] = np.nan
    return Table(SPACE, tuple(encoding.decode(x) for x in X), 1.0 - curves if minimize else curves, minimize=minimize)


def check_decisions_are_valid(scheduler: Scheduler) -> None:
    """With one worker or several, also where trainings fail: every decision is one that can be carried out."""
    for workers, minimize, failing in ((1, False, 0.0), (4, True, 0.0), (3, False, 0.3)):
        _Checked.run(scheduler, table(minimize=minimize, failing=failing), workers, 50)


def check_it_is_pure(scheduler: Scheduler) -> None:
    """The same history and randomness give the same decisions, also from a copy that went through JSON."""
    stored = scheduler.to_json()
    copy = scheduler if stored is None else scheduler_from_json(json.loads(json.dumps(stored)))
    assert copy == scheduler, f"{copy!r} was read back from the JSON of {scheduler!r}"
    first, second = (Replay(table(), s, Random(), seed=5, workers=2) for s in (scheduler, copy))
    assert first.run(30) == second.run(30), "two equal schedulers made different decisions"
    assert first.decisions == second.decisions, "two equal schedulers gave different reasons"


def check_an_empty_history_starts_trials(scheduler: Scheduler) -> None:
    """With nothing known, not even how many steps a training has, every slot gets a trial."""
    decisions = _decide(scheduler, History(SPACE, Objective("value")), 3)
    assert len(decisions) == 3, f"three slots were free, {len(decisions)} decisions came"
    assert all(isinstance(d, Start) for d in decisions), f"there is nothing to resume or stop: {decisions}"


def check_queued_trials_come_before_new_ones(scheduler: Scheduler) -> None:
    """What a person has enqueued is trained first."""
    queued = TrialRecord(0, TrialState.QUEUED, {"lr": 0.1, "momentum": 0.5, "optimizer": "sgd"}, batch=0)
    decisions = _decide(scheduler, History(SPACE, Objective("value"), (queued,)), 2)
    assert isinstance(decisions[0], Resume), f"trial 0 is queued, but {decisions} begins with another"
    assert decisions[0].trial == 0
    assert isinstance(decisions[1], Start), f"one slot was left for a new trial: {decisions}"


def check_a_finite_space_ends_the_search(scheduler: Scheduler) -> None:
    """When the sampler has nothing left, what was begun is dealt with, and then nothing is left to do."""
    space = Space(width=Int(1, 6), optimizer=Choice("sgd", "adamw", "lion", "rmsprop"))
    rows = tuple({"width": w, "optimizer": o} for o in ("sgd", "adamw", "lion", "rmsprop") for w in range(1, 7))
    whole = 6 * len(rows)
    replay = Replay(Table(space, rows, table(len(rows), 6).curves), scheduler, Random(), seed=2)
    assert len(replay.run(10 * whole)) <= whole, "a step was trained twice"
    assert not any(t.state is TrialState.RUNNING for t in replay.trials), "the search ended, but a trial runs"


def check_it_is_asked_about_nothing_that_is_over(scheduler: Scheduler) -> None:
    """A history in which all trials are finished leaves only new trials to begin."""
    replay = Replay(table(), scheduler, Random(), seed=3)
    replay.run(40)
    over = tuple(
        t if t.state.is_finished else replace(t, state=TrialState.ABANDONED, until=None) for t in replay.trials
    )
    decisions = _decide(scheduler, replace(replay.history, trials=over), 2)
    assert all(isinstance(d, Start) for d in decisions), f"every trial is finished, but {decisions}"


def _decide(scheduler: Scheduler, history: History, slots: int) -> Sequence[Decision]:
    rng = np.random.default_rng(7)

    def propose(count: int, given: History | None = None) -> Sequence[Suggestion]:
        return Random().suggest(given or history, count, rng)

    return scheduler.decide(history, slots, propose, rng)


class _Checked:
    """A scheduler whose every decision is checked."""

    def __init__(self, scheduler: Scheduler) -> None:
        self.scheduler = scheduler

    @classmethod
    def run(cls, scheduler: Scheduler, curves: Table, workers: int, budget: int) -> None:
        replay = Replay(curves, cls(scheduler), Random(), seed=1, workers=workers)
        steps = replay.run(budget)
        assert steps, "nothing was trained"
        assert len({(s.row, s.step) for s in steps}) == len(steps), "a step was trained twice"

    def to_json(self) -> None:
        return None

    def decide(
        self,
        history: History,
        slots: int,
        propose: Propose,
        rng: np.random.Generator,
        *,
        steps_left: float = math.inf,
        trials_left: float = math.inf,
    ) -> Sequence[Decision]:
        decisions = self.scheduler.decide(history, slots, propose, rng, steps_left=steps_left, trials_left=trials_left)
        trainings = [d for d in decisions if not isinstance(d, Stop)]
        assert len(trainings) <= slots, f"{slots} slots were free, {len(trainings)} trainings were decided"
        about = [d.trial for d in decisions if not isinstance(d, Start)]
        assert len(set(about)) == len(about), f"two decisions about one trial: {decisions}"
        for decision in decisions:
            assert decision.because, f"no reason for {decision}"
            assert "\n" not in decision.because, f"more than one line in {decision}"
            if isinstance(decision, Start):
                history.space.validate(decision.suggestion.parameters)
                origin = decision.from_checkpoint
                assert origin is None or history.trials[origin[0]].step >= origin[1], (
                    f"there is no state for {decision}"
                )
                assert decision.until is None or decision.until > (origin[1] if origin else 0), (
                    f"{decision} trains nothing"
                )
                continue
            trial = history.trials[decision.trial]
            may_stop = trial.is_waiting or trial.state is TrialState.PAUSED
            assert may_stop or (isinstance(decision, Resume) and trial.state is TrialState.QUEUED), (
                f"trial {trial.index} is {trial.state}, but {decision}"
            )
            if isinstance(decision, Resume):
                assert decision.until is None or decision.until > trial.step, f"{decision} trains nothing"
        return decisions


CHECKS: Final[tuple[Callable[[Scheduler], None], ...]] = (
    check_decisions_are_valid,
    check_it_is_pure,
    check_an_empty_history_starts_trials,
    check_queued_trials_come_before_new_ones,
    check_a_finite_space_ends_the_search,
    check_it_is_asked_about_nothing_that_is_over,
)
"""Every check."""
