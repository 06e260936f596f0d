"""The command line: commands, no logic."""

import json
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn

import typer
from rich.table import Table

from headstock import Experiment, __version__, wording
from headstock.cli import scripts, steering, workers
from headstock.cli.options import (
    DEFAULT_STORAGE,
    INTERRUPTED,
    PIPE_WIDTH,
    AsJson,
    Files,
    Name,
    StorageUrl,
    out,
    print_json,
    stored,
    trials_table,
)
from headstock.errors import HeadstockError, MissingDependencyError, NoResultError, NumericalError, SpaceError
from headstock.exports import trials_csv
from headstock.history import History
from headstock.progress import course, trainings_table
from headstock.schedulers.forecast import predicted_ends
from headstock.scripts import belongings
from headstock.scripts.belongings import Belongings
from headstock.storage import ExperimentSummary
from headstock.storage.backup import back_up
from headstock.terminal import plain

app = typer.Typer(
    name="headstock",
    help="Finds good hyper-parameters by Bayesian optimisation, and looks at what was found.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
TABLE_LENGTH: Final = 50
LATEST: Final = 10
LOOPBACK: Final = "127.0.0.1"
BEST: Final = 5


class Dataset(StrEnum):
    """The images that the demo tunes on."""

    DIGITS = "digits"
    CIFAR10 = "cifar10"


class Format(StrEnum):
    """What `export` writes."""

    CSV = "csv"
    JSON = "json"


app.add_typer(scripts.app)
app.add_typer(steering.app)
app.add_typer(workers.app)


@app.callback(invoke_without_command=True)
def headstock(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Finds good hyper-parameters by Bayesian optimisation, and looks at what was found."""
    if version:
        typer.echo(f"headstock {__version__}")
        raise typer.Exit


@app.command("list")
def list_experiments(storage: StorageUrl = DEFAULT_STORAGE, as_json: AsJson = False) -> None:
    """List the experiments of a storage."""
    with stored(storage) as opened:
        summaries = opened.experiments()
    if as_json:
        print_json([_summary(s) for s in summaries])
        return
    table = Table("name", "objective", "trials", "best", "created", box=None, header_style="bold")
    for summary in summaries:
        spec = summary.spec
        states = ", ".join(f"{count} {state}" for state, count in summary.counts.items() if count)
        best = "" if summary.best is None else f"{summary.best.objective_mean:.6g}"
        goal = f"{'min' if spec.objective.minimize else 'max'} {spec.objective.metric}"
        table.add_row(plain(spec.name), plain(goal), states or "none", best, _moment(spec.created))
    out.print(table)


@app.command()
def show(name: Name, storage: StorageUrl = DEFAULT_STORAGE, as_json: AsJson = False) -> None:
    """Show an experiment: what is searched, how far it is, how it went, warnings, the best and the latest trials."""
    with _experiment(name, storage) as experiment:
        history = experiment.history
        if as_json:
            shown = experiment.to_json()
            del shown["trials"]
            _, warnings, numbers = _judged(experiment)
            print_json(shown | numbers | {"counts": history.counts, "best": _best(experiment), "warnings": warnings})
            return
        goal = "minimise" if history.objective.minimize else "maximise"
        out.print(f"[bold]{plain(name)}[/bold]: {goal} {plain(history.objective.metric)}, seed {history.seed}")
        out.print(plain(f"space: {history.space}"))
        if history.outcome_constraints:
            out.print(plain(f"subject to: {', '.join(c.words for c in history.outcome_constraints)}"))
        out.print("trials: " + (", ".join(f"{n} {state}" for state, n in history.counts.items()) or "none"))
        _print_best(experiment)
        if history.failed:
            from headstock.analysis.failures import failures
            from headstock.report.words import mishaps

            out.print(plain(mishaps(failures(history))))
        sentences, warnings, _ = _judged(experiment)
        _print_lines([*sentences, *(f"warning: {warning}" for warning in warnings)])
        _print_course(history)
        if any(t.steps for t in history):
            out.print("\n[bold]trainings[/bold]")
            out.print(trainings_table(history, predicted_ends(history, fit=True), expand=out.width < PIPE_WIDTH))
        if history.trials:
            out.print("\n[bold]latest trials[/bold]")
            out.print(trials_table(history.trials[-LATEST:], out.width))


@app.command()
def trials(
    name: Name,
    storage: StorageUrl = DEFAULT_STORAGE,
    as_json: AsJson = False,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the newest ones; 50 in a table if left out.")] = None,
) -> None:
    """List an experiment's trials."""
    with stored(storage) as opened:
        newest = limit or (sys.maxsize if as_json else TABLE_LENGTH)
        records = list(reversed(opened.page(name, limit=newest)))
    if as_json:
        print_json([record.to_json() for record in records])
        return
    out.print(trials_table(records, out.width))
    if records and records[0].index > 0:
        out.print(f"[dim]{records[0].index} older trials are not shown; see --limit.[/dim]")


@app.command()
def best(name: Name, storage: StorageUrl = DEFAULT_STORAGE, as_json: AsJson = False) -> None:
    """Print the best believed and the best seen parameters, and what speaks against trusting them."""
    with _experiment(name, storage) as experiment:
        if as_json:
            found = _best(experiment)
            if found is None:
                experiment.best_seen()  # raises what is missing
            print_json(found)
        else:
            experiment.best_seen()
            _print_best(experiment)
            _print_lines(f"warning: {warning}" for warning in _judged(experiment)[1])


@app.command()
def report(
    name: Name,
    storage: StorageUrl = DEFAULT_STORAGE,
    output: Annotated[Path | None, typer.Option("--out", help="The file to write; NAME.html if left out.")] = None,
) -> None:
    """Write one HTML file with everything: it opens offline."""
    with _experiment(name, storage) as experiment:
        typer.echo(experiment.report(output or Path(f"{_file_name(name)}.html")))


@app.command()
def plot(
    name: Name,
    figure: Annotated[str, typer.Argument(help="Such as trace, curves, contour, importances, gain or parallel.")],
    storage: StorageUrl = DEFAULT_STORAGE,
    output: Annotated[
        Path | None, typer.Option("--out", help="An .html, .svg, .png or .pdf file; NAME-FIGURE.html if left out.")
    ] = None,
) -> None:
    """Write one figure into a file: interactive HTML, or a picture where kaleido is installed."""
    from headstock.plots.files import write_figure

    with _experiment(name, storage) as experiment:
        drawn = experiment.plot(figure)
        typer.echo(write_figure(drawn, output or Path(f"{_file_name(name)}-{_file_name(figure)}.html")))


@app.command()
def ui(  # noqa: PLR0917 - typer reads the options from the arguments
    storage: StorageUrl = DEFAULT_STORAGE,
    host: Annotated[str, typer.Option(help="Where to listen; elsewhere than here the link holds a token.")] = LOOPBACK,
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; a free one if 0.")] = 0,
    browser: Annotated[bool, typer.Option(help="Open it in a browser.")] = True,
    files: Files = None,
    new: Annotated[bool, typer.Option("--new", help="Create the storage if there is none, to begin in it.")] = False,
) -> None:
    """Serve the live dashboard until Ctrl-C."""
    try:
        from headstock.web.serving import serve
    except ModuleNotFoundError as error:
        raise MissingDependencyError(f"The dashboard needs {error.name}: pip install 'headstock[ui]'.") from error
    with stored(storage, create=new) as opened:
        serve(
            opened,
            host=host,
            port=port,
            browser=browser,
            announce=lambda link: typer.echo(f"Dashboard: {link}"),
            folder=files,
        )


@app.command()
def export(
    name: Name,
    storage: StorageUrl = DEFAULT_STORAGE,
    form: Annotated[Format, typer.Option("--format", help="A table of trials, or everything there is.")] = Format.CSV,
    output: Annotated[
        Path | None, typer.Option("--out", help="The file to write; standard output if left out.")
    ] = None,
) -> None:
    """Export an experiment as CSV (a row a trial) or JSON (which `Experiment.from_json` reads)."""
    with _experiment(name, storage) as experiment:
        if form is Format.JSON:
            text = json.dumps(experiment.to_json(), indent=2, allow_nan=False) + "\n"
        else:
            text = trials_csv(experiment.history)
    if output is None:
        sys.stdout.write(text)
    else:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(text, encoding="utf-8")
        typer.echo(output)


@app.command()
def backup(
    output: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write.")],
    storage: StorageUrl = DEFAULT_STORAGE,
) -> None:
    """Copy a storage to a file, as it is at one moment; those who use it go on."""
    back_up(storage, output)
    typer.echo(output)


@app.command()
def widen(
    name: Name,
    ranges: Annotated[
        list[str], typer.Argument(metavar="PARAMETER=LOW:HIGH...", help="Wider ranges, such as lr=1e-6:1.0.")
    ],
    storage: StorageUrl = DEFAULT_STORAGE,
) -> None:
    """Search wider ranges from now on, also in workers that are running; all trials are kept and go on to count."""
    with _experiment(name, storage) as experiment:
        experiment.widen(dict(map(_range, ranges)))
        out.print(plain(f"space: {experiment.space}"))


@app.command()
def delete(
    name: Name,
    storage: StorageUrl = DEFAULT_STORAGE,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    files: Files = None,
) -> None:
    """Delete an experiment with all of its trials and their files."""
    with stored(storage) as opened:
        lost = Belongings.of(opened, name, files)
        if lost.led:
            typer.echo(f"Processes run {len(lost.led)} of its trials; they end with an error.", err=True)
        if not yes:
            typer.confirm(f"Delete {name!r}: {lost}? It cannot be undone", abort=True)
        belongings.delete(opened, name, files)


@app.command()
def rename(
    name: Name,
    new: Annotated[str, typer.Argument(help="Its new name.", show_default=False)],
    storage: StorageUrl = DEFAULT_STORAGE,
    files: Files = None,
) -> None:
    """Give an experiment another name; nobody may be running a trial of it."""
    with stored(storage) as opened:
        belongings.rename(opened, name, new, files)


@app.command()
def demo(  # noqa: PLR0917 - typer reads the options from the arguments
    dataset: Annotated[Dataset, typer.Option(help="The images to tune on.")] = Dataset.DIGITS,
    data: Annotated[
        Path | None, typer.Option(help="CIFAR-10: the folder cifar-10-batches-py, or an .npz file of the images.")
    ] = None,
    download: Annotated[bool, typer.Option("--download", help="Fetch CIFAR-10 through torchvision.")] = False,
    weights: Annotated[
        Path | None, typer.Option(help="CIFAR-10: a file of pretrained weights; torchvision's if left out.")
    ] = None,
    scratch: Annotated[bool, typer.Option("--scratch", help="Train a small network from scratch instead.")] = False,
    total: Annotated[int, typer.Option("--trials", min=1, help="How many trials in all.")] = 20,
    seed: Annotated[int, typer.Option(min=0, help="Fixes every suggestion and every training.")] = 0,
    storage: Annotated[
        str | None, typer.Option(metavar="URL", help="Keep the trials; run again and it goes on.")
    ] = None,
    output: Annotated[Path, typer.Option("--out", help="The report to write.")] = Path("headstock-demo.html"),
) -> None:
    """Tune an image classifier in PyTorch: best parameters, predicted accuracy, and a report to open.

    The default trains a small convolutional network on scikit-learn's handwritten digits, in about a minute. With
    `--dataset cifar10 --data DIR` it is the tutorial's job: transfer learning on CIFAR-10.
    """
    from headstock.demo import Choices, run_demo

    run_demo(
        Choices(
            dataset=dataset.value,
            data=data,
            download=download,
            weights=weights,
            scratch=scratch,
            total_trials=total,
            seed=seed,
            storage=storage,
            output=output,
        ),
        out,
    )


def main() -> NoReturn:
    """Run a command; what headstock refuses, or the system, is one line on standard error and exit code 1."""
    try:
        app()
    except (HeadstockError, OSError) as error:
        typer.echo(f"headstock: {wording.harmless(' '.join(str(error).split()))}", err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    sys.exit(0)


@contextmanager
def _experiment(name: str, url: str) -> Iterator[Experiment]:
    with stored(url) as opened:
        yield Experiment.open(name, storage=opened)


def _range(text: str) -> tuple[str, tuple[float, float]]:
    """A parameter with its new range.

    Raises:
        SpaceError: if the text is not of the form PARAMETER=LOW:HIGH.
    """
    name, _, ends = text.rpartition("=")
    low, _, high = ends.partition(":")
    try:
        return name, (float(low), float(high))
    except ValueError:
        raise SpaceError(f"{text!r} is no range. Write PARAMETER=LOW:HIGH, such as lr=1e-6:1.0.") from None


def _summary(summary: ExperimentSummary) -> dict[str, Any]:
    best = summary.best
    return {
        "name": summary.spec.name,
        "objective": summary.spec.objective.to_json(),
        "trials": {state.value: count for state, count in summary.counts.items() if count},
        "best": None if best is None else {"trial": best.index, "mean": best.objective_mean},
        "created": summary.spec.created,
        "updated": summary.updated,
    }


def _best(experiment: Experiment) -> dict[str, Any] | None:
    """The best believed and the best seen as JSON; None if there is no result."""
    try:
        winners = {"believed": experiment.best(), "seen": experiment.best_seen()}
    except NoResultError:
        return None
    return {kind: winner.to_json() for kind, winner in winners.items()}


def _print_best(experiment: Experiment) -> None:
    try:
        out.print(plain(f"best believed: {experiment.best()}"))
        out.print(plain(f"best seen:     {experiment.best_seen()}"))
    except NoResultError as error:
        out.print(plain(str(error)))


def _judged(experiment: Experiment) -> tuple[list[str], list[str], dict[str, Any]]:
    """What the baseline and earlier experiments say, in sentences; warnings; and the numbers behind the sentences."""
    from headstock.report.findings import Findings
    from headstock.report.words import beside, warning

    try:
        model = experiment.model()
    except (NoResultError, NumericalError):
        model = None
    found = Findings(experiment.history, model, "", (), None, None, experiment.sampler)
    numbers = {"baseline": found.comparison, "transfer": found.taught}
    as_json = {name: None if of_it is None else asdict(of_it) for name, of_it in numbers.items()}
    return beside(found), [warning(concern) for concern in found.concerns], as_json


def _print_lines(lines: Iterable[str]) -> None:
    for line in lines:
        out.print(plain(line))


def _print_course(history: History) -> None:
    """How the best so far improved, and the best trials."""
    line = course(history)
    if not line:
        return
    out.print(f"best so far:   {line}")
    out.print("\n[bold]best trials[/bold]")
    out.print(trials_table(history.best(BEST), out.width))


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M")


def _file_name(name: str) -> str:
    """The name with everything that is not safe in a file's name replaced."""
    return re.sub(r"[^\w.-]+", "_", name).strip(".") or "experiment"
