"""A storm over a storage: workers are killed and stopped at random instants, clocks jump, disks are full.

`storm` starts worker processes which work through a number of trials by the plain verbs of `Storage`, disturbs them,
and counts at the end what was lost, doubled or left behind. Each worker writes down what the storage has accepted, in
a file of its own, right after the verb has returned.
"""

import multiprocessing
import os
import random
import resource
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Final, final

from sqlalchemy import event, select

from headstock.errors import LeaseLostError, StaleHistoryError, StorageError, TrialStateError
from headstock.objective import Objective
from headstock.processes import is_dead, new_owner
from headstock.space import Float, Space
from headstock.storage.base import Storage
from headstock.storage.opening import open_storage
from headstock.storage.reconnecting import ReconnectingStorage
from headstock.storage.records import ExperimentSpec, Lease, NewTrial, Outcome
from headstock.storage.schema import reports
from headstock.storage.sql import SqlStorage
from headstock.trial import Observation, TrialRecord, TrialState

NAME: Final = "storm"
LEASE: Final = 1.5
"""How many seconds without a renewal a lease is good for: less than a worker is stopped for."""

STEPS: Final = 3
DONE: Final = 10
"""The exit code of a worker that found nothing left to do."""

# Loaded once, before any worker is started.
_LOADED: Final = [
    "headstock.testing.storm",
    "headstock.storage.sqlite",
    "headstock.storage.migrations",
    "psutil",
    "psycopg",
]

_PATIENCE_WITH_ERRORS: Final = 10


@final
@dataclass(slots=True)
class Damage:
    """What a storm did.

    Args:
        trials: how many trials there were to be.
        kills: how many workers were killed while they worked.
        stops: how many workers were stopped for longer than a lease, and went on.
        restarts: how often the database was restarted.
        refusals: how many workers gave up, for the storage refused to write.
        seconds: how long it took.
        created: how many trials were created; as many as there were to be, if the budget is exact.
        lost: how many accepted reports and results are not there as they were accepted.
        doubled: how many trials were finished more than once.
        stuck: how many trials are neither finished nor will be.
    """

    trials: int
    kills: int = 0
    stops: int = 0
    restarts: int = 0
    refusals: int = 0
    seconds: float = 0.0
    created: int = 0
    lost: int = 0
    doubled: int = 0
    stuck: int = 0


@final
@dataclass(slots=True)
class _Worker:
    """One worker process.

    Args:
        storage: where the trials are.
        trials: how many there are to be.
        log: a file descriptor for what was accepted.
        rng: random numbers.
    """

    storage: Storage
    trials: int
    log: int
    rng: random.Random
    owner: str = field(default_factory=new_owner)
    seen: dict[int, tuple[Lease, float]] = field(default_factory=dict)

    def now(self) -> float:
        """The time by a clock that jumps by months."""
        return 1.7e9 + self.rng.uniform(-1e7, 1e7)

    def step(self) -> bool:
        """Do one trial, if there is one; whether anything is left to do."""
        for lease in self.storage.extend(NAME, self.owner):  # what an error made us forget
            self.storage.release(NAME, lease.index, owner=self.owner, now=self.now())
        trial = self.storage.lease(NAME, self.owner, now=self.now()) or self.new_trial()
        if trial is not None:
            with suppress(LeaseLostError):
                self.work(trial)
            return True
        self.release_the_lost()
        left = self.storage.page(NAME, states=[TrialState.QUEUED, TrialState.RUNNING], limit=1)
        return bool(left) or self.storage.changes(NAME, since=0).created < self.trials

    def new_trial(self) -> TrialRecord | None:
        """The next trial of the budget, if it is not spent."""
        newest = self.storage.page(NAME, limit=1)
        created = newest[0].index + 1 if newest else 0
        if created >= self.trials:
            return None
        with suppress(StaleHistoryError):
            new = NewTrial({"x": self.rng.random()}, owner=self.owner)
            [trial] = self.storage.add_trials(NAME, [new], created=created, now=self.now())
            return trial
        return None

    def work(self, trial: TrialRecord) -> None:
        """Report some steps and the result, and write down what was accepted."""
        for step in range(1, STEPS + 1):
            value = self.rng.random()
            metrics = {"y": Observation(value, step=step)}
            self.storage.report(NAME, trial.index, metrics, now=self.now(), owner=self.owner)
            self.note(f"report {trial.index} {trial.attempt} {step} {value!r}")
        value = self.rng.random()
        done = Outcome(TrialState.COMPLETED, {"y": Observation(value)})
        self.storage.finish(NAME, trial.index, done, now=self.now(), owner=self.owner)
        self.note(f"finish {trial.index} {trial.attempt} 0 {value!r}")

    def note(self, line: str) -> None:
        os.write(self.log, f"{line}\n".encode())

    def release_the_lost(self) -> None:
        """Put back what belongs to the dead, and to owners that were not heard of for the time of a lease."""
        now = time.monotonic()
        for lease in self.storage.leases(NAME):
            known, since = self.seen.get(lease.index, (lease, now))
            if known != lease:
                since = now
            self.seen[lease.index] = (lease, since)
            if lease.owner != self.owner and (now - since > LEASE or is_dead(lease.owner)):
                self.storage.release(NAME, lease.index, owner=lease.owner, now=self.now(), renewals=lease.renewals)


