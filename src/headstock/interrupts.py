"""Ctrl-C and SIGTERM at the right moment: not while something is half done, but as soon as it is whole.

Python raises KeyboardInterrupt between any two instructions, be it within a `finally` that ends a transaction. So what
must not be torn holds signals back, and where it waits for somebody else, or for the user's own code, lets them in. A
signal that comes for the third time while it is held back is answered at once: who insists does not want to wait.
"""

import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Final, final

Answer = Callable[[int, FrameType | None], object]
"""Is called with a signal and the frame that it came in."""

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
_INSISTED: Final = 3


@final
@dataclass(slots=True)
class _Gate:
    """What stands between signals and those who answer them in Python; only the main thread ever gets a signal.

    Args:
        answers: who answers a signal; empty while nobody holds any back.
        kept: how often a signal came that was not answered yet.
        is_shut: whether signals are kept.
    """

    answers: dict[int, Answer] = field(default_factory=dict)
    kept: Counter[int] = field(default_factory=Counter)
    is_shut: bool = False

    def put_up(self) -> None:
        self.answers = {number: answer for number in _SIGNALS if callable(answer := signal.getsignal(number))}
        for number in self.answers:
            signal.signal(number, self.take)

    def take_down(self) -> None:
        answers, self.answers = self.answers, {}
        for number, answer in answers.items():
            if signal.getsignal(number) == self.take:  # else the user's code has put another there
                signal.signal(number, answer)

    def take(self, number: int, frame: FrameType | None) -> None:
        self.kept[number] += 1
        if not self.is_shut or self.kept[number] >= _INSISTED:
            self.hand_on(self.answers, frame)

    def hand_on(self, answers: dict[int, Answer], frame: FrameType | None = None) -> None:
        """Answer all that were kept, though the first answer raises something."""
        while self.kept:
            number, _ = self.kept.popitem()
            try:
                answers[number](number, frame)
            finally:
                self.hand_on(answers, frame)


_gate: Final = _Gate()


@contextmanager
def held() -> Iterator[None]:
    """Hold Ctrl-C and SIGTERM back during the block; what came is answered at its end, or within a `let_in`."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    is_first, was_shut = not _gate.answers, _gate.is_shut
    if is_first:
        _gate.put_up()
    answers = _gate.answers
    _gate.is_shut = True
    try:
        yield
    finally:
        _gate.is_shut = was_shut
        if is_first:
            _gate.take_down()
        if not was_shut:
            _gate.hand_on(answers)


@contextmanager
def let_in() -> Iterator[None]:
    """Let in what is held back, now and during the block."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    was_shut, _gate.is_shut = _gate.is_shut, False
    try:
        _gate.hand_on(_gate.answers)
        yield
    finally:
        _gate.is_shut = was_shut
