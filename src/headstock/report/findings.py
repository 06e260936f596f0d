"""What a report tells: computed once, with the reason wherever something cannot be computed."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Final, final

import numpy as np

from headstock.analysis.baseline import Comparison, against_baseline
from headstock.analysis.boundaries import Boundary, boundaries
from headstock.analysis.checks import Concern, concerns
from headstock.analysis.cross_validation import CrossValidation
from headstock.analysis.endings import Ending, endings
from headstock.analysis.failures import Failures, failures
from headstock.analysis.feasibility import feasibility
from headstock.analysis.gain import Prospect, prospect
from headstock.analysis.hindsight import hindsight
from headstock.analysis.hypervolume import Hypervolume, hypervolume
from headstock.analysis.importance import Importance
from headstock.analysis.model import Model
from headstock.analysis.optima import Optima
from headstock.analysis.surface import Odds, Slice, Surface, effect_along, odds_along, slice_along, surface
from headstock.analysis.transfer import Transfer, transfer
from headstock.analysis.winner import Winner, best_believed, best_seen
from headstock.errors import MetricError, NoResultError, NumericalError
from headstock.history import History
from headstock.parameters import Parameters
from headstock.samplers.base import Sampler

MOST_CROSSED: Final = 6
"""How many parameters are crossed with each other for the contour."""

MOST_SLICES: Final = 12
"""How many parameters get a slice."""


MOST_IN_ORDER: Final = 6
"""Up to how many parameters no figure has to choose among them."""

MOST_METRICS: Final = 6
"""Of how many metrics importances are computed."""

MOST_PAIRS: Final = 15
"""Of how many pairs of metrics the hypervolume is computed."""


@final
@dataclass(frozen=True, eq=False)
class Findings:
    """What a history tells.

    Args:
        history: the experiment.
        model: the surrogates; None if they cannot be fitted.
        obstacle: why there is no model.
        importances: of the parameters to the objective, the largest first; empty without a model.
        believed: the best believed arm; None if there is none.
        seen: the best seen arm; None if there is none.
        sampler: what weighs earlier experiments; None if nothing is to be told of them.
    """

    history: History
    model: Model | None
    obstacle: str
    importances: tuple[Importance, ...]
    believed: Winner | None
    seen: Winner | None
    sampler: Sampler | None = None

    @classmethod
    def of(cls, history: History, sampler: Sampler | None = None) -> "Findings":
        """Fit, rank and choose."""
        seen = _unless_missing(lambda: best_seen(history))
        try:
            model = Model.fit(history)
        except (NoResultError, NumericalError) as error:
            return cls(history, None, str(error), (), None, seen, sampler)
        believed = _unless_missing(lambda: best_believed(model))
        return cls(history, model, "", model.importances(), believed, seen, sampler)

    @classmethod
    def measured(cls, history: History) -> "Findings":
        """What can be told without a model."""
        return cls(history, None, "No model was asked for.", (), None, _unless_missing(lambda: best_seen(history)))

    @property
    def known_model(self) -> Model:
        """The model.

        Raises:
            NoResultError: if there is none; the message says why.
        """
        if self.model is None:
            raise NoResultError(self.obstacle)
        return self.model

    @property
    def winner(self) -> Winner | None:
        """The best believed arm, or the best seen one where the model has no opinion."""
        return self.believed or self.seen

    @property
    def centre(self) -> Parameters:
        """The configuration around which the model is shown: the best there is."""
        if self.winner is not None:
            return self.winner.parameters
        sign = self.history.objective.sign
        return max(self.history.observed, key=lambda trial: sign * trial.objective_mean).parameters

    @cached_property
    def importances_by_metric(self) -> Mapping[str, tuple[Importance, ...]]:
        """The importances to the objective and to the metrics measured beside it, up to six in all.

        Raises:
            NoResultError: if there is no model.
        """
        objective, *others = self.shown_metrics
        return {objective: self.importances} | {metric: self.known_model.importances(metric) for metric in others}

    @property
    def ranked(self) -> tuple[str, ...]:
        """The parameters that are searched: of more than fit into a figure, the most important ones first.

        A few stay in the order in which the user wrote them.
        """
        searched = self.history.space.searched
        if len(searched) <= MOST_IN_ORDER or not self.importances:
            return searched
        return tuple(importance.parameter for importance in self.importances)

    @cached_property
    def prospect(self) -> Prospect | None:
        """What going on is expected to bring; None if one cannot tell."""
        optima = self._optima
        try:
            return None if optima is None else prospect(self.known_model, optima)
        except NoResultError:
            return None

    @cached_property
    def boundaries(self) -> tuple[Boundary, ...]:
        """The ends of ranges that are in the way."""
        return () if self._optima is None else boundaries(self.known_model, self._optima)

    @cached_property
    def concerns(self) -> tuple[Concern, ...]:
        """What speaks against trusting the search as it stands."""
        return concerns(self.history, self.model, self.comparison, self.taught)

    @cached_property
    def comparison(self) -> Comparison | None:
        """What was won over the baseline; None if there is none, or no telling."""
        return None if self.model is None else against_baseline(self.model, believed=self.believed)

    @cached_property
    def taught(self) -> Transfer | None:
        """What earlier experiments count; None if there are none, or no telling."""
        return transfer(self.history, self.sampler)

    @cached_property
    def validation(self) -> CrossValidation:
        """Each result, predicted from all the others.

        Raises:
            NoResultError: if there are too few.
        """
        return self.known_model.cross_validate()

    @cached_property
    def hindsight(self) -> CrossValidation:
        """Each suggestion, predicted from the results that there were when it was made.

        Raises:
            NoResultError: if there are too few.
        """
        return hindsight(self.known_model)

    @cached_property
    def endings(self) -> tuple[Ending, ...]:
        """How unfinished learning curves are expected to go on; empty if one cannot tell."""
        try:
            return endings(self.history)
        except (NoResultError, NumericalError, np.linalg.LinAlgError):
            return ()

    @cached_property
    def hypervolumes(self) -> tuple[Hypervolume, ...]:
        """What the Pareto front dominates: of the objective with each bounded metric, and of those with each other.

        Raises:
            NoResultError: if there is none.
        """
        metrics = self.history.metrics
        if len(metrics) == 1:
            raise NoResultError("A hypervolume is of two metrics: give a bound on another one.")
        pairs = list(combinations(metrics, 2))[:MOST_PAIRS]
        found = [hypervolume(self.history, x, y) for y, x in pairs]
        if not any(found):
            raise NoResultError("No trial keeps every constraint and has two metrics of which one direction is better.")
        return tuple(one for one in found if one is not None)

    @cached_property
    def failures(self) -> Failures:
        """Why trials failed, and where."""
        return failures(self.history)

    @cached_property
    def _optima(self) -> Optima | None:
        try:
            return None if self.model is None else Optima.of(self.model)
        except (NoResultError, np.linalg.LinAlgError):
            return None

    @property
    def shown_metrics(self) -> tuple[str, ...]:
        """The metrics that figures of the model show: the objective, bounded ones, then others, up to six in all.

        Raises:
            NoResultError: if there is no model.
        """
        return self.known_model.metric_names[:MOST_METRICS]

    def surfaces(self) -> list[Surface]:
        """Metrics over each pair of the parameters that matter most to each, unless the two exclude each other.

        Raises:
            NoResultError: if there is no model.
        """
        model = self.known_model
        made = []
        for metric, most in zip(self.shown_metrics, (MOST_CROSSED, *MOST_METRICS * [MOST_CROSSED // 2]), strict=False):
            ranked = [importance.parameter for importance in self.importances_by_metric.get(metric, ())[:most]]
            for x, y in combinations(ranked, 2):
                with suppress(NoResultError):
                    made.append(surface(model, x, y, metric=metric, at=self.centre))
        return made

    def slices(self) -> list[Slice]:
        """Metrics along each of the parameters that matter most to the objective.

        Raises:
            NoResultError: if there is no model.
        """
        names = [i.parameter for i in self.importances[:MOST_SLICES]]
        return [slice_along(self.known_model, n, metric=m, at=self.centre) for m in self.shown_metrics for n in names]

    def odds(self) -> list[Odds]:
        """The probability that the outcome constraints hold along each of the parameters that matter most to them.

        Raises:
            NoResultError: if there is no model, or no outcome constraint.
        """
        bounded = [constraint.metric for constraint in self.history.outcome_constraints]
        if not bounded:
            raise NoResultError("There are no outcome constraints.")
        model = self.known_model
        missing = [metric for metric in bounded if metric not in model.metric_names]
        if missing:
            raise NoResultError(f"There is no model of {missing[0]}: too few trials have it. Run more trials first.")
        rows = [row for metric, found in self.importances_by_metric.items() if metric in bounded for row in found]
        totals = {
            name: max((r.total for r in rows if r.parameter == name), default=0.0)
            for name in self.history.space.searched
        }
        ranked = sorted(totals, key=lambda name: -totals[name])
        return [odds_along(model, name, at=self.centre) for name in ranked[:MOST_SLICES]]

    @cached_property
    def kept(self) -> float | None:
        """The probability that the best arm keeps every outcome constraint; None if there is no telling."""
        if self.model is None or self.winner is None or not self.history.outcome_constraints:
            return None
        try:
            return float(feasibility(self.model, self.model.encoding.encode([self.winner.parameters]))[0])
        except MetricError:
            return None

    def effects(self) -> list[Slice]:
        """The marginal effect of each of the most important parameters, on the same metrics.

        Raises:
            NoResultError: if there is no model.
        """
        names = [i.parameter for i in self.importances[:MOST_SLICES]]
        return [effect_along(self.known_model, n, metric=m) for m in self.shown_metrics for n in names]


def _unless_missing(ask: Callable[[], Winner]) -> Winner | None:
    try:
        return ask()
    except NoResultError:
        return None
