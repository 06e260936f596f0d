"""A command as something that evaluates trials: parameters in, a result out."""

import json
import os
import re
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, final

from headstock.channel import CHANNEL, Shared
from headstock.errors import CommandError
from headstock.executors.command import Ending, Exit, Launch, kill_leftover, run_command
from headstock.executors.signals import is_from_outside, killed_by
from headstock.messages import Word
from headstock.parameters import Parameters, Value
from headstock.running import Trial
from headstock.scalars import is_finite
from headstock.scripts.events import check_tensorboard, event_files, read_events
from headstock.scripts.folders import LOG, trial_folder
from headstock.scripts.output import Listener, can_be_kept, read_file
from headstock.scripts.output import Value as Measured
from headstock.trial import Failed

MOST_REPORTS: Final = 1_000
"""How often a trial may say its metrics as a curve; what it prints after that is still its result."""

_MEMORY: Final = re.compile(
    r"out of memory|OutOfMemoryError|\bMemoryError\b|std::bad_alloc|can't allocate memory|Cannot allocate memory",
    re.IGNORECASE,
)


class Passing(StrEnum):
    """How the parameters that the command does not name in braces reach the script."""

    OPTIONS = "options"
    """Appended as `--name value`; a boolean as `--name`, or left out."""
    ENVIRONMENT = "environment"
    """As environment variables: NAME=value."""
    NOT = "not"
    """Not at all; the script reads HEADSTOCK_PARAMETERS or the file {config}."""


