"""The tables of real learning curves that searches are replayed on (`data/README.md` of the shared data says whose)."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
from jaxtyping import Float64

from headstock import Choice, Float, Int, Space
from headstock.testing.replay import Table

Parameter = Float | Int | Choice


@final
@dataclass(frozen=True, eq=False)
class Task:
    """A table to search.

    Args:
        table: what a training reports.
        truth: what its reports are worth; another array than the table's curves where these are noisy.
    """

    table: Table
    truth: Float64[np.ndarray, "n t"]


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


def lcbench(folder: Path, index: int) -> Task:
    """The surrogate of LCBench, tabulated: validation accuracy after 1 ... 52 epochs."""
    stored = np.load(folder / "lcbench_surrogate_table.npz")
    curves = stored["val_accuracy"][index].astype(float)
    return Task(Table(LCBENCH, configurations(LCBENCH, stored["X"]), curves), curves)


def taskset(folder: Path, index: int) -> Task:
    """Text networks trained by Adam: validation loss, which can diverge."""
    stored = np.load(folder / "taskset.npz")
    X = stored["X"].copy()
    X[:, 1:3] = 1.0 - X[:, 1:3]
    curves = stored["curves"][index, :, 1].astype(float)
    return Task(Table(TASKSET, configurations(TASKSET, X), curves, minimize=True), curves)


def arlbench(folder: Path, name: str, seed: int) -> Task:
    """Reinforcement learning, noisy: one of ten runs of each configuration is trained, their mean is what counts."""
    stored = np.load(folder / "arlbench_sobol.npz")
    described = json.loads(str(stored["spaces_json"]))[name]
    parents = {c["child"]: c["parent"] for c in described.get("conditions") or ()}
    parameters: dict[str, Parameter] = {}
    for key, given in described["hyperparameters"].items():
        when = {parents[key].split(".", 1)[1]: True} if key in parents else None
        if given["type"] == "categorical":
            parameters[key.split(".", 1)[1]] = Choice(*given["choices"])
            continue
        kind = Int if given["type"] == "uniform_int" else Float
        low, high = (round(float(given[k])) if kind is Int else float(given[k]) for k in ("lower", "upper"))
        parameters[key.split(".", 1)[1]] = kind(low, high, log=given["log"], when=when)
    space = Space(**parameters)
    names, rows = [str(n) for n in stored[f"{name}/hp_names"]], []
    for x in stored[f"{name}/X"].astype(float):
        given = dict(zip(names, x, strict=True))
        rows.append({n: _value(p, given[n]) for n, p in space.parameters.items() if not np.isnan(given[n])})
    Y = stored[f"{name}/Y"].astype(float)
    return Task(Table(space, tuple(rows), Y[:, seed % Y.shape[1]]), Y.mean(axis=1))


def _value(parameter: Parameter, stored: float) -> bool | float | int:
    """A value of a parameter from the number that stands for it."""
    if isinstance(parameter, Choice):
        return bool(stored) if parameter.values[0] in (True, False) else round(stored)
    value = float(np.clip(stored, parameter.low, parameter.high))
    return round(value) if isinstance(parameter, Int) else value


def tasks(folder: Path) -> dict[str, Callable[[int], Task]]:
    """Every task by name, given the seed of a search.

    Defaults were chosen on LCBench 0, 2, ..., 10 and TaskSet 0 and 2, counted from 0; the others and ARLBench had no
    part in it.
    """
    named: dict[str, Callable[[int], Task]] = {}
    for index, instance in enumerate(np.load(folder / "lcbench_surrogate_table.npz")["instances"]):
        named[f"lcbench-{instance}"] = lambda _, index=index: lcbench(folder, index)
    for index in range(len(np.load(folder / "taskset.npz")["tasks"])):
        named[f"taskset-{index}"] = lambda _, index=index: taskset(folder, index)
    for name in np.load(folder / "arlbench_sobol.npz")["tasks"]:
        named[f"arlbench-{name}"] = lambda seed, name=str(name): arlbench(folder, name, seed)
    return named
