"""Trainings of several processes, for tests."""

import tempfile
from pathlib import Path

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


def _train_as(rank: int, trial: hs.Trial, store: str) -> None:
    distributed.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=2)
    try:
        train(trial)
    finally:
        distributed.destroy_process_group()


def _fail_as(rank: int, trial: hs.Trial, store: str) -> None:
    if rank == 1:
        raise ValueError(f"rank {rank} has bad luck with {trial.index} and {store}")


def spawn(trial: hs.Trial) -> None:
    """Two processes train a trial."""
    with tempfile.TemporaryDirectory() as folder:
        multiprocessing.spawn(_train_as, (trial, f"{folder}/store"), nprocs=2)


def spawn_and_fail(trial: hs.Trial) -> None:
    """Two processes, of which one fails."""
    multiprocessing.spawn(_fail_as, (trial, ""), nprocs=2)
