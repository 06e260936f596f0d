"""The sections of a report, each a heading with HTML and data."""

import platform
from collections.abc import Callable, Mapping
from html import escape
from typing import Any, Final

import numpy as np
import scipy

from headstock import __version__
from headstock.analysis.endings import MOST_ENDINGS
from headstock.analysis.pareto import direction
from headstock.errors import NoResultError
from headstock.history import History
from headstock.parameters import shown
from headstock.plots.curves import MOST_PREDICTED
from headstock.report import words
from headstock.report.figures import draw
from headstock.report.findings import MOST_CROSSED, MOST_SLICES, Findings
from headstock.report.notes import notes_html
from headstock.report.page import Section, figure
from headstock.report.table import BODY, content

COLORED: Final = "from grey for poor results over blue to orange for the best"
GREEDY: Final = "As if the next trials were chosen together; choosing each after the one before can only do better."


def summary(found: Findings, title: str) -> Section:
    """What was found, in words."""
    objective, seen = found.history.objective, found.seen
    error = "" if seen is None or seen.sem is None else " ± standard error"
    winners = (
        [("Most appealing", seen, f"what comparisons tell{error}")]
        if objective.judged
        else [
            ("Best believed", found.believed, "predicted mean ± standard error"),
            ("Best seen", seen, f"one measurement{error}"),
        ]
    )
    cards = [words.card(title, one, f"{objective.metric}: {what}") for title, one, what in winners if one is not None]
    body = [_paragraph(words.verdict(found)), f'<div class="winners">{"".join(cards)}</div>' if cards else ""]
    told = [words.kept(found), *words.beside(found), words.tally(found.history), words.mishaps(found.failures)]
    told += [] if found.prospect is None else [words.outlook(found.prospect)]
    told += [words.limit(boundary, title) for boundary in found.boundaries]
    warned = "".join(f"<li>{escape(words.warning(concern))}</li>" for concern in found.concerns)
    body += [f'<ul class="warnings" aria-label="Warnings">{warned}</ul>'] if warned else []
    body += [_paragraph(sentence) for sentence in (*told, words.searched(found.history)) if sentence]
    return Section("Summary", "\n".join(body))


def noted(notes: Mapping[int | None, str]) -> Section:
    """What people wrote of the experiment and its trials."""
    return Section("Notes", notes_html(notes))


def trace(found: Findings) -> Section:
    """The objective of every trial."""
    return _drawn("Trace", "trace", found)


def curves(found: Findings) -> Section:
    """What was reported while training."""
    lead = (
        f"Dotted: how the running and the most promising unfinished ones will go on, at most {MOST_PREDICTED}, by the "
        f"model of all curves; 80 % intervals."
    )
    if len(found.endings) == MOST_ENDINGS:
        lead += f" The newest {MOST_ENDINGS} unfinished ones were predicted."
    return _drawn("Learning curves", "curves", found, lead if found.endings else "")


def timeline(found: Findings) -> Section:
    """When trials ran."""
    return _drawn("Timeline", "timeline", found)


def conditions(found: Findings) -> Section:
    """Which parameters depend on which others."""
    return _drawn("Conditions", "conditions", found)


def going_on(found: Findings) -> Section:
    """What the next trials are expected to gain."""
    return _drawn("Going on", "gain", found, GREEDY)


def metrics(found: Findings) -> Section:
    """The objective against another metric."""
    return _drawn("Metrics", "metrics", found)


def hypervolume(found: Findings) -> Section:
    """What the front of two metrics dominates."""
    return _judged("Hypervolume", "hypervolume", found, lambda: words.dominated(found.hypervolumes[0]))


def contour(found: Findings) -> Section:
    """The model over pairs of parameters."""
    lead = (
        "Bright means in the first picture that good results are expected, in the second that the model is unsure. "
        "The star is the best arm."
    )
    if found.history.outcome_constraints:
        lead += " The third shows how probable it is that every constraint holds; arms that broke one are crossed out."
    if len(found.importances) > MOST_CROSSED:
        lead += f" The {MOST_CROSSED} most important of {len(found.importances)} parameters are crossed."
    undirected = [m for m in (found.shown_metrics if found.model else ()) if direction(found.history, m) is None]
    if undirected:
        lead += f" Of {' and '.join(undirected)}, bright means more: nobody said whether that is better."
    return _drawn("Contour", "contour", found, lead)


def importances(found: Findings) -> Section:
    """Which parameters matter."""
    return _judged("Importances", "importances", found, lambda: words.rankings(found.importances_by_metric))


def slices(found: Findings) -> Section:
    """The model along each parameter."""
    lead = "The line moves one parameter; the points were measured, and differ in the other parameters too."
    if len(found.importances) > MOST_SLICES:
        lead += f" The {MOST_SLICES} most important of {len(found.importances)} parameters are shown."
    return _drawn("Slices", "slices", found, lead)


def feasibility(found: Findings) -> Section:
    """Where the outcome constraints are believed to hold."""
    return _drawn("Feasibility", "feasibility", found, words.kept(found))


def effects(found: Findings) -> Section:
    """What each parameter does on the average."""
    return _drawn("Marginal effects", "effects", found)


def validation(found: Findings) -> Section:
    """Whether the model predicts what it has not seen."""
    return _judged("Cross-validation", "validation", found, lambda: words.trust(found.validation))


def record(found: Findings) -> Section:
    """What suggestions were predicted to give, and what they gave."""
    return _judged("Predicted and got", "record", found, lambda: words.record(found.hindsight))


def distribution(found: Findings) -> Section:
    """How good the trials were."""
    return _drawn("Distribution", "distribution", found)


def matrix(found: Findings) -> Section:
    """Where trials were made."""
    return _drawn("Scatter matrix", "matrix", found, f"Each point is a trial, {COLORED}.")


def parallel(found: Findings) -> Section:
    """All parameters of all trials."""
    lead = f"Each line is a trial, {COLORED}. Drag along an axis to keep only the lines through it; click it to let go."
    return _drawn("Parallel coordinates", "parallel", found, lead)


def failures(found: Findings) -> Section:
    """Where and why trials fail."""
    return _drawn("Failures", "failures", found, words.mishaps(found.failures))


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
    rules = [*(c.words for c in history.space.constraints), *(c.words for c in history.outcome_constraints)]
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


def _drawn(heading: str, name: str, found: Findings, lead: str = "") -> Section:
    """A section with a figure, or with the sentence that says why there is none."""
    try:
        html, data = figure(name, draw(found, name))
    except NoResultError as reason:
        return _missing(heading, reason)
    return Section(heading, (_paragraph(lead) if lead else "") + html, data)


def _judged(heading: str, name: str, found: Findings, judge: Callable[[], str]) -> Section:
    """A section with a figure, and what it says of the model."""
    try:
        lead = judge()
    except NoResultError as reason:
        return _missing(heading, reason)
    return _drawn(heading, name, found, lead)


def _missing(heading: str, reason: object) -> Section:
    return Section(heading, f'<p class="none">{escape(str(reason))}</p>')


def _paragraph(text: Any) -> str:
    return f"<p>{escape(text)}</p>"
