"""Trainings of several processes, for tests."""

import json
import random
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import distributed, multiprocessing

import headstock as hs


def train(trial: hs.Trial) -> None:
    """Four steps on each rank; rank 1 gains twice as much as rank 0, and the mean of both is reported by all."""
    rank = distributed.get_rank()
    total = torch.zeros(1)
    trial.attach(total=total)
    for step in trial.steps(4):
        mean = torch.tensor([trial.parameters["lr"] * (1 + rank)])
        distributed.all_reduce(mean)
        total += mean / 2
        with Path(f"{trial.index}-{rank}").open("a") as file:
            file.write(f"{step} {trial.parameters['lr']} {trial.seed}\n")
        trial.report(score=total.item())


def drawn(seed: int, steps: int) -> list[list[float]]:
    """What each step draws of the three sources of random numbers."""
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - the global generator is what is restored
    torch.manual_seed(seed)
    return [draw() for _ in range(steps)]


def draw() -> list[float]:
    """A number of each source."""
    return [random.random(), np.random.random(), torch.rand(1).item()]  # noqa: NPY002


def _draw(trial: hs.Trial) -> None:
    rank = distributed.get_rank()
    drawn(trial.seed % 1000 + rank, 0)
    trial.attach(state=[0])
    for _ in trial.steps(4):
        with Path(f"{trial.index}-{rank}").open("a") as file:
            file.write(f"{json.dumps(draw())}\n")
        trial.report(score=trial.parameters["lr"])


def spawn_and_draw(trial: hs.Trial) -> None:
    """Two processes draw random numbers, each its own."""
    with tempfile.TemporaryDirectory() as folder:
        multiprocessing.spawn(_as_rank, (_draw, trial, f"{folder}/store"), nprocs=2)


def _as_rank(rank: int, training: Callable[[hs.Trial], None], trial: hs.Trial, store: str) -> None:
    distributed.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=2)
    try:
        training(trial)
    finally:
        distributed.destroy_process_group()


def _fail_as(rank: int, trial: hs.Trial, store: str) -> None:
    if rank == 1:
        raise ValueError(f"rank {rank} has bad luck with {trial.index} and {store}")


def spawn(trial: hs.Trial) -> None:
    """Two processes train a trial."""
    with tempfile.TemporaryDirectory() as folder:
        multiprocessing.spawn(_as_rank, (train, trial, f"{folder}/store"), nprocs=2)


def spawn_and_fail(trial: hs.Trial) -> None:
    """Two processes, of which one fails."""
    multiprocessing.spawn(_fail_as, (trial, ""), nprocs=2)
