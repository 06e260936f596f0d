"""Seconds to a good network: a small convolutional network on CIFAR-10, tuned until a trial reaches a target accuracy.

    python benchmarks/regret/install_peers.py ax optuna
    python benchmarks/curves/real.py --data ../shared/data/cifar10_small.npz --seeds 3 [--out FILE]

headstock (freeze-thaw, its default), Ax (every trial trained to its end) and Optuna (TPE with its Hyperband pruner),
each in its own environment and process, one thread, one trial at a time, at most `BUDGET` epochs. Six
hyper-parameters; 4,000 images to train on, 1,000 to measure on, `EPOCHS` epochs. Time counts from the first suggestion
to the epoch that reaches the target: seconds on the clock, and of the processor, which other programs of the machine
do not lengthen. What an interrupted comparison has written is not run again.
"""

import os

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = "1"

import argparse
import json
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

EPOCHS: Final = 12
BUDGET: Final = 25 * EPOCHS
TARGET: Final = 0.56
"""Fixed before any search was run: twelve trainings at random had reached 0.525 at best."""

NUMBERS: Final = {
    "lr": ("float", 1e-3, 1.0, True),
    "momentum": ("float", 0.0, 0.99, False),
    "batchsize": ("int", 16, 256, True),
    "weight_decay": ("float", 1e-6, 0.1, True),
    "width": ("int", 8, 32, True),
    "dropout": ("float", 0.0, 0.5, False),
}
METHODS: Final = {"headstock": None, "ax": "ax", "optuna": "optuna"}


class Reached(BaseException):
    """The target, or the end of the budget: no library is to take it for a failure of the trial."""


class Account:
    """What was reached when.

    Args:
        target: the accuracy at which the search ends.
    """

    def __init__(self, target: float) -> None:
        self.target, self.began = target, (time.perf_counter(), time.process_time())
        self.epochs = 0
        self.best = 0.0
        self.trials: set[int] = set()

    def enter(self, trial: int, accuracy: float) -> None:
        """Enter an epoch of a trial.

        Raises:
            Reached: if this was the last.
        """
        self.epochs, self.best = self.epochs + 1, max(self.best, accuracy)
        self.trials.add(trial)
        if accuracy >= self.target or self.epochs >= BUDGET:
            raise Reached

    def line(self) -> dict[str, Any]:
        """What it took."""
        wall, cpu = time.perf_counter() - self.began[0], time.process_time() - self.began[1]
        return {
            "reached": self.best >= self.target,
            "best": self.best,
            "wall": round(wall, 2),
            "cpu": round(cpu, 2),
            "epochs": self.epochs,
            "trials": len(self.trials),
        }


class Training:
    """One training, an epoch at a time.

    Args:
        parameters: the hyper-parameters.
        data: images and labels to train on and to measure on.
    """

    def __init__(self, parameters: Mapping[str, Any], data: tuple[Any, ...]) -> None:
        import torch
        from torch import nn

        w = parameters["width"]
        self.data, self.batch = data, parameters["batchsize"]
        self.network = nn.Sequential(
            *(nn.Conv2d(3, w, 3, padding=1), nn.BatchNorm2d(w), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(w, 2 * w, 3, padding=1), nn.BatchNorm2d(2 * w), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(2 * w, 4 * w, 3, padding=1), nn.BatchNorm2d(4 * w), nn.ReLU(), nn.AdaptiveAvgPool2d(1)),
            *(nn.Flatten(), nn.Dropout(parameters["dropout"]), nn.Linear(4 * w, 10)),
        )
        self.optimizer = torch.optim.SGD(
            self.network.parameters(),
            lr=parameters["lr"],
            momentum=parameters["momentum"],
            weight_decay=parameters["weight_decay"],
        )
        self.schedule = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, EPOCHS)

    def epoch(self) -> float:
        """Train an epoch; the accuracy on the images to measure on."""
        import torch

        x, y, measured_x, measured_y = self.data
        self.network.train()
        for rows in torch.randperm(len(y)).split(self.batch):
            self.optimizer.zero_grad()
            torch.nn.functional.cross_entropy(self.network(x[rows]), y[rows]).backward()
            self.optimizer.step()
        self.schedule.step()
        self.network.eval()
        with torch.inference_mode():
            return float((self.network(measured_x).argmax(1) == measured_y).float().mean())


def images(path: Path) -> tuple[Any, ...]:
    """Normalised images and labels: 4,000 to train on, 1,000 to measure on, none of them from the test set."""
    import numpy as np
    import torch

    stored = np.load(path)
    order = np.random.default_rng(0).permutation(len(stored["y_train"]))[:5000]
    x = torch.from_numpy(stored["x_train"][order]).float().permute(0, 3, 1, 2) / 255.0
    y = torch.from_numpy(stored["y_train"][order]).long()
    x = (x - x.mean((0, 2, 3), keepdim=True)) / x.std((0, 2, 3), keepdim=True)
    return x[:4000], y[:4000], x[4000:], y[4000:]


