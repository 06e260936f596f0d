"""Bayesian optimisation: a Gaussian process says what to expect, an acquisition function where it is worth a trial."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, final

import numpy as np
from jaxtyping import Float64

from headstock.acquisition.analytic import LogFeasibility
from headstock.acquisition.maximise import AcquisitionFunction, maximise
from headstock.acquisition.noisy import LogNoisyExpectedImprovement
from headstock.acquisition.prior import LogPrior
from headstock.acquisition.speed import LogSpeed
from headstock.acquisition.weighted import Weighted
from headstock.domain import Domain, are_among, digests, merged, tried
from headstock.encoding import Encoding
from headstock.errors import HeadstockError, NumericalError
from headstock.gp.linalg import one_thread
from headstock.gp.surrogate import Surrogate
from headstock.history import History
from headstock.parameters import Parameters
from headstock.samplers.base import NOTHING, Suggestion
from headstock.samplers.beliefs import Beliefs, Memo, learn
from headstock.samplers.durations import log_speed
from headstock.samplers.likeness import with_categories_alike
from headstock.samplers.plateaus import log_off_plateau
from headstock.samplers.precedents import Precedent, best_before, trend_of
from headstock.samplers.sobol import Sobol
from headstock.samplers.untried import explained
from headstock.scalars import MOST, is_number, is_whole
from headstock.wording import given, measured, number, whole

ENOUGH: Final = 4
"""How many results a model needs at least, while the rest of the initial design is still pending."""

ANCHORS: Final = 5
"""Around how many of the best points the acquisition function is searched closely."""

BASELINE: Final = 16
"""How many observed points may be the best one, by mean plus standard deviation."""

FANTASISED: Final = 128
"""How many of the failed and pending trials are part of the fantasies; their cost grows with the cube."""

CONFIDENCE: Final = 6.0
"""Up to so many results, what a person believes of the optimum counts in full; then it fades."""

RELIED_ON: Final = 20
"""Up to so many results, or 2 d, precedents that predict them count on every second turn."""

CAUTION: Final = 2.0
"""By which power of the probability of a result the improvement is multiplied: a failure teaches nothing else."""

_DURATIONS: Final = "durations"
_FROM_BEFORE: Final = 1  # which trial is the best of earlier experiments: the one after the centre
_NEAR: Final = 0.3  # lengthscales, within which a point is like another


@final
@dataclass(frozen=True, slots=True)
class Bayesian:
    """Suggests where the expected improvement is largest, after a few points that cover the space.

    The surrogate is a Gaussian process with the most probable hyper-parameters, the acquisition function log noisy
    expected improvement (Ament et al. 2023), with the probability that the outcome constraints hold. Pending trials
    count by what they may turn out to be, and so do failed ones: beside them there is little to gain. Where trials may
    fail, the expected improvement is multiplied by the square of the probability that they do not. On every second turn
    a category that all of the best results have in common is taken to be much like the others, so that these are tried,
    and where the best result came several times, equal to the last bit, improvement counts as far as another is likely.

    Args:
        initial: how many results, or pending trials, come before the model; max(4, min(d + 1, 8)) for d searched
            parameters if None, 4 if there are precedents.
        precedents: what earlier experiments teach. `Experiment(..., warm_start=[...])` fills it in.
        cost_exponent: by which power of the expected duration the expected improvement is divided: 0 for the most per
            trial, 1 for the most per second. If None, a run with a budget in seconds begins with 1 and cools down to 0
            with the share of its time that is left (Lee et al. 2020, arXiv 2003.10870, section 3.2); any other has 0.

    Raises:
        HeadstockError: if `initial` is no whole number, or the exponent not a number in [0, 1].
    """

    initial: int | None = None
    precedents: tuple[Precedent, ...] = ()
    cost_exponent: float | None = None

    def __post_init__(self) -> None:
        """Check the numbers."""
        if self.initial is not None and not is_whole(self.initial, 0):
            raise HeadstockError(f"Bayesian(initial={given(self.initial)}): {whole(self.initial, 0, MOST)}.")
        exponent = self.cost_exponent
        if exponent is not None and not (is_number(exponent) and 0.0 <= exponent <= 1.0):
            raise HeadstockError(
                f"Bayesian(cost_exponent={given(exponent)}): give a number from 0 to 1, or leave it out."
            )

    def with_time_left(self, share: float) -> "Bayesian":
        """The sampler when this share of a run's time is left."""
        return replace(self, cost_exponent=share) if self.cost_exponent is None else self

    def suggest(
        self, history: History, count: int, rng: np.random.Generator, given: Parameters = NOTHING
    ) -> Sequence[Suggestion]:
        """The points that promise most (see `Sampler.suggest`)."""
        domain = Domain.of(Encoding.of(history.space), given)
        if domain.is_decided or not self.has_enough(history):
            return self._begin(history, domain, count, rng)
        with one_thread():
            try:
                suggestions = _most_promising(history, domain, count, rng, self)
            except (ArithmeticError, np.linalg.LinAlgError) as error:  # NumericalError among them
                fallback = Sobol().suggest(history, count, rng, given)
                return [replace(s, because=f"{s.because}; the model could not be used: {error}") for s in fallback]
        if len(suggestions) == count:
            return suggestions
        chosen = [s.parameters for s in suggestions]
        others = [s for s in Sobol().suggest(history, count, rng, given) if s.parameters not in chosen]
        return [*suggestions, *others[: count - len(suggestions)]]

    def to_json(self) -> dict[str, Any]:
        """The sampler as JSON."""
        precedents = {"precedents": [p.to_json() for p in self.precedents]} if self.precedents else {}
        cost = {} if self.cost_exponent is None else {"cost_exponent": self.cost_exponent}
        return {"kind": "bayesian", "initial": self.initial, **cost, **precedents}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Bayesian":
        """The sampler whose arguments `to_json` wrote.

        Raises:
            TypeError: if an argument is unknown.
        """
        precedents = tuple(Precedent.from_json(p) for p in stored.get("precedents", ()))
        return cls(**{**stored, "precedents": precedents})

    def _begin(self, history: History, domain: Domain, count: int, rng: np.random.Generator) -> Sequence[Suggestion]:
        """Points that cover the space, the second of all the best that is known from before."""
        suggestions = list(Sobol().suggest(history, count, rng, domain.given))
        place = _FROM_BEFORE - len(history)
        if not self.precedents or not 0 <= place < len(suggestions) or domain.is_decided:
            return suggestions
        try:
            with one_thread():
                trend = trend_of(self.precedents, domain.encoding)
                X = domain.project(best_before(self.precedents, trend, domain.encoding))
        except NumericalError:
            return suggestions
        known = tried(history, domain.encoding)
        taken = merged(known, digests(domain.encoding.encode([s.parameters for s in suggestions])))
        new = X[domain.feasible(X) & ~are_among(X, taken)]
        if len(new):
            names = " and ".join(p.name for p in self.precedents)
            because = explained(domain, f"among the best of {names}")
            suggestions[place] = Suggestion(domain.decode(new[0]), because, source="precedent")
        return suggestions

    def is_misled(self, history: History, beliefs: Beliefs) -> bool:
        """Whether the model began early for precedents that do not predict the results."""
        spent = sum(t.source == "precedent" for t in history.trials[: _FROM_BEFORE + 1])
        began = len(history.observed_rows) + len(history.pending) - spent
        return beliefs.objective.posterior.trend is None and began < self._usual(history)

    def learns_from_before(self, history: History) -> bool:
        """Whether precedents may count on every second turn.

        They can have the large shape right and mislead near the optimum, so the results go on alone in between.
        """
        n, d = len(history.observed_rows), len(history.space.searched)
        return bool(self.precedents) and n <= max(RELIED_ON, 2 * d)

    def _usual(self, history: History) -> int:
        """How many results, or pending trials, come before the model without precedents."""
        return max(ENOUGH, min(len(history.space.searched) + 1, 8)) if self.initial is None else self.initial

    def has_enough(self, history: History) -> bool:
        """Whether there is something to learn from: enough trials, enough results, and not all the same."""
        initial = ENOUGH if self.precedents and self.initial is None else self._usual(history)
        results = len(history.observed_rows)
        if results + len(history.unjudged) + len(history.pending) < initial or results < max(2, min(initial, ENOUGH)):
            return False
        values, _ = history.values(history.objective.metric)
        return bool(np.ptp(values) > 0.0)


