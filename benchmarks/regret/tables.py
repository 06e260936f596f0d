"""The tables of the race, from the lines that race.py writes.

    python benchmarks/regret/tables.py FILE... [--ours headstock] [--labels headstock ax ...] [--groups mixed ...]

Two versions of headstock are compared like two libraries, by their labels. Only runs of the same problem and seed are
compared. A regret is scaled by the problem's median regret of the first trial of random search (of all runs where
there is none), and its logarithm is taken from 1e-4 on: what is below is solved.
"""

import argparse
import gzip
import json
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

import numpy as np
from scipy import stats

from problems import PROBLEMS

CHECKPOINTS: Final = (10, 20, 30, 50, 100)
SOLVED: Final = 1e-4
RESAMPLES: Final = 2_000
ENOUGH: Final = 0.8
"""A library is ranked from this share of the problems on: fewer would leave little that all of them ran."""
GROUPS: Final = ("continuous", "mixed", "noisy", "failing", "parallel", "real")


@final
@dataclass(frozen=True, slots=True)
class Run:
    """One line of the race; `regret` and `score` (the logarithm of the scaled regret) by finished trial."""

    problem: str
    label: str
    seed: int
    regret: np.ndarray
    score: np.ndarray
    failed: tuple[int, ...]
    cpu: np.ndarray
    versions: tuple[tuple[str, str], ...]

    @property
    def trials(self) -> int:
        return len(self.regret)


@final
@dataclass(frozen=True, slots=True)
class Results:
    """All runs, by problem, seed and label."""

    runs: dict[tuple[str, int], dict[str, Run]]
    labels: tuple[str, ...]

    def blocks(self, labels: Iterable[str], trials: int, group: str | None = None) -> dict[tuple[str, int], list[Run]]:
        """The runs of the problems and seeds on which all of some labels ran for so many trials, in their order."""
        found = {}
        for (problem, seed), by_label in self.runs.items():
            if group in {None, PROBLEMS[problem].group}:
                runs = [by_label[label] for label in labels if label in by_label]
                if len(runs) == len(list(labels)) and all(run.trials >= trials for run in runs):
                    found[problem, seed] = runs
        return found

    def problems(self, label: str, trials: int) -> int:
        """How many problems a label has run for so many trials."""
        return len({name for (name, _), runs in self.runs.items() if label in runs and runs[label].trials >= trials})

    def raced(self, trials: int, share: float = 0.0) -> list[str]:
        """The labels that have run so many trials, on at least a share of the problems of the one that ran most."""
        counts = {label: self.problems(label, trials) for label in self.labels}
        return [label for label, count in counts.items() if count > 0 and count >= share * max(counts.values())]


def read(files: Sequence[Path], labels: Sequence[str] | None, groups: Sequence[str]) -> Results:
    """The results of some files; of two runs of one problem, label and seed the longer, then the later."""
    rows: dict[tuple[str, int, str], dict] = {}
    for file in files:
        with gzip.open(file, "rt") if file.suffix == ".gz" else file.open(encoding="utf-8") as lines:
            for row in map(json.loads, lines):
                key = row["problem"], row["seed"], row["label"]
                wanted = labels is None or row["label"] in labels
                known = row["problem"] in PROBLEMS and PROBLEMS[row["problem"]].group in groups
                if wanted and known and (key not in rows or len(rows[key]["best"]) <= len(row["best"])):
                    rows[key] = row
    runs: dict[tuple[str, int], dict[str, Run]] = defaultdict(dict)
    for problem in dict.fromkeys(key[0] for key in rows):
        for (_, seed, label), run in _scaled([row for key, row in rows.items() if key[0] == problem]).items():
            runs[problem, seed][label] = run
    order = {name: i for i, name in enumerate(PROBLEMS)}
    ordered = dict(sorted(runs.items(), key=lambda item: (order[item[0][0]], item[0][1])))
    found = tuple(dict.fromkeys(key[2] for key in rows))
    return Results(ordered, tuple(label for label in labels if label in found) if labels else found)


def _scaled(rows: list[dict]) -> dict[tuple[str, int, str], Run]:
    """The runs of one problem, with regrets over the optimum, or over the best of all runs where it is not known."""
    best = [np.array([np.nan if v is None else v for v in row["best"]]) for row in rows]
    lowest = min(np.nanmin(values, initial=np.inf) for values in best)
    optima = [lowest if row["optimum"] is None else row["optimum"] for row in rows]
    regrets = [
        np.maximum(values - optimum, 0.0) for values, optimum in zip(best, optima, strict=True)
    ]  # rounded values
    first = [r[0] for row, r in zip(rows, regrets, strict=True) if row["label"] == "random"] or [r[0] for r in regrets]
    scale = np.nanmedian(first)
    runs = {}
    for row, regret in zip(rows, regrets, strict=True):
        score = np.log10(np.maximum(np.nan_to_num(regret / scale, nan=1.0), SOLVED))
        runs[row["problem"], row["seed"], row["label"]] = Run(
            row["problem"],
            row["label"],
            row["seed"],
            np.nan_to_num(regret, nan=math.inf),
            np.where(np.isnan(regret), np.max(score, initial=1.0), score),
            tuple(row["failed"]),
            np.array(row["cpu"]),
            tuple(row["versions"].items()),
        )
    return runs


