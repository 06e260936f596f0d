"""Surrogates of real trainings of trees, single and boosted, on over a hundred data sets (YAHPO, Pfisterer 2022).

Like the tables (tables.py) they lie beside the repository, in `yahpo/`; `onnxruntime` runs them. A seed is a data set
of the first third of all.
"""

import json
from collections.abc import Callable, Mapping
from functools import cache
from importlib.util import find_spec
from typing import Any, Final

import numpy as np

from headstock.parameters import Parameters
from headstock.space import Choice, Float, Int, Space
from problems.tables import FOLDER
from problems.task import Task

_FIDELITY: Final = {"trainsize": 1.0, "repl": 10}
"""All of the data, all ten repetitions."""


def missing() -> str | None:
    """What is needed where the surrogates cannot be run; None if they can."""
    if not (FOLDER / "yahpo").is_dir():
        return f"{FOLDER} lacks yahpo/; set HEADSTOCK_TABLES to the folder that has it"
    return None if find_spec("onnxruntime") else "onnxruntime is not installed: pip install onnxruntime"


def surrogate(scenario: str, first: int = 0, *, conditional: bool = False) -> Callable[[int], Task]:
    """The error rate of a learner.

    Args:
        scenario: the surrogate's folder.
        first: the data set of seed 0.
        conditional: whether the space says when a parameter is active; if not, it is ignored where it means nothing.
    """

    def task(seed: int) -> Task:
        spec, session = _opened(scenario)
        codes = spec["encoding"]
        data_sets = len(codes[spec["instance_name"]]) // 3
        parents = {c["child"]: (c["parent"], c.get("values", [c.get("value")])) for c in spec["space"]["conditions"]}
        given = {**_FIDELITY, spec["instance_name"]: 1 + (first + seed) % data_sets}

        def evaluate(parameters: Parameters) -> float:
            row = {**parameters, **given}
            for child, (parent, values) in parents.items():
                if row.get(parent) not in values:
                    row.pop(child, None)
            categories = [[codes[n].get(row.get(n), row.get(n, 0)) for n in spec["cat_names"]]]
            numbers = [[row.get(name, 0.0) for name in spec["cont_names"]]]
            fed = {"x_cat": np.array(categories, dtype=np.int32), "x_cont": np.array(numbers, dtype=np.float32)}
            (found,) = session.run(None, fed)
            return 1.0 - float(found[0, spec["y_names"].index("acc")])

        searched = [p for p in spec["space"]["hyperparameters"] if p["name"] not in given]
        whens = {child: {parent: values} for child, (parent, values) in parents.items()} if conditional else {}
        return Task(Space({p["name"]: _parameter(p, whens.get(p["name"])) for p in searched}), evaluate)

    return task


def _parameter(given: Mapping[str, Any], when: Mapping[str, Any] | None) -> Float | Int | Choice:
    """A parameter as ConfigSpace has written it."""
    if given["type"] == "categorical":
        return Choice(*given["choices"], when=when)
    kind = Int if given["type"] == "uniform_int" else Float
    return kind(given["lower"], given["upper"], log=given["log"], when=when)


@cache
def _opened(scenario: str) -> tuple[Mapping[str, Any], Any]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    folder = FOLDER / "yahpo" / scenario
    spec = json.loads((folder / "spec.json").read_text(encoding="utf-8"))
    return spec, onnxruntime.InferenceSession(folder / "model.onnx", options)