def _most_promising(
    history: History, domain: Domain, count: int, rng: np.random.Generator, sampler: Bayesian
) -> list[Suggestion]:
    """The maxima of the acquisition function, each with those before it pending; fewer if no more are found.

    Raises:
        NumericalError: if a covariance matrix cannot be factorised.
    """
    X = history.points(domain.encoding.encode)
    # Nothing was learnt where a trial failed, but nothing is to be gained by failing beside it either.
    busy = X[[t.index for t in (*history.failed, *history.unjudged, *history.pending)]]
    avoid = tried(history, domain.encoding)
    learnt: dict[bool, Beliefs] = {}
    views: dict[bool, _View | None] = {}
    suggestions: list[Suggestion] = []
    while len(suggestions) < count:
        informed = (len(history) + len(suggestions)) % 2 == 1  # a batch has both turns
        if informed not in views:
            views[informed] = _view(history, domain, X, rng, sampler, learnt=learnt, informed=informed)
        view = views[informed]
        if view is None:
            break
        maxima = maximise(
            _acquisition(view.beliefs, view.baseline, busy[-FANTASISED:], rng, view.further),
            domain,
            anchors=view.anchors,
            lengthscales=view.beliefs.objective.hyperparameters.lengthscales,
            avoid=avoid,
            rng=rng,
        )
        x = maxima.points[:1]
        if not len(x):
            break
        because = _because(history, domain.encoding, view.beliefs, x) + view.aim
        suggestions.append(Suggestion(domain.decode(x[0]), because, source="bayesian", memo=view.memo.to_json()))
        avoid, busy = merged(avoid, digests(x)), np.concatenate([busy, x])
    return suggestions