def show(title: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table in Markdown, its columns aligned."""
    lines = [list(head), *map(list, rows)]
    if len(lines) == 1:
        return
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    print(f"\n{title}\n")
    for number, line in enumerate(lines):
        print(
            "| "
            + " | ".join(
                cell.rjust(w) if i else cell.ljust(w) for i, (cell, w) in enumerate(zip(line, widths, strict=True))
            )
            + " |"
        )
        if number == 0:
            print("|" + "|".join("-" * (w + 1) + (":" if i else "-") for i, w in enumerate(widths)) + "|")


def show_regrets(results: Results, trials: int) -> None:
    labels = results.raced(trials)
    rows = []
    for problem in dict.fromkeys(problem for problem, _ in results.runs):
        cells = []
        for label in labels:
            found = [
                by_label[label].regret[trials - 1]
                for (name, _), by_label in results.runs.items()
                if name == problem and label in by_label and by_label[label].trials >= trials
            ]
            low, median, high = np.quantile(found, [0.25, 0.5, 0.75]) if found else [math.nan] * 3
            cells.append(f"{median:.3g} [{low:.2g}, {high:.2g}] ({len(found)})" if found else "")
        if any(cells):
            rows.append([problem, *cells])
    show(f"Regret after {trials} trials: median [quartiles] (seeds)", ["problem", *labels], rows)


def by_problem(blocks: dict[tuple[str, int], list[Run]], measure: Callable[[list[Run]], np.ndarray]) -> np.ndarray:
    """A measure of each label, averaged over the seeds of each problem: one row a problem."""
    found = defaultdict(list)
    for (problem, _), runs in blocks.items():
        found[problem].append(measure(runs))
    return np.array([np.mean(values, axis=0) for values in found.values()])


def show_ranks(results: Results, trials: int, ours: str) -> None:
    """Mean ranks by group; and over all problems whether ranks differ, and which differ from ours."""
    labels = results.raced(trials, ENOUGH)
    if len(labels) < 2:
        return
    ranks = {}
    for group in (*GROUPS, None):
        blocks = results.blocks(labels, trials, group)
        if blocks:
            name = f"{group or 'all'} ({len({p for p, _ in blocks})} problems, {len(blocks)} runs each)"
            ranks[name] = by_problem(blocks, lambda runs: stats.rankdata([r.score[trials - 1] for r in runs])).mean(
                axis=0
            )
    show(
        f"Mean rank after {trials} trials, on what all of them ran",
        ["group", *labels],
        ([name, *(f"{rank:.2f}" for rank in row)] for name, row in ranks.items()),
    )
    blocks = results.blocks(labels, trials)
    scores = (
        by_problem(blocks, lambda runs: np.array([run.score[trials - 1] for run in runs]))
        if blocks
        else np.empty((0, 0))
    )
    if len(labels) > 2 and len(scores) > 2:
        test = stats.friedmanchisquare(*scores.T)
        print(f"\nFriedman over {len(scores)} problems: chi-squared {test.statistic:.1f}, p = {test.pvalue:.2g}.")
    if ours in labels and len(scores) > 5:
        rivals = [label for label in labels if label != ours]
        mine = scores[:, labels.index(ours)]
        differences = [scores[:, labels.index(label)] - mine for label in rivals]
        p = holm([stats.wilcoxon(d, zero_method="zsplit").pvalue for d in differences])
        print(f"{ours} against each, Wilcoxon's signed ranks over problems with Holm's correction:")
        for label, d, value in sorted(zip(rivals, differences, p, strict=True), key=lambda row: row[2]):
            verdict = "differs" if value < 0.05 else "not told apart"
            print(f"  {label}: p = {value:.2g}, {ours} better on {np.sum(d > 0)}, worse on {np.sum(d < 0)}: {verdict}")


def holm(p: Sequence[float]) -> np.ndarray:
    """Holm (1979): with p sorted upwards, the adjusted p_i is max_{j <= i} (m - j + 1) p_j, at most 1."""
    order = np.argsort(p)
    adjusted = np.maximum.accumulate((len(p) - np.arange(len(p))) * np.asarray(p)[order])
    return np.minimum(adjusted, 1.0)[np.argsort(order)]


def show_pairs(results: Results, trials: int, ours: str) -> None:
    """How many decades of regret each rival is behind us, with intervals over problems and seeds."""
    rivals = [label for label in results.raced(trials) if label != ours]
    rows = []
    for group in (*GROUPS, None):
        cells = []
        for rival in rivals:
            blocks = results.blocks([ours, rival], trials, group)
            differences = defaultdict(list)
            for (problem, _), (mine, theirs) in blocks.items():
                differences[problem].append(theirs.score[trials - 1] - mine.score[trials - 1])
            cells.append(interval(list(differences.values())))
        rows.append([group or "all", *cells])
    show(
        f"How far behind {ours} after {trials} trials: decades of scaled regret [95 % interval], above 0 is behind",
        ["group", *rivals],
        (row for row in rows if any(row[1:])),
    )


def interval(differences: list[list[float]]) -> str:
    """The mean over problems, with the bootstrap's 95 % interval: problems are drawn, then seeds of each."""
    if not differences:
        return ""
    rng = np.random.default_rng(0)
    means = np.empty(RESAMPLES)
    for i in range(RESAMPLES):
        drawn = [np.array(differences[k]) for k in rng.integers(len(differences), size=len(differences))]
        means[i] = np.mean([d[rng.integers(len(d), size=len(d))].mean() for d in drawn])
    low, high = np.quantile(means, [0.025, 0.975])
    return f"{np.mean([np.mean(d) for d in differences]):+.2f} [{low:+.2f}, {high:+.2f}]"


def show_areas(results: Results, trials: int) -> None:
    """The anytime measure: the mean score over the first trials."""
    labels = results.raced(trials, ENOUGH)
    rows = []
    for group in (*GROUPS, None):
        blocks = results.blocks(labels, trials, group)
        if blocks:
            areas = by_problem(blocks, lambda runs: np.array([run.score[:trials].mean() for run in runs])).mean(axis=0)
            rows.append([group or "all", *(f"{area:.2f}" for area in areas)])
    show(f"Anytime: mean decades of scaled regret over trials 1 to {trials}; lower is better", ["group", *labels], rows)


def show_speedups(results: Results, ours: str) -> None:
    """The trials that we need to reach what a rival has at its end, as a share of the rival's trials."""
    rivals = [label for label in results.labels if label != ours]
    rows = []
    for group in (*GROUPS, None):
        cells = []
        for rival in rivals:
            shares = []
            for mine, theirs in results.blocks([ours, rival], 1, group).values():
                trials = min(theirs.trials, mine.trials)
                reached = np.flatnonzero(mine.score[:trials] <= theirs.score[trials - 1])
                shares.append((reached[0] + 1) / trials if len(reached) else math.inf)
            never = 100.0 * np.mean(np.isinf(shares)) if shares else 0.0
            cells.append(f"{np.median(shares):.2f} ({never:.0f} % never)" if shares else "")
        rows.append([group or "all", *cells])
    show(
        f"Share of the rival's trials that {ours} needs to reach its final value: median (runs that never do)",
        ["group", *rivals],
        (row for row in rows if any(row[1:])),
    )


def show_costs(results: Results) -> None:
    """CPU seconds of ask and tell around each checkpoint, over the problems with one worker."""
    rows = []
    for label in results.labels:
        cells = []
        for trials in CHECKPOINTS:
            found = [
                run.cpu[trials - 5 : trials].mean()
                for (problem, _), by_label in results.runs.items()
                for run in [by_label.get(label)]
                if run is not None and run.trials >= trials and PROBLEMS[problem].workers == 1
            ]
            cells.append(f"{np.median(found):.3g}" if found else "")
        rows.append([label, *cells])
    show(
        "CPU seconds of ask + tell, one thread: median of the five trials up to ...",
        ["library", *map(str, CHECKPOINTS)],
        rows,
    )


def show_failures(results: Results) -> None:
    """Trials that failed where a third of the space fails."""
    rows = []
    for label in results.labels:
        cells = []
        for trials in CHECKPOINTS:
            found = [
                sum(number < trials for number in by_label[label].failed)
                for (problem, _), by_label in results.runs.items()
                if PROBLEMS[problem].group == "failing" and label in by_label and by_label[label].trials >= trials
            ]
            cells.append(f"{np.mean(found):.1f} ({len(found)})" if found else "")
        rows.append([label, *cells])
    show(
        "Failed trials where a third of the space fails: mean (runs) after ...",
        ["library", *map(str, CHECKPOINTS)],
        (row for row in rows if any(row[1:])),
    )


def show_versions(results: Results) -> None:
    rows = []
    for label in results.labels:
        runs = [by_label[label] for by_label in results.runs.values() if label in by_label]
        versions = sorted({", ".join(f"{name} {v}" for name, v in run.versions) for run in runs})
        problems, seeds = len({run.problem for run in runs}), len({run.seed for run in runs})
        rows.append([label, str(problems), str(seeds), str(len(runs)), "; ".join(versions)])
    show("What was raced", ["library", "problems", "seeds", "runs", "versions"], rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--ours", default="headstock", help="the label that the others are compared with")
    parser.add_argument("--labels", nargs="+", help="only these, in this order")
    parser.add_argument("--groups", nargs="+", default=GROUPS, choices=GROUPS)
    parser.add_argument("--at", nargs="+", type=int, default=CHECKPOINTS, metavar="TRIALS")
    options = parser.parse_args()
    results = read(options.files, options.labels, options.groups)
    show_versions(results)
    for trials in options.at:
        show_regrets(results, trials)
    for trials in options.at:
        show_ranks(results, trials, options.ours)
        show_pairs(results, trials, options.ours)
        show_areas(results, trials)
    show_speedups(results, options.ours)
    show_failures(results)
    show_costs(results)


if __name__ == "__main__":
    main()
