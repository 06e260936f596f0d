"""The tables of real learning curves that searches are replayed on (`data/README.md` of the shared data says whose)."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from headstock import Float, Int, Space
from headstock.testing.replay import Table

LCBENCH = Space(
    batch_size=Int(16, 512, log=True),
    learning_rate=Float(1e-4, 0.1, log=True),
    momentum=Float(0.1, 0.99),
    weight_decay=Float(1e-5, 0.1),
    num_layers=Int(1, 5),
    max_units=Int(64, 1024, log=True),
    max_dropout=Float(0.0, 1.0),
)

TASKSET = Space(
    learning_rate=Float(1e-8, 10.0, log=True),
    one_minus_beta1=Float(1e-4, 1.0, log=True),
    one_minus_beta2=Float(1e-6, 1.0, log=True),
    epsilon=Float(1e-10, 1e3, log=True),
    l1=Float(1e-8, 10.0, log=True),
    l2=Float(1e-8, 10.0, log=True),
    linear_decay=Float(1e-7, 1e-4, log=True),
    exponential_decay=Float(1e-6, 1e-3, log=True),
)


def configurations(space: Space, X: np.ndarray) -> tuple[dict[str, float | int], ...]:
    """The rows of a table as configurations of a space, whose bounds they are moved into."""
    rows = []
    for x in X.astype(float):
        row: dict[str, float | int] = {}
        for (name, parameter), given in zip(space.parameters.items(), x, strict=True):
            value = float(np.clip(given, parameter.low, parameter.high))
            row[name] = round(value) if isinstance(parameter, Int) else value
        rows.append(row)
    return tuple(rows)


def lcbench(folder: Path, index: int) -> Table:
    """The surrogate of LCBench, tabulated: validation accuracy after 1 ... 52 epochs."""
    stored = np.load(folder / "lcbench_surrogate_table.npz")
    return Table(LCBENCH, configurations(LCBENCH, stored["X"]), stored["val_accuracy"][index].astype(float))


def taskset(folder: Path, index: int) -> Table:
    """Text networks trained by Adam: validation loss, which can diverge."""
    stored = np.load(folder / "taskset.npz")
    X = stored["X"].copy()
    X[:, 1:3] = 1.0 - X[:, 1:3]
    curves = stored["curves"][index, :, 1].astype(float)
    return Table(TASKSET, configurations(TASKSET, X), curves, minimize=True)


def tasks(folder: Path) -> dict[str, Callable[[], Table]]:
    """Every task by name. Defaults were chosen on LCBench 0, 2, ..., 10 and TaskSet 0 and 2, counted from 0."""
    named: dict[str, Callable[[], Table]] = {}
    for index, instance in enumerate(np.load(folder / "lcbench_surrogate_table.npz")["instances"]):
        named[f"lcbench-{instance}"] = lambda index=index: lcbench(folder, index)
    for index in range(len(np.load(folder / "taskset.npz")["tasks"])):
        named[f"taskset-{index}"] = lambda index=index: taskset(folder, index)
    return named
