"""Optuna's TPESampler (its default) or GPSampler, as they come."""

import argparse
from typing import Any

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from peers.serving import serve

SAMPLERS = {"tpe": optuna.samplers.TPESampler, "gp": optuna.samplers.GPSampler}


def distribution(parameter: dict[str, Any]) -> BaseDistribution:
    """A parameter as Optuna writes it."""
    match parameter["type"]:
        case "float":
            return FloatDistribution(parameter["low"], parameter["high"], log=parameter["log"])
        case "int":
            return IntDistribution(parameter["low"], parameter["high"], log=parameter["log"])
        case _:
            return CategoricalDistribution(parameter["values"])


class OptunaSearch:
    """A study in memory."""

    def __init__(self, space: list[dict[str, Any]], seed: int, sampler: str) -> None:
        self.study = optuna.create_study(sampler=SAMPLERS[sampler](seed=seed))
        self.distributions = {p["name"]: distribution(p) for p in space}

    def ask(self) -> tuple[int, dict[str, Any]]:
        trial = self.study.ask(self.distributions)
        return trial.number, trial.params

    def tell(self, key: int, value: float | None) -> None:
        if value is None:
            self.study.tell(key, state=optuna.trial.TrialState.FAIL)
        else:
            self.study.tell(key, value)

    def know(self, results: list[tuple[dict[str, Any], float]]) -> None:
        for parameters, value in results:
            trial = optuna.create_trial(params=parameters, distributions=self.distributions, value=value)
            self.study.add_trial(trial)

    def best(self) -> None:
        """Optuna recommends the best value seen."""


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("sampler", choices=SAMPLERS)
    chosen = parser.parse_args().sampler
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    packages = ("optuna", "scipy", "torch") if chosen == "gp" else ("optuna",)
    serve(lambda space, seed, _trials, _workers: OptunaSearch(space, seed, chosen), packages)
