"""Seconds to a good network: a small convolutional network on CIFAR-10, tuned until a trial reaches a target accuracy.

    python benchmarks/regret/install_peers.py ax optuna
    python benchmarks/curves/real.py --data ../shared/data/cifar10_small.npz --setting scheduled --seeds 3 [--out FILE]

headstock (freeze-thaw, its default), Ax (every trial trained to its end) and Optuna (TPE with its Hyperband pruner),
each in its own environment and process, one thread, one trial at a time, at most `TRAININGS` times the epochs of a
training. Six hyper-parameters, 1,000 images to measure on; the settings say the rest. Time counts from the first
suggestion to the epoch that reaches the target: seconds on the clock, and of the processor, which other programs of the
machine do not lengthen. What an interrupted comparison has written is not run again. `--search random 0` is what the
target of the steady setting comes from.
"""

import os

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = "1"

import argparse
import json
import math
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final, final

TRAININGS: Final = 25
RANDOM_TRAININGS: Final = 20
MEASURED: Final = 1000

NUMBERS: Final = {
    "lr": ("float", 1e-3, 1.0, True),
    "momentum": ("float", 0.0, 0.99, False),
    "batchsize": ("int", 16, 256, True),
    "weight_decay": ("float", 1e-6, 0.1, True),
    "width": ("int", 8, 32, True),
    "dropout": ("float", 0.0, 0.5, False),
}
METHODS: Final = {"headstock": None, "ax": "ax", "optuna": "optuna"}


@final
@dataclass(frozen=True)
class Setting:
    """What is trained, and how far.

    Args:
        epochs: of a whole training.
        images: how many there are to train on.
        falling: whether the learning rate falls to 0, along a cosine.
        target: the accuracy at which a search ends, fixed before any was run.
    """

    epochs: int
    images: int
    falling: bool
    target: float


SETTINGS: Final = {
    # Twelve trainings at random had reached 0.525 at best.
    "scheduled": Setting(epochs=12, images=4000, falling=True, target=0.56),
    # What the best of twenty trainings at random reached.
    "steady": Setting(epochs=25, images=2000, falling=False, target=0.502),
}


class Reached(BaseException):
    """The target, or the end of the budget: no library is to take it for a failure of the trial."""


