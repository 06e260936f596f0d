"""Bayesian optimisation: a Gaussian process says what to expect, an acquisition function where it is worth a trial."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, final

import numpy as np
from jaxtyping import Float64

from headstock.acquisition.analytic import LogFeasibility
from headstock.acquisition.maximise import maximise
from headstock.acquisition.noisy import LogNoisyExpectedImprovement
from headstock.domain import Domain
from headstock.encoding import Encoding
from headstock.errors import NumericalError
from headstock.gp.linalg import one_thread
from headstock.gp.regression import Hyperparameters, Posterior, TrainingSet, condition
from headstock.gp.surrogate import CONDITIONED, Surrogate, condition_surrogate, fit_surrogate
from headstock.history import History
from headstock.objective import OutcomeConstraint
from headstock.parameters import Parameters
from headstock.samplers.base import NOTHING, Suggestion
from headstock.samplers.sobol import Sobol
from headstock.wording import measured, number

ENOUGH: Final = 4
"""How many results a model needs at least, while the rest of the initial design is still pending."""

ALWAYS_REFITTED: Final = 100
"""Up to so many results every new one changes the hyper-parameters; beyond, only growth or a surprise does."""

GROWTH: Final = 1.03
SURPRISE: Final = 3.0
ANCHORS: Final = 5
LABEL_NOISE: Final = 0.1
FANTASISED: Final = 128
"""How many of the failed and pending trials are part of the fantasies; their cost grows with the cube."""


@final
@dataclass(frozen=True, slots=True)
class Bayesian:
    """Suggests where the expected improvement is largest, after a few points that cover the space.

    The surrogate is a Gaussian process with the most probable hyper-parameters, the acquisition function log noisy
    expected improvement (Ament et al. 2023), with the probability that the outcome constraints hold. Pending trials
    count by what they may turn out to be, and so do failed ones: beside them there is little to gain.

    Args:
        initial: how many results, or pending trials, come before the model; max(4, min(2 d, 10)) for d searched
            parameters if None.
    """

    initial: int | None = None

    def suggest(
        self, history: History, count: int, rng: np.random.Generator, given: Parameters = NOTHING
    ) -> Sequence[Suggestion]:
        """The points that promise most (see `Sampler.suggest`)."""
        domain = Domain.of(Encoding.of(history.space), given)
        if domain.is_decided or not self._has_enough(history):
            return Sobol().suggest(history, count, rng, given)
        with one_thread():
            try:
                suggestions = _modelled(history, domain, count, rng)
            except (NumericalError, np.linalg.LinAlgError) as error:
                fallback = Sobol().suggest(history, count, rng, given)
                return [replace(s, because=f"{s.because}; the model could not be used: {error}") for s in fallback]
        if len(suggestions) == count:
            return suggestions
        chosen = [s.parameters for s in suggestions]
        others = [s for s in Sobol().suggest(history, count, rng, given) if s.parameters not in chosen]
        return [*suggestions, *others[: count - len(suggestions)]]

    def to_json(self) -> dict[str, Any]:
        """The sampler as JSON."""
        return {"kind": "bayesian", **asdict(self)}

    def _has_enough(self, history: History) -> bool:
        """Whether there is something to learn from: enough trials, enough results, and not all the same."""
        initial = self.initial
        if initial is None:
            initial = max(4, min(2 * len(history.space.searched), 10))
        results = len(history.observed)
        if results + len(history.pending) < initial or results < min(initial, ENOUGH) or results < 2:
            return False
        values, _ = history.values(history.objective.metric)
        return bool(np.ptp(values) > 0.0)


@final
@dataclass(frozen=True, slots=True, eq=False)
class _Beliefs:
    """What is believed of the metrics.

    Args:
        objective: the surrogate of the objective.
        constraints: of each outcome constraint that was measured, the surrogate and the bound on its scale.
        memo: the hyper-parameters, for the trials that are suggested by them.
        survival: of a label that is positive where trials give results and negative where they fail; None if none did.
    """

    objective: Surrogate
    constraints: Mapping[OutcomeConstraint, tuple[Surrogate, float]]
    memo: Mapping[str, Any]
    survival: Posterior | None = None

    @property
    def feasibility(self) -> LogFeasibility | None:
        """The log probability of a result that keeps the outcome constraints; None if nothing speaks against it."""
        bounded = [(surrogate.posterior, bound) for surrogate, bound in self.constraints.values()]
        if self.survival is not None:
            bounded.append((self.survival, 0.0))
        if not bounded:
            return None
        posteriors, bounds = zip(*bounded, strict=True)
        return LogFeasibility(posteriors, bounds)


def _modelled(history: History, domain: Domain, count: int, rng: np.random.Generator) -> list[Suggestion]:
    """The local maxima of the acquisition function, one after the other; fewer if no more are found.

    Raises:
        NumericalError: if a covariance matrix cannot be factorised.
    """
    encoding = domain.encoding
    X = encoding.encode([t.parameters for t in history])
    beliefs = _learn(history, encoding, X[[t.index for t in history.observed]])
    if history.failed:
        beliefs = replace(beliefs, survival=_survival(history, X, beliefs.objective))
    # Nothing was learnt where a trial failed, but nothing is to be gained by failing beside it either.
    believed = [t.index for t in (*history.failed, *history.pending)]
    acquisition = _acquisition(beliefs, X[believed[-FANTASISED:]], rng)
    anchors = _anchors(beliefs)
    suggestions: list[Suggestion] = []
    for _ in range(count):
        maxima = maximise(
            acquisition,
            domain,
            anchors=anchors,
            lengthscales=beliefs.objective.hyperparameters.lengthscales,
            avoid=X,
            rng=rng,
        )
        if not len(maxima.points):
            break
        x = maxima.points[:1]
        because = _because(history, encoding, beliefs, x)
        suggestions.append(Suggestion(domain.decode(x[0]), because, source="bayesian", memo=beliefs.memo))
        X = np.concatenate([X, x])
        if len(suggestions) < count:
            acquisition = (
                acquisition.with_pending(x)
                if isinstance(acquisition, LogFeasibility)
                else acquisition.with_pending(x, rng)
            )
    return suggestions


def _acquisition(
    beliefs: _Beliefs, pending: Float64[np.ndarray, "p d"], rng: np.random.Generator
) -> LogNoisyExpectedImprovement | LogFeasibility:
    """Noisy expected improvement; as long as no feasible point is known, the probability of finding one."""
    feasibility = beliefs.feasibility
    posterior = beliefs.objective.posterior
    if feasibility is not None and not feasibility.expects_feasible(posterior.X).any():
        return feasibility.with_pending(pending) if len(pending) else feasibility
    return LogNoisyExpectedImprovement.of(posterior, pending=pending, rng=rng, feasibility=feasibility)


def _anchors(beliefs: _Beliefs) -> Float64[np.ndarray, "a d"]:
    """The observed points that are expected to be best."""
    posterior, feasibility = beliefs.objective.posterior, beliefs.feasibility
    mean, _ = posterior.predict(posterior.X)
    if feasibility is not None:
        mean = np.where(feasibility.expects_feasible(posterior.X), mean, feasibility.value(posterior.X) - 1e3)
    return posterior.X[np.argsort(-mean, kind="stable")[:ANCHORS]]


def _learn(history: History, encoding: Encoding, X: Float64[np.ndarray, "n d"]) -> _Beliefs:
    """Fit, or condition on the hyper-parameters of the newest memo, a surrogate of each metric."""
    stored: Mapping[str, Any] = next(
        (t.memo["bayesian"] for t in reversed(history.trials) if t.memo and "bayesian" in t.memo), {}
    )
    fitted = stored.get("fitted", 0)
    remembered = {
        name: Hyperparameters.from_json(h)
        for name, h in stored.get("hyperparameters", {}).items()
        if len(h["log_lengthscales"]) == encoding.dimensions
    }
    new = max(len(X) - fitted, 0)
    due = new > 0 if len(X) <= ALWAYS_REFITTED else len(X) >= GROWTH * fitted
    refitted = False

    def surrogate(name: str, metric: str, sign: float) -> Surrogate:
        nonlocal refitted
        data = (X, *history.values(metric))
        categorical, warm = encoding.categorical, remembered.get(name)
        if warm is not None and not due:
            known = condition_surrogate(*data, sign=sign, categorical=categorical, hyperparameters=warm)
            if not new or not _is_surprised(known, new):
                return known
        refitted = True
        return fit_surrogate(*data, sign=sign, categorical=categorical, warm=warm)

    objective = surrogate("objective", history.objective.metric, history.objective.sign)
    constraints = {}
    for constraint in history.outcome_constraints:
        if np.isfinite(history.values(constraint.metric)[0]).any():
            of_metric = surrogate(str(constraint), constraint.metric, 1.0 if constraint.at_least else -1.0)
            constraints[constraint] = of_metric, float(of_metric.transform.apply(np.array([constraint.bound]))[0])
    named = {"objective": objective, **{str(c): s for c, (s, _) in constraints.items()}}
    memo = {
        "fitted": len(X) if refitted else fitted,
        "hyperparameters": {name: s.hyperparameters.to_json() for name, s in named.items()},
    }
    return _Beliefs(objective, constraints, {"bayesian": memo})


def _survival(history: History, X: Float64[np.ndarray, "n d"], objective: Surrogate) -> Posterior:
    """Regression of a label, +1 for a trial with a result and -1 for one that failed (a least-squares classifier).

    Rasmussen and Williams 2006, section 6.5; the lengthscales are the objective's. The newest trials are used.
    """
    labels = {t.index: 1.0 for t in history.observed} | {t.index: -1.0 for t in history.failed}
    rows = sorted(labels)[-CONDITIONED:]
    y = np.array([labels[row] for row in rows])
    hyperparameters = replace(objective.hyperparameters, log_variance=0.0, log_noise=np.log(LABEL_NOISE).item())
    unknown = np.full(len(rows), np.nan)
    return condition(hyperparameters, TrainingSet(X[rows], y, unknown, objective.posterior.kernel.categorical))


def _is_surprised(surrogate: Surrogate, new: int) -> bool:
    """Whether one of the newest observations is far from what all others predict."""
    newest = surrogate.used >= len(surrogate.X) - new
    mean, variance = surrogate.posterior.leave_one_out(surrogate.y)
    return bool((np.abs(surrogate.y - mean)[newest] > SURPRISE * np.sqrt(variance[newest])).any())


def _because(history: History, encoding: Encoding, beliefs: _Beliefs, x: Float64[np.ndarray, "1 d"]) -> str:
    """What is expected of x, and how it differs from the best trial so far."""
    (mean,), (sd,) = (values.tolist() for values in beliefs.objective.predict(x))
    parts = [f"expected {measured(mean, sd)}"]
    best = history.best_seen()
    feasibility = beliefs.feasibility
    if feasibility is not None:
        parts.append(f"feasible with probability {np.exp(feasibility.value(x)).item():.2g}")
    if best is None:
        return f"{', '.join(parts)}; nothing feasible so far"
    parts.append(f"best so far {number(best.objective_mean)}")
    kernel = beliefs.objective.posterior.kernel
    origin = encoding.encode([best.parameters])
    apart = np.where(encoding.categorical, x != origin, np.abs(x - origin)) / kernel.lengthscales
    farthest = int(apart.argmax())
    change = f"explores {encoding.names[farthest]}" if apart.max() > 0.3 else "refines the best"
    return f"{', '.join(parts)}; {change}"
