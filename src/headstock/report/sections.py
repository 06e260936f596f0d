"""The sections of a report, each a heading with HTML and data."""

import platform
from collections.abc import Callable
from html import escape
from typing import Any, Final

import numpy as np
import plotly.graph_objects as go
import scipy

from headstock import __version__
from headstock.analysis.hindsight import hindsight
from headstock.errors import NoResultError
from headstock.history import History
from headstock.parameters import shown
from headstock.plots.contour import plot_contour
from headstock.plots.cross_validation import plot_cross_validation
from headstock.plots.curves import plot_curves
from headstock.plots.gain import plot_prospect
from headstock.plots.importance import plot_importances
from headstock.plots.matrix import plot_matrix
from headstock.plots.metrics import plot_metrics
from headstock.plots.parallel import plot_parallel
from headstock.plots.slice import plot_slice
from headstock.plots.timeline import plot_timeline
from headstock.plots.trace import plot_trace
from headstock.report import words
from headstock.report.findings import MOST_CROSSED, MOST_SLICES, Findings
from headstock.report.page import Section, figure
from headstock.report.table import BODY, content

GREEDY: Final = "As if the next trials were chosen together; choosing each after the one before can only do better."


def summary(found: Findings, title: str) -> Section:
    """What was found, in words."""
    metric = found.history.objective.metric
    cards = []
    if found.believed is not None:
        cards.append(words.card("Best believed", found.believed, f"{metric}: predicted mean ± standard error"))
    if found.seen is not None:
        error = "" if found.seen.sem is None else " ± standard error"
        cards.append(words.card("Best seen", found.seen, f"{metric}: one measurement{error}"))
    body = [_paragraph(words.verdict(found)), f'<div class="winners">{"".join(cards)}</div>' if cards else ""]
    told = [words.tally(found.history), words.mishaps(found.failures)]
    told += [] if found.prospect is None else [words.outlook(found.prospect)]
    told += [words.limit(boundary, title) for boundary in found.boundaries]
    body += [_paragraph(sentence) for sentence in (*told, words.searched(found.history)) if sentence]
    return Section("Summary", "\n".join(body))


def trace(found: Findings) -> Section:
    """The objective of every trial."""
    return _drawn("Trace", "trace", lambda: plot_trace(found.history))


def curves(found: Findings) -> Section:
    """What was reported while training."""
    lead = "Dotted lines go on to what the model of all curves predicts, with 80 % intervals." if found.endings else ""
    return _drawn("Learning curves", "curves", lambda: plot_curves(found.history, endings=found.endings), lead)


def timeline(found: Findings) -> Section:
    """When trials ran."""
    return _drawn("Timeline", "timeline", lambda: plot_timeline(found.history))


def going_on(found: Findings) -> Section:
    """What the next trials are expected to gain."""
    heading = "Going on"
    if found.prospect is None:
        return _missing(heading, found.obstacle or "The model cannot tell what the next trials would gain.")
    expected = found.prospect
    return _drawn(heading, "gain", lambda: plot_prospect(expected), GREEDY)


def metrics(found: Findings) -> Section:
    """The objective against another metric."""
    objective = found.history.objective.metric
    others = [name for trial in found.history.observed for name in trial.metrics if name != objective]
    first = next(iter([*found.history.metrics[1:], *others]), None)
    if first is None:
        return _missing("Metrics", f"Trials have no metric but {objective}.")
    return _drawn("Metrics", "metrics", lambda: plot_metrics(found.history, first, objective))


def contour(found: Findings) -> Section:
    """The model over pairs of parameters."""
    lead = (
        "Bright means in the first picture that good results are expected, in the second that the model is unsure. "
        "The star is the best arm."
    )
    if len(found.importances) > MOST_CROSSED:
        lead += f" The {MOST_CROSSED} most important of {len(found.importances)} parameters are crossed."
    best = found.winner and found.winner.trial
    return _drawn("Contour", "contour", lambda: plot_contour(found.surfaces(), found.history, best=best), lead)


