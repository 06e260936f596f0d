"""The commands about workers: what they do, and what waits for one."""

import sys
import time
from functools import partial
from typing import Annotated, Final

import typer
from rich.table import Table

from headstock.cli.options import DEFAULT_STORAGE, AsJson, StorageUrl, out, plain, print_json, stored
from headstock.status import Status, Unfinished, status_of
from headstock.storage import Storage

app = typer.Typer()

STUCK: Final = 3
"""The exit code of `status --check` where trials wait and no worker is at work."""


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
        pause = None if watch is None else partial(time.sleep, watch)
        found = [status_of(opened, one, pause) for one in ([name] if name is not None else _unfinished(opened))]
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
