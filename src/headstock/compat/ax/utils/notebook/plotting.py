"""Ax's `utils.notebook.plotting`: show a figure."""

import plotly.graph_objects as go


def init_notebook_plotting() -> None:
    """Do nothing: plotly's figures bring along what they need."""


def render(plot_config: go.Figure) -> None:
    """Show a figure: in a notebook below the cell, elsewhere in the browser (plotly's own choice of renderer)."""
    plot_config.show(config={"showSendToCloud": False})  # nothing leaves this machine by a click
