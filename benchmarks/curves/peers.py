"""Other libraries' pausing and stopping searches, replayed on a table; runs in their own environments.

    python peers.py optuna|smac|syne-tune  < question.json

The question holds a space (as `headstock.Space.to_json` lists its parameters), the table's rows and curves, a method,
a seed and a budget in steps. The answer, one line: the steps as [row, step], the seconds that each decision took, how
many trials began. What a library suggests is moved to the nearest row that was not tried. A configuration that SMAC
trains again with a larger budget goes on from where it was, so that it pays for the new steps only.
"""

import json
import logging
import math
import sys
import tempfile
import time
import warnings
from typing import Any


class Table:
    """The table, and the account of what was trained."""

    def __init__(self, question: dict[str, Any]) -> None:
        self.space, self.curves, self.budget = question["space"], question["curves"], question["budget"]
        self.rows, self.minimize = question["rows"], question["minimize"]
        self.length = len(self.curves[0])
        self.points = [self.point(row) for row in self.rows]
        self.steps: list[tuple[int, int]] = []
        self.seconds: list[float] = []
        self.tried: dict[int, int] = {}

    def point(self, row: dict[str, Any]) -> list[Any]:
        """A configuration with numbers scaled to the unit interval; what is inactive lies in the middle."""
        point: list[Any] = []
        for p in self.space:
            value = row.get(p["name"])
            if value is None or p["type"] == "choice":
                point.append(0.5 if p["type"] != "choice" else value)
                continue
            low, high, value = (math.log(v) if p["log"] else v for v in (p["low"], p["high"], value))
            point.append((value - low) / (high - low))
        return point

    def nearest(self, parameters: dict[str, Any]) -> int:
        """The nearest row that was not tried."""
        wanted, numeric = self.point(parameters), [p["type"] != "choice" for p in self.space]

        def distance(row: int) -> float:
            pairs = zip(wanted, self.points[row], numeric, strict=True)
            return sum((a - b) ** 2 if n else float(a != b) for a, b, n in pairs)

        return min((row for row in range(len(self.rows)) if row not in self.tried), key=distance)

    def train(self, row: int, until: int) -> float | None:
        """Trains a row on to a step, as far as the budget goes; its loss there, None if it diverged."""
        for step in range(self.tried.get(row, 0) + 1, until + 1):
            if self.is_over:
                break
            self.steps.append((row, step))
            self.tried[row] = step
            if math.isnan(self.curves[row][step - 1]):
                return None
        value = self.curves[row][min(until, max(self.tried.get(row, 1), 1)) - 1]
        if math.isnan(value):
            return None
        return float(value if self.minimize else -value)

    @property
    def is_over(self) -> bool:
        """Whether the budget is spent, or nothing is left to try."""
        return len(self.steps) >= self.budget or len(self.tried) == len(self.rows)