@final
@dataclass(frozen=True, slots=True, eq=False)
class _View:
    """What the suggestions of one of the two turns go by.

    Args:
        beliefs: of the metrics.
        anchors: the points to search around.
        baseline: the observed points that may be the best.
        further: what is added to the acquisition function, with weights.
        aim: what is to be said of that.
        memo: to be stored with the trials.
    """

    beliefs: Beliefs
    anchors: Float64[np.ndarray, "a d"]
    baseline: Float64[np.ndarray, "b d"]
    further: Sequence[tuple[float, AcquisitionFunction]]
    aim: str
    memo: Memo


def _view(
    history: History,
    domain: Domain,
    X: Float64[np.ndarray, "n d"],
    rng: np.random.Generator,
    sampler: Bayesian,
    *,
    learnt: dict[bool, Beliefs],
    informed: bool,
) -> _View | None:
    """The view that is informed by a person and by earlier experiments, or that of the results alone.

    What is learnt is kept in `learnt`, by whether earlier experiments were to count.

    Returns:
        None if the model began early for earlier experiments that do not predict the results.

    Raises:
        NumericalError: if a covariance matrix cannot be factorised.
    """
    encoding = domain.encoding
    taught = informed and sampler.learns_from_before(history)
    trend = trend_of(sampler.precedents, encoding) if taught else None
    if taught not in learnt:  # without earlier experiments both turns have the same
        learnt[taught] = learn(history, encoding, X, trend)
    beliefs = learnt[taught]
    if trend is not None and sampler.is_misled(history, beliefs):
        return None
    anchors, baseline = _incumbents(beliefs)
    if trend is not None:
        anchors = np.concatenate([anchors, best_before(sampler.precedents, trend, encoding)[:ANCHORS]])
    further: list[tuple[float, AcquisitionFunction]] = []
    prior = LogPrior.of(encoding)
    if prior is not None:
        likeliest = domain.from_uniform(prior.likeliest(rng.random((1, encoding.dimensions))))
        anchors = np.concatenate([anchors, likeliest[domain.feasible(likeliest)]])
    if prior is not None and informed:
        further.append((_faith(len(history.observed_rows)), prior))
    memo, aim = beliefs.memo, ""
    if sampler.cost_exponent and (found := _speed(history, encoding, X, memo)) is not None:
        speed, memo = found
        further.append((sampler.cost_exponent, speed))
        aim = f"; per second^{sampler.cost_exponent:.2g}"
    if not informed and isinstance(beliefs.objective, Surrogate):
        if (off_plateau := log_off_plateau(beliefs.objective)) is not None:
            further.append((1.0, off_plateau))
        beliefs = replace(beliefs, objective=with_categories_alike(beliefs.objective))
    return _View(beliefs, anchors, baseline, further, aim, memo)


