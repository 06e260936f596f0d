"""The best arm: best *seen*, by measurement, and best *believed*, by the model.

With noise the best measurement of many is a lucky one. What the model believes has averaged over neighbours.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, final

import numpy as np
from jaxtyping import Bool, Float64, Int64

from headstock import wording
from headstock.analysis.feasibility import feasibility, standard_bound
from headstock.analysis.model import Model
from headstock.errors import CheckpointError, NoResultError
from headstock.gp.linalg import one_thread
from headstock.history import History
from headstock.parameters import Parameters
from headstock.schedulers.forecast import results_without_noise
from headstock.trial import Arm, TrialRecord

SAMPLES: Final = 4_096
CONTENDERS: Final = 64
MOST_ARMS: Final = 1_000
SEED: Final = 1926  # the same model gives the same probability
FEASIBLE: Final = 0.5


@final
@dataclass(frozen=True, slots=True)
class Winner:
    """An arm that is best, in one sense or the other.

    Args:
        trial: the first trial that evaluated it.
        mean: the value of the objective: measured (best seen) or predicted without noise (best believed).
        sem: its standard error; None if it is not known.
        probability: the probability that it is the best of all arms that were tried; None for the best seen.
        load: reads the state that its trial has saved; None where there are no such files.
    """

    trial: TrialRecord
    mean: float
    sem: float | None
    probability: float | None = None
    load: Callable[[], dict[str, Any]] | None = field(default=None, repr=False, compare=False)

    def load_checkpoint(self) -> dict[str, Any]:
        """The state that the training function attached, as it was saved: `net.load_state_dict(state["model"])`.

        Raises:
            CheckpointError: if none was saved, or it is gone.
        """
        if self.load is None:
            raise CheckpointError("Only a winner that Experiment.best() or best_seen() gave finds its saved state.")
        return self.load()

    def __str__(self) -> str:
        """The value with its standard error, the trial, the probability if there is one, and the parameters."""
        sure = "" if self.probability is None else f", the best with probability {self.probability:.2f}"
        shown = ", ".join(f"{name}={wording.value(value)}" for name, value in self.parameters.items())
        measured = wording.measured(self.mean, self.sem)
        return f"{self.trial.objective} {measured} (trial {self.trial.index}{sure}): {shown}"

    @property
    def arm(self) -> Arm:
        """The configuration with its name."""
        return self.trial.arm

    @property
    def parameters(self) -> Parameters:
        """The configuration."""
        return self.trial.parameters

    def to_json(self) -> dict[str, Any]:
        """The winner as JSON."""
        return {
            "trial": self.trial.index,
            "arm_name": self.arm.name,
            "parameters": dict(self.parameters),
            "metric": self.trial.objective,
            "mean": self.mean,
            "sem": self.sem,
            "probability": self.probability,
        }


def best_seen(history: History) -> Winner:
    """The trial with the best measured objective among those that keep every outcome constraint.

    As long as there is no result at all, it is the trial whose last report is best.

    Raises:
        NoResultError: if there is none.
    """
    trial = history.best_seen()
    if trial is None and not history.observed and not history.outcome_constraints:
        metric, sign = history.objective.metric, history.objective.sign
        reported = [t for t in history.pending if t.reports.get(metric)]
        if reported:
            trial = max(reported, key=lambda t: sign * t.reports[metric][-1].mean)
            return Winner(trial, trial.reports[metric][-1].mean, trial.reports[metric][-1].sem)
    if trial is None and history.unjudged:
        raise NoResultError(
            "Nobody has compared any trials yet. Say which one is better: prefer(better, over=worse), headstock prefer "
            "or the dashboard."
        )
    if trial is None:
        kept = "that keeps every outcome constraint " if history.observed else ""
        raise NoResultError(f"No trial has a result {kept}yet. Run more trials first.")
    return Winner(trial, trial.objective_mean, trial.metrics[history.objective.metric].sem)


@one_thread()
def best_believed(model: Model) -> Winner:
    """The arm with the best predicted objective among those that were tried and are believed feasible.

    An arm counts as feasible if its outcome constraints hold with a probability of at least one half. Where there is a
    model of learning curves, it tells what those that have ended came to: of a few results it knows more than a model
    of these alone.

    Raises:
        NoResultError: if no arm is believed feasible.
    """
    if model.history.objective.judged:  # the appeal of a trial is what is believed of it already
        return best_seen(model.history)
    arms = _arms(model.history)
    X = model.encoding.encode([trial.parameters for trial in arms])
    feasible = feasibility(model, X) >= FEASIBLE
    if not feasible.any():
        constraints = " and ".join(c.words for c in model.history.outcome_constraints)
        raise NoResultError(f"No arm that was tried is believed to keep {constraints}. Run more trials, or relax it.")
    means, sems = model.posterior(X)
    of_curves = results_without_noise(model.history)
    rows = [row for row, trial in enumerate(arms) if trial.index in of_curves]
    means[rows] = [of_curves[arms[row].index].mean for row in rows]
    sems[rows] = [of_curves[arms[row].index].sem for row in rows]
    worth = np.where(feasible, model.history.objective.sign * means, -np.inf)
    best = int(np.argmax(worth))
    ends = {row: (means[row], sems[row]) for row in rows}
    probability = _probability_of_being_best(model, X, best, ends)
    return Winner(arms[best], float(means[best]), float(sems[best]), probability)


def _arms(history: History) -> list[TrialRecord]:
    """The first observed trial of each configuration; of very many, the best measured ones."""
    first: dict[str, TrialRecord] = {}
    for trial in history.observed:
        first.setdefault(trial.arm.signature, trial)
    arms = list(first.values())
    if len(arms) > MOST_ARMS:
        sign = history.objective.sign
        arms.sort(key=lambda trial: (history.is_feasible(trial), sign * trial.objective_mean), reverse=True)
    return arms[:MOST_ARMS]


@one_thread()
def contenders(model: Model) -> Float64[np.ndarray, "a d"]:
    """The arms that were tried and may be the best, by μ + 2 σ; at most 64, the likeliest first."""
    X = model.encoding.encode([trial.parameters for trial in _arms(model.history)])
    return X[_likeliest(model, X)]


def _likeliest(model: Model, X: Float64[np.ndarray, "a d"]) -> Int64[np.ndarray, " c"]:
    """The rows of the points that may be the best."""
    mean, variance = model.averaged().predict(X)
    return np.argsort(-(mean + 2 * np.sqrt(variance)), kind="stable")[:CONTENDERS]


@one_thread()
def draw_worth(
    model: Model, X: Float64[np.ndarray, "m d"], count: int, rng: np.random.Generator
) -> Float64[np.ndarray, "s m"]:
    """Joint draws of the noise-free objective, turned so that larger is better; -∞ where a constraint is broken."""
    values = model.history.objective.sign * model.draw(X, count, rng)
    return np.where(_kept(model, X, count, rng), values, -np.inf)


def _kept(model: Model, X: Float64[np.ndarray, "m d"], count: int, rng: np.random.Generator) -> Bool[np.ndarray, "s m"]:
    """In which joint draws every outcome constraint holds."""
    kept = np.ones((count, len(X)), dtype=bool)
    for constraint in model.history.outcome_constraints:
        surrogate = model.surrogate(constraint.metric)
        side, bound = standard_bound(surrogate, constraint)
        kept &= side * (model.averaged(constraint.metric).draw(X, count, rng) - bound) >= 0
    return kept


def _probability_of_being_best(
    model: Model, X: Float64[np.ndarray, "m d"], best: int, ends: Mapping[int, tuple[float, float]]
) -> float:
    """How often an arm is the best feasible one in draws of all arms: those with a result jointly from the posterior.

    Of many of these only the likeliest contenders are drawn.

    Args:
        model: the model.
        X: the arms.
        best: the row of the arm.
        ends: by row, the mean and the standard error of what a learning curve came to, drawn on its own.
    """
    order = _likeliest(model, X)
    chosen = [best, *order[order != best].tolist()]
    rng = np.random.default_rng(SEED)
    worth = np.hstack([draw_worth(model, X[chosen], SAMPLES, rng), _draw_unfinished(model, SAMPLES, rng)])
    for column, row in enumerate(chosen):
        if row in ends:
            mean, sem = ends[row]
            drawn = model.history.objective.sign * (mean + sem * rng.standard_normal(SAMPLES))
            worth[:, column] = np.where(np.isfinite(worth[:, column]), drawn, -np.inf)
    won = (worth.argmax(axis=1) == 0) & np.isfinite(worth[:, 0])
    return float(won.mean())


def _draw_unfinished(model: Model, count: int, rng: np.random.Generator) -> Float64[np.ndarray, "s m"]:
    """Draws of what trainings without a result are expected to come to, each on its own, turned as in `draw_worth`."""
    history, known = model.history, {trial.arm.signature for trial in model.history.observed}
    rivals = {i: end for i, end in model.expected.items() if history.trials[i].arm.signature not in known}
    if not rivals:
        return np.empty((count, 0))
    means, sems = (np.array(told) for told in zip(*((end.mean, end.sem) for end in rivals.values()), strict=True))
    ends = means + sems * rng.standard_normal((count, len(rivals)))
    X = model.encoding.encode([history.trials[i].parameters for i in rivals])
    return np.where(_kept(model, X, count, rng), history.objective.sign * ends, -np.inf)
