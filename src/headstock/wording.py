"""Numbers and values in the words of every text that people read: terminal, plots, reports."""

from collections.abc import Sequence
from typing import Final

BLOCKS: Final = "▁▂▃▄▅▆▇█"

LONGEST_GIVEN: Final = 200
"""How many characters of what somebody gave a message repeats."""


def number(value: float) -> str:
    """A number in four significant digits."""
    return f"{value:.4g}"


def value(given: object) -> str:
    """A parameter's value."""
    return number(given) if isinstance(given, float) else str(given)


def given(value: object) -> str:
    """What somebody gave, as in Python, for a message; of what would fill lines, such as 10**400, the beginning."""
    try:
        text = repr(value)
    except ValueError:  # Python does not write whole numbers of thousands of digits
        return "a number of thousands of digits"
    return text if len(text) <= LONGEST_GIVEN else f"{text[:20]}... ({len(text)} characters)"


def whole(value: object, least: int, most: int) -> str:
    """What to give in place of a value that is no whole number from `least` to `most`."""
    is_larger = isinstance(value, int) and not isinstance(value, bool) and value > least
    return f"give a whole number of at most {most:,}" if is_larger else f"give a whole number of at least {least}"


def measured(mean: float, sem: float | None) -> str:
    """A mean with its standard error, where that is known."""
    return number(mean) if sem is None else f"{number(mean)} ± {sem:.2g}"


def size(count: int) -> str:
    """How many bytes, in the unit that suits it."""
    units = ("bytes", "kB", "MB", "GB", "TB")
    power = min(len(units) - 1, (len(str(count)) - 1) // 3)
    return f"{count / 1000**power:.3g} {units[power]}"


def sparkline(values: Sequence[float], width: int = 40) -> str:
    """Values as a row of bars from the lowest to the highest, at most `width` of them; of each group the last one."""
    groups = min(width, len(values))
    last = [values[(i + 1) * len(values) // groups - 1] for i in range(groups)]
    low, high = min(last, default=0.0), max(last, default=0.0)
    scale = (len(BLOCKS) - 1) / (high - low) if high > low else 0.0
    return "".join(BLOCKS[round((value - low) * scale)] for value in last)


def harmless(text: str) -> str:
    """The text with characters that a terminal would obey, or that would reorder the line, as escapes."""
    return "".join(char if char.isprintable() or char == "\t" else _escape(char) for char in text)


def _escape(char: str) -> str:
    return char.encode("unicode_escape").decode()
