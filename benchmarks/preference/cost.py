"""What a comparison costs, in CPU seconds: to keep one, to choose the next pair, and to suggest a trial after it.

python benchmarks/preference/cost.py
"""

import time
from collections.abc import Callable
from functools import partial

import numpy as np

from headstock import Experiment
from headstock.testing.problems import PROBLEMS

REPEATS = 5


def seconds(act: Callable[[], object]) -> float:
    begun = time.process_time()
    act()
    return time.process_time() - begun


def judged(comparisons: int, trials: int) -> tuple[Experiment, list[float]]:
    """So many random pairs of so many trials, and the value of each trial, less where it is better."""
    problem, rng = PROBLEMS["hartmann6"](0), np.random.default_rng(0)
    experiment = Experiment("cost", problem.space, maximize="appeal", judged=True, seed=0)
    for trial in experiment.ask(trials):
        experiment.tell(trial)
    values = [problem.evaluate(trial.parameters) for trial in experiment.history]
    pairs = (sorted(rng.choice(trials, 2, replace=False).tolist(), key=values.__getitem__) for _ in range(comparisons))
    said = [[better, [worse], 0.0] for better, worse in pairs]
    return Experiment.from_json(experiment.to_json() | {"comparisons": said}), values


def cost(comparisons: int, trials: int) -> list[float]:
    """The median seconds of each step."""
    experiment, values = judged(comparisons, trials)
    rng, taken = np.random.default_rng(1), []
    for _ in range(REPEATS):
        better, worse = sorted(rng.choice(trials, 2, replace=False).tolist(), key=values.__getitem__)
        keep = partial(experiment.prefer, better, over=worse)
        taken.append([seconds(act) for act in (keep, experiment.next_pair, experiment.ask)])
    return np.median(taken, axis=0).tolist()


print("| comparisons | trials | keep | next pair | suggest |\n|---|---|---|---|---|")
for size in ((10, 10), (50, 40), (100, 60), (200, 80), (500, 120)):
    print(f"| {size[0]} | {size[1]} | {' | '.join(f'{each:.2g}' for each in cost(*size))} |", flush=True)
