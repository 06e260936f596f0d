"""What a person sees while a run goes on: one live line in a terminal, a plain line a trial elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from headstock import wording
from headstock.history import History
from headstock.runner import Observe
from headstock.trial import TrialRecord, TrialState


@contextmanager
def shown_progress(title: str, total: int | None, console: Console | None = None) -> Iterator[Observe]:
    """Show progress while the block runs; what it gives has to be shown the history as it grows.

    Args:
        title: what is going on, in a few words.
        total: how many evaluations there will be; None if nobody knows.
        console: where to show it; standard error if left out.
    """
    console = console or Console(stderr=True)
    if not console.is_terminal:
        yield _plain_lines(console, total)
        return
    columns = (
        TextColumn("[bold]{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[best]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(elapsed_when_finished=False),
    )
    with Progress(*columns, console=console, transient=False) as progress:
        task = progress.add_task(escape(title), total=total, best="")

        def observe(history: History) -> None:
            progress.update(task, completed=_finished(history), best=escape(_best(history)))

        yield observe


def _plain_lines(console: Console, total: int | None) -> Observe:
    """Print a line for each trial when it finishes; not for those that were finished before."""
    printed: set[int] | None = None
    of_all = "" if total is None else f"/{total}"

    def observe(history: History) -> None:
        nonlocal printed
        finished = {t.index: t for t in history if t.state.is_finished}
        news = [] if printed is None else [t for index, t in finished.items() if index not in printed]
        printed = set(finished)
        for trial in sorted(news, key=lambda t: t.finished or 0.0):
            line = f"{_finished(history)}{of_all}  {_line(trial)}  {_best(history)}"
            console.print(line, markup=False, soft_wrap=True)

    return observe


def _finished(history: History) -> int:
    return history.evaluations - sum(t.state is TrialState.RUNNING for t in history.pending)


def _line(trial: TrialRecord) -> str:
    parameters = ", ".join(f"{name}={wording.value(value)}" for name, value in trial.parameters.items())
    outcome = (
        trial.error if trial.state is TrialState.FAILED else f"{trial.objective} {wording.number(trial.objective_mean)}"
    )
    return f"trial {trial.index}: {outcome}  ({parameters})"


def _best(history: History) -> str:
    best = history.best_seen()
    return "" if best is None else f"best {history.objective.metric} {wording.number(best.objective_mean)}"
