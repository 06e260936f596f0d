"""The commands about workers: what they do, and what waits for one."""

import importlib
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.table import Table

from headstock import Budget, Experiment
from headstock.cli import scripts
from headstock.cli.options import DEFAULT_STORAGE, AsJson, StorageUrl, out, print_json, stored
from headstock.errors import CommandError, StorageError
from headstock.scripts.plan import cluster_of, make_plan
from headstock.status import Status, Unfinished, status_of
from headstock.storage import Storage
from headstock.terminal import plain

app = typer.Typer()

STUCK: Final = 3
"""The exit code of `status --check` where trials wait and no worker is at work."""

PAUSE: Final = 0.5
"""Seconds between two looks whether an experiment was created."""


@app.command(context_settings=scripts.FREE)
def worker(  # noqa: PLR0917 - typer reads the options from the arguments
    name: Annotated[str, typer.Option(help="The experiment, which is there already.", show_default=False)],
    command: Annotated[
        list[str] | None, typer.Argument(metavar="-- COMMAND", help="The command.", show_default=False)
    ] = None,
    function: Annotated[
        str | None, typer.Option(metavar="MODULE:NAME", help="A training function of Python, in place of a command.")
    ] = None,
    files: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Where a function's states lie: shared by all machines.")
    ] = None,
    wait: Annotated[
        float, typer.Option(min=0, metavar="SECONDS", help="How long to wait for the experiment to be created.")
    ] = 0.0,
    trials: scripts.Trials = None,
    seconds: scripts.Seconds = None,
    target: scripts.Target = None,
    workers: scripts.Workers = None,
    gpus: scripts.Gpus = None,
    gpus_per_trial: scripts.GpusPerTrial = None,
    executor: scripts.Executor = None,
    address: scripts.Address = None,
    resources: scripts.Resources = None,
    metric: scripts.Patterns = None,
    results: scripts.Results = None,
    tensorboard: scripts.Events = None,
    passing: scripts.Pass = None,
    timeout: scripts.Timeout = None,
    grace: scripts.Grace = None,
    storage: StorageUrl = DEFAULT_STORAGE,
    as_json: AsJson = False,
) -> None:
    """Join an experiment: `headstock worker --name mnist --storage URL -- python train.py --epochs 10`.

    Any number of workers share what is searched and one budget, which is never overspent: that of `headstock budget`,
    or what each is given. One may leave at any time: Ctrl-C and SIGTERM give its trials back. It creates no experiment,
    and runs nothing that it finds in a database: the command, or the function, is given to each.
    """
    bounds = scripts.given({"trials": trials, "seconds": seconds, "target": target}).values
    slots = scripts.given({"workers": workers, "gpus": gpus, "gpus_per_trial": gpus_per_trial}).values
    cluster = {"executor": executor, "address": address, "resources": resources}
    of_scripts = {
        "patterns": scripts.pairs("--metric", metric),
        "results": results,
        "tensorboard": tensorboard,
        "pass": passing,
        "grace": grace,
    }
    settings = scripts.given(
        {"name": name, "command": command, **bounds, **slots, **cluster, **of_scripts, "timeout": timeout}
    )
    if function is None and not command:
        raise CommandError("Say what evaluates a trial: a command after two dashes, or --function MODULE:NAME.")
    if function is None:
        plan = make_plan(settings, is_new=False)
        _wait_for(name, storage, wait)
        with stored(storage) as opened:
            scripts.tune_and_tell(plan, opened, as_json=as_json)
        return
    refused = [option for option in ("command", *of_scripts) if option in settings.values]
    if refused:
        raise CommandError(f"With --function there is no {' and no '.join(refused)}: leave one of them out.")
    ray = cluster_of(settings)
    train = _function(function)
    budget = Budget(**bounds) if bounds else None
    _wait_for(name, storage, wait)
    with stored(storage) as opened:
        experiment = Experiment.open(name, storage=opened, files=files)
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        if ray is None and not slots:
            slots = {"workers": 1}
        ended = experiment.run(train, budget=budget, timeout=timeout, executor=ray, **slots)
        scripts.tell(experiment, ended, as_json=as_json)


@app.command()
def status(
    name: Annotated[
        str | None, typer.Argument(help="The experiment; each with unfinished trials, if left out.")
    ] = None,
    storage: StorageUrl = DEFAULT_STORAGE,
    watch: Annotated[
        float | None,
        typer.Option(
            min=0, metavar="SECONDS", help="Watch so long which workers of other machines renew their leases."
        ),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Exit with 3 if trials wait for a worker and none is at work.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Say what runs where, what waits, and why."""
    with stored(storage) as opened:
        names = _unfinished(opened) if name is None else [name]
        seen = {} if watch is None else {one: opened.leases(one) for one in names}
        time.sleep(watch or 0.0)
        found = [status_of(opened, one, seen.get(one)) for one in names]
    now = time.time()
    if as_json:
        print_json([one.to_json(now) for one in found] if name is None else found[0].to_json(now))
    elif not found:
        out.print("No experiment has unfinished trials.")
    else:
        for one in found:
            _print(one, now)
    if check and any(one.is_stuck for one in found):
        sys.exit(STUCK)


def _wait_for(name: str, url: str, seconds: float) -> None:
    """Wait until there is an experiment of this name.

    Raises:
        StorageError: if there is none after so many seconds.
    """
    until = time.monotonic() + seconds
    while True:
        try:
            with stored(url) as opened:
                opened.experiment(name)
        except StorageError:
            if time.monotonic() >= until:
                raise
            time.sleep(PAUSE)
        else:
            return


def _function(named: str) -> Callable[..., Any]:
    """The function of a name such as `train:evaluate`; modules of the working folder are found.

    Raises:
        CommandError: if there is none.
    """
    module, _, name = named.partition(":")
    sys.path.insert(0, str(Path.cwd()))
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise CommandError(f"--function {named!r}: {error}. Write it as MODULE:NAME, such as train:evaluate.") from None
    if not callable(found):
        raise CommandError(f"--function {named!r} is {type(found).__name__}, not a function.")
    return found


def _unfinished(storage: Storage) -> list[str]:
    """The experiments that have something to tell."""
    return [
        summary.spec.name
        for summary in storage.experiments()
        if any(count and not state.is_finished for state, count in summary.counts.items())
    ]


def _print(found: Status, now: float) -> None:
    counts = ", ".join(f"{count} {state}" for state, count in found.counts.items()) or "no trials"
    out.print(plain(f"{found.spec.name}: {counts}"), soft_wrap=True)
    out.print(plain(found.why), soft_wrap=True)
    if found.unfinished:
        table = Table("trial", "state", "where", "for", "why", box=None, header_style="bold")
        for one in found.unfinished:
            trial = one.trial
            table.add_row(str(trial.index), trial.state.value, plain(_where(one)), _age(one, now), plain(one.why))
        out.print(table)


def _where(one: Unfinished) -> str:
    host, pid = one.place
    unknown = " (not known whether it lives: --watch 20)" if one.lease is not None and one.is_alive is None else ""
    return "" if host is None else f"{host} {pid or ''}".rstrip() + unknown


def _age(one: Unfinished, now: float) -> str:
    """For how long a trial has run, by the clock of who began it."""
    started = one.trial.started if one.lease is not None else None
    if started is None:
        return ""
    minutes, seconds = divmod(int(max(0.0, now - started)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"
