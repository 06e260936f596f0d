"""The main job, end to end: tune an image classifier, say what was found, leave a report."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, final

from rich.console import Console
from rich.markup import escape

from headstock import wording
from headstock.errors import DatasetError
from headstock.loop import Optimized, optimize
from headstock.parameters import Parameters


@final
@dataclass(frozen=True, slots=True)
class Choices:
    """What the command line says.

    Args:
        dataset: "digits" or "cifar10".
        data: CIFAR-10's folder or .npz file.
        download: whether to fetch CIFAR-10 through torchvision.
        weights: a file of pretrained weights.
        scratch: whether to train a small network from scratch in place of a pretrained one.
        total_trials: how many trials in all.
        seed: fixes every suggestion and every training.
        storage: where the trials are kept; in memory if None.
        output: the report to write.
    """

    dataset: str
    data: Path | None
    download: bool
    weights: Path | None
    scratch: bool
    total_trials: int
    seed: int
    storage: str | None
    output: Path


def run_demo(choices: Choices, console: Console) -> Path:
    """Tune, print the best parameters, write the report, and test the winner on images that tuning never saw.

    Raises:
        MissingDependencyError: if PyTorch is not installed.
        DatasetError: if there are no images to tune on.
        KeyboardInterrupt: if it was interrupted; what was found by then is reported all the same.
    """
    job = _job(choices)
    console.print(f"[bold]{escape(job.title)}[/bold]")
    began = time.perf_counter()
    training = _Stopwatch(job.evaluate)
    found = optimize(
        job.parameters,
        training,
        experiment_name=job.name,
        objective_name=job.objective_name,
        total_trials=choices.total_trials,
        random_seed=choices.seed,
        storage=choices.storage,
        progress=True,
    )
    seconds = time.perf_counter() - began
    _print_best(found, job.objective_name, console)
    console.print(
        f"{training.calls} trials in {seconds:.1f} s, {training.seconds:.1f} s of them training{training.pace()}.",
        soft_wrap=True,
    )
    path = found.experiment.report(choices.output).absolute()
    console.print(f"Report: {escape(str(path))}", soft_wrap=True)
    finished = sum(trial.state.is_finished for trial in found.experiment.history)
    if finished < choices.total_trials:
        goes_on = "run the same command again and it goes on" if choices.storage else "with --storage it could go on"
        console.print(f"Interrupted after {finished} of {choices.total_trials} trials; {goes_on}.")
        raise KeyboardInterrupt
    score = job.test(found.best_parameters)
    console.print(f"Test {job.objective_name} of the winner, on images that tuning never saw: {score:.4f}")
    return path


def _job(choices: Choices) -> Any:
    from headstock.training import jobs

    if choices.dataset == "digits":
        return jobs.digits_job(seed=choices.seed)
    if choices.data is None and not choices.download:
        raise DatasetError(
            "CIFAR-10 needs images: give --data with the folder cifar-10-batches-py or an .npz file, or --download."
        )
    return jobs.cifar10_job(
        choices.data,
        download=choices.download,
        weights=choices.weights,
        scratch=choices.scratch,
        seed=choices.seed,
    )


@final
@dataclass(slots=True)
class _Stopwatch:
    """An evaluation function that adds up its own time, and notes how long it waited for its turn."""

    evaluate: Callable[[Parameters], Any]
    seconds: float = 0.0
    calls: int = 0
    waits: list[float] = field(default_factory=list)
    _ended: float | None = None

    def __call__(self, parameters: Parameters) -> Any:
        began = time.perf_counter()
        if self._ended is not None:
            self.waits.append(began - self._ended)
        try:
            return self.evaluate(parameters)
        finally:
            self._ended = time.perf_counter()
            self.seconds += self._ended - began
            self.calls += 1

    def pace(self) -> str:
        """How long it is from the end of a training to the start of the next: storing, thinking, showing."""
        return f"; {1000 * median(self.waits):.0f} ms from one to the next (median)" if self.waits else ""


def _print_best(found: Optimized, metric: str, console: Console) -> None:
    console.print("Best parameters, by the model:")
    for name, value in found.best_parameters.items():
        console.print(f"  {escape(name)} = {escape(wording.value(value))}")
    if found.values is not None:
        means, covariances = found.values
        predicted = wording.measured(means[metric], covariances[metric][metric] ** 0.5)
        console.print(f"  predicted {escape(metric)} {predicted} (± is one standard error)")
    seen = found.experiment.best_seen()
    console.print(f"Best seen: {escape(metric)} {wording.number(seen.mean)}, in trial {seen.trial.index}")
