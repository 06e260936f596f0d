"""How an experiment shows itself in a notebook."""

from typing import Final

from headstock import markup, wording
from headstock.history import History

SHOWN: Final = 5
"""How many of the best trials are shown."""

MOST_COLUMNS: Final = 12
"""How many of the parameters have a column."""


def experiment_html(name: str, storage: str, history: History) -> str:
    """What is searched, how far it is, and the best trials, as HTML.

    Args:
        name: the experiment's name.
        storage: where it is kept.
        history: its trials.
    """
    objective = history.objective
    metric = objective.metric
    facts = {
        "objective": f"{'minimise' if objective.minimize else 'maximise'} {metric}",
        "trials": ", ".join(f"{count:,} {state}" for state, count in history.counts.items()) or "none",
        "storage": storage,
    }
    names, others = list(history.space)[:MOST_COLUMNS], len(history.space) - MOST_COLUMNS
    rows = [
        [t.index, wording.measured(t.objective_mean, t.metrics[metric].sem)]
        + [t.parameters.get(parameter) for parameter in names]
        for t in history.best(SHOWN)
    ]
    shown = markup.table(["trial", metric, *names], rows) if rows else ""
    if rows and others > 0:
        shown += f"<p>and {others} more parameters</p>"
    return markup.facts(f"Experiment {name}", facts) + shown
