"""How a script says its results: in what it prints, and in files that it writes.

{"accuracy": 0.93, "loss": 0.2}     a line of JSON; further numbers are kept as well
accuracy=0.93   accuracy: 0.93      in any line; case does not matter, 9834/10000 is a share, the last one counts
Acc ([0-9.]+)                       whatever a regular expression finds, if one is given
a file of JSON                      read after the script's end
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, final

from headstock.errors import CommandError
from headstock.scalars import is_number

MOST_METRICS: Final = 50
"""How many metrics one line of JSON may have."""

LARGEST_FILE: Final = 2**20
"""How many bytes a file of results may have."""

_NUMBER: Final = r"[-+]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|nan|inf(?:inity)?)"
_PLAIN: Final = r"(?<![\w-]){name}[\"']?\s*[=:]\s*(?P<value>{number})(?:\s*/\s*(?P<total>\d+))?(?![\w./])"
_COUNTERS: Final = frozenset({"step", "epoch", "iteration", "trial"})
"""What counts, and does not measure."""

Value = float | tuple[float, float]
"""A number, or a mean and its standard error."""


@final
@dataclass(frozen=True, slots=True)
class Listener:
    """Finds metrics in lines.

    Args:
        metrics: the metrics to find, the objective first.
        patterns: a regular expression for each metric that has one; its first group is the number.

    Raises:
        CommandError: if a pattern is of another metric, or is none.
    """

    metrics: Sequence[str]
    patterns: Mapping[str, str] = field(default_factory=dict)
    _compiled: Mapping[str, re.Pattern[str]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Compile the patterns."""
        compiled = {}
        for metric, pattern in self.patterns.items():
            if metric not in self.metrics:
                raise CommandError(
                    f"There is a pattern for {metric!r}, but the metrics are {', '.join(map(repr, self.metrics))}."
                )
            try:
                compiled[metric] = re.compile(pattern)
            except re.error as error:
                raise CommandError(f"The pattern {pattern!r} of {metric!r} cannot be read: {error}.") from None
        for metric in self.metrics:
            plain = _PLAIN.format(name=re.escape(metric), number=_NUMBER)
            compiled.setdefault(metric, re.compile(plain, re.IGNORECASE))
        object.__setattr__(self, "_compiled", compiled)

    def hear(self, line: str) -> dict[str, Value]:
        """The metrics in a line; empty if there are none. A value may be infinite or not a number."""
        line = line.strip()
        if line.startswith("{") and line.endswith("}"):
            found = _from_json(line)
            if any(metric in found for metric in self.metrics):
                return found
        values = {metric: self._value(metric, line) for metric in self.metrics}
        return {metric: value for metric, value in values.items() if value is not None}

    def _value(self, metric: str, line: str) -> float | None:
        value = None
        for match in self._compiled[metric].finditer(line):
            if metric in self.patterns:
                value = _float(match[1] if match.re.groups else match[0])
            else:
                total = match["total"]
                value = float(match["value"]) / float(total) if total and float(total) else float(match["value"])
        return value


def read_file(path: Path, metrics: Sequence[str]) -> dict[str, Value]:
    """The metrics in a file of JSON.

    Raises:
        CommandError: if it is not there, too large, no JSON of numbers, or has none of the metrics.
    """
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise CommandError(f"The script left no results: {error}. Let it write {path}.") from None
    found = _from_json(data.decode("utf-8", "replace")) if len(data) <= LARGEST_FILE else {}
    if not any(metric in found for metric in metrics):
        raise CommandError(f"{path} has no {metrics[0]!r}. Let the script write one JSON object of numbers into it.")
    return found


def can_be_kept(value: Value) -> bool:
    """Whether a value can be kept."""
    return all(map(math.isfinite, value if isinstance(value, tuple) else (value,)))


def _from_json(text: str) -> dict[str, Value]:
    """The numbers in a JSON object; empty if it is none."""
    try:
        stored = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(stored, dict):
        return {}
    values = {name: _json_value(value) for name, value in stored.items() if name not in _COUNTERS and name.strip()}
    return dict([(name, value) for name, value in values.items() if value is not None][:MOST_METRICS])


def _json_value(value: Any) -> Value | None:
    """A number, or a pair of mean and standard error; None for anything else."""
    if isinstance(value, list) and len(value) == 2 and all(map(is_number, value)):
        return _float(value[0]), _float(value[1])
    return _float(value) if is_number(value) else None


def _float(value: Any) -> float:
    """The value as a float; NaN for what is none."""
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan
