import numpy as np
import plotly.graph_objects as go
import pytest

from headstock.plots import style


def luminance(color: str) -> float:
    """Relative luminance (WCAG 2.2, section "relative luminance")."""
    channels = np.array([int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(one: str, other: str) -> float:
    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("color", [style.BLUE, style.VERMILLION, style.GREEN, style.PURPLE])
def test_every_colour_stands_out_on_light_and_on_dark(color, dark):
    paper = style.template(dark=dark)["layout"]["paper_bgcolor"]
    assert contrast(color, paper) >= 3.0
    assert contrast(style.template(dark=dark)["layout"]["font"]["color"], paper) >= 7.0


def test_a_dark_figure_differs_in_its_template_only():
    figure = style.figure("title", note="note")
    figure.add_scatter(x=[0, 1], y=[1, 2])
    dark = style.dark(figure)
    assert dark.data == figure.data
    assert dark.layout.template != figure.layout.template
    assert dark.layout.title == figure.layout.title


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("a<b>&c", "a&lt;b&gt;&amp;c"),
        ("<a href='javascript:a(1)'>lr</a>", "&lt;a href='javascript:a(1)'&gt;lr&lt;/a&gt;"),
        ("a" * 30 + "b" * 30, "a" * 21 + "…" + "b" * 10),
        (None, "None"),
    ],
)
def test_text_is_shown_literally(words, shown):
    assert style.text(words) == shown


def test_panels_are_laid_out_row_by_row():
    assert style.grid(3, 2, gap_x=0.2, gap_y=0.2) == {
        "xaxis.domain": [0.0, 0.4],
        "yaxis.domain": [0.6, 1.0],
        "xaxis2.domain": [0.6, 1.0],
        "yaxis2.domain": [0.6, 1.0],
        "xaxis3.domain": [0.0, 0.4],
        "yaxis3.domain": [0.0, 0.4],
    }


def test_a_figure_remembers_how_it_is_laid_out_on_a_phone():
    figure = style.arrange(go.Figure(), wide={"xaxis.domain": [0, 0.5]}, narrow={"xaxis.domain": [0, 1]})
    assert figure.layout.xaxis.domain == (0, 0.5)
    assert figure.layout.meta["narrow"] == {"xaxis.domain": [0, 1]}


def test_disasters_are_out_of_focus():
    losses = np.array([0.5, 0.6, 0.55, 0.7, 0.4, 1e9])
    low, high = style.focus(losses, low_is_good=True)
    assert 0.3 < low < 0.4
    assert 0.7 < high < 0.8
    assert style.focus(losses, low_is_good=False) is None
    assert style.focus(losses[:5], low_is_good=True) is None
    beside = np.append(np.linspace(0.9, 1.1, 401), [2.05, 2.08])  # past the reach, but not past the margin
    assert style.focus(beside, low_is_good=True) is None
    assert style.focus(np.append(beside, 3.0), low_is_good=True)[1] > 2.08
    assert style.focus(np.array([1.0, 1.0, 1.0, 1.0, 1.0, 2.0]), low_is_good=True) is None


def test_thinning_is_even_and_keeps_what_it_is_told_to():
    assert style.thinned(range(5), 5) == [0, 1, 2, 3, 4]
    assert style.thinned(range(10), 5, keep=[9]) == [0, 2, 4, 6, 8, 9]


def test_of_many_parameters_the_first_eight_are_listed():
    words = style.listed({f"p{i}": i for i in range(60)})
    assert words.startswith("p0 0, p1 1, ")
    assert words.endswith("p7 7 and 52 more")
    assert style.listed({"a<b": 0.25}) == "a&lt;b 0.25"


def test_a_legend_below_the_figure_leaves_room_for_a_drop_down():
    figure = style.figure("title").update_layout(**style.legend_below())
    assert figure.layout.legend.yref == "container"
    assert figure.layout.margin.t == style.TITLE + style.MENU


def test_a_hover_box_of_very_many_facts_fits_on_the_page():
    lines = style.hover("trial 3", {f"p{i}": i for i in range(60)}).split("<br>")
    assert lines[1] == "p0: 0"
    assert lines[-1] == "and 44 more"
    assert len(lines) == 18
