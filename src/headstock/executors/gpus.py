"""GPU slots: what each process for trials has in its environment, so that no GPU serves more trials than it may.

A process keeps its slot for life: PyTorch reads `CUDA_VISIBLE_DEVICES` once, when it first looks for a GPU.
"""

import math
import os
import re
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from headstock.errors import ExecutorError
from headstock.scalars import MOST_AT_ONCE, is_number, is_whole, native
from headstock.wording import given, whole

Environment = Mapping[str, str]
"""Environment variables that a process has besides those of this one."""

VARIABLE: Final = "CUDA_VISIBLE_DEVICES"
"""The environment variable with the GPUs that a process sees."""

ALL: Final = "all"
"""What to give for every GPU that there is."""

_LISTED: Final = re.compile(r"^(?P<part> *)(?:GPU|MIG) .*\(UUID: (?P<id>[\w-]+)\)", re.MULTILINE)


def slots(
    workers: int | None = None,
    gpus: str | Iterable[int | str] | None = None,
    gpus_per_trial: float | None = None,
    environment: Mapping[str, str] = os.environ,
) -> tuple[Environment, ...]:
    """What each of the processes for trials has in its environment.

    Args:
        workers: how many processes there are; as many as the GPUs have room for, if left out.
        gpus: the GPUs, by number or UUID, or "all". Where this process sees only some, numbers count those, as
            PyTorch does. None if trials need none, or share what there is.
        gpus_per_trial: how many of them a trial has: a whole number, or 0.5 for two trials on each; 1 if left out.
        environment: the environment variables of this process.

    Raises:
        ExecutorError: if a number makes no sense, there are no such GPUs, or they have no room for so many processes.
    """
    if workers is not None and not is_whole(workers, 1, MOST_AT_ONCE):
        raise ExecutorError(f"workers={given(workers)}: {whole(workers, 1, MOST_AT_ONCE)}.")
    if gpus is None:
        if gpus_per_trial is not None:
            raise ExecutorError(
                f"gpus_per_trial={given(gpus_per_trial)}, but no GPUs are given. Add gpus=, such as 'all'."
            )
        return ({},) * (workers or 1)
    found = _shared_out(_visible(gpus, environment), 1 if gpus_per_trial is None else gpus_per_trial)
    if workers is not None and workers > len(found):
        raise ExecutorError(
            f"workers={workers}, but the GPUs have room for {len(found)} trials at once. Leave workers out, or "
            f"give each trial less with gpus_per_trial=0.5."
        )
    return tuple({VARIABLE: ids} for ids in found[:workers])


def _shared_out(ids: Sequence[str], per_trial: float) -> Sequence[str]:
    """The GPUs of each slot; trials are spread over them before two share one. GPUs too few for a slot are left."""
    if not is_number(per_trial) or not (1 / MOST_AT_ONCE <= per_trial < 1 or (per_trial >= 1 and per_trial % 1 == 0)):
        raise ExecutorError(f"gpus_per_trial={given(per_trial)}: give a whole number, or a share such as 0.5.")
    if per_trial < 1:
        return list(ids) * math.floor(1 / per_trial + 1e-9)
    size = int(per_trial)
    if size > len(ids):
        raise ExecutorError(f"gpus_per_trial={given(per_trial)}, but there are only {len(ids)} GPUs: {', '.join(ids)}.")
    return [",".join(ids[first : first + size]) for first in range(0, len(ids) - size + 1, size)]


def _visible(gpus: str | Iterable[int | str], environment: Mapping[str, str]) -> Sequence[str]:
    """The ids of the GPUs that are meant, as the driver knows them."""
    mine = None if VARIABLE not in environment else [id_ for id_ in _split(environment[VARIABLE]) if id_ != "-1"]
    if gpus == ALL:
        found = _listed() if mine is None else mine
        if not found:
            why = f"{VARIABLE} is {environment[VARIABLE]!r}" if mine is not None else "nvidia-smi -L lists none"
            raise ExecutorError(f"There are no GPUs here: {why}. Name them with gpus=[0, 1], or leave gpus out.")
        return found
    asked = _split(gpus) if isinstance(gpus, str) else list(gpus) if isinstance(gpus, Iterable) else []
    numbers = [id_ for id_ in asked if not isinstance(id_, str)]
    ids = [str(id_).strip() for id_ in asked] if all(is_whole(native(number), 0) for number in numbers) else []
    if not ids or not all(ids) or len(set(ids)) < len(ids):
        raise ExecutorError(f"gpus={given(gpus)}: give each GPU once, by its number or UUID, or write 'all'.")
    return [_meant(id_, mine) for id_ in ids]


def _meant(id_: str, mine: Sequence[str] | None) -> str:
    if mine is None or not id_.isdecimal():
        return id_
    if int(id_) >= len(mine):
        raise ExecutorError(
            f"There is no GPU {id_} here: {VARIABLE} lets this process see {len(mine)}, counted from 0."
        )
    return mine[int(id_)]


def _split(text: str) -> list[str]:
    return [id_.strip() for id_ in text.split(",") if id_.strip()]


def _listed() -> Sequence[str]:
    """The UUIDs of the GPUs of this machine; of one that is divided, those of its parts."""
    try:
        done = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=True, timeout=60)  # noqa: S607 - wherever the driver has put it
    except (OSError, subprocess.SubprocessError):
        return []
    found: list[str] = []
    whole = False
    for line in _LISTED.finditer(done.stdout):
        if line["part"] and whole:
            found.pop()
        found.append(line["id"])
        whole = not line["part"]
    return found