@final
@dataclass(frozen=True, slots=True)
class Script:
    """A command that evaluates a trial: `experiment.run(Script(...), budget=...)`.

    Args:
        command: the program and its arguments. `{name}` stands for a parameter's value; an argument that names one
            that is not active is left out. `{config}` is a file with all parameters, as JSON that is also YAML;
            `{directory}` is the trial's own folder, `{trial}` its number, `{seed}` a seed of its own.
        listener: finds metrics in what the script prints.
        needed: the metrics that every result must have, the objective first; none if persons judge it.
        parameters: the names of every parameter of the space.
        files: the folder with the trials' folders.
        passing: how parameters that the command does not name reach the script.
        results: a file of JSON that the script writes; may have the same braces. What it has is preferred.
        events: a folder of TensorBoard's event files that the script writes; may have the same braces.
        timeout: after how many seconds a trial is stopped; None for never.
        grace: how many seconds a script has to end after it was asked to.
        environment: environment variables besides those of this process.
        halted: whether the trial that runs is to be stopped, and given back.

    Raises:
        CommandError: if there is no such program, or a number makes no sense.
        MissingDependencyError: if event files are to be read, and TensorBoard is not installed.
    """

    command: Sequence[str]
    listener: Listener
    needed: Sequence[str]
    parameters: Sequence[str]
    files: Path
    passing: Passing = Passing.OPTIONS
    results: str | None = None
    events: str | None = None
    timeout: float | None = None
    grace: float = 10.0
    environment: Mapping[str, str] = field(default_factory=dict)
    halted: Callable[[], bool] = field(default=lambda: False, repr=False)

    def __post_init__(self) -> None:
        """Look for the program."""
        if not self.command:
            raise CommandError("There is no command. Write it at the end: ... -- python train.py")
        if shutil.which(self.command[0]) is None:
            raise CommandError(f"There is no program {self.command[0]!r}. Check the command after the two dashes.")
        if self.events is not None:
            check_tensorboard()
        for what, seconds in (("time-out", self.timeout), ("grace", self.grace)):
            if seconds is not None and not (is_finite(seconds) and seconds > 0):
                raise CommandError(f"The {what} is {seconds!r} seconds. Give a positive number.")

    def __call__(self, trial: Trial) -> dict[str, Measured] | Failed | None:
        """Evaluate a trial; None if the script has reported by itself.

        Raises:
            KeyboardInterrupt: if it was halted.
            CommandError: if the command cannot be started.
        """
        folder = trial_folder(self.files, trial.index)
        folder.mkdir(parents=True, exist_ok=True)
        log = folder / LOG
        kill_leftover(log)
        if trial.record.attempt:
            with log.open("a", encoding="utf-8") as file:
                file.write(f"\n=== attempt {trial.record.attempt + 1} ===\n")
        shared = trial.ask if isinstance(trial.ask, Shared) else None
        launch = self._launch(trial, folder, log)
        results, events = (self._path(written, trial, folder) for written in (self.results, self.events))
        before, events_before = _stamp(results), event_files(events)
        reporter = _Reporter(self.listener, next(iter(self.needed), ""), trial)
        exited = run_command(launch, reporter.read, halted=_Halting(self.halted, self.grace, shared).is_due)
        if exited.ending is Ending.HALTED or (shared is not None and shared.is_halting and shared.told is Word.HALT):
            raise KeyboardInterrupt
        if exited.ending is Ending.TIMED_OUT:
            return _failed(f"timed out after {self.timeout:g} s", exited)
        if exited.code:
            return _failure(exited)
        if shared is not None and shared.last is not None:
            return None
        if results is not None:
            if _stamp(results) == before:
                return _failed(f"the script ended without writing {results}", exited)
            reporter.take(read_file(results, self.needed))
        if events is not None:
            reporter.take_curves(read_events(events, events_before, self.needed))
        return self._result(reporter.latest, exited)

    def _result(self, latest: Mapping[str, Measured], exited: Exit) -> dict[str, Measured] | Failed:
        """The last values, if all that must be there are."""
        for metric in self.needed:
            if metric not in latest:
                said = f"the script ended without saying {metric!r}: let it print {metric}=0.5, or a line of JSON"
                return _failed(said, exited)
            if not can_be_kept(latest[metric]):
                return _failed(f"{metric} is {latest[metric]}, so the training has diverged", exited)
        return {metric: value for metric, value in latest.items() if can_be_kept(value)}

    def _launch(self, trial: Trial, folder: Path, log: Path) -> Launch:
        """What to start for a trial."""
        config = folder / "parameters.json"
        config.write_text(to_config(trial.parameters), encoding="utf-8")
        filled = [self._filled(argument, trial, folder) for argument in self.command]
        command = [argument for argument in filled if argument is not None]
        environment = {**os.environ, **self.environment} | {
            "PYTHONUNBUFFERED": "1",  # what is printed is read at once
            "HEADSTOCK_TRIAL": str(trial.index),
            "HEADSTOCK_DIRECTORY": str(folder),
            "HEADSTOCK_PARAMETERS": json.dumps(dict(trial.parameters)),
        }
        if isinstance(trial.ask, Shared):
            environment[CHANNEL] = trial.ask.open()
        named = set().union(*(_named(argument) for argument in self.command))
        if "config" not in named or "config" in self.parameters:
            left = {name: value for name, value in trial.parameters.items() if name not in named}
            if self.passing is Passing.OPTIONS:
                command += to_options(left)
            elif self.passing is Passing.ENVIRONMENT:
                environment |= {re.sub(r"\W", "_", name).upper(): to_text(value) for name, value in left.items()}
        return Launch(command, environment, log, self.timeout, self.grace)

    def _path(self, written: str | None, trial: Trial, folder: Path) -> Path | None:
        return None if written is None else Path(self._filled(written, trial, folder) or "")

    def _filled(self, argument: str, trial: Trial, folder: Path) -> str | None:
        """The argument with what stands in braces filled in; None if that is not active."""
        values = {
            "config": str(folder / "parameters.json"),
            "directory": str(folder),
            "trial": str(trial.index),
            "seed": str(trial.seed),
        }
        values |= {name: to_text(value) for name, value in trial.parameters.items()}
        known = {*values, *self.parameters}
        if any(name in known and name not in values for name in _named(argument)):
            return None
        return _BRACES.sub(lambda match: values.get(match[1], match[0]), argument)


_BRACES: Final = re.compile(r"\{([^{}]+)\}")