class Account:
    """What was reached when.

    Args:
        setting: what is trained; its target ends the search.
    """

    def __init__(self, setting: Setting) -> None:
        self.setting, self.began = setting, (time.perf_counter(), time.process_time())
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
        if accuracy >= self.setting.target or self.epochs >= TRAININGS * self.setting.epochs:
            raise Reached

    def line(self) -> dict[str, Any]:
        """What it took."""
        wall, cpu = time.perf_counter() - self.began[0], time.process_time() - self.began[1]
        return {
            "reached": self.best >= self.setting.target,
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
        setting: for how long it is, and whether its learning rate falls.
        data: images and labels to train on and to measure on.
    """

    def __init__(self, parameters: Mapping[str, Any], setting: Setting, data: tuple[Any, ...]) -> None:
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
        schedules = torch.optim.lr_scheduler
        self.schedule = (
            schedules.CosineAnnealingLR(self.optimizer, setting.epochs)
            if setting.falling
            else schedules.ConstantLR(self.optimizer, factor=1.0)
        )

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
            return int((self.network(measured_x).argmax(1) == measured_y).sum()) / MEASURED


def images(path: Path, count: int) -> tuple[Any, ...]:
    """Normalised images and labels: so many to train on, 1,000 to measure on, none of them from the test set."""
    import numpy as np
    import torch

    stored = np.load(path)
    order = np.random.default_rng(0).permutation(len(stored["y_train"]))[: count + MEASURED]
    x = torch.from_numpy(stored["x_train"][order]).float().permute(0, 3, 1, 2) / 255.0
    y = torch.from_numpy(stored["y_train"][order]).long()
    x = (x - x.mean((0, 2, 3), keepdim=True)) / x.std((0, 2, 3), keepdim=True)
    return x[:count], y[:count], x[count:], y[count:]


def headstock_search(account: Account, data: tuple[Any, ...], seed: int, *, at_random: bool = False) -> None:
    """Freeze-thaw, as anybody gets it who attaches the state; or trainings at random, to their ends."""
    import headstock as hs

    kinds = {"float": hs.Float, "int": hs.Int}
    space = hs.Space({name: kinds[kind](low, high, log=log) for name, (kind, low, high, log) in NUMBERS.items()})

    def train(trial: hs.Trial) -> None:
        training = Training(trial.parameters, account.setting, data)
        trial.attach(model=training.network, optimizer=training.optimizer, schedule=training.schedule)
        for _ in trial.steps(account.setting.epochs):
            accuracy = training.epoch()
            trial.report(accuracy=accuracy)
            account.enter(trial.index, accuracy)

    chosen = {"sampler": hs.Random(), "scheduler": hs.FullTraining()} if at_random else {}
    experiment = hs.Experiment("real", space, maximize="accuracy", seed=seed, **chosen)
    trainings = RANDOM_TRAININGS if at_random else TRAININGS
    experiment.run(train, budget=hs.Budget(steps=trainings * account.setting.epochs), progress=False)


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
        training, accuracy = Training(parameters, account.setting, data), 0.0
        for _ in range(account.setting.epochs):
            accuracy = training.epoch()
            account.enter(index, accuracy)
        client.complete_trial(index, {"accuracy": accuracy})


def optuna_search(account: Account, data: tuple[Any, ...], seed: int) -> None:
    """TPE and the Hyperband pruner."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    pruner = optuna.pruners.HyperbandPruner(min_resource=1, max_resource=account.setting.epochs)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed), pruner=pruner)

    def objective(trial: optuna.Trial) -> float:
        suggest = {"float": trial.suggest_float, "int": trial.suggest_int}
        parameters = {n: suggest[kind](n, low, high, log=log) for n, (kind, low, high, log) in NUMBERS.items()}
        training, accuracy = Training(parameters, account.setting, data), 0.0
        for epoch in range(1, account.setting.epochs + 1):
            accuracy = training.epoch()
            account.enter(trial.number, accuracy)
            trial.report(accuracy, epoch)
            if trial.should_prune():
                raise optuna.TrialPruned
        return accuracy

    study.optimize(objective)


def search(method: str, seed: int, name: str, path: Path) -> None:
    """One search in this process; its line is printed."""
    import torch

    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    setting = SETTINGS[name]
    account = Account(setting if method in METHODS else replace(setting, target=math.inf))
    at_random = partial(headstock_search, at_random=True)
    of = {"headstock": headstock_search, "ax": ax_search, "optuna": optuna_search, "random": at_random}
    data = images(path, setting.images)
    with suppress(Reached):
        of[method](account, data, seed)
    print(json.dumps({"method": method, "seed": seed, "setting": name, **account.line()}))


def searches(seeds: int, setting: str, data: Path, done: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """A line for each search that was not done."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "regret"))
    from install_peers import interpreter

    known = {(run["method"], run["seed"], run["setting"]) for run in done}
    for seed in range(seeds):
        for method, environment in METHODS.items():
            if (method, seed, setting) in known:
                continue
            python = sys.executable if environment is None else str(interpreter(environment))
            command = [python, __file__, "--search", method, str(seed), "--setting", setting, "--data", str(data)]
            finished = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            yield json.loads(finished.stdout.splitlines()[-1])


def main() -> None:
    """Run what is missing, and print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="an .npz with x_train and y_train")
    parser.add_argument("--setting", choices=SETTINGS, default="scheduled")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("real.jsonl"))
    parser.add_argument("--search", nargs=2, metavar=("METHOD", "SEED"), help="one search only")
    options = parser.parse_args()
    if not options.data.exists():
        raise SystemExit(f"{options.data} is missing: give CIFAR-10 as an .npz with x_train and y_train.")
    if options.search:
        search(options.search[0], int(options.search[1]), options.setting, options.data)
        return
    runs = [json.loads(line) for line in options.out.read_text().splitlines()] if options.out.exists() else []
    with options.out.open("a", encoding="utf-8") as lines:
        for run in searches(options.seeds, options.setting, options.data, runs):
            print(json.dumps(run), file=lines, flush=True)
            runs.append(run)
    print(f"to {SETTINGS[options.setting].target:.1%} accuracy: medians over {options.seeds} seeds")
    for method in METHODS:
        own = [run for run in runs if run["method"] == method and run["setting"] == options.setting]
        medians = {key: statistics.median(run[key] for run in own) for key in ("wall", "cpu", "epochs", "trials")}
        reached = sum(run["reached"] for run in own)
        print(
            f"{method:>10}: {medians['wall']:7.0f} s, {medians['cpu']:7.0f} s CPU, {medians['epochs']:4.0f} epochs, "
            f"{medians['trials']:3.0f} trials, reached in {reached} of {len(own)}"
        )


if __name__ == "__main__":
    main()