def headstock_search(account: Account, data: tuple[Any, ...], seed: int) -> None:
    """Freeze-thaw, as anybody gets it who attaches the state."""
    import headstock as hs

    kinds = {"float": hs.Float, "int": hs.Int}
    space = hs.Space({name: kinds[kind](low, high, log=log) for name, (kind, low, high, log) in NUMBERS.items()})

    def train(trial: hs.Trial) -> None:
        training = Training(trial.parameters, data)
        trial.attach(model=training.network, optimizer=training.optimizer, schedule=training.schedule)
        for _ in trial.steps(EPOCHS):
            accuracy = training.epoch()
            trial.report(accuracy=accuracy)
            account.enter(trial.index, accuracy)

    experiment = hs.Experiment("real", space, maximize="accuracy", seed=seed)
    experiment.run(train, budget=hs.Budget(steps=BUDGET), progress=False)


def ax_search(account: Account, data: tuple[Any, ...], seed: int) -> None:
    """Its Client, with the strategy that it picks."""
    import logging

    from ax.api.client import Client
    from ax.api.configs import RangeParameterConfig

    logging.disable(logging.WARNING)
    client = Client(random_seed=seed)
    client.configure_experiment(
        [
            RangeParameterConfig(name, (low, high), parameter_type=kind, scaling="log" if log else None)
            for name, (kind, low, high, log) in NUMBERS.items()
        ]
    )
    client.configure_optimization("accuracy")
    while True:
        [(index, parameters)] = client.get_next_trials(max_trials=1).items()
        training, accuracy = Training(parameters, data), 0.0
        for _ in range(EPOCHS):
            accuracy = training.epoch()
            account.enter(index, accuracy)
        client.complete_trial(index, {"accuracy": accuracy})


def optuna_search(account: Account, data: tuple[Any, ...], seed: int) -> None:
    """TPE and the Hyperband pruner."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    pruner = optuna.pruners.HyperbandPruner(min_resource=1, max_resource=EPOCHS)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed), pruner=pruner)

    def objective(trial: optuna.Trial) -> float:
        suggest = {"float": trial.suggest_float, "int": trial.suggest_int}
        parameters = {n: suggest[kind](n, low, high, log=log) for n, (kind, low, high, log) in NUMBERS.items()}
        training, accuracy = Training(parameters, data), 0.0
        for epoch in range(1, EPOCHS + 1):
            accuracy = training.epoch()
            account.enter(trial.number, accuracy)
            trial.report(accuracy, epoch)
            if trial.should_prune():
                raise optuna.TrialPruned
        return accuracy

    study.optimize(objective)


def search(method: str, seed: int, target: float, path: Path) -> None:
    """One search in this process; its line is printed."""
    import torch

    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    data = images(path)
    account = Account(target)
    with suppress(Reached):
        {"headstock": headstock_search, "ax": ax_search, "optuna": optuna_search}[method](account, data, seed)
    print(json.dumps({"method": method, "seed": seed, "target": target, **account.line()}))


def searches(seeds: int, target: float, data: Path, done: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """A line for each search that was not done."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "regret"))
    from install_peers import interpreter

    known = {(run["method"], run["seed"], run["target"]) for run in done}
    for seed in range(seeds):
        for method, environment in METHODS.items():
            if (method, seed, target) in known:
                continue
            python = sys.executable if environment is None else str(interpreter(environment))
            command = [python, __file__, "--search", method, str(seed), "--target", str(target), "--data", str(data)]
            finished = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            yield json.loads(finished.stdout.splitlines()[-1])


def main() -> None:
    """Run what is missing, and print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="an .npz with x_train and y_train")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--target", type=float, default=TARGET)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("real.jsonl"))
    parser.add_argument("--search", nargs=2, metavar=("METHOD", "SEED"), help="one search only")
    options = parser.parse_args()
    if not options.data.exists():
        raise SystemExit(f"{options.data} is missing: give CIFAR-10 as an .npz with x_train and y_train.")
    if options.search:
        search(options.search[0], int(options.search[1]), options.target, options.data)
        return
    runs = [json.loads(line) for line in options.out.read_text().splitlines()] if options.out.exists() else []
    with options.out.open("a", encoding="utf-8") as lines:
        for run in searches(options.seeds, options.target, options.data, runs):
            print(json.dumps(run), file=lines, flush=True)
            runs.append(run)
    print(f"to {options.target:.0%} accuracy: medians over {options.seeds} seeds")
    for method in METHODS:
        own = [run for run in runs if run["method"] == method and run["target"] == options.target]
        medians = {key: statistics.median(run[key] for run in own) for key in ("wall", "cpu", "epochs", "trials")}
        reached = sum(run["reached"] for run in own)
        print(
            f"{method:>10}: {medians['wall']:7.0f} s, {medians['cpu']:7.0f} s CPU, {medians['epochs']:4.0f} epochs, "
            f"{medians['trials']:3.0f} trials, reached in {reached} of {len(own)}"
        )


if __name__ == "__main__":
    main()
