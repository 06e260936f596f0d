"""Ax's `plot.contour`: the surrogate over two parameters."""

from itertools import combinations

import plotly.graph_objects as go

from headstock.analysis.model import Model
from headstock.analysis.surface import surface
from headstock.analysis.winner import best_believed
from headstock.errors import NoResultError
from headstock.parameters import Parameters
from headstock.plots import contour


def plot_contour(
    model: Model,
    param_x: str,
    param_y: str,
    metric_name: str | None = None,
    *,
    density: int = 50,
    slice_values: Parameters | None = None,
) -> go.Figure:
    """The predicted mean and standard error of a metric over two parameters.

    Args:
        model: what `optimize` returned.
        param_x: the parameter along the horizontal axis.
        param_y: the parameter along the vertical axis.
        metric_name: the metric; the objective if left out.
        density: how many values each parameter takes.
        slice_values: values of the other parameters, where they are not to be those of the best arm.

    Raises:
        ParameterError: if a parameter is unknown or fixed.
    """
    best = best_believed(model).trial
    at = {**best.parameters, **(slice_values or {})}
    shown = surface(model, param_x, param_y, metric=metric_name, at=at, density=density)
    return contour.plot_contour([shown], model.history, best=best)


def interact_contour(model: Model, metric_name: str | None = None, *, density: int = 40) -> go.Figure:
    """The predicted mean and standard error of a metric, with a drop-down that chooses the two parameters.

    Raises:
        NoResultError: if no two parameters vary together.
    """
    surfaces = []
    for x, y in combinations(model.history.space.searched, 2):
        try:
            surfaces.append(surface(model, x, y, metric=metric_name, density=density))
        except NoResultError:  # the two are never active together
            continue
    return contour.plot_contour(surfaces, model.history, best=best_believed(model).trial)
