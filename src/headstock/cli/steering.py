"""Commands that change what goes on: trials, the budget, notes."""

from typing import Annotated

import typer
from rich.markup import escape

from headstock import Budget, Experiment
from headstock.cli.options import DEFAULT_STORAGE, Name, StorageUrl, out, stored, trials_table
from headstock.trial import Comparison, TrialState

app = typer.Typer()

Index = Annotated[int, typer.Argument(min=0, metavar="TRIAL", help="The trial's number.", show_default=False)]


@app.command()
def stop(name: Name, trial: Index, storage: StorageUrl = DEFAULT_STORAGE) -> None:
    """End a trial early: what it has reported is its result. One that runs ends after its next report."""
    with stored(storage) as opened:
        now = Experiment.open(name, storage=opened).stop(trial)
    out.print(f"Trial {trial} is {'asked to end' if now.state is TrialState.RUNNING else now.state}.")


@app.command()
def pause(name: Name, trial: Index, storage: StorageUrl = DEFAULT_STORAGE) -> None:
    """Ask a running trial to save its state and leave its slot, until it is unpaused."""
    with stored(storage) as opened:
        now = Experiment.open(name, storage=opened).pause(trial)
    out.print(f"Trial {trial} is {'asked to pause' if now.state is TrialState.RUNNING else now.state}.")


@app.command()
def unpause(name: Name, trial: Index, storage: StorageUrl = DEFAULT_STORAGE) -> None:
    """Queue a paused trial: it goes on, in a slot that becomes free, before anything new begins."""
    with stored(storage) as opened:
        Experiment.open(name, storage=opened).unpause(trial)
    out.print(f"Trial {trial} is queued.")


@app.command()
def prefer(
    name: Name,
    trials: Annotated[
        list[int] | None,
        typer.Argument(min=0, metavar="BETTER WORSE...", help="A trial, and one or several that it is better than."),
    ] = None,
    back: Annotated[bool, typer.Option("--back", help="Take back what was said last, whoever said it.")] = False,
    storage: StorageUrl = DEFAULT_STORAGE,
) -> None:
    """Say which trial is better, in an experiment that persons judge; without trials, ask which two to compare."""
    if back and trials:
        raise typer.BadParameter("--back takes no trials: it takes back what was said last.")
    with stored(storage) as opened:
        experiment = Experiment.open(name, storage=opened)
        if back:
            out.print(f"taken back: {_said(experiment.take_back())}")
        elif trials:
            out.print(_said(experiment.prefer(trials[0], over=trials[1:])))
        pair = experiment.next_pair()
        if pair is None:
            out.print("There are no two finished trials to compare yet.")
        else:
            out.print("Which is better?")
            out.print(trials_table(pair, out.width))


def _said(comparison: Comparison) -> str:
    return f"trial {comparison.better} is better than {', '.join(map(str, comparison.worse))}"


@app.command()
def note(
    name: Name,
    text: Annotated[str, typer.Argument(help="The note; an empty one removes what is there.", show_default=False)],
    trial: Annotated[int | None, typer.Option(min=0, help="About this trial; the experiment if left out.")] = None,
    storage: StorageUrl = DEFAULT_STORAGE,
) -> None:
    """Keep a note on an experiment, or on one of its trials."""
    with stored(storage) as opened:
        Experiment.open(name, storage=opened).note(text, trial)


@app.command()
def budget(  # noqa: PLR0917 - typer reads the options from the arguments
    name: Name,
    trials: Annotated[int | None, typer.Option(help="So many evaluations in all.")] = None,
    steps: Annotated[int | None, typer.Option(help="So many training steps in all.")] = None,
    seconds: Annotated[float | None, typer.Option(help="So long since a run began.")] = None,
    cost: Annotated[float | None, typer.Option(help="So much in all of what trials report as cost.")] = None,
    target: Annotated[float | None, typer.Option(help="An objective at least this good.")] = None,
    storage: StorageUrl = DEFAULT_STORAGE,
) -> None:
    """Change the budget of runs that go on and of later ones; without an option, leave it to the runs again."""
    given = {"trials": trials, "steps": steps, "seconds": seconds, "cost": cost, "target": target}
    bounds = {bound: value for bound, value in given.items() if value is not None}
    changed = Budget(trials=trials, steps=steps, seconds=seconds, cost=cost, target=target) if bounds else None
    with stored(storage) as opened:
        Experiment.open(name, storage=opened).change_budget(changed)
    told = ", ".join(f"{bound} {value:,.15g}" for bound, value in bounds.items())
    out.print(escape(f"budget: {told or 'as each run is told'}"))
