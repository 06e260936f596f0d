"""What going on is expected to bring."""

import numpy as np
import plotly.graph_objects as go

from headstock import wording
from headstock.analysis.gain import Prospect
from headstock.plots import style


def plot_prospect(prospect: Prospect) -> go.Figure:
    """The expected gain of the next trials over the best one, with its 80 % band."""
    metric = style.text(prospect.metric)
    count = np.arange(1, len(prospect.expected) + 1)
    made = style.figure(f"{metric} that the next trials are expected to gain", height=340)
    made.add_scatter(
        x=np.concatenate([count, count[::-1]]),
        y=np.concatenate([prospect.upper, prospect.lower[::-1]]),
        fill="toself",
        fillcolor="rgba(0, 114, 178, 0.35)",
        line={"width": 0},
        mode="lines",
        hoverinfo="skip",
        name="80 % band",
    )
    made.add_scatter(
        x=count,
        y=prospect.expected,
        mode="lines+markers",
        line={"color": style.BLUE, "width": 2.5},
        name="expected gain",
        hovertemplate="%{x} more: %{y:.3g}<extra></extra>",
    )
    made.add_hline(
        y=prospect.ceiling,
        line={"dash": "dash", "width": 1.5, "color": style.GREEN},
        annotation={"text": f"all there is: {wording.number(prospect.ceiling)}", "font": {"color": style.GREEN}},
        annotation_position="top right",
    )
    made.update_xaxes(title_text="more trials", rangemode="tozero")
    made.update_yaxes(title_text=f"gain of {metric}", rangemode="tozero")
    return made