def to_text(value: Value) -> str:
    """A value as a script reads it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def to_options(parameters: Parameters) -> list[str]:
    """The parameters as options; a boolean is a flag, and None is left out."""
    options: list[str] = []
    for name, value in parameters.items():
        if value is True:
            options.append(f"--{name}")
        elif value is not False and value is not None:
            # One word where the value could be taken for an option.
            text = to_text(value)
            options += [f"--{name}={text}"] if text.startswith("-") else [f"--{name}", text]
    return options


def to_config(parameters: Parameters) -> str:
    """The parameters as JSON that PyYAML reads as well, to which 1e-05 is no number but 1.0e-05 is."""
    text = json.dumps(dict(parameters), indent=2)
    return re.sub(r"(?m)(?<=: )(-?\d+)e(?=[-+]?\d+,?$)", r"\1.0e", text) + "\n"


@final
@dataclass(slots=True)
class _Halting:
    """When a script is to be stopped: at once, or if it can be paused, after its time to come to the next step.

    Args:
        halted: whether it is to end.
        grace: how many seconds it has.
        shared: the way by which it reports; None if it has none.
    """

    halted: Callable[[], bool]
    grace: float
    shared: Shared | None
    until: float | None = None

    def is_due(self) -> bool:
        """Whether it is to be stopped now."""
        if not self.halted():
            return False
        if self.shared is None or self.shared.last is None or not self.shared.last.saves:
            return True
        self.shared.is_halting = True
        self.until = time.monotonic() + self.grace if self.until is None else self.until
        return time.monotonic() >= self.until


@final
@dataclass(slots=True)
class _Reporter:
    """Keeps what a script says while it runs."""

    listener: Listener
    objective: str
    trial: Trial
    latest: dict[str, Measured] = field(default_factory=dict)
    reports: int = 0

    def read(self, line: str) -> None:
        """Take a line; one with the objective is a step of the learning curve, with what came before it."""
        found = self.listener.hear(line)
        self.take(found)
        reports_itself = isinstance(self.trial.ask, Shared) and self.trial.ask.is_used
        if self.objective in found and not reports_itself:
            self._report()

    def take(self, found: Mapping[str, Measured]) -> None:
        """Take values; they are the result if no others follow."""
        self.latest |= found

    def take_curves(self, curves: Mapping[str, Sequence[float]]) -> None:
        """Take whole curves, of which the ends are the result; that of the objective is reported unless one was."""
        is_new = self.reports == 0
        for value in curves.get(self.objective, ()):
            self.latest[self.objective] = value
            if is_new:
                self._report()
        self.take({metric: curve[-1] for metric, curve in curves.items()})

    def _report(self) -> None:
        finite: dict[str, Any] = {name: value for name, value in self.latest.items() if can_be_kept(value)}
        if self.objective in finite and self.reports < MOST_REPORTS:
            self.reports += 1
            self.trial.report(**finite)


def _named(argument: str) -> set[str]:
    return set(_BRACES.findall(argument))


def _failed(reason: str, exited: Exit, *, is_transient: bool = False) -> Failed:
    return Failed(reason, "\n".join(exited.tail) or None, is_transient)


def _failure(exited: Exit) -> Failed:
    """Why a script has failed, in a line, and whether it may go better another time."""
    short = next((line.strip() for line in reversed(exited.tail) if _MEMORY.search(line)), None)
    if short is not None:
        return _failed(f"out of memory: {short}", exited)
    if exited.code < 0:
        return _failed(killed_by(-exited.code), exited, is_transient=is_from_outside(-exited.code))
    last = exited.tail[-1].strip() if exited.tail else ""
    reason = f"exit code {exited.code}" + (f": {last}" if last else "")
    return _failed(reason, exited, is_transient=exited.code == os.EX_TEMPFAIL)


def _stamp(path: Path | None) -> tuple[int, int] | None:
    """What changes when a file is written; None if there is none."""
    try:
        return None if path is None else ((found := path.stat()).st_mtime_ns, found.st_size)
    except OSError:
        return None
