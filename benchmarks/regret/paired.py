"""Paired comparisons of searches that differ in one thing: the same problems, the same seeds."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

DRAWS: Final = 2_000
FLOOR: Final = 1e-3
"""Regret below this share of the problem's median regret after the first trial counts as this much: it is found."""


def ratios(runs: Iterable[Mapping[str, Any]], reference: str, after: Sequence[int]) -> str:
    """A table of each arm's regret over the reference's: geometric means over problems and seeds, intervals of 95 %.

    Where the reference has several runs of a problem and a seed, the mean of their log regrets counts, and their median
    regret is the goal that trials are counted to: one lucky run of it would make everything else look bad.

    Args:
        runs: each with `problem`, `arm`, `seed` and `regret` after each trial.
        reference: the arm to compare with.
        after: numbers of trials.
    """
    by_arm: dict[str, dict[tuple[str, int], list[np.ndarray]]] = {}
    for run in runs:
        found = by_arm.setdefault(run["arm"], {})
        found.setdefault((run["problem"], run["seed"]), []).append(np.array(run["regret"]))
    base = by_arm[reference]
    problems = sorted({problem for problem, _ in base})
    floors = {p: FLOOR * np.median([r[0] for (q, _), own in base.items() if q == p for r in own]) for p in problems}
    lines = [f"{'regret over that of ' + reference:<34}" + "".join(f"{f'after {n}':>22}" for n in after)]
    for arm, found in by_arm.items():
        if arm == reference:
            continue
        for chosen in (*([[p] for p in problems] if len(problems) > 1 else []), problems):
            keys = [key for key in base if key in found and key[0] in chosen]
            if not keys:
                continue
            label = f"{arm}, {chosen[0] if len(chosen) == 1 else 'all'}"
            logs = [[_log(found[k], n, floors[k[0]]) - _log(base[k], n, floors[k[0]]) for k in keys] for n in after]
            lines.append(f"{label:<34}" + "".join(f"{_interval(np.array(of_n)):>22}" for of_n in logs))
    lines.append(f"{'trials to reach what ' + reference + ' has':<34}" + "".join(f"{f'after {n}':>22}" for n in after))
    for arm, found in by_arm.items():
        cells = [
            _reached([(r, float(np.median([b[n - 1] for b in base[k]]))) for k in base if k in found for r in found[k]])
            for n in after
        ]
        lines.append(f"{arm:<34}" + "".join(f"{cell:>22}" for cell in cells))
    return "\n".join(lines)


def _log(regrets: list[np.ndarray], trials: int, floor: float) -> float:
    """The mean log regret after so many trials."""
    return float(np.mean([np.log(max(regret[trials - 1], floor)) for regret in regrets]))


def written(runs: Iterable[Mapping[str, Any]], path: Path) -> list[Mapping[str, Any]]:
    """The runs, after each was written to a file as a JSON line as soon as it was there."""
    found = []
    with path.open("w", encoding="utf-8") as lines:
        for run in runs:
            found.append(run)
            print(json.dumps(run), file=lines, flush=True)
    return found


def _reached(pairs: list[tuple[np.ndarray, float]]) -> str:
    """The median and the quartiles of the trials that it takes to reach a regret."""
    trials = [
        int(np.argmax(regret <= goal)) + 1 if (regret <= goal).any() else len(regret) + 1 for regret, goal in pairs
    ]
    low, middle, high = np.quantile(trials, [0.25, 0.5, 0.75])
    return f"{middle:.0f} ({low:.0f} to {high:.0f})"


def _interval(logs: np.ndarray) -> str:
    """The geometric mean with a bootstrap interval."""
    rng = np.random.default_rng(0)
    means = logs[rng.integers(len(logs), size=(DRAWS, len(logs)))].mean(axis=1)
    low, high = np.exp(np.quantile(means, [0.025, 0.975]))
    return f"{np.exp(logs.mean()):.2f} [{low:.2f}, {high:.2f}]"