def importances(found: Findings) -> Section:
    """Which parameters matter."""

    def draw() -> go.Figure:
        _ = found.known_model
        return plot_importances(found.importances, found.history.objective.metric)

    return _drawn("Importances", "importances", draw, words.ranking(found.importances))


def slices(found: Findings) -> Section:
    """The model along each parameter."""
    lead = "The line moves one parameter; the points were measured, and differ in the other parameters too."
    if len(found.importances) > MOST_SLICES:
        lead += f" The {MOST_SLICES} most important of {len(found.importances)} parameters are shown."
    return _drawn("Slices", "slices", lambda: plot_slice(found.slices(), found.history), lead)


def effects(found: Findings) -> Section:
    """What each parameter does on the average."""
    lead = "The line is the average over everything else in the space, not only around the best arm."
    return _drawn("Marginal effects", "effects", lambda: plot_slice(found.effects(), found.history), lead)


def validation(found: Findings) -> Section:
    """Whether the model predicts what it has not seen."""
    heading = "Cross-validation"
    try:
        checked = found.known_model.cross_validate()
    except NoResultError as reason:
        return _missing(heading, reason)
    return _drawn(heading, "validation", lambda: plot_cross_validation(checked, found.history), words.trust(checked))


def record(found: Findings) -> Section:
    """What suggestions were predicted to give, and what they gave."""
    heading = "Predicted and got"
    try:
        scored = hindsight(found.known_model)
    except NoResultError as reason:
        return _missing(heading, reason)
    return _drawn(heading, "record", lambda: plot_cross_validation(scored, found.history), words.record(scored))


def matrix(found: Findings) -> Section:
    """Where trials were made."""
    return _drawn("Scatter matrix", "matrix", lambda: plot_matrix(found.history))


def parallel(found: Findings) -> Section:
    """All parameters of all trials."""
    lead = "Each line is a trial. Drag along an axis to keep only the lines through it; click it to let go."
    return _drawn("Parallel coordinates", "parallel", lambda: plot_parallel(found.history), lead)


def trials(found: Findings) -> Section:
    """The table of trials."""
    if not len(found.history):
        return _missing("Trials", "No trial was started yet.")
    best = None if found.winner is None else found.winner.trial.index
    return Section("Trials", BODY, {"trials": content(found.history, best=best)})


def space(history: History) -> Section:
    """What was searched."""
    rows = "".join(
        f"<tr><th scope='row'>{escape(name)}</th><td><code>{escape(shown(parameter))}</code></td></tr>"
        for name, parameter in history.space.parameters.items()
    )
    rules = [*map(str, history.space.constraints), *map(str, history.outcome_constraints)]
    kept = _paragraph(f"Constraints: {'; '.join(rules)}.") if rules else ""
    return Section("Search space", f'<div class="scroll"><table><tbody>{rows}</tbody></table></div>{kept}')


def reproduction(history: History, title: str) -> Section:
    """How to run the same experiment again."""
    versions = {"headstock": __version__, "Python": platform.python_version()}
    versions |= {"numpy": np.__version__, "scipy": scipy.__version__}
    written = ", ".join(f"{library} {version}" for library, version in versions.items())
    lead = f"The same results, told in the same order, lead to the same suggestions. Written with {written}."
    code = words.code(history, title)
    return Section("Reproduce", f"{_paragraph(lead)}\n<pre><code>{escape(code)}</code></pre>")


def _drawn(heading: str, name: str, draw: Callable[[], go.Figure], lead: str = "") -> Section:
    """A section with a figure, or with the sentence that says why there is none."""
    try:
        html, data = figure(name, draw())
    except NoResultError as reason:
        return _missing(heading, reason)
    return Section(heading, (_paragraph(lead) if lead else "") + html, data)


def _missing(heading: str, reason: object) -> Section:
    return Section(heading, f'<p class="none">{escape(str(reason))}</p>')


def _paragraph(text: Any) -> str:
    return f"<p>{escape(text)}</p>"
