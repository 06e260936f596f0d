"""Surrogates of real trainings of trees, single and boosted, on over a hundred data sets (YAHPO, Pfisterer 2022).

Like the tables (tables.py) they lie beside the repository, in `yahpo/`; `onnxruntime` runs them. A seed is a data set
of the first third of all.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from typing import Any, Final

import numpy as np
from scipy.optimize import differential_evolution

from headstock.domain import Domain
from headstock.encoding import Encoding
from headstock.parameters import Parameters
from headstock.space import Choice, Float, Int, Space
from problems.tables import FOLDER
from problems.task import Task, kept

_FIDELITY: Final = {"trainsize": 1.0, "repl": 10}
"""All of the data, all ten repetitions."""


def missing() -> str | None:
    """What is needed where the surrogates cannot be run; None if they can."""
    if not (FOLDER / "yahpo").is_dir():
        return f"{FOLDER} lacks yahpo/; set HEADSTOCK_TABLES to the folder that has it"
    return None if find_spec("onnxruntime") else "onnxruntime is not installed: pip install onnxruntime"


def surrogate(scenario: str, first: int = 0) -> Callable[[int], Task]:
    """The error rate of a learner. A parameter that means nothing under the others' values is ignored.

    Args:
        scenario: the folder of the surrogate.
        first: the data set of seed 0.
    """

    def task(seed: int) -> Task:
        spec, _ = _opened(scenario)
        data_sets = len(spec["encoding"][spec["instance_name"]]) // 3
        data_set = 1 + (first + seed) % data_sets
        return Task(_space(scenario), lambda p: float(_errors(scenario, data_set, [p])[0]), _lowest(scenario, data_set))

    return task


def _errors(scenario: str, data_set: int, rows: Sequence[Parameters]) -> np.ndarray:
    """The error rate of each configuration; what has no meaning there is left out, as the surrogate expects it."""
    spec, session = _opened(scenario)
    codes, given = spec["encoding"], {**_FIDELITY, spec["instance_name"]: data_set}
    categories, numbers = [], []
    for parameters in rows:
        row = {**parameters, **given}
        for child, (parent, values) in _parents(spec).items():
            if row.get(parent) not in values:
                row.pop(child, None)
        categories.append([codes[name].get(row.get(name), row.get(name, 0)) for name in spec["cat_names"]])
        numbers.append([row.get(name, 0.0) for name in spec["cont_names"]])
    fed = {"x_cat": np.array(categories, dtype=np.int32), "x_cont": np.array(numbers, dtype=np.float32)}
    (found,) = session.run(None, fed)
    return 1.0 - found[:, spec["y_names"].index("acc")].astype(np.float64)


@kept.cache
def _lowest(scenario: str, data_set: int) -> float:
    """The lowest error rate that differential evolution finds among some 30,000 configurations."""
    encoding = Encoding.of(_space(scenario))
    domain = Domain.of(encoding, {})

    def errors(U: np.ndarray) -> np.ndarray:
        rows = [encoding.decode(x) for x in domain.from_uniform(np.atleast_2d(U.T))]
        return _errors(scenario, data_set, rows)

    bounds = [(0.0, 1.0)] * encoding.dimensions
    evolved = differential_evolution(
        errors,
        bounds,
        popsize=30,
        maxiter=1_000 // len(bounds),
        tol=0.0,
        polish=False,
        updating="deferred",
        vectorized=True,
        rng=0,
    )
    return float(evolved.fun)


def _space(scenario: str) -> Space:
    """All parameters but those that a task decides."""
    spec, _ = _opened(scenario)
    given = {*_FIDELITY, spec["instance_name"]}
    return Space({p["name"]: _parameter(p) for p in spec["space"]["hyperparameters"] if p["name"] not in given})


def _parents(spec: Mapping[str, Any]) -> dict[str, tuple[str, list[Any]]]:
    """For each parameter that is not always active: of which other one, and for which of its values it is."""
    return {c["child"]: (c["parent"], c.get("values", [c.get("value")])) for c in spec["space"]["conditions"]}


def _parameter(given: Mapping[str, Any]) -> Float | Int | Choice:
    """A parameter as ConfigSpace has written it."""
    if given["type"] == "categorical":
        return Choice(*given["choices"])
    kind = Int if given["type"] == "uniform_int" else Float
    return kind(given["lower"], given["upper"], log=given["log"])


@cache
def _opened(scenario: str) -> tuple[Mapping[str, Any], Any]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    folder = FOLDER / "yahpo" / scenario
    spec = json.loads((folder / "spec.json").read_text(encoding="utf-8"))
    return spec, onnxruntime.InferenceSession(folder / "model.onnx", options)
