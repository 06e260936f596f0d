"""Why trials fail, and where in the space they do."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

import numpy as np
from jaxtyping import Bool, Float64

from headstock.history import History
from headstock.parameters import Choice, Fixed, Value
from headstock.trial import TrialRecord, TrialState
from headstock.wording import value as worded

SIGNIFICANT: Final = 0.05
MOST_SPLITS: Final = 32
MOST_TRIALS: Final = 5_000
BINS: Final = 8
FINISHED: Final = frozenset({TrialState.FAILED, TrialState.COMPLETED, TrialState.STOPPED})
"""The states of trials that failed or gave a result."""

_VARIABLE: Final = re.compile(r"0x[0-9a-fA-F]+|\d+(\.\d+)?([eE][+-]?\d+)?")


@final
@dataclass(frozen=True, slots=True)
class Cause:
    """A reason that trials gave for failing.

    Args:
        error: the error of the newest such trial, in one line.
        trials: the trials that failed like this, by index.
    """

    error: str
    trials: tuple[int, ...]


@final
@dataclass(frozen=True, slots=True)
class Hazard:
    """A part of the space in which trials fail more often than elsewhere.

    Args:
        parameter: the parameter that tells the part from the rest.
        where: the part in words, such as "lr > 0.1".
        failed: how many trials failed inside.
        inside: how many trials finished inside.
        failed_elsewhere: how many failed outside.
        elsewhere: how many finished outside.
        p_value: how often chance alone would make a difference as large, over all the splits that were tried.
    """

    parameter: str
    where: str
    failed: int
    inside: int
    failed_elsewhere: int
    elsewhere: int
    p_value: float


@final
@dataclass(frozen=True, slots=True)
class Failures:
    """What is known about the trials that failed.

    Args:
        failed: how many failed.
        finished: how many failed or gave a result.
        causes: the reasons, the most frequent first.
        hazards: for each parameter at most one part of the space where failures are frequent, the surest first.
    """

    failed: int
    finished: int
    causes: tuple[Cause, ...]
    hazards: tuple[Hazard, ...]


@final
@dataclass(frozen=True, slots=True)
class Part:
    """A part of a parameter's range, or a category, with how often trials failed there.

    Args:
        low: its lower end on the parameter's axis; the category's position less one half.
        middle: its middle on the parameter's scale.
        high: its upper end.
        finished: how many trials failed or gave a result there.
        failed: how many of them failed for each of the causes, in their order.
    """

    low: float
    middle: float
    high: float
    finished: int
    failed: tuple[int, ...]


def failed_along(history: History, name: str, causes: Sequence[Cause], *, bins: int = BINS) -> tuple[Part, ...]:
    """How often trials failed in equal parts of a parameter's range, on its scale, or in each category.

    Args:
        history: the experiment.
        name: the parameter.
        causes: the causes that are told apart.
        bins: into how many parts a range is divided.
    """
    parameter = history.space[name]
    done = [t for t in history if t.state in FINISHED and name in t.parameters]
    if not done or isinstance(parameter, Fixed):
        return ()
    if isinstance(parameter, Choice):
        places = np.array([float(parameter.index(name, t.parameters[name])) for t in done])
        ends = np.arange(2 * len(parameter.values) + 1) / 2 - 0.5
    else:
        places = np.array([t.parameters[name] for t in done], dtype=float)
        spaced = np.geomspace if parameter.log else np.linspace
        ends = spaced(parameter.low, parameter.high, 2 * bins + 1)
    edges, middles = ends[::2], ends[1::2]
    of_cause = {index: c for c, cause in enumerate(causes) for index in cause.trials}
    rows = np.clip(np.searchsorted(edges, places, side="right") - 1, 0, len(edges) - 2)
    parts = []
    for b, middle in enumerate(middles.tolist()):
        inside = [t for t, row in zip(done, rows, strict=True) if row == b]
        counts = Counter(of_cause[t.index] for t in inside if t.index in of_cause)
        of_each = tuple(counts[c] for c in range(len(causes)))
        parts.append(Part(float(edges[b]), middle, float(edges[b + 1]), len(inside), of_each))
    return tuple(parts)


def failures(history: History) -> Failures:
    """Group the failures by their reasons, and find for each parameter the split that tells them best from the rest.

    A split of a number is between two neighbouring values, of a category between it and all others. Its p-value is that
    of Fisher's exact test, one-sided, multiplied by the number of splits tried (Bonferroni); of very many trials the
    newest 5,000 are looked at.
    """
    done = [t for t in history if t.state in FINISHED]
    latest = done[-MOST_TRIALS:]
    bad = np.array([t.state is TrialState.FAILED for t in latest], dtype=bool)
    hazards = []
    if 0 < bad.sum() < len(bad):
        for name in history.space.searched:
            hazard = _hazard(history, name, latest, bad)
            if hazard is not None and hazard.p_value < SIGNIFICANT / len(history.space.searched):
                hazards.append(hazard)
    hazards.sort(key=lambda hazard: hazard.p_value)
    return Failures(len(history.failed), len(done), _causes(history.failed), tuple(hazards))


def _causes(failed: tuple[TrialRecord, ...]) -> tuple[Cause, ...]:
    """Errors that differ in numbers and addresses only are one."""
    alike: dict[str, list[TrialRecord]] = {}
    for trial in failed:
        alike.setdefault(_VARIABLE.sub("#", trial.error or "no reason given"), []).append(trial)
    causes = [Cause(ts[-1].error or "no reason given", tuple(t.index for t in ts)) for ts in alike.values()]
    return tuple(sorted(causes, key=lambda cause: -len(cause.trials)))


def _hazard(history: History, name: str, trials: list[TrialRecord], bad: Bool[np.ndarray, " n"]) -> Hazard | None:
    """The split of one parameter with the smallest p-value; None if there is nothing to split."""
    from scipy.stats import fisher_exact  # takes half a second to load

    parts = _parts(history, name, trials)
    best: Hazard | None = None
    for where, inside in parts:
        failed, total = int(bad[inside].sum()), int(inside.sum())
        elsewhere_failed, elsewhere = int(bad.sum()) - failed, len(bad) - total
        if not total or not elsewhere or failed * elsewhere <= elsewhere_failed * total:
            continue
        table = np.array([[failed, total - failed], [elsewhere_failed, elsewhere - elsewhere_failed]])
        p = min(1.0, float(fisher_exact(table, alternative="greater").pvalue) * len(parts))
        if best is None or p < best.p_value:
            best = Hazard(name, where, failed, total, elsewhere_failed, elsewhere, p)
    return best


def _parts(history: History, name: str, trials: list[TrialRecord]) -> list[tuple[str, Bool[np.ndarray, " n"]]]:
    """Parts of the trials in words, and which trials belong to them."""
    parameter = history.space[name]
    values: list[Value] = [t.parameters.get(name) for t in trials]
    has = np.array([name in t.parameters for t in trials], dtype=bool)
    if isinstance(parameter, Choice | Fixed):
        kinds = Counter(map(repr, (t.parameters[name] for t in trials if name in t.parameters)))
        return [(f"{name} is {kind}", has & np.array([repr(v) == kind for v in values], dtype=bool)) for kind in kinds]
    numbers = np.array([float(v) if isinstance(v, int | float) else np.nan for v in values])
    parts = []
    for split in _splits(numbers[has], log=parameter.log):
        parts.append((f"{name} > {worded(split)}", has & (numbers > split)))
        parts.append((f"{name} < {worded(split)}", has & (numbers <= split)))
    return parts


def _splits(numbers: Float64[np.ndarray, " n"], *, log: bool) -> list[float]:
    """At most 32 values between neighbouring ones, in the middle of them on the parameter's scale."""
    different = np.unique(numbers[np.isfinite(numbers)])
    if len(different) < 2:
        return []
    low, high = different[:-1], different[1:]
    middles = np.sqrt(low * high) if log and low[0] > 0 else 0.5 * (low + high)
    chosen = np.unique(np.linspace(0, len(middles) - 1, min(MOST_SPLITS, len(middles))).astype(int))
    return [float(m) for m in middles[chosen]]