def optuna_search(table: Table, method: str, seed: int) -> None:
    """TPE with a pruner; a pruned trial does not come back."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    pruner = {
        "hyperband": lambda: optuna.pruners.HyperbandPruner(min_resource=1, max_resource=table.length),
        "median": optuna.pruners.MedianPruner,
        "full": optuna.pruners.NopPruner,
    }[method]()
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed), pruner=pruner)
    while not table.is_over:
        began = time.perf_counter()
        trial, parameters = study.ask(), {}
        for p in table.space:
            if all(parameters.get(name) in values for name, values in p["when"].items()):
                parameters[p["name"]] = _suggest(trial, p)
        row = table.nearest(parameters)
        spent = time.perf_counter() - began
        state, value = optuna.trial.TrialState.COMPLETE, None
        for step in range(1, table.length + 1):
            value = table.train(row, step)
            if value is None or table.is_over:
                break
            began = time.perf_counter()
            trial.report(value, step)
            prune = trial.should_prune()
            spent += time.perf_counter() - began
            table.seconds.append(spent)
            spent = 0.0
            if prune:
                state = optuna.trial.TrialState.PRUNED
                break
        if value is None:
            state = optuna.trial.TrialState.FAIL
        study.tell(trial, value if state is optuna.trial.TrialState.COMPLETE else None, state=state)


def _suggest(trial: Any, p: dict[str, Any]) -> Any:
    if p["type"] == "choice":
        return trial.suggest_categorical(p["name"], p["values"])
    suggest = trial.suggest_int if p["type"] == "int" else trial.suggest_float
    return suggest(p["name"], p["low"], p["high"], log=p["log"])


def never_called(config: Any, seed: int = 0, budget: float = 0.0) -> float:
    """The target function, which a facade wants and which ask and tell do not use."""
    raise NotImplementedError


def smac_search(table: Table, seed: int) -> None:
    """SMAC3's MultiFidelityFacade: random forest, Hyperband."""
    from ConfigSpace import CategoricalHyperparameter, ConfigurationSpace, EqualsCondition, Float, Integer
    from smac import MultiFidelityFacade, Scenario
    from smac.runhistory.dataclasses import TrialValue
    from smac.runhistory.enumerations import StatusType

    logging.disable(logging.CRITICAL)
    space, added = ConfigurationSpace(seed=seed), {}
    for p in table.space:
        if p["type"] == "choice":
            added[p["name"]] = CategoricalHyperparameter(p["name"], p["values"])
        else:
            kind = Float if p["type"] == "float" else Integer
            added[p["name"]] = kind(p["name"], (p["low"], p["high"]), log=p["log"])
    space.add(list(added.values()))
    space.add([EqualsCondition(added[p["name"]], added[n], v[0]) for p in table.space for n, v in p["when"].items()])
    with tempfile.TemporaryDirectory() as folder:
        scenario = Scenario(
            space,
            output_directory=folder,
            n_trials=100_000,
            min_budget=1,
            max_budget=table.length,
            deterministic=True,
            seed=seed,
        )
        facade = MultiFidelityFacade(scenario, never_called, overwrite=True, logging_level=False)
        rows: dict[Any, int] = {}
        worst = 0.0
        while not table.is_over:
            began = time.perf_counter()
            info = facade.ask()
            if info.config not in rows:
                rows[info.config] = table.nearest(dict(info.config))
                table.tried.setdefault(rows[info.config], 0)
            table.seconds.append(time.perf_counter() - began)
            value = table.train(rows[info.config], round(info.budget))
            worst = worst if value is None else max(worst, value)
            status = StatusType.CRASHED if value is None else StatusType.SUCCESS
            facade.tell(info, TrialValue(cost=worst if value is None else value, status=status))


def syne_tune_search(table: Table, method: str, seed: int) -> None:
    """Syne Tune's asynchronous successive halving with one of its searchers; a stopped trial does not come back.

    It knows no conditions: what is inactive in the nearest row is ignored.
    """
    import datetime as dt

    from syne_tune import config_space
    from syne_tune.backend.trial_status import Trial
    from syne_tune.optimizer.baselines import ASHA, ASHACQR, BOHB
    from syne_tune.optimizer.scheduler import SchedulerDecision

    logging.disable(logging.CRITICAL)
    domains = {
        ("float", False): config_space.uniform,
        ("float", True): config_space.loguniform,
        ("int", False): config_space.randint,
        ("int", True): config_space.lograndint,
    }
    space = {
        p["name"]: config_space.choice(p["values"])
        if p["type"] == "choice"
        else domains[p["type"], p["log"]](p["low"], p["high"])
        for p in table.space
    }
    scheduler = {"asha": ASHA, "bohb": BOHB, "cqr": ASHACQR}[method](
        space, metric="loss", time_attr="epoch", max_t=table.length, do_minimize=True, random_seed=seed
    )
    while not table.is_over:
        began = time.perf_counter()
        suggestion = scheduler.suggest()
        row = table.nearest(suggestion.config)
        trial = Trial(row, suggestion.config, dt.datetime.now(tz=dt.UTC))
        scheduler.on_trial_add(trial)
        spent = time.perf_counter() - began
        for step in range(1, table.length + 1):
            value = table.train(row, step)
            if value is None:
                scheduler.on_trial_error(trial)
                break
            if table.is_over:
                break
            began = time.perf_counter()
            decision = scheduler.on_trial_result(trial, {"loss": value, "epoch": step})
            table.seconds.append(spent + time.perf_counter() - began)
            spent = 0.0
            if decision == SchedulerDecision.STOP:
                break


def main() -> None:
    """Answer one question."""
    warnings.simplefilter("ignore")
    question = json.load(sys.stdin)
    table = Table(question)
    if sys.argv[1] == "optuna":
        optuna_search(table, question["method"], question["seed"])
    elif sys.argv[1] == "syne-tune":
        syne_tune_search(table, question["method"], question["seed"])
    else:
        smac_search(table, question["seed"])
    print(json.dumps({"steps": table.steps, "seconds": table.seconds, "trials": len(table.tried)}))


if __name__ == "__main__":
    main()
