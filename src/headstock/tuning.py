"""Tuning a script: an experiment, a command, and workers that run it side by side until the budget is spent."""

import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from headstock.budget import Budget
from headstock.executors.command import kill_leftover
from headstock.executors.gpus import Environment
from headstock.experiment import Experiment
from headstock.history import History
from headstock.processes import is_dead
from headstock.runner import Ended, Observe
from headstock.scripts.folders import LOG, files_of, trial_folder
from headstock.scripts.output import Listener
from headstock.scripts.plan import Plan
from headstock.scripts.script import Script
from headstock.storage import Storage
from headstock.temporary import own_folder
from headstock.trial import TrialState

_TICK: Final = 0.2


def budget_of(plan: Plan, storage: Storage) -> Budget:
    """The budget of a plan: its own, or what is stored with the experiment.

    Raises:
        HeadstockError: if it has none, and none is stored.
        UnknownExperimentError: if it has none, and there is no such experiment.
    """
    return plan.budget or Budget.settled(None, storage.experiment(plan.name).budget)


def tune(plan: Plan, storage: Storage, observe: Observe = lambda _: None) -> Ended:
    """Do what is planned; the same plan again goes on where it ended.

    Ctrl-C, or a request to terminate, asks each script to end, gives its trial back to the queue, and ends.

    Args:
        plan: what to do.
        storage: where the experiment is kept.
        observe: is shown the history when a trial starts or finishes.

    Returns:
        Why it ended.

    Raises:
        CommandError: if the command cannot be run; nothing has been stored then.
        ExperimentExistsError: if the storage holds another experiment of this name.
        UnknownExperimentError: if the plan has no design, and there is no experiment of this name.
        HeadstockError: if the plan has no budget, and none is stored.
        TooManyFailuresError: if a worker had 5 failures, and more of them than results.
    """
    plan = replace(plan, budget=budget_of(plan, storage))
    halt = threading.Event()
    script = Script(
        command=plan.command,
        listener=Listener(list(plan.patterns), plan.patterns),
        needed=(),
        parameters=(),
        files=Path(),
        passing=plan.passing,
        results=plan.results,
        events=plan.events,
        timeout=plan.timeout,
        grace=plan.grace,
        halted=halt.is_set,
    )
    experiment = _experiment(plan, storage)
    needed = experiment.history.required
    listener = Listener([*needed, *(metric for metric in plan.patterns if metric not in needed)], plan.patterns)
    with _files(experiment, storage) as files:
        parameters = tuple(experiment.space.parameters)
        script = replace(script, listener=listener, needed=needed, parameters=parameters, files=files)
        if plan.cluster is not None:
            return _work_on_cluster(plan, storage, script, observe)
        _kill_leftovers(experiment.history, files)
        return _work(plan, storage, script, halt, _one_at_a_time(observe))


def _kill_leftovers(history: History, files: Path) -> None:
    """Kill scripts that have outlived their headstock, so that what they use is free: it is shared out anew."""
    for trial in history:
        is_lost = trial.owner is not None and is_dead(trial.owner)
        # What somebody has stopped, or paused, may have been lost before, and is not run again.
        if is_lost or (trial.is_by_request and trial.state is not TrialState.RUNNING):
            kill_leftover(trial_folder(files, trial.index) / LOG)


def _experiment(plan: Plan, storage: Storage) -> Experiment:
    design = plan.design
    if design is None:
        return Experiment.open(plan.name, storage=storage)
    return Experiment(
        design.name,
        design.space,
        maximize=design.maximize,
        minimize=design.minimize,
        judged=design.judged,
        outcome_constraints=design.outcome_constraints,
        storage=storage,
        seed=design.seed,
    )


@contextmanager
def _files(experiment: Experiment, storage: Storage) -> Iterator[Path]:
    """The folder for the experiment's files; one that is gone in the end for a storage that is no file."""
    files = files_of(storage.url, storage.experiment(experiment.name))
    if files is not None:
        yield files
        return
    folder = own_folder()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _work(plan: Plan, storage: Storage, script: Script, halt: threading.Event, observe: Observe) -> Ended:
    """Let workers run the script until the budget is spent; the first that fails ends the others."""

    def work(slot: Environment) -> Ended:
        # A study of its own: it is not to be shared between threads, as a storage is.
        experiment = Experiment.open(plan.name, storage=storage)
        return experiment.run(replace(script, environment=slot), budget=plan.budget, observe=observe, progress=False)

    with ThreadPoolExecutor(len(plan.slots), "worker") as threads, _requests(halt.set):
        futures: list[Future[Ended]] = [threads.submit(work, slot) for slot in plan.slots]
        while not all(future.done() for future in futures):
            done, _ = wait(futures, timeout=_TICK)
            if any(future.exception() is not None for future in done):
                halt.set()
    endings = [future.result() for future in futures]
    return Ended.INTERRUPTED if Ended.INTERRUPTED in endings else endings[0]


def _work_on_cluster(plan: Plan, storage: Storage, script: Script, observe: Observe) -> Ended:
    """Let the nodes of a cluster run the script; a request to end is an interruption of the run."""

    def interrupt() -> None:
        raise KeyboardInterrupt

    # No event can be handed over to other machines; a script there ends with its place.
    script = replace(script, halted=lambda: False)
    experiment = Experiment.open(plan.name, storage=storage)
    with _requests(interrupt):
        return experiment.run(
            script, budget=plan.budget, workers=plan.workers, executor=plan.cluster, observe=observe, progress=False
        )


@contextmanager
def _requests(answer: Callable[[], None]) -> Iterator[None]:
    """Answer when somebody asks this process to end; only the main thread may listen to that."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ask(*_: Any) -> None:
        answer()

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _one_at_a_time(observe: Observe) -> Callable[[History], None]:
    turn = threading.Lock()

    def observed(history: History) -> None:
        with turn:
            observe(history)

    return observed