def _work(url: str, trials: int, log: str, seed: int, handicap: str | None) -> None:
    """The life of a worker."""
    rng = random.Random(seed)  # noqa: S311 - a storm is no secret
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    if handicap == "full":  # as on a full disk, a file that grows beyond this cannot be written
        size = Path(url.removeprefix("sqlite:///")).stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    failures = 0
    worker: _Worker | None = None
    while failures < _PATIENCE_WITH_ERRORS:
        try:
            worker = worker or _Worker(_opened(url, handicap), trials, descriptor, rng)
            if not worker.step():
                worker.storage.close()
                os._exit(DONE)
        except (StorageError, TrialStateError):
            failures += 1
            time.sleep(0.01)
    os._exit(0)


def _opened(url: str, handicap: str | None) -> Storage:
    storage = open_storage(url)
    if handicap == "read-only":
        assert isinstance(storage, SqlStorage)
        engine = storage.database.engine()
        engine.dispose()
        event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA query_only = ON"))
    return storage


def storm(
    url: str,
    folder: Path,
    *,
    trials: int,
    kills: int,
    workers: int = 8,
    seed: int = 0,
    restart: Callable[[], None] | None = None,
    patience: float = 300.0,
) -> Damage:
    """Let workers do their trials while they are disturbed, and say what came of it.

    Args:
        url: where the storage is; it holds no experiment called "storm".
        folder: an empty folder for what the workers write down.
        trials: how many trials there are to be at least; there are more if that takes too short for the kills.
        kills: how many workers are killed at least.
        workers: how many work at a time.
        seed: what the random numbers start from.
        restart: restarts the database; None if there is nothing to restart.
        patience: how many seconds the workers have for what is left when the storm is over.
    """
    storage = open_storage(url)
    storage.create(ExperimentSpec(NAME, Space(x=Float(0, 1)), Objective("y")))
    began = time.monotonic()
    weather = _Weather(url, folder, trials, random.Random(seed), Damage(trials), restart)  # noqa: S311
    try:
        while not weather.has_raged(kills):
            weather.blow(workers)
        weather.clear_up(workers, patience)
    finally:
        weather.end()
    damage = weather.damage
    damage.seconds = time.monotonic() - began
    _assess(storage, sorted(folder.iterdir()), damage)
    storage.close()
    return damage


