"""Which parameters depend on which others."""

from typing import Final

import plotly.graph_objects as go

from headstock import wording
from headstock.errors import NoResultError
from headstock.parameters import Choice, Fixed, Parameter, conditions, shown
from headstock.plots import style
from headstock.space import Space

ROW: Final = 46
"""How many pixels of height a parameter has."""

LEAST_WIDTH: Final = 460


def plot_conditions(space: Space) -> go.Figure:
    """A tree of the parameters: each that depends on others stands below the deepest of them, with its conditions.

    Args:
        space: the search space.

    Raises:
        NoResultError: if no parameter depends on another one.
    """
    depth: dict[str, int] = {}
    below: dict[str, list[str]] = {name: [] for name in space}
    roots = []
    for name in space.by_depth:
        parents = conditions(space[name])
        depth[name] = 1 + max((depth[parent] for parent in parents), default=-1)
        if parents:
            below[max(parents, key=depth.__getitem__)].append(name)
        else:
            roots.append(name)
    if len(roots) == len(space):
        raise NoResultError("No parameter depends on another one.")
    order: list[str] = []
    waiting = [root for root in roots if below[root]]
    while waiting:
        order.append(waiting.pop(0))
        waiting = below[order[-1]] + waiting
    rows = {name: row for row, name in enumerate(order)}
    always = len(roots) - sum(bool(below[root]) for root in roots)
    note = f"{always} other{'s are' if always > 1 else ' is'} always active." if always else ""
    made = style.figure("Which parameters depend on others", note=note, height=150 + ROW * len(order))
    corners: list[tuple[float | None, float | None]] = []
    for parent, children in below.items():
        for child in children:
            at, row = depth[child] - 1, rows[child]
            corners += [(at, rows[parent]), (at, row), (at + 1, row), (None, None)]
    x, y = zip(*corners, strict=True)
    made.add_scatter(x=x, y=y, mode="lines", line={"color": style.GREY, "width": 1.5}, hoverinfo="skip")
    made.add_scatter(
        x=[depth[name] for name in order],
        y=[rows[name] for name in order],
        mode="markers+text",
        marker={"size": 9, "color": [style.VERMILLION if conditions(space[n]) else style.BLUE for n in order]},
        text=[_label(name, space[name]) for name in order],
        textposition="middle right",
        hovertext=[style.text(f"{name} = {shown(space[name])}", longest=200) for name in order],
        hoverinfo="text",
        cliponaxis=False,
    )
    made.update_layout(showlegend=False)
    made.update_xaxes(visible=False, range=[-0.2, max(depth.values()) + 5])
    made.update_yaxes(visible=False, range=[len(order) - 0.4, -0.6])
    return style.at_least(made, width=LEAST_WIDTH)


def _label(name: str, parameter: Parameter) -> str:
    """The name and the range, and below when it is active."""
    match parameter:
        case Choice():
            values = ", ".join(wording.value(value) for value in parameter.values)
        case Fixed():
            values = wording.value(parameter.value)
        case _:
            values = f"{wording.value(parameter.low)} to {wording.value(parameter.high)}"
    first = f" <b>{style.text(name)}</b>  {style.text(values, longest=40)}"
    needs = [
        f"{style.text(parent)} is {style.text(' or '.join(map(wording.value, allowed)), longest=40)}"
        for parent, allowed in conditions(parameter).items()
    ]
    return "<br> ".join([first, *([f"if {' and '.join(needs)}"] if needs else [])])
