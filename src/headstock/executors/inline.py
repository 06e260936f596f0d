"""Tasks in this very process, one after the other."""

import random
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, final

import numpy as np

from headstock.executors.base import Finished, Listen, Work
from headstock.interrupts import held, let_in


@final
@dataclass(frozen=True, slots=True)
class Inline:
    """Runs a task while it is waited for; what a task raises comes through.

    Args:
        work: does a task.
    """

    capacity: ClassVar[int] = 1
    work: Work
    _tasks: deque[tuple[int, Any]] = field(default_factory=deque, init=False)

    @property
    def unfinished(self) -> int:
        """How many tasks wait; one that was interrupted is gone."""
        return len(self._tasks)

    def submit(self, number: int, task: Any) -> None:
        """Take a task."""
        self._tasks.append((number, task))

    def wait(self, listen: Listen, seconds: float) -> Sequence[Finished]:  # noqa: ARG002 - it takes as long as it takes
        """Run the next task. What is done about its messages leaves its random numbers alone."""
        if not self._tasks:
            return ()
        number, task = self._tasks.popleft()

        def ask(kind: str, message: Any) -> Any:
            pythons, numpys = random.getstate(), np.random.get_state(legacy=False)  # noqa: NPY002 - the task's
            try:
                with held():
                    return listen(number, kind, message)
            finally:
                random.setstate(pythons)
                np.random.set_state(numpys)  # noqa: NPY002

        with let_in():
            return [Finished(number, self.work(task, ask))]

    def close(self) -> None:
        """There is nothing that runs."""
        self._tasks.clear()
