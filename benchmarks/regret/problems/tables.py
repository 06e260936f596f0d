"""Networks that others have trained and tabulated: ../shared/data/bench beside the repository, or HEADSTOCK_TABLES.

Numbers on a grid are searched as their position on it, which every library understands; repeats are averaged.
"""

import os
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from scipy.spatial import KDTree

from headstock.encoding import Encoding
from headstock.space import Choice, Float, Int, Space
from problems.task import Task

FOLDER: Final = Path(os.environ.get("HEADSTOCK_TABLES", Path(__file__).parents[4] / "shared" / "data" / "bench"))


def missing() -> str | None:
    """What is needed where the tables are not there; None if they are."""
    wanted = ("fcnet", "hpobench_mlp", "nasbench201", "lcbench_surrogate_table")
    absent = [f"{name}.npz" for name in wanted if not (FOLDER / f"{name}.npz").exists()]
    if not absent:
        return None
    return f"{FOLDER} lacks {', '.join(absent)}; set HEADSTOCK_TABLES to the folder that has them"


def fcnet(dataset: int) -> Task:
    """Mean squared error of small regression networks: nine parameters (Klein and Hutter 2019)."""
    return _grid("fcnet", dataset, sign=1.0)


def hpobench_mlp(seed: int) -> Task:
    """One minus the score of small networks: five parameters, four data sets (Eggensperger et al. 2021)."""
    return _grid("hpobench_mlp", seed % 4, sign=-1.0)


def nasbench201(_: int) -> Task:
    """Validation error in per cent of 15,625 architectures on CIFAR-10: six choices (Dong and Yang 2020)."""
    return _grid("nasbench201", 0, sign=-1.0)


def lcbench(seed: int) -> Task:
    """Validation error in per cent after 52 epochs: seven numbers, twelve data sets (Zimmer et al. 2021, via YAHPO).

    The table holds 2,048 configurations; the value of any other is that of the nearest.
    """
    space, row_of = _lcbench()
    table = _table("lcbench_surrogate_table")
    errors = 100.0 - table["val_accuracy"][seed % len(table["instances"]), :, -1].astype(np.float64)
    return Task(space, lambda p: float(errors[row_of(p)]), float(errors.min()))


def lcbench_seconds(seed: int) -> Callable[[Mapping[str, Any]], float]:
    """How long the 52 epochs of a configuration take."""
    _, row_of = _lcbench()
    table = _table("lcbench_surrogate_table")
    seconds = table["time"][seed % len(table["instances"])].astype(np.float64)
    return lambda p: float(seconds[row_of(p)])


@cache
def _lcbench() -> tuple[Space, Callable[[Mapping[str, Any]], int]]:
    """The space, and from a configuration to the row of the nearest that the table holds."""
    table = _table("lcbench_surrogate_table")
    names = table["hp_names"].tolist()
    logarithmic, whole = {"batch_size", "learning_rate", "max_units"}, {"batch_size", "num_layers", "max_units"}
    X = table["X"].astype(np.float64)
    ranges = {name: (low, high) for name, low, high in zip(names, X.min(axis=0), X.max(axis=0), strict=True)}
    space = Space(
        {
            name: (Int if name in whole else Float)(low, high, log=name in logarithmic)
            for name, (low, high) in ranges.items()
        }
    )
    encoding = Encoding.of(space)
    rows = [{n: round(v) if n in whole else v for n, v in zip(names, row, strict=True)} for row in X.tolist()]
    nearest = KDTree(encoding.encode(rows))
    return space, lambda p: int(nearest.query(encoding.encode([p])[0])[1])


def _grid(name: str, dataset: int, *, sign: float) -> Task:
    """A complete grid; `sign` is -1 for a score to maximise, of which 1 or 100 is the most that there could be."""
    table = _table(name)
    values = np.nanmean(table["Y"][dataset].astype(np.float64), axis=-1)  # some were trained fewer times
    errors = values if sign > 0 else (100.0 if values.max() > 1.0 else 1.0) - values
    levels = {hp: table[f"values_{hp}"].tolist() for hp in table["hp_names"].tolist()}
    space = Space(
        {hp: Choice(*steps) if isinstance(steps[0], str) else Int(0, len(steps) - 1) for hp, steps in levels.items()}
    )

    def evaluate(p: Mapping[str, Any]) -> float:
        where = tuple(levels[hp].index(p[hp]) if isinstance(p[hp], str) else p[hp] for hp in levels)
        return float(errors[where])

    return Task(space, evaluate, float(errors.min()))


@cache
def _table(name: str) -> Mapping[str, np.ndarray]:
    with np.load(FOLDER / f"{name}.npz", allow_pickle=False) as table:
        return dict(table)