@final
@dataclass(slots=True)
class _Weather:
    """Starts workers, and disturbs them."""

    url: str
    folder: Path
    trials: int
    rng: random.Random
    damage: Damage
    restart: Callable[[], None] | None
    running: list[BaseProcess] = field(default_factory=list)
    started: int = 0

    def has_raged(self, kills: int) -> bool:
        """Whether enough has happened: so many kills, some stops, and a restart where there is something to restart."""
        has_restarted = self.restart is None or self.damage.restarts > 0
        return self.damage.kills >= kills and self.damage.stops >= kills // 20 and has_restarted

    def start(self, handicap: str | None = None) -> None:
        """Start a worker, from a process that has loaded everything."""
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(_LOADED)
        log = str(self.folder / f"{self.started:05}.log")
        process = context.Process(target=_work, args=(self.url, self.trials, log, self.started, handicap), daemon=True)
        process.start()
        self.running.append(process)
        self.started += 1

    def blow(self, workers: int) -> None:
        """Keep so many workers running, and do something to one of them."""
        self.reap()
        while len(self.running) < workers:
            is_weak = self.url.startswith("sqlite") and self.rng.random() < 0.1
            self.start(self.rng.choice(["full", "read-only"]) if is_weak else None)
        time.sleep(self.rng.expovariate(1 / 0.08))
        victim = self.rng.choice(self.running)
        if victim.pid is None or not victim.is_alive():
            return
        if self.rng.random() < 0.06:
            os.kill(victim.pid, signal.SIGSTOP)
            time.sleep(1.2 * LEASE)
            with suppress(ProcessLookupError):
                os.kill(victim.pid, signal.SIGCONT)
            self.damage.stops += 1
        else:
            os.kill(victim.pid, signal.SIGKILL)
            victim.join()
            self.damage.kills += victim.exitcode == -signal.SIGKILL
        if self.restart is not None and self.rng.random() < 0.05:
            self.restart()
            self.damage.restarts += 1

    def reap(self) -> None:
        """Take note of the workers that have ended; more trials are to be done if they ended for want of them."""
        for process in [process for process in self.running if not process.is_alive()]:
            self.running.remove(process)
            self.damage.refusals += process.exitcode == 0
            if process.exitcode == DONE:
                self.trials += 50
                self.damage.trials = self.trials

    def clear_up(self, workers: int, patience: float) -> None:
        """Kill all workers at once, and let others without handicaps finish what is left."""
        for process in self.running:
            process.kill()
            process.join()
            self.damage.kills += process.exitcode == -signal.SIGKILL
        self.running.clear()
        end = time.monotonic() + patience
        is_done = False
        while not is_done and time.monotonic() < end:
            while len(self.running) < workers:
                self.start()
            for process in list(self.running):
                process.join(timeout=max(0.0, end - time.monotonic()))
                if not process.is_alive():
                    self.running.remove(process)
                    is_done |= process.exitcode == DONE

    def end(self) -> None:
        """Leave no process behind."""
        for process in self.running:
            process.kill()
            process.join()


def _assess(storage: Storage, logs: list[Path], damage: Damage) -> None:
    """Compare what is stored with what the workers were told."""
    changes = storage.changes(NAME)
    inner = storage.storage if isinstance(storage, ReconnectingStorage) else storage
    assert isinstance(inner, SqlStorage)
    with inner.database.reading() as connection:
        columns = (reports.c.trial, reports.c.attempt, reports.c.step, reports.c.mean)
        stored = {(*key, mean) for *key, mean in connection.execute(select(*columns))}
    finished: Counter[int] = Counter()
    for log in logs:
        for line in log.read_text(encoding="utf-8").splitlines(keepends=True):
            if not line.endswith("\n"):
                continue  # its writer was killed
            kind, *numbers, value = line.split()
            index, attempt, step = map(int, numbers)
            if kind == "report":
                damage.lost += (index, attempt, step, float(value)) not in stored
            else:
                finished[index] += 1
                trial = changes.trials[index]
                damage.lost += (trial.attempt, trial.objective_mean) != (attempt, float(value))
    damage.created = changes.created
    damage.doubled = sum(times > 1 for times in finished.values())
    damage.stuck = sum(trial.state is not TrialState.COMPLETED for trial in changes.trials)
