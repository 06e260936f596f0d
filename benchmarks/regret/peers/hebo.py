"""HEBO as it comes. It knows nothing of pending trials, and leaves out values that are not finite."""

import math
import random
from typing import Any

import numpy as np
import pandas as pd
import torch
from hebo.design_space.design_space import DesignSpace
from hebo.optimizers.hebo import HEBO

from peers.serving import serve


def parameter(given: dict[str, Any]) -> dict[str, Any]:
    """A parameter as HEBO writes it."""
    if given["type"] == "choice":
        return {"name": given["name"], "type": "cat", "categories": given["values"]}
    kinds = {("float", False): "num", ("float", True): "pow", ("int", False): "int", ("int", True): "pow_int"}
    kind = kinds[given["type"], given["log"]]
    return {"name": given["name"], "type": kind, "lb": given["low"], "ub": given["high"]}


class HeboSearch:
    """One suggestion at a time."""

    def __init__(self, space: list[dict[str, Any]], seed: int) -> None:
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002 - HEBO draws from it
        torch.manual_seed(seed)
        self.space = space
        self.hebo = HEBO(DesignSpace().parse([parameter(p) for p in space]), scramble_seed=seed)
        self.asked: list[pd.DataFrame] = []

    def ask(self) -> tuple[int, dict[str, Any]]:
        suggestion = self.hebo.suggest(n_suggestions=1)
        self.asked.append(suggestion)
        return len(self.asked) - 1, {p["name"]: self.value(p, suggestion[p["name"]].iloc[0]) for p in self.space}

    def tell(self, key: int, value: float | None) -> None:
        self.hebo.observe(self.asked[key], np.array([[math.nan if value is None else value]]))

    def know(self, results: list[tuple[dict[str, Any], float]]) -> None:
        frame = pd.DataFrame([parameters for parameters, _ in results])
        self.hebo.observe(frame, np.array([[value] for _, value in results]))

    def best(self) -> None:
        """HEBO recommends the best value seen."""

    @staticmethod
    def value(given: dict[str, Any], value: Any) -> Any:
        """The value inside its bounds, which the power of a logarithm may miss by a rounding."""
        if given["type"] == "choice":
            return value
        number = min(max(value, given["low"]), given["high"])
        return int(number) if given["type"] == "int" else float(number)


if __name__ == "__main__":
    serve(lambda space, seed, _trials, _workers: HeboSearch(space, seed), ("HEBO", "numpy", "scipy", "torch"))
