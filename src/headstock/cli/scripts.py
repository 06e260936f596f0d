"""The commands that tune scripts: run, resume, logs, retry."""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console

from headstock import Experiment, wording
from headstock.cli.options import DEFAULT_STORAGE, INTERRUPTED, AsJson, Name, StorageUrl, out, print_json, stored
from headstock.errors import CommandError, NoResultError
from headstock.progress import shown_progress
from headstock.runner import Ended
from headstock.scripts.folders import files_of
from headstock.scripts.logs import log_lines
from headstock.scripts.plan import Plan, Settings, make_plan, split_words
from headstock.scripts.script import Passing
from headstock.scripts.study_file import ENDINGS, read_study_file
from headstock.storage import Storage
from headstock.terminal import plain
from headstock.trial import TrialState
from headstock.tuning import budget_of, tune

app = typer.Typer()

Words = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[STUDY.toml] [--PARAMETER VALUES]... -- COMMAND",
        help="What to search, and the command.",
        show_default=False,
    ),
]
Maximize = Annotated[str | None, typer.Option(metavar="METRIC", help="The metric to maximise.")]
Minimize = Annotated[str | None, typer.Option(metavar="METRIC", help="The metric to minimise.")]
Judged = Annotated[
    bool | None,
    typer.Option("--judged", help="Persons judge it with `headstock prefer` or in the dashboard; nothing is printed."),
]
Trials = Annotated[int | None, typer.Option("--trials", help="Stop at so many trials in all, earlier ones included.")]
Seconds = Annotated[float | None, typer.Option(help="Start no trial after so many seconds.")]
Target = Annotated[float | None, typer.Option(help="Stop when the metric is as good as this.")]
Workers = Annotated[
    int | None, typer.Option(help="How many scripts run at once.", show_default="1, or what the GPUs have room for")
]
Gpus = Annotated[
    str | None,
    typer.Option(
        metavar="IDS", help="The GPUs for scripts, by number or UUID: 0,1,2,3, or 'all'. A script sees its own."
    ),
]
GpusPerTrial = Annotated[
    float | None,
    typer.Option(metavar="NUMBER", help="How many GPUs a script has; 0.5 for two on each.", show_default="1"),
]
Executor = Annotated[str | None, typer.Option(metavar="ray", help="Run the scripts on the nodes of a Ray cluster.")]
Address = Annotated[str | None, typer.Option(help="Of the cluster: 10.0.0.1:6379, or 'auto' for that of this machine.")]
Resources = Annotated[
    str | None,
    typer.Option(metavar="NAME=NUMBER,...", help="What a script gets there: CPU=2,GPU=1.", show_default="CPU=1"),
]
When = Annotated[
    list[str] | None,
    typer.Option(metavar="CONDITION", help="A parameter that is only active sometimes: 'momentum: optimizer=sgd'."),
]
Parameters = Annotated[
    list[str] | None,
    typer.Option("--param", metavar="NAME=VALUES", help="A parameter whose name is an option of headstock's."),
]
Constraints = Annotated[
    list[str] | None, typer.Option("--constraint", metavar="TEXT", help="Such as 'dropout + noise <= 0.5'.")
]
Bounds = Annotated[
    list[str] | None, typer.Option("--subject-to", metavar="TEXT", help="A bound on another metric: 'latency <= 20'.")
]
Patterns = Annotated[
    list[str] | None,
    typer.Option(
        "--metric", metavar="METRIC=REGEX", help="Where a metric stands in the output: 'accuracy=Acc ([0-9.]+)'."
    ),
]
Results = Annotated[
    str | None, typer.Option(metavar="FILE", help="A JSON file that the script writes, such as '{directory}/out.json'.")
]
Events = Annotated[
    str | None,
    typer.Option(metavar="FOLDER", help="Event files that the script writes: '{directory}/runs'. The metric is a tag."),
]
Pass = Annotated[
    Passing | None, typer.Option("--pass", help="How parameters reach the script.", show_default="options")
]
Timeout = Annotated[float | None, typer.Option(metavar="SECONDS", help="Stop a trial that takes longer.")]
Grace = Annotated[
    float | None,
    typer.Option(metavar="SECONDS", help="How long a script has to end when it is asked to.", show_default="10"),
]
Seed = Annotated[int | None, typer.Option(help="Fixes every suggestion.")]