def _speed(
    history: History, encoding: Encoding, X: Float64[np.ndarray, "n d"], memo: Memo
) -> tuple[LogSpeed, Memo] | None:
    """What evaluations cost, fitted anew when the objective is, and the memo that remembers the fit."""
    known = Memo.newest(history, encoding.dimensions).hyperparameters.get(_DURATIONS)
    refitted = memo.fitted == len(history.observed_rows)
    name = f"speed, {'fitted anew' if refitted else 'as known'}"  # the two turns of a batch share it
    learnt = history.derived(name, lambda _: log_speed(history, encoding, X, known=known, refitted=refitted))
    if learnt is None:
        return None
    speed, hyperparameters = learnt
    return speed, replace(memo, hyperparameters={**memo.hyperparameters, _DURATIONS: hyperparameters})


def _incumbents(beliefs: Beliefs) -> tuple[Float64[np.ndarray, "a d"], Float64[np.ndarray, "b d"]]:
    """The observed points to search around, and those that may be the best: feasible, as far as one can tell."""
    X, feasibility = beliefs.objective.posterior.X, beliefs.feasibility
    mean, variance = beliefs.objective.at_observations()
    hopeful = np.argsort(-(mean + np.sqrt(variance)), kind="stable")
    if feasibility is None:
        return X[np.argsort(-mean, kind="stable")[:ANCHORS]], X[hopeful[:BASELINE]]
    feasible = feasibility.expects_feasible(X)
    # Where nothing is feasible, the likeliest points are the ones to search around.
    score = np.where(feasible, mean, feasibility.value(X))
    return X[np.lexsort((-score, ~feasible))[:ANCHORS]], X[hopeful[feasible[hopeful]][:BASELINE]]


def _acquisition(
    beliefs: Beliefs,
    baseline: Float64[np.ndarray, "b d"],
    busy: Float64[np.ndarray, "c d"],
    rng: np.random.Generator,
    further: Sequence[tuple[float, AcquisitionFunction]] = (),
) -> Weighted:
    """Noisy expected improvement where it counts; as long as no feasible point is known, the probability of one."""
    odds = [(1.0, LogFeasibility(*zip(*beliefs.constraints, strict=True)))] if beliefs.constraints else []
    if beliefs.success is not None:
        odds.append((CAUTION, LogFeasibility((beliefs.success,), (0.0,))))
    if odds and not len(baseline):
        pending = [(power, term.with_pending(busy)) for power, term in odds] if len(busy) else odds
        return Weighted((*pending, *further))
    C = np.concatenate([baseline, busy])
    improvement = LogNoisyExpectedImprovement.of(beliefs.objective.posterior, C, rng, beliefs.feasibility)
    return Weighted(((1.0, improvement), *odds, *further))


def _faith(results: int) -> float:
    """The weight w of what is believed of the optimum, by which ln π is added to the acquisition on every second turn.

    πBO (Hvarfner et al. 2022, arXiv 2204.11051, eq. 7) has w = β / n. With w = min(1, (β / n)²) and turns in between,
    which go where the results alone point, a wrong belief costs little for long and a good one helps as much.
    """
    return min(1.0, CONFIDENCE / max(results, 1)) ** 2


def _because(history: History, encoding: Encoding, beliefs: Beliefs, x: Float64[np.ndarray, "1 d"]) -> str:
    """What is expected of x, and how it differs from the best trial so far."""
    (mean,), (sd,) = beliefs.objective.predict(x)
    text = f"expected {measured(mean, sd)}"
    if beliefs.feasibility is not None:
        text += f", feasible with probability {np.exp(beliefs.feasibility.value(x)).item():.2g}"
    best = history.best_seen()
    if best is None:
        return f"{text}; nothing feasible so far"
    origin = encoding.encode([best.parameters])
    apart = np.where(encoding.categorical, x != origin, np.abs(x - origin))[0]
    in_lengthscales = apart / beliefs.objective.hyperparameters.lengthscales
    farthest = int(in_lengthscales.argmax())
    aim = f"explores {encoding.names[farthest]}" if in_lengthscales[farthest] > _NEAR else "refines the best"
    return f"{text}, best so far {number(best.objective_mean)}; {aim}"
