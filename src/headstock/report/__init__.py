"""The report: one HTML file that holds everything, opens offline, and can be handed to anybody.

Plotly's script (4.8 MB) and all data are compressed in it, grids are sent in single precision, of very many points a
selection is drawn, and the table of trials is sorted, filtered and paged by a script of its own.
"""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from headstock.gp.linalg import one_thread
from headstock.history import History
from headstock.report import sections, words
from headstock.report.findings import Findings
from headstock.report.page import page
from headstock.samplers.base import Sampler

NO_NOTES: Final[Mapping[int | None, str]] = MappingProxyType({})
OPTIONAL: Final = frozenset(
    {
        "Conditions",
        "Distribution",
        "Failures",
        "Feasibility",
        "Hypervolume",
        "Learning curves",
        "Metrics",
        "Parallel coordinates",
        "Predicted and got",
        "Timeline",
        "Scatter matrix",
    }
)
MODELLED: Final = frozenset({"Contour", "Importances", "Marginal effects", "Slices", "Going on", "Cross-validation"})


def write_report(
    history: History,
    path: str | Path,
    *,
    title: str,
    notes: Mapping[int | None, str] = NO_NOTES,
    sampler: Sampler | None = None,
) -> Path:
    """Write everything that a history tells into one HTML file that opens without a network.

    The file appears complete under its name, or not at all.

    Args:
        history: the experiment.
        path: the file; one that exists is replaced, folders that do not are made.
        title: the heading, usually the experiment's name.
        notes: what people wrote, by trial; of the experiment by None.
        sampler: of the experiment; what earlier experiments count is told if it is given.

    Returns:
        The file's path.
    """
    target = Path(path)
    document = render_report(history, title=title, notes=notes, sampler=sampler)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(document)
        Path(temporary).chmod(0o644)  # mkstemp lets only the owner read; a report is for others
        Path(temporary).replace(target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return target


@one_thread()
def render_report(
    history: History,
    *,
    title: str,
    notes: Mapping[int | None, str] = NO_NOTES,
    sampler: Sampler | None = None,
) -> str:
    """The report as an HTML document."""
    found = Findings.of(history, sampler)
    parts = [
        sections.summary(found, title),
        *([sections.noted(notes)] if notes else []),
        sections.trace(found),
        sections.curves(found),
        sections.contour(found),
        sections.importances(found),
        sections.effects(found),
        sections.slices(found),
        sections.feasibility(found),
        sections.going_on(found),
        sections.failures(found),
        sections.validation(found),
        sections.record(found),
        sections.distribution(found),
        sections.metrics(found),
        sections.hypervolume(found),
        sections.parallel(found),
        sections.matrix(found),
        sections.timeline(found),
        sections.trials(found),
        sections.space(history),
        sections.conditions(found),
        sections.reproduction(history, title),
    ]
    # What there is nothing to show of is left out where it need not be there: curves, a second metric. Why there is no
    # model, the summary says once.
    optional = OPTIONAL if found.model is not None else OPTIONAL | MODELLED
    parts = [part for part in parts if part.data or part.heading not in optional]
    return page(title, words.goal(history), parts)
