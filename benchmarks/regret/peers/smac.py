"""SMAC3's HyperparameterOptimizationFacade (random forest), one evaluation a configuration.

Its crash cost, infinite unless one chooses another, would stop its forest: the worst value seen is taken.
"""

import tempfile
from typing import Any

from ConfigSpace import CategoricalHyperparameter, Configuration, ConfigurationSpace, Float, Integer
from smac import HyperparameterOptimizationFacade, Scenario
from smac.runhistory.dataclasses import TrialInfo, TrialValue
from smac.runhistory.enumerations import StatusType

from peers.serving import serve


def parameter(given: dict[str, Any]) -> Any:
    """A parameter as ConfigSpace writes it."""
    if given["type"] == "choice":
        return CategoricalHyperparameter(given["name"], given["values"])
    kind = Float if given["type"] == "float" else Integer
    return kind(given["name"], (given["low"], given["high"]), log=given["log"])


def never_called(configuration: Any, seed: int = 0) -> float:
    """The target function, which a facade wants and which ask and tell do not use."""
    raise NotImplementedError


class SmacSearch:
    """A facade that is asked and told."""

    def __init__(self, space: list[dict[str, Any]], seed: int, trials: int, _workers: int) -> None:
        self.space = ConfigurationSpace(seed=seed)
        self.space.add([parameter(p) for p in space])
        self.folder = tempfile.TemporaryDirectory()
        scenario = Scenario(
            self.space, deterministic=True, n_trials=trials, seed=seed, output_directory=self.folder.name
        )
        self.smac = HyperparameterOptimizationFacade(scenario, never_called, overwrite=True, logging_level=False)
        self.asked: list[TrialInfo] = []
        self.failed: list[int] = []
        self.worst: float | None = None

    def ask(self) -> tuple[int, dict[str, Any]]:
        self.asked.append(self.smac.ask())
        return len(self.asked) - 1, dict(self.asked[-1].config)

    def tell(self, key: int, value: float | None) -> None:
        if value is None:
            self.failed.append(key)
        else:
            self.worst = value if self.worst is None else max(value, self.worst)
            self.smac.tell(self.asked[key], TrialValue(cost=value))
        if self.worst is not None:
            for failed in self.failed:
                self.smac.tell(self.asked[failed], TrialValue(cost=self.worst, status=StatusType.CRASHED))
            self.failed.clear()

    def know(self, results: list[tuple[dict[str, Any], float]]) -> None:
        for parameters, value in results:
            configuration = Configuration(self.space, values=parameters)
            self.smac.tell(TrialInfo(configuration, seed=0), TrialValue(cost=value))

    def best(self) -> None:
        """SMAC recommends the best value seen, for it evaluates each configuration once."""


if __name__ == "__main__":
    serve(SmacSearch, ("smac", "ConfigSpace", "scikit-learn"))