FREE: Final = {"ignore_unknown_options": True}
"""The settings of a command that takes options of somebody else."""


@app.command(context_settings=FREE)
def run(  # noqa: PLR0917 - typer reads the options from the arguments
    words: Words = None,
    name: Annotated[str | None, typer.Option(help="The experiment's name; the same one goes on.")] = None,
    maximize: Maximize = None,
    minimize: Minimize = None,
    judged: Judged = None,
    trials: Trials = None,
    seconds: Seconds = None,
    target: Target = None,
    workers: Workers = None,
    gpus: Gpus = None,
    gpus_per_trial: GpusPerTrial = None,
    executor: Executor = None,
    address: Address = None,
    resources: Resources = None,
    when: When = None,
    param: Parameters = None,
    constraint: Constraints = None,
    subject_to: Bounds = None,
    metric: Patterns = None,
    results: Results = None,
    tensorboard: Events = None,
    passing: Pass = None,
    timeout: Timeout = None,
    grace: Grace = None,
    seed: Seed = None,
    storage: Annotated[
        str | None,
        typer.Option(metavar="URL", envvar="HEADSTOCK_STORAGE", help="Where it is kept.", show_default=DEFAULT_STORAGE),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Tune any script, as it is.

    headstock run --name mnist --maximize accuracy --trials 40 --lr 1e-6:0.4:log --batch-size int:16:256
    --optimizer sgd,adamw -- python train.py --epochs 10

    Each unknown option is a parameter with its values: `1e-6:0.4`, `1e-6:0.4:log`, `int:16:128`, `0:1:step=0.05`,
    `sgd,adamw`, or `flag`. They are appended to the command, or stand where it says `{lr}`; `{config}` is a file
    with all of them, `{directory}` a folder of the trial's own, `{trial}` its number, `{seed}` a seed.

    The metric is read from what the script prints: `accuracy=0.93`, `accuracy: 0.93`, or a line of JSON,
    `{"accuracy": 0.93}`; the last one counts. The same command again goes on. `headstock run study.toml` reads all of
    this from a file.
    """
    options: dict[str, Any] = {
        "name": name,
        "maximize": maximize,
        "minimize": minimize,
        "judged": judged,
        "trials": trials,
        "seconds": seconds,
        "target": target,
        "workers": workers,
        "gpus": gpus,
        "gpus_per_trial": gpus_per_trial,
        "executor": executor,
        "address": address,
        "resources": resources,
        "when": when,
        "constraints": constraint,
        "outcome_constraints": subject_to,
        "patterns": pairs("--metric", metric),
        "results": results,
        "tensorboard": tensorboard,
        "pass": passing,
        "timeout": timeout,
        "grace": grace,
        "seed": seed,
        "storage": storage,
    }
    settings = _settings(words or [], options, pairs("--param", param))
    plan = make_plan(settings)
    with stored(settings.values.get("storage", DEFAULT_STORAGE), create=True) as opened:
        tune_and_tell(plan, opened, as_json=as_json)


@app.command(context_settings=FREE)
def resume(  # noqa: PLR0917 - typer reads the options from the arguments
    name: Name,
    command: Annotated[list[str], typer.Argument(metavar="-- COMMAND", help="The command.", show_default=False)],
    trials: Trials = None,
    seconds: Seconds = None,
    target: Target = None,
    workers: Workers = None,
    gpus: Gpus = None,
    gpus_per_trial: GpusPerTrial = None,
    executor: Executor = None,
    address: Address = None,
    resources: Resources = None,
    metric: Patterns = None,
    results: Results = None,
    tensorboard: Events = None,
    passing: Pass = None,
    timeout: Timeout = None,
    grace: Grace = None,
    storage: StorageUrl = DEFAULT_STORAGE,
    as_json: AsJson = False,
) -> None:
    """Go on with an experiment: `headstock resume mnist --trials 80 -- python train.py --epochs 10`.

    What is searched and what for is stored; the command is not, and has to be given again: headstock runs nothing that
    it finds in a database.
    """
    options: dict[str, Any] = {
        "name": name,
        "command": command,
        "trials": trials,
        "seconds": seconds,
        "target": target,
        "workers": workers,
        "gpus": gpus,
        "gpus_per_trial": gpus_per_trial,
        "executor": executor,
        "address": address,
        "resources": resources,
        "patterns": pairs("--metric", metric),
        "results": results,
        "tensorboard": tensorboard,
        "pass": passing,
        "timeout": timeout,
        "grace": grace,
    }
    plan = make_plan(given(options), is_new=False)
    with stored(storage) as opened:
        tune_and_tell(plan, opened, as_json=as_json)


@app.command()
def logs(
    name: Name,
    trial: Annotated[int, typer.Argument(help="The trial's number.", min=0)],
    storage: StorageUrl = DEFAULT_STORAGE,
    tail: Annotated[int | None, typer.Option(min=1, help="Only so many lines, from the end.")] = None,
) -> None:
    """Print what a trial of a script has printed."""
    with stored(storage) as opened:
        spec = opened.experiment(name)
        for line in log_lines(files_of(opened.url, spec), trial, last=tail):
            typer.echo(line)


@app.command()
def retry(
    name: Name,
    trials: Annotated[list[int] | None, typer.Argument(help="Which failed trials; all, if left out.")] = None,
    storage: StorageUrl = DEFAULT_STORAGE,
) -> None:
    """Queue the parameters of failed trials again; the next run takes them first."""
    with stored(storage) as opened:
        experiment = Experiment.open(name, storage=opened)
        failed = {trial.index: trial for trial in experiment.history.failed}
        chosen = list(dict.fromkeys(trials or sorted(failed)))
        for index in chosen:
            if index not in failed:
                raise CommandError(
                    f"Trial {wording.given(index)} of {name!r} has not failed. Those that have: {sorted(failed)}."
                )
        for index in chosen:
            again = experiment.enqueue(failed[index].parameters)
            typer.echo(f"trial {index} is tried again as trial {again.index}")


def _settings(words: Sequence[str], options: dict[str, Any], parameters: dict[str, str] | None) -> Settings:
    """What the words and options say, and where they say nothing, a study file that they name."""
    searched, rest = split_words(words)
    searched |= parameters or {}
    file = Path(rest.pop(0)) if rest and rest[0].endswith(ENDINGS) else None
    settings = given(options | {"parameters": searched, "command": rest})
    return settings if file is None else settings.over(read_study_file(file))


def given(options: dict[str, Any]) -> Settings:
    """The options that were given."""
    return Settings({key: value for key, value in options.items() if value is not None and value not in ([], {})})


def pairs(option: str, texts: Iterable[str] | None) -> dict[str, str] | None:
    """Options of the form NAME=TEXT."""
    if texts is None:
        return None
    pairs = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not (name and equals and value):
            raise CommandError(f"{option} {text!r} cannot be read. Write it as NAME=TEXT.")
        pairs[name] = value
    return pairs


def tune_and_tell(plan: Plan, storage: Storage, *, as_json: bool) -> None:
    """Tune, and say what was found."""
    with shown_progress(plan.name, budget_of(plan, storage), Console(stderr=True)) as observe:
        ended = tune(plan, storage, observe)
    tell(Experiment.open(plan.name, storage=storage), ended, as_json=as_json)


def tell(experiment: Experiment, ended: Ended, *, as_json: bool) -> None:
    """Say what was found; who was interrupted exits so, and with 1 who has no result at all."""
    if as_json:
        print_json(_found(experiment, ended))
    else:
        _print_found(experiment, ended)
    if ended is Ended.INTERRUPTED:
        sys.exit(INTERRUPTED)
    if not (experiment.history.observed or experiment.history.unjudged):
        sys.exit(1)


def _found(experiment: Experiment, ended: Ended) -> dict[str, Any]:
    counts = {state.value: number for state, number in experiment.history.counts.items()}
    found: dict[str, Any] = {"name": experiment.name, "ended": ended.value, "trials": counts, "best": None}
    try:
        return found | {"best": experiment.best().to_json(), "best_seen": experiment.best_seen().to_json()}
    except NoResultError:
        return found


def _print_found(experiment: Experiment, ended: Ended) -> None:
    failed = experiment.history.counts.get(TrialState.FAILED, 0)
    out.print(f"{ended.value}: {len(experiment.history)} trials, {failed} failed")
    try:
        out.print(plain(f"best believed: {experiment.best()}"), soft_wrap=True)
        out.print(plain(f"best seen:     {experiment.best_seen()}"), soft_wrap=True)
    except NoResultError as error:
        out.print(plain(str(error)))
