"""Numbers and values in the words of every text that people read: terminal, plots, reports."""

from collections.abc import Sequence
from typing import Final

BLOCKS: Final = "▁▂▃▄▅▆▇█"


def number(value: float) -> str:
    """A number in four significant digits."""
    return f"{value:.4g}"


def value(given: object) -> str:
    """A parameter's value."""
    return number(given) if isinstance(given, float) else str(given)


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
