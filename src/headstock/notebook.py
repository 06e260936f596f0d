"""How an experiment shows itself in a notebook."""

from typing import Final

from headstock import markup, wording
from headstock.history import History

SHOWN: Final = 5
"""How many of the best trials are shown."""


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
    rows = [
        [t.index, wording.measured(t.objective_mean, t.metrics[metric].sem)]
        + [t.parameters.get(parameter) for parameter in history.space]
        for t in history.best(SHOWN)
    ]
    shown = markup.table(["trial", metric, *history.space], rows) if rows else ""
    return markup.facts(f"Experiment {name}", facts) + shown
