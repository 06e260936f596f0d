"""How well the ends of learning curves are predicted: log density, coverage and error, beside simpler models.

    python benchmarks/curves/model_quality.py --data FOLDER [--seeds 3] [--curves 15 40] [--without dpl ...]

A search is imitated: of so many random configurations every one has a first look, the better third more, a tenth is
trained to the end. The ends of the others are held back and predicted. All figures are on the standard scale of
`headstock.gp.curve_outcomes`, one scale a search, so that the log densities of different models compare.

    ours        the model of FreezeThaw
    last        the last value, moved and spread like what the finished curves did from that step on
    power law   y = a - b t^-c of each curve by itself, c on a grid, a and b by least squares; residuals give the spread
    dpl         five networks from configuration to a, b, c (Kadra et al. 2023); needs PyTorch, as does
    dyhpo-like  a deep kernel on configuration, step and curve so far (Wistuba et al. 2022); see `deep_baselines.py`
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import json
from collections.abc import Callable
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import norm, spearmanr

from headstock.encoding import Encoding
from headstock.gp.curve_calibration import overconfidence
from headstock.gp.curve_fit import fit_curves
from headstock.gp.curve_outcomes import CurveTransform
from headstock.gp.curves import CurveSet, condition
from tables import Task, tasks

Prediction = tuple[np.ndarray, ...]
"""The means and the standard deviations of the ends of all curves, and the latter widened where it is optional."""


def imitated(task: Task, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The rows of a search, and its curves: NaN where nothing was trained."""
    sign, last = (-1.0 if task.table.minimize else 1.0), task.table.curves.shape[1]
    first = max(1, round(last / 13))
    rows = rng.permutation(len(task.table.rows))[:count]
    curves = task.table.curves[rows]
    early = np.where(np.isfinite(curves[:, :first]).all(axis=1), sign * curves[:, first - 1], -np.inf)
    order = np.argsort(np.argsort(np.argsort(-early)) / count + 0.15 * rng.standard_normal(count))
    lengths = np.full(count, first)
    lengths[order[: count // 3]] = rng.integers(first, max(first + 1, last // 2), count // 3)
    lengths[order[: max(1, count // 10)]] = last
    Y = np.where(np.arange(last) < lengths[:, None], curves, np.nan)
    Y = np.where(np.cumsum(~np.isfinite(curves), axis=1) > 0, np.nan, Y)
    kept = ~np.isnan(Y).all(axis=1)
    return rows[kept], Y[kept]


def ours(X: np.ndarray, Z: np.ndarray, categorical: np.ndarray) -> Prediction:
    last = Z.shape[1]
    data = CurveSet(X, np.arange(1.0, last + 1.0), Z, float(last), categorical).subset(np.arange(len(X)))
    h = fit_curves(data)
    mean, variance = condition(h, data).predict(np.arange(len(X)), np.full(len(X), float(last)))
    return mean, np.sqrt(overconfidence(h, data) ** 2 * variance + h.noise)


def last_value(_: np.ndarray, Z: np.ndarray, __: np.ndarray) -> Prediction:
    lengths, finished = (~np.isnan(Z)).sum(axis=1), Z[~np.isnan(Z[:, -1])]
    values = Z[np.arange(len(Z)), lengths - 1]
    if len(finished) < 2:
        return values, np.full(len(Z), max(float(np.std(values)), 1e-3))
    rises = finished[:, -1:] - finished
    return values + rises.mean(axis=0)[lengths - 1], np.maximum(rises.std(axis=0, ddof=1)[lengths - 1], 1e-2)


def power_law(_: np.ndarray, Z: np.ndarray, __: np.ndarray) -> Prediction:
    mean, sd = last_value(_, Z, __)
    for row, y in enumerate(Z):
        t = np.arange(1.0, len(y) + 1.0)[~np.isnan(y)]
        if len(t) < 3:
            continue
        fits = []
        for c in (0.25, 0.5, 1.0, 2.0):
            basis = np.stack([np.ones_like(t), -(t**-c)], axis=1)
            weights, *_unused = np.linalg.lstsq(basis, y[: len(t)], rcond=None)
            squares = float(((basis @ weights - y[: len(t)]) ** 2).sum())
            end = np.array([1.0, -(float(len(y)) ** -c)])
            noise = squares / max(len(t) - 2, 1) + 1e-4
            fits.append((squares, end @ weights, noise * (1.0 + end @ np.linalg.pinv(basis.T @ basis) @ end)))
        likelihood = np.array([-0.5 * len(t) * np.log(f[0] + 1e-4 * len(t)) for f in fits])
        weight = np.exp(likelihood - likelihood.max())
        weight /= weight.sum()
        ends = np.array([f[1] for f in fits])
        mean[row] = weight @ ends
        sd[row] = np.sqrt(weight @ (np.array([f[2] for f in fits]) + (ends - mean[row]) ** 2))
    return mean, sd


def deep_power_laws(X: np.ndarray, Z: np.ndarray, categorical: np.ndarray) -> Prediction:
    import deep_baselines

    return deep_baselines.ends(deep_baselines.power_laws, X, Z, categorical)


def deep_kernel(X: np.ndarray, Z: np.ndarray, categorical: np.ndarray) -> Prediction:
    import deep_baselines

    return deep_baselines.ends(deep_baselines.deep_kernel, X, Z, categorical)


MODELS: dict[str, Callable[[np.ndarray, np.ndarray, np.ndarray], Prediction]] = {
    "ours": ours,
    "last": last_value,
    "power law": power_law,
    "dpl": deep_power_laws,
    "dyhpo-like": deep_kernel,
}

NEED_TORCH = ("dpl", "dyhpo-like")


def measure(task: Task, count: int, seed: int, models: list[str]) -> dict[str, dict[str, float]]:
    """Every model's figures for one imitated search."""
    rows, Y = imitated(task, count, np.random.default_rng([seed, count]))
    sign, encoding = (-1.0 if task.table.minimize else 1.0), Encoding.of(task.table.space)
    transform = CurveTransform.of(Y, sign)
    X, Z = encoding.encode([task.table.rows[row] for row in rows]), transform.apply(Y)
    ends = task.table.curves[rows, -1]
    held = np.isnan(Y[:, -1]) & np.isfinite(ends)
    truth = transform.apply(ends[held])
    result = {}
    for model in models:
        mean, *spreads = (a[held] for a in MODELS[model](X, Z.copy(), encoding.categorical))
        for name, sd in zip((model, f"{model}, widened"), spreads, strict=False):
            z = (truth - mean) / sd
            result[name] = {
                "density": float(np.mean(np.maximum(norm.logpdf(truth, mean, sd), -20.0))),
                "within 50 %": float(np.mean(np.abs(z) < norm.ppf(0.75))),
                "within 80 %": float(np.mean(np.abs(z) < norm.ppf(0.9))),
                "within 95 %": float(np.mean(np.abs(z) < norm.ppf(0.975))),
                "error": float(np.median(np.abs(truth - mean))),
                "rank": float(np.nan_to_num(spearmanr(mean, truth).statistic)),
            }
    return result


def show(rows: list[dict[str, Any]]) -> None:
    """Means over tasks and seeds."""
    figures = ("density", "within 50 %", "within 80 %", "within 95 %", "error", "rank")
    for family, count in sorted({(r["family"], r["curves"]) for r in rows}):
        print("\n" + f"{family}, {count} curves".ljust(20) + "".join(f"{f:>13}" for f in figures))
        for model in dict.fromkeys(r["model"] for r in rows):
            own = [r for r in rows if (r["family"], r["curves"], r["model"]) == (family, count, model)]
            if own:
                print(f"{model:>20}" + "".join(f"{np.mean([r[f] for r in own]):>13.2f}" for f in figures))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="the folder that holds the tables")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--curves", nargs="+", type=int, default=[15, 40])
    parser.add_argument("--without", nargs="+", default=[], choices=list(MODELS))
    parser.add_argument("--out", type=Path, default=Path("benchmarks/curves/model_quality.jsonl"))
    options = parser.parse_args()
    models = [m for m in MODELS if m not in options.without]
    missing = [m for m in NEED_TORCH if m in models and find_spec("torch") is None]
    if missing:
        parser.error(
            f"{' and '.join(missing)} need PyTorch, which is not installed: "
            f"pip install torch, or leave them out with --without {' '.join(missing)}"
        )
    known, rows = tasks(options.data), []
    with options.out.open("w", encoding="utf-8") as out:
        for name, count, seed in product(known, options.curves, range(options.seeds)):
            for model, figures in measure(known[name](seed), count, seed, models).items():
                key = {"family": name.split("-")[0], "task": name, "curves": count, "seed": seed, "model": model}
                rows.append(key | figures)
                out.write(json.dumps(rows[-1]) + "\n")
    show(rows)


if __name__ == "__main__":
    main()
