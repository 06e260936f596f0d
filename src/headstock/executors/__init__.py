"""What runs a task: this process, others, or any command as a process of its own."""

from headstock.executors.base import Executor, Work
from headstock.executors.inline import Inline


def executor_of(work: Work, workers: int | None) -> Executor:
    """So many processes, or this one if it is None.

    Raises:
        ExecutorError: if the number makes no sense, or the work cannot be handed over.
    """
    if workers is None:
        return Inline(work)
    from headstock.executors.process import Processes  # it loads multiprocessing

    return Processes.of(work, workers)
