"""scikit-optimize's Optimizer as it comes. It cannot be told of failures: they get the worst value seen."""

from typing import Any

import skopt
from skopt.space import Categorical, Integer, Real

from peers.serving import serve


def dimension(given: dict[str, Any]) -> Any:
    """A parameter as scikit-optimize writes it."""
    if given["type"] == "choice":
        return Categorical(given["values"], name=given["name"])
    kind = Real if given["type"] == "float" else Integer
    prior = "log-uniform" if given["log"] else "uniform"
    return kind(given["low"], given["high"], prior=prior, name=given["name"])


class SkoptSearch:
    """With pending trials the liar's points are asked for, and the first new one taken."""

    def __init__(self, space: list[dict[str, Any]], seed: int) -> None:
        self.names = [p["name"] for p in space]
        self.optimizer = skopt.Optimizer([dimension(p) for p in space], random_state=seed)
        self.asked: list[list[Any]] = []
        self.pending: list[int] = []
        self.failed: list[int] = []

    def ask(self) -> tuple[int, dict[str, Any]]:
        if self.failed:  # before any value, a failure has none either
            [point] = self.optimizer.space.rvs(1, random_state=self.optimizer.rng)
        elif self.pending:
            pending = [self.asked[key] for key in self.pending]
            points = self.optimizer.ask(n_points=len(pending) + 1)
            point = next((point for point in points if point not in pending), points[-1])
        else:
            point = self.optimizer.ask()
        self.asked.append(list(point))
        self.pending.append(len(self.asked) - 1)
        return len(self.asked) - 1, dict(zip(self.names, point, strict=True))

    def tell(self, key: int, value: float | None) -> None:
        self.pending.remove(key)
        if value is None:
            self.failed.append(key)
        else:
            self.optimizer.tell(self.asked[key], value)
        if self.optimizer.yi:
            for failed in self.failed:
                self.optimizer.tell(self.asked[failed], max(self.optimizer.yi))
            self.failed.clear()

    def know(self, results: list[tuple[dict[str, Any], float]]) -> None:
        points = [[parameters[name] for name in self.names] for parameters, _ in results]
        self.optimizer.tell(points, [value for _, value in results])

    def best(self) -> None:
        """scikit-optimize recommends the best value seen."""


if __name__ == "__main__":
    serve(lambda space, seed, _trials, _workers: SkoptSearch(space, seed), ("scikit-optimize", "scikit-learn", "numpy"))
