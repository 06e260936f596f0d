"""Signals are raised in this very process, at a line that is known."""

import signal
import threading
from collections.abc import Iterator
from functools import partial
from typing import NoReturn

import pytest

from headstock.interrupts import held, let_in

interrupt = partial(signal.raise_signal, signal.SIGINT)


@pytest.fixture(autouse=True)
def answers_stay() -> Iterator[None]:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    yield
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


@pytest.fixture
def done() -> list[str]:
    return []


def test_what_is_begun_is_ended_before_an_interruption(done: list[str]):
    def begun() -> None:
        with held():
            interrupt()
            with held():
                interrupt()
            done.append("all")

    with pytest.raises(KeyboardInterrupt):
        begun()
    assert done == ["all"]


def test_it_is_let_in_where_it_can_do_no_harm(done: list[str]):
    def waited_for() -> None:
        with let_in():
            done.append("in between")
            interrupt()
            done.append("too late")

    with held():
        with pytest.raises(KeyboardInterrupt):
            waited_for()
        assert done == ["in between"]
        interrupt()
        with pytest.raises(KeyboardInterrupt):
            waited_for()
        assert done == ["in between"]


def test_what_is_held_within_what_is_let_in_ends_first(done: list[str]):
    def answered() -> None:
        with let_in():
            with held():
                interrupt()
                done.append("all")
            done.append("too late")

    with held(), pytest.raises(KeyboardInterrupt):
        answered()
    assert done == ["all"]


def test_it_comes_though_what_was_begun_fails():
    def fails() -> NoReturn:
        with held():
            interrupt()
            raise ValueError("half done")

    with pytest.raises(KeyboardInterrupt) as caught:
        fails()
    assert isinstance(caught.value.__context__, ValueError)


def test_the_third_is_answered_at_once(done: list[str]):
    def insisted() -> None:
        with held():
            for number in ("first", "second", "third"):
                interrupt()
                done.append(number)

    with pytest.raises(KeyboardInterrupt):
        insisted()
    assert done == ["first", "second"]


def test_each_signal_is_answered_as_the_program_wants_it():
    heard: list[int] = []

    def both() -> None:
        with held():
            interrupt()
            signal.raise_signal(signal.SIGTERM)
            assert heard == []

    before = signal.signal(signal.SIGTERM, lambda number, _: heard.append(number))
    try:
        with pytest.raises(KeyboardInterrupt):
            both()
        assert heard == [signal.SIGTERM]
    finally:
        signal.signal(signal.SIGTERM, before)


def test_an_answer_that_is_put_in_place_meanwhile_stays():
    def own(number: int, _: object) -> None: ...

    before = signal.getsignal(signal.SIGINT)
    try:
        with held(), let_in():
            signal.signal(signal.SIGINT, own)
        assert signal.getsignal(signal.SIGINT) is own
    finally:
        signal.signal(signal.SIGINT, before)


def test_other_threads_hold_nothing_back():
    seen = []

    def work() -> None:
        with held(), let_in():
            seen.append(signal.getsignal(signal.SIGINT))

    other = threading.Thread(target=work)
    other.start()
    other.join()
    assert seen == [signal.getsignal(signal.SIGINT)]
