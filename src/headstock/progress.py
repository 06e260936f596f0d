"""What a person sees while a run goes on: a live line or table in a terminal, a plain line a trial elsewhere."""

import heapq
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import accumulate, zip_longest
from typing import Final, final

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from headstock import wording
from headstock.budget import Budget, cost_of
from headstock.history import History
from headstock.objective import Objective
from headstock.runner import Observe
from headstock.schedulers.forecast import predicted_ends
from headstock.terminal import plain
from headstock.trial import Observation, TrialRecord, TrialState

ROWS: Final = 12
"""How many trainings the table has."""

GROWTH: Final = 1.1
"""How much the number of steps grows between two forecasts for the table."""

_ORDER: Final = (TrialState.RUNNING, TrialState.PAUSED, TrialState.COMPLETED, TrialState.STOPPED, TrialState.FAILED)


@contextmanager
def shown_progress(title: str, budget: Budget, console: Console | None = None) -> Iterator[Observe]:
    """Show progress while the block runs; what it gives has to be shown the history as it grows.

    Args:
        title: what is going on, in a few words.
        budget: how far it is to go.
        console: where to show it; standard error if left out.
    """
    console = console or Console(stderr=True)
    if not console.is_terminal:
        yield _plain_lines(console, budget.trials)
        return
    screen = _Screen.of(title, budget)
    with Live(console=console, get_renderable=screen.render, refresh_per_second=4):
        yield screen.observe


def is_wanted(progress: bool | None) -> bool:
    """Whether to show progress: as was said, or if there is a terminal to show it in."""
    return Console(stderr=True).is_terminal if progress is None else progress


@contextmanager
def observed(observe: Observe, objective: Objective, budget: Budget, progress: bool | None) -> Iterator[Observe]:
    """What is to be shown the history while the block runs: `observe`, and a person if that is wanted."""
    if not is_wanted(progress):
        yield observe
        return
    goal = f"{'minimising' if objective.minimize else 'maximising'} {objective.metric}"
    with shown_progress(goal, budget) as seen:

        def both(history: History) -> None:
            observe(history)
            seen(history)

        yield both


def trainings_table(
    history: History, ends: Mapping[int, Observation], rows: int = ROWS, *, expand: bool = True
) -> Table:
    """The trainings: what runs, then what is paused, the most promising first, then what is over.

    Args:
        history: the trials.
        ends: what some are predicted to come to; an interval as wide as all that was ever reported tells nothing, and
            is shown so.
        rows: how many to show at most.
        expand: whether the table is as wide as the terminal, and reasons are cut where that ends.
    """
    sign, metric = history.objective.sign, history.objective.metric
    ends = {i: end for i, end in ends.items() if not history.trials[i].state.is_finished}  # some have ended since

    def rank(trial: TrialRecord) -> tuple[int, float]:
        now = _now(trial)
        promising = ends[trial.index].mean if trial.index in ends else now
        return _ORDER.index(trial.state), float("inf") if promising is None else -sign * promising

    reports = [o.mean for trial in history for o in trial.reports.get(metric, ())]
    spread = max(reports, default=0.0) - min(reports, default=0.0)

    def end(trial: TrialRecord) -> str:
        if trial.index not in ends:
            return ""
        told = ends[trial.index]
        return wording.measured(told.mean, told.sem) if 2 * (told.sem or 0.0) <= spread else "anything"

    shown = heapq.nsmallest(rows, (t for t in history if t.state in _ORDER), key=rank)
    table = Table(box=None, header_style="bold", expand=expand)
    for name in ("trial", "state", "step", plain(metric), "predicted"):
        table.add_column(name, no_wrap=True)
    table.add_column("why", no_wrap=True, overflow="ellipsis", ratio=1)
    for trial in shown:
        now = _now(trial)
        table.add_row(
            str(trial.index),
            trial.state.value,
            f"{trial.step}/{trial.steps or '?'}" if trial.step else "",
            "" if now is None else wording.number(now),
            end(trial),
            plain(trial.error or (trial.verdicts[-1].because if trial.verdicts else trial.because)),
        )
    return table


def course(history: History) -> str:
    """How the best so far improved, as a row of bars between the first and the last value; empty without a result."""
    if not history.feasible:
        return ""
    sign = history.objective.sign
    so_far = list(accumulate((sign * t.objective_mean for t in history.feasible), max))
    first, last = (wording.number(sign * worth) for worth in (so_far[0], so_far[-1]))
    return f"{first} {wording.sparkline([sign * worth for worth in so_far])} {last}"


