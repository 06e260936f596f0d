"""Axes in a parameter's own terms: logarithmic where it is searched so, categories as evenly spaced levels."""

import math
from typing import Any, Final

from headstock.parameters import Choice, Fixed, Float, Int, Parameter, Value
from headstock.plots.style import text

LONGEST_LEVEL: Final = 16
MARGIN: Final = 1e-9
MOST_POWERS_OF_TWO: Final = 9
MOST_DECADES: Final = 3.0


def coordinate(parameter: Parameter, value: Value) -> float:
    """Where a value stands on the parameter's axis: a number itself, a category its position."""
    match parameter:
        case Float() | Int():
            return float(value)  # type: ignore[arg-type]  # the space has validated it
        case Choice():
            return float(parameter.index("value", value))
        case Fixed():
            return 0.0


def axis(name: str, parameter: Parameter) -> dict[str, Any]:
    """The plotly axis of a parameter, every property given, so that it can replace any other axis."""
    made: dict[str, Any] = {"title": {"text": text(name)}, "type": "linear", "autorange": False}
    made |= {"tickmode": "auto", "tickvals": None, "ticktext": None}
    match parameter:
        case Float() | Int() if parameter.log:
            # A browser's logarithm may differ in its last digit, and a point past the end of an axis is not drawn.
            low, high = math.log10(parameter.low), math.log10(parameter.high)
            made |= {"type": "log", "range": [low - MARGIN * (high - low), high + MARGIN * (high - low)]}
            made |= ticks(log_ticks(parameter.low, parameter.high))
        case Float() | Int():
            made |= {"range": [parameter.low, parameter.high]}
        case Choice():
            made |= levels([text(v, longest=LONGEST_LEVEL) for v in parameter.values])
        case Fixed():
            made |= levels([text(parameter.value, longest=LONGEST_LEVEL)])
    return made


def levels(labels: list[str]) -> dict[str, Any]:
    """An axis of labelled positions 0, 1, 2 ..."""
    return {
        "tickmode": "array",
        "tickvals": list(range(len(labels))),
        "ticktext": labels,
        "range": [-0.5, len(labels) - 0.5],
    }


def ticks(values: list[float]) -> dict[str, Any]:
    """Ticks at these values; plotly's own where there are too few to read a scale from."""
    if len(values) < 2:
        return {}
    return {"tickmode": "array", "tickvals": values, "ticktext": [tick_label(v) for v in values]}


def tick_label(value: float) -> str:
    """A number without needless digits: 1e-5, 0.01, 256."""
    return f"{value:.4g}".replace("e-0", "e-").replace("e+0", "e")


def linear_ticks(low: float, high: float) -> list[float]:
    """At most eleven round numbers on a linear axis, a multiple of 1, 2 or 5 apart."""
    rough = (high - low) / 10
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [i * step for i in range(first, last + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Round numbers on a logarithmic axis: powers of two between powers of two, else 1-2-5, else powers of ten."""
    twos = (math.log2(low), math.log2(high))
    if all(e.is_integer() for e in twos) and twos[1] - twos[0] < MOST_POWERS_OF_TWO:
        return [2.0**e for e in range(int(twos[0]), int(twos[1]) + 1)]
    decades = math.log10(high / low)
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    step = max(1, round((last - first) / 8))
    multiples = (1.0,) if decades > MOST_DECADES else (1.0, 2.0, 5.0)
    candidates = [m * 10.0**e for e in range(first, last + 1, step) for m in multiples]
    return [t for t in candidates if low * (1 - 1e-9) <= t <= high * (1 + 1e-9)]
