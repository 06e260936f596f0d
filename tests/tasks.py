"""Training functions for processes: found by their names from there."""

import ctypes
import os
import signal
import subprocess
import sys
import time

import psutil

import headstock as hs


def climb(trial: hs.Trial) -> None:
    """Six steps with a state; the process of trial 1 dies in its third step, the first time."""
    state = {"total": 0.0}
    trial.attach(state=state)
    marker = trial.directory / "died"
    for step in trial.steps(6):
        state["total"] += trial.parameters["x"]
        if (trial.index, step) == (1, 3) and not marker.exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        trial.report(score=state["total"], pid=os.getpid())


def crash(trial: hs.Trial) -> float:
    """Ways to die, at every third trial: whoever is quick, not half of those that ended have failed."""
    match trial.index:
        case 0:
            ctypes.string_at(0)  # a segmentation fault
        case 3:
            os._exit(3)
        case 6:
            sys.exit("no such option")
        case 9:
            raise ValueError("bad luck")
        case 12:
            os.kill(os.getpid(), signal.SIGKILL)
    return trial.parameters["x"]


def leave_children(trial: hs.Trial) -> float:
    """Starts a program of its own, and dies."""
    child = subprocess.Popen(["sleep", "600"], start_new_session=True)
    (trial.directory / "child").write_text(str(child.pid))
    os._exit(1)


def slow_climb(trial: hs.Trial) -> None:
    """Many steps, each saved as soon as it was reported, and printed."""
    state = {"total": 0.0}
    trial.attach(state=state)
    for step in trial.steps(8):
        state["total"] += trial.parameters["x"]
        trial.report(score=state["total"])
        trial.keeper.save(step + 1)
        print(f"{trial.index} {step + 1}", flush=True)  # noqa: T201 - the test reads it


def take_gpus(trial: hs.Trial) -> float:
    """Fails if another living process has one of its GPUs; every third trial dies while it has them, in two ways."""
    folder = trial.directory.parents[1]
    for gpu in os.environ["CUDA_VISIBLE_DEVICES"].split(","):
        taken = folder / f"gpu-{gpu}"
        before = int(taken.read_text()) if taken.exists() else None
        if before not in (None, os.getpid()) and psutil.pid_exists(before):
            raise ValueError(f"GPU {gpu} is taken by {before}")
        taken.write_text(str(os.getpid()))
    marker = trial.directory / "died"
    if trial.index % 3 == 0 and not marker.exists():
        marker.touch()
        os._exit(3) if trial.index % 2 else os.kill(os.getpid(), signal.SIGKILL)
    trial.report(score=0.0, gpus=float(len(os.environ["CUDA_VISIBLE_DEVICES"].split(","))))
    return trial.parameters["x"]


def hang(trial: hs.Trial) -> float:
    """Starts a program of its own, and waits for ever; clears up when it is asked to end."""
    child = subprocess.Popen(["sleep", "600"], start_new_session=True)
    (trial.directory / "child").write_text(str(child.pid))
    try:
        trial.report(score=0.0)
        while True:
            time.sleep(60)
    finally:
        (trial.directory / "cleared").touch()


def end_once(trial: hs.Trial) -> float:
    """Is asked to end from outside, the first time."""
    marker = trial.directory / "asked"
    if not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(600)
    return trial.parameters["x"]


def wait_in_the_middle(trial: hs.Trial) -> None:
    """Four steps, each saved at once; before the third it waits to be killed, unless it was killed before."""
    state = {"total": 0.0}
    trial.attach(state=state)
    for step in trial.steps(4):
        if step == 2 and not trial.record.attempt:
            trial.report(waits=os.getpid())
            time.sleep(1000)
        state["total"] += 1.0
        trial.report(score=state["total"], pid=os.getpid())
        trial.keeper.save(step + 1)


def count_gpus(_: hs.Trial) -> float:
    """How many GPUs it sees."""
    return float(len(os.environ["CUDA_VISIBLE_DEVICES"].split(",")))