@final
@dataclass(slots=True)
class _Screen:
    """The bar, and beneath it the trainings, if there are any that report steps."""

    budget: Budget
    bar: Progress
    history: History | None = None
    ends: Mapping[int, Observation] = field(default_factory=dict)
    forecast_at: float = 0.0

    @classmethod
    def of(cls, title: str, budget: Budget) -> "_Screen":
        bar = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[unit]}  {task.fields[best]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(elapsed_when_finished=False),
        )
        in_steps = budget.trials is None and budget.steps is not None
        total = budget.steps if in_steps else budget.trials
        bar.add_task(plain(title), total=total, best="", unit="steps" if in_steps else "trials")
        return cls(budget, bar)

    def observe(self, history: History) -> None:
        steps = sum(t.step - (t.parent[1] if t.parent else 0) for t in history)
        if any(t.steps for t in history) and steps >= GROWTH * self.forecast_at:
            self.ends, self.forecast_at = predicted_ends(history), max(steps, 1)
        done = _finished(history) if self.budget.trials is not None or self.budget.steps is None else steps
        self.bar.update(self.bar.task_ids[0], completed=done, best=plain(_best(history)))
        self.history = history

    def render(self) -> RenderableType:
        history = self.history
        if history is None:
            return self.bar
        told = [", ".join(f"{count} {state}" for state, count in history.counts.items())]
        told += [] if self.budget.cost is None else [f"cost {cost_of(history):.4g} of {self.budget.cost:.4g}"]
        told += [plain(f"best so far {line}") for line in [course(history)] if line]
        line = f"[dim]{'   '.join(told)}[/dim]"
        if not any(t.steps for t in history):
            return Group(self.bar, line)
        return Group(self.bar, line, trainings_table(history, self.ends))


def _plain_lines(console: Console, total: int | None) -> Observe:
    """Print a line for each trial when it finishes or is paused; not for what happened before.

    Workers that share it may show a history that is older than the one before: nothing is told twice.
    """
    last: tuple[TrialRecord, ...] | None = None
    told: dict[int, TrialRecord] = {}
    of_all = "" if total is None else f"/{total}"

    def is_news(trial: TrialRecord) -> bool:
        if not trial.state.is_finished and trial.state is not TrialState.PAUSED:
            return False
        before = told.get(trial.index)
        if before is None:
            return True
        is_other = (trial.state, trial.step) != (before.state, before.step)
        return is_other and not before.state.is_finished and trial.step >= before.step

    def observe(history: History) -> None:
        nonlocal last
        # Which have changed shows without a look into them: there may be many, and this is called at each report.
        changed = [t for t, old in zip_longest(history.trials, last or ()) if t is not None and t is not old]
        is_first, last = last is None, history.trials
        news = [trial for trial in changed if is_news(trial)]
        told.update((trial.index, trial) for trial in news)
        for trial in () if is_first else sorted(news, key=lambda t: t.finished or 0.0):
            line = f"{_finished(history)}{of_all}  {_line(trial)}  {_best(history)}"
            console.print(line.rstrip(), markup=False, soft_wrap=True)

    return observe


def _finished(history: History) -> int:
    """How many evaluations neither run nor wait to be run again."""
    return history.evaluations - sum(
        t.state is TrialState.RUNNING or (t.state is TrialState.QUEUED and t.attempt > 0) for t in history.pending
    )


def _now(trial: TrialRecord) -> float | None:
    """The objective as it stands: the result, or the last report."""
    if trial.objective in trial.metrics:
        return trial.objective_mean
    curve = trial.reports.get(trial.objective)
    return curve[-1].mean if curve else None


def _line(trial: TrialRecord) -> str:
    parameters = ", ".join(f"{name}={wording.value(value)}" for name, value in trial.parameters.items())
    now = _now(trial)
    measured = f"{trial.objective} {'unknown' if now is None else wording.number(now)}"
    outcome = trial.error if trial.state is TrialState.FAILED else measured
    if trial.state in (TrialState.PAUSED, TrialState.STOPPED):
        because = f": {trial.verdicts[-1].because}" if trial.verdicts else ""
        outcome = f"{outcome}, {trial.state} at step {trial.step}{because}"
    return f"trial {trial.index}: {outcome}  ({parameters})"


def _best(history: History) -> str:
    best = history.best_seen()
    return "" if best is None else f"best {history.objective.metric} {wording.number(best.objective_mean)}"
