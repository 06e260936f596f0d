"""Vizier's default algorithm, GP-UCB-PE, called without its service."""

import logging
from typing import Any

import jax
from vizier import algorithms as vza
from vizier import pyvizier as vz
from vizier._src.algorithms.designers.gp_ucb_pe import VizierGPUCBPEBandit  # as its service does; the rest needs more

from peers.serving import serve


class VizierSearch:
    """A designer with the trials that it has suggested."""

    def __init__(self, space: list[dict[str, Any]], seed: int) -> None:
        problem = vz.ProblemStatement()
        for p in space:
            self.add(problem.search_space.root, p)
        problem.metric_information.append(vz.MetricInformation("value", goal=vz.ObjectiveMetricGoal.MINIMIZE))
        self.designer = VizierGPUCBPEBandit(problem, rng=jax.random.PRNGKey(seed))
        self.space = space
        self.active: dict[int, vz.Trial] = {}
        self.finished: list[vz.Trial] = []
        self.count = 0

    @staticmethod
    def add(root: Any, p: dict[str, Any]) -> None:
        """A parameter as Vizier writes it."""
        scale = vz.ScaleType.LOG if p.get("log") else vz.ScaleType.LINEAR
        if p["type"] == "choice":
            root.add_categorical_param(p["name"], p["values"])
        elif p["type"] == "int":
            root.add_int_param(p["name"], p["low"], p["high"], scale_type=scale)
        else:
            root.add_float_param(p["name"], p["low"], p["high"], scale_type=scale)

    def ask(self) -> tuple[int, dict[str, Any]]:
        self.designer.update(vza.CompletedTrials(self.finished), vza.ActiveTrials(list(self.active.values())))
        self.finished = []
        [suggestion] = self.designer.suggest(1)
        self.count += 1
        self.active[self.count] = suggestion.to_trial(self.count)
        values = suggestion.parameters.as_dict()
        return self.count, {
            p["name"]: int(values[p["name"]]) if p["type"] == "int" else values[p["name"]] for p in self.space
        }

    def tell(self, key: int, value: float | None) -> None:
        trial = self.active.pop(key)
        if value is None:
            trial.complete(vz.Measurement(), infeasibility_reason="failed")
        else:
            trial.complete(vz.Measurement({"value": value}))
        self.finished.append(trial)

    def know(self, results: list[tuple[dict[str, Any], float]]) -> None:
        for parameters, value in results:
            self.count += 1
            self.active[self.count] = vz.Trial(id=self.count, parameters=parameters)
            self.tell(self.count, value)

    def best(self) -> None:
        """Vizier recommends the best value seen."""


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    jax.config.update("jax_enable_x64", True)  # noqa: FBT003 - in single precision what it suggests soon is not a number
    serve(lambda space, seed, _trials, _workers: VizierSearch(space, seed), ("google-vizier", "jax", "numpy"))
