"""What a signal that has ended a process says about it."""

import signal
from typing import Final

FAULTS: Final = frozenset({signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL})
"""Signals that a process owes to what it did itself, and would do again."""


def killed_by(number: int) -> str:
    """In words what has ended a process."""
    name = signal.Signals(number).name if number in signal.valid_signals() else f"signal {number}"
    hint = ", as the system does when there is no memory left" if number == signal.SIGKILL else ""
    return f"killed by {name}{hint}"


def is_from_outside(number: int) -> bool:
    """Whether a process that the signal has ended may fare better another time."""
    return number not in FAULTS
