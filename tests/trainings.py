"""Studies and runs in this process, for tests."""

import tempfile
from pathlib import Path
from typing import Any

from headstock.budget import Budget
from headstock.checkpoints import Checkpoints
from headstock.executors.inline import Inline
from headstock.libraries import loaded_frameworks
from headstock.objective import Objective
from headstock.runner import Ended, run
from headstock.running import Training
from headstock.samplers.sobol import Sobol
from headstock.schedulers.automatic import Automatic
from headstock.schedulers.base import Scheduler
from headstock.space import Float, Space
from headstock.storage import ExperimentSpec, open_storage
from headstock.study import Study


class Clock:
    """A clock that a test moves, and that moves on by itself whenever it is read if it ticks."""

    def __init__(self, tick: float = 0.0) -> None:
        self.now, self.tick = 100.0, tick

    def __call__(self) -> float:
        self.now += self.tick
        return self.now


def study_of(space: Space | None = None) -> Study:
    storage = open_storage()
    storage.create(ExperimentSpec("run", space or Space(x=Float(0, 1)), Objective("score"), seed=3))
    return Study(storage, storage.experiment("run"), Sobol())


def training_of(study: Study, evaluate: Any, folder: Path, clock: Clock | None = None) -> Training:
    """A training whose steps take no time, unless a clock is given: what a scheduler chooses is the same each time."""
    return Training(
        function=evaluate,
        seed=study.spec.seed,
        required=study.history().metrics,
        minimize=study.spec.objective.minimize,
        value=study.spec.value,
        checkpoints=Checkpoints(folder, spare=0),
        frameworks=loaded_frameworks,
        clock=clock or Clock(),
    )


def run_study(
    study: Study,
    evaluate: Any,
    *,
    clock: Clock | None = None,
    batch_size: int = 1,
    observe: Any = lambda _: None,
    scheduler: Scheduler | None = None,
    folder: Path | None = None,
    **budget: Any,
) -> Ended:
    with tempfile.TemporaryDirectory() as gone:
        training = training_of(study, evaluate, folder or Path(gone), clock)
        return run(
            study,
            scheduler or Automatic(),
            Inline(training),
            budget=Budget(**budget),
            clock=clock or Clock(),
            observe=observe,
            checkpoints=training.checkpoints,
            batch_size=batch_size,
        )
