"""Every figure of an experiment, by name."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import plotly.graph_objects as go

from headstock.errors import HeadstockError, NoResultError
from headstock.plots.conditions import plot_conditions
from headstock.plots.contour import plot_contour
from headstock.plots.cross_validation import plot_cross_validation
from headstock.plots.curves import plot_curves
from headstock.plots.distribution import plot_distribution
from headstock.plots.failures import plot_failures
from headstock.plots.feasibility import plot_feasibility
from headstock.plots.gain import plot_prospect
from headstock.plots.hypervolume import plot_hypervolume
from headstock.plots.importance import plot_importances
from headstock.plots.matrix import plot_matrix
from headstock.plots.metrics import plot_metrics
from headstock.plots.parallel import plot_parallel
from headstock.plots.slice import plot_slice
from headstock.plots.timeline import plot_timeline
from headstock.plots.trace import plot_trace
from headstock.report.findings import MOST_IN_ORDER, Findings
from headstock.space import Space


def draw(found: Findings, name: str) -> go.Figure:
    """One figure.

    Args:
        found: what the history tells.
        name: which one, of `FIGURES`.

    Raises:
        HeadstockError: if there is none of this name.
        NoResultError: if it needs more results than there are.
    """
    if name not in FIGURES:
        raise HeadstockError(f"There is no figure {name!r}. There are {', '.join(FIGURES)}.")
    return FIGURES[name](found)


def _curves(found: Findings) -> go.Figure:
    return plot_curves(found.history, endings=found.endings)


def _contour(found: Findings) -> go.Figure:
    return plot_contour(found.surfaces(), found.history, best=found.winner and found.winner.trial)


def _gain(found: Findings) -> go.Figure:
    if found.prospect is None:
        raise NoResultError(found.obstacle or "The model cannot tell what the next trials would gain.")
    return plot_prospect(found.prospect)


FIGURES: Final[Mapping[str, Callable[[Findings], go.Figure]]] = MappingProxyType(
    {
        "trace": lambda found: plot_trace(found.history),
        "curves": _curves,
        "contour": _contour,
        "importances": lambda found: plot_importances(found.importances_by_metric),
        "effects": lambda found: plot_slice(found.effects(), found.history, found.known_model.expected),
        "slices": lambda found: plot_slice(found.slices(), found.history, found.known_model.expected),
        "feasibility": lambda found: plot_feasibility(found.odds(), found.history),
        "gain": _gain,
        "failures": lambda found: plot_failures(found.failures, found.history),
        "validation": lambda found: plot_cross_validation(found.validation, found.history),
        "record": lambda found: plot_cross_validation(found.hindsight, found.history),
        "distribution": lambda found: plot_distribution(found.history),
        "metrics": lambda found: plot_metrics(found.history),
        "hypervolume": lambda found: plot_hypervolume(found.hypervolumes, found.history),
        "parallel": lambda found: plot_parallel(found.history, found.ranked),
        "matrix": lambda found: plot_matrix(found.history, found.ranked),
        "timeline": lambda found: plot_timeline(found.history),
        "conditions": lambda found: plot_conditions(found.history.space),
    }
)
"""What draws each figure, in the order in which they are offered."""

WITHOUT_MODEL: Final = frozenset(
    {
        "trace",
        "curves",
        "failures",
        "distribution",
        "metrics",
        "hypervolume",
        "parallel",
        "matrix",
        "timeline",
        "conditions",
    }
)
"""The figures that show what was measured, for which no surrogate has to be fitted."""

RANKED: Final = frozenset({"parallel", "matrix"})
"""Those of them that choose among many parameters, by their importances."""


def needs_model(name: str, space: Space) -> bool:
    """Whether a surrogate has to be fitted for a figure."""
    return name not in WITHOUT_MODEL or (name in RANKED and len(space.searched) > MOST_IN_ORDER)
