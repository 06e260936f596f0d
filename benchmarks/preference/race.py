"""How good is what a search recommends after so many comparisons by a person who errs?

    python benchmarks/preference/race.py --who headstock numbers --seeds 10
    python benchmarks/preference/race.py --table

The person compares two configurations by the values of a known problem, each seen with normal noise whose standard
deviation is so many times half the distance of the quartiles over the space. One comparison, one new trial. Each line
that is written has the regret, the true value of what is recommended over the optimum, after each comparison, and the
median CPU seconds between two questions. `optuna` runs in an environment with optuna-dashboard, botorch
and jaxtyping; the others in headstock's own.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from headstock.parameters import Choice, Float, Int, Parameters
from headstock.space import Space
from headstock.testing.problems import PROBLEMS

RESULTS = Path(__file__).parent / "results" / "race.jsonl"
NAMES = ("branin", "hartmann6", "levy4", "training")
SHOWN = (10, 20, 40)

Judge = Callable[[Parameters, Parameters], bool]
"""Whether the first one is better."""


@dataclass(frozen=True)
class Numbers:
    """The usual sampler, which sees only the appeal of each trial with its standard error, not the comparisons."""

    def suggest(self, history: Any, count: int, rng: np.random.Generator, given: Any = None) -> Any:
        from headstock import Bayesian

        return Bayesian().suggest(replace(history, comparisons=()), count, rng, given or {})

    def to_json(self) -> dict[str, Any]:
        return {"kind": "bayesian"}


def headstock(
    space: Space, seed: int, judge: Judge, *, sampler: Any = None, random_pairs: bool = False
) -> Iterator[Parameters]:
    """What is recommended after each comparison."""
    from headstock import Experiment

    experiment = Experiment("race", space, maximize="appeal", judged=True, seed=seed, sampler=sampler)
    rng = np.random.default_rng(seed)
    experiment.tell(experiment.ask())
    while True:
        experiment.tell(experiment.ask())
        count = len(experiment.history)
        pair = rng.choice(count, 2, replace=False).tolist() if random_pairs else experiment.next_pair()
        first, second = (experiment.trials[getattr(one, "index", one)] for one in pair)
        better, worse = (first, second) if judge(first.parameters, second.parameters) else (second, first)
        experiment.prefer(better, over=worse)
        yield experiment.best_seen().parameters


def optuna(space: Space, seed: int, judge: Judge) -> Iterator[Parameters]:
    """Two trials at a time, as its documentation has it: the worse one gives way to a new one."""
    import optuna as library
    from optuna_dashboard.preferential import create_study
    from optuna_dashboard.preferential.samplers.gp import PreferentialGPSampler

    library.logging.set_verbosity(library.logging.ERROR)

    def distribution(parameter: Any) -> Any:
        match parameter:
            case Float(low, high):
                return library.distributions.FloatDistribution(low, high, log=parameter.log)
            case Int(low, high):
                return library.distributions.IntDistribution(low, high, log=parameter.log)
            case Choice():
                return library.distributions.CategoricalDistribution(parameter.values)
        raise TypeError(parameter)

    distributions = {name: distribution(parameter) for name, parameter in space.parameters.items()}
    study = create_study(n_generate=2, sampler=PreferentialGPSampler(seed=seed))
    beaten: set[int] = set()
    while True:
        while study.should_generate():
            study.ask(distributions)
        first, second = (trial for trial in study.get_trials() if trial.number not in beaten)
        better, worse = (first, second) if judge(first.params, second.params) else (second, first)
        study.report_preference(better, worse)
        beaten.add(worse.number)
        yield better.params


def sobol(space: Space, seed: int, judge: Judge) -> Iterator[Parameters]:
    from headstock import Sobol

    return headstock(space, seed, judge, sampler=Sobol())


SEARCHERS: dict[str, Callable[[Space, int, Judge], Iterator[Parameters]]] = {
    "headstock": headstock,
    "numbers": partial(headstock, sampler=Numbers()),
    "random-pairs": partial(headstock, random_pairs=True),
    "sobol": sobol,
    "optuna": optuna,
}


def regrets(who: str, problem: str, seed: int, *, noise: float, comparisons: int) -> dict[str, Any]:
    known, rng = PROBLEMS[problem](seed), np.random.default_rng([seed, 1])
    spread = noise * spread_of(problem, seed)

    def judge(first: Parameters, second: Parameters) -> bool:
        seen = (known.evaluate(one) + spread * rng.standard_normal() for one in (first, second))
        return next(seen) < next(seen)

    recommended = SEARCHERS[who](known.space, seed, judge)
    found, seconds = [], []
    for _ in range(comparisons):
        begun = time.process_time()
        found.append(known.evaluate(next(recommended)) - known.optimum)
        seconds.append(time.process_time() - begun)
    told = {"who": who, "problem": problem, "seed": seed, "noise": noise}
    return told | {"seconds": round(statistics.median(seconds), 4), "regret": [float(f"{r:.4g}") for r in found]}


def spread_of(problem: str, seed: int) -> float:
    """Half the distance between the quartiles of the values over the search space."""
    from headstock.encoding import Encoding

    known = PROBLEMS[problem](seed)
    encoding = Encoding.of(known.space)
    U = np.random.default_rng(0).random((512, encoding.dimensions))
    low, high = np.quantile([known.evaluate(encoding.decode(x)) for x in encoding.from_uniform(U)], [0.25, 0.75])
    return float(high - low) / 2


def table(lines: Sequence[dict[str, Any]]) -> str:
    """Median regret of each, by problem and number of comparisons."""
    whos = list(dict.fromkeys(line["who"] for line in lines))
    rows = [f"| problem | after | {' | '.join(whos)} |", f"|---|---|{'---|' * len(whos)}"]
    for noise in sorted({line["noise"] for line in lines}):
        for problem in NAMES:
            for count in SHOWN:
                cells = []
                for who in whos:
                    those = [r for r in lines if (r["who"], r["problem"], r["noise"]) == (who, problem, noise)]
                    values = [line["regret"][count - 1] for line in those]
                    cells.append(f"{statistics.median(values):.3g}" if values else "")
                rows.append(f"| {problem}, noise {noise:g} | {count} | {' | '.join(cells)} |")
    seconds = [statistics.median(line["seconds"] for line in lines if line["who"] == who) for who in whos]
    return "\n".join([*rows, f"| CPU seconds a question | | {' | '.join(f'{s:.2g}' for s in seconds)} |"])


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--who", nargs="+", choices=SEARCHERS, default=["headstock"])
    parser.add_argument("--problems", nargs="+", default=NAMES)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--noise", type=float, default=0.1)
    parser.add_argument("--comparisons", type=int, default=40)
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--table", action="store_true")
    given = parser.parse_args()
    if given.table:
        print(table([json.loads(line) for line in given.out.read_text("utf-8").splitlines()]))
        sys.exit()
    given.out.parent.mkdir(exist_ok=True)
    for name in given.who:
        for problem in given.problems:
            for seed in range(given.first_seed, given.first_seed + given.seeds):
                line = regrets(name, problem, seed, noise=given.noise, comparisons=given.comparisons)
                with given.out.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(line) + "\n")
            print(name, problem, flush=True)
