"""What runs a task: this process, others, or any command as a process of its own."""

from collections.abc import Iterable

from headstock.errors import ExecutorError
from headstock.executors.base import Executor, MakeExecutor, Work
from headstock.executors.inline import Inline
from headstock.wording import given


def executor_of(
    work: Work,
    *,
    workers: int | None = None,
    gpus: str | Iterable[int | str] | None = None,
    gpus_per_trial: float | None = None,
    timeout: float | None = None,
    executor: MakeExecutor | None = None,
) -> Executor:
    """What is given, else a process for each worker, or for each that the GPUs have room for, else this process.

    Raises:
        ExecutorError: if a number makes no sense, there are no such GPUs, the work cannot be handed over, or
            there is a time-out and no process.
    """
    if executor is not None:
        if gpus is not None or gpus_per_trial is not None:
            raise ExecutorError(f"gpus={gpus!r} are this machine's. Say resources={{'GPU': 1}} to the executor.")
        return executor(work, workers, timeout)
    if workers is None and gpus is None and gpus_per_trial is None:
        if timeout is not None:
            raise ExecutorError(
                f"timeout={given(timeout)} ends the process of a trial, but this run has none: give workers=1 too."
            )
        return Inline(work)
    from headstock.executors.gpus import slots  # they load subprocess and multiprocessing
    from headstock.executors.process import Processes

    return Processes.of(work, slots(workers, gpus, gpus_per_trial), timeout)
