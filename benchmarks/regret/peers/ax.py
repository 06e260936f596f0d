"""Ax through its Client, with the generation strategy that it picks."""

import logging
from typing import Any

from ax.api.client import Client
from ax.api.configs import ChoiceParameterConfig, RangeParameterConfig

from peers.serving import serve


def parameter(given: dict[str, Any]) -> RangeParameterConfig | ChoiceParameterConfig:
    """A parameter as Ax writes it."""
    if given["type"] == "choice":
        kind = "str" if isinstance(given["values"][0], str) else "float"
        return ChoiceParameterConfig(given["name"], given["values"], parameter_type=kind, is_ordered=given["ordered"])
    scaling = "log" if given["log"] else None
    return RangeParameterConfig(
        given["name"], (given["low"], given["high"]), parameter_type=given["type"], scaling=scaling
    )


class AxSearch:
    """A client that minimises one metric of unknown noise.

    More workers than its five first trials would have to wait for data: then each gets a first trial, and the model is
    used from the first result on.
    """

    def __init__(self, space: list[dict[str, Any]], seed: int, workers: int) -> None:
        self.client = Client(random_seed=seed)
        self.client.configure_experiment([parameter(p) for p in space])
        self.client.configure_optimization("-value")
        if workers > 5:
            self.client.configure_generation_strategy(
                initialization_budget=workers, min_observed_initialization_trials=1
            )

    def ask(self) -> tuple[int, dict[str, Any]]:
        [(key, parameters)] = self.client.get_next_trials(max_trials=1).items()
        return key, dict(parameters)

    def tell(self, key: int, value: float | None) -> None:
        if value is None:
            self.client.mark_trial_failed(key)
        else:
            self.client.complete_trial(key, {"value": value})

    def know(self, results: list[tuple[dict[str, Any], float]]) -> None:
        for parameters, value in results:
            self.tell(self.client.attach_trial(parameters), value)

    def best(self) -> dict[str, Any]:
        parameters, _, _, _ = self.client.get_best_parameterization()
        return dict(parameters)


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    packages = ("ax-platform", "botorch", "gpytorch", "torch")
    serve(lambda space, seed, _trials, workers: AxSearch(space, seed, workers), packages)
