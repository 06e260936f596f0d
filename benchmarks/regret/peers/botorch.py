"""BoTorch's plain loop: SingleTaskGP, qLogNoisyExpectedImprovement, one point at a time on the unit cube.

2 (d + 1) Sobol points first. Whole numbers are relaxed and rounded, choices are one-hot. Failed trials are left out.
"""

import math
from typing import Any

import torch
from botorch.acquisition import qLogNoisyExpectedImprovement
from botorch.fit import fit_gpytorch_mll
from botorch.models import SingleTaskGP
from botorch.optim import optimize_acqf
from gpytorch.mlls import ExactMarginalLogLikelihood
from torch.quasirandom import SobolEngine

from peers.serving import serve


class Cube:
    """The space as points of the unit cube, and back."""

    def __init__(self, space: list[dict[str, Any]]) -> None:
        self.space = space
        self.widths = [len(p["values"]) if p["type"] == "choice" else 1 for p in space]

    def encode(self, parameters: dict[str, Any]) -> list[float]:
        point: list[float] = []
        for p in self.space:
            value = parameters[p["name"]]
            if p["type"] == "choice":
                point += [float(value == v) for v in p["values"]]
            else:
                low, high, value = (math.log(v) if p["log"] else v for v in (p["low"], p["high"], value))
                point.append((value - low) / (high - low))
        return point

    def decode(self, point: list[float]) -> dict[str, Any]:
        parameters = {}
        for p, width in zip(self.space, self.widths, strict=True):
            block, point = point[:width], point[width:]
            if p["type"] == "choice":
                parameters[p["name"]] = p["values"][block.index(max(block))]
                continue
            low, high = (math.log(v) if p["log"] else v for v in (p["low"], p["high"]))
            number = low + block[0] * (high - low)
            number = min(max(math.exp(number) if p["log"] else number, p["low"]), p["high"])
            parameters[p["name"]] = round(number) if p["type"] == "int" else number
        return parameters


class BotorchSearch:
    """The loop of BoTorch's tutorials."""

    def __init__(self, space: list[dict[str, Any]], seed: int) -> None:
        torch.manual_seed(seed)
        self.cube = Cube(space)
        self.d = sum(self.cube.widths)
        self.first = SobolEngine(self.d, scramble=True, seed=seed).draw(2 * (len(space) + 1)).double()
        self.asked: list[dict[str, Any]] = []
        self.values: dict[int, float | None] = {}

    def ask(self) -> tuple[int, dict[str, Any]]:
        X, y = self.observed()
        if len(self.asked) < len(self.first) or len(X) < 2:
            point = self.first[len(self.asked)] if len(self.asked) < len(self.first) else torch.rand(self.d)
        else:
            pending = [self.cube.encode(p) for key, p in enumerate(self.asked) if key not in self.values]
            acquisition = qLogNoisyExpectedImprovement(
                self.model(X, y), X_baseline=X, X_pending=torch.tensor(pending).double() if pending else None
            )
            bounds = torch.stack([torch.zeros(self.d), torch.ones(self.d)]).double()
            points, _ = optimize_acqf(acquisition, bounds, q=1, num_restarts=10, raw_samples=512)
            point = points[0]
        self.asked.append(self.cube.decode(point.tolist()))
        return len(self.asked) - 1, self.asked[-1]

    def tell(self, key: int, value: float | None) -> None:
        self.values[key] = value

    def know(self, results: list[tuple[dict[str, Any], float]]) -> None:
        for parameters, value in results:
            self.asked.append(parameters)
            self.tell(len(self.asked) - 1, value)

    def best(self) -> dict[str, Any] | None:
        X, y = self.observed()
        if len(X) < 2:
            return None
        return self.cube.decode(X[self.model(X, y).posterior(X).mean.argmax()].tolist())

    def observed(self) -> tuple[torch.Tensor, torch.Tensor]:
        """The points that worked, and their values, to be maximised."""
        done = {key: value for key, value in self.values.items() if value is not None}
        X = [self.cube.encode(self.asked[key]) for key in done]
        return torch.tensor(X).double(), -torch.tensor(list(done.values())).double()[:, None]

    @staticmethod
    def model(X: torch.Tensor, y: torch.Tensor) -> SingleTaskGP:
        model = SingleTaskGP(X, y)
        fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
        return model


if __name__ == "__main__":
    serve(lambda space, seed, _trials, _workers: BotorchSearch(space, seed), ("botorch", "gpytorch", "torch"))
