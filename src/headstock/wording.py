"""Numbers and values in the words of every text that people read: terminal, plots, reports."""


def number(value: float) -> str:
    """A number in four significant digits."""
    return f"{value:.4g}"


def value(given: object) -> str:
    """A parameter's value."""
    return number(given) if isinstance(given, float) else str(given)


def measured(mean: float, sem: float | None) -> str:
    """A mean with its standard error, where that is known."""
    return number(mean) if sem is None else f"{number(mean)} ± {sem:.2g}"
