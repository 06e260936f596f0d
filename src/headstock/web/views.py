"""What the pages show, as JSON."""

from collections.abc import Sequence
from shlex import quote
from typing import Any, Final

from headstock.analysis.cross_validation import CrossValidation
from headstock.analysis.endings import Ending
from headstock.checkpoints import Saved
from headstock.history import History
from headstock.parameters import Choice, Fixed, Parameter, shown
from headstock.report.notes import note_html
from headstock.storage import ExperimentSummary
from headstock.storage.records import ExperimentSpec
from headstock.trial import Observation, TrialRecord

SPARK: Final = 40
"""How many steps of a curve are sent with a row of a table."""

MOST_STEPS: Final = 1_000
"""How many steps of a curve are sent with a trial's page."""


def summary(given: ExperimentSummary) -> dict[str, Any]:
    """One line of the list of experiments."""
    return {
        "name": given.spec.name,
        "metric": given.spec.objective.metric,
        "minimize": given.spec.objective.minimize,
        "judged": given.spec.objective.judged,
        "counts": {state.value: count for state, count in given.counts.items() if count},
        "best": None if given.best is None else row(given.best),
        "created": given.spec.created,
        "updated": given.updated,
    }


def specification(spec: ExperimentSpec, note: str | None) -> dict[str, Any]:
    """What an experiment searches, and what people say of it."""
    return {
        "note": note or "",
        "note_html": note_html(note or ""),
        "budget": dict(spec.budget or {}),
        "parameters": [_parameter(name, parameter) for name, parameter in spec.space.parameters.items()],
        "constraints": [*(c.words for c in spec.space.constraints), *(c.words for c in spec.outcome_constraints)],
        "outcomes": [c.words for c in spec.outcome_constraints],
        "seed": spec.seed,
        "space_version": spec.space_version,
    }


def measured(spec: ExperimentSpec, newest: Sequence[TrialRecord]) -> dict[str, list[str]]:
    """The metrics that every result must have, the objective first, and others that the newest results have."""
    known = History(spec.space, spec.objective, tuple(newest), spec.outcome_constraints)
    others = [name for name in known.measured_metrics if name not in known.metrics]
    return {"required": [*known.required], "others": others}


def start(spec: ExperimentSpec, url: str) -> str:
    """How a worker joins an experiment, as it is typed."""
    budget = "" if spec.budget else " --trials 40"
    return f"headstock worker --name {quote(spec.name)} --storage {quote(url)}{budget} -- python train.py"


def row(trial: TrialRecord, note: str | None = None) -> dict[str, Any]:
    """A trial in a table: without its traceback, and with as much of its curve as a small picture shows."""
    curve = trial.reports.get(trial.objective, ())
    return {
        "index": trial.index,
        "state": trial.state.value,
        "parameters": dict(trial.parameters),
        "metrics": {name: [o.mean, o.sem] for name, o in trial.metrics.items()},
        "spark": [o.mean for o in _thinned(curve, SPARK)],
        "step": curve[-1].step if curve else None,
        "seconds": trial.seconds,
        "started": trial.started,
        "source": trial.source,
        "because": trial.because,
        "verdict": trial.verdicts[-1].because if trial.verdicts else None,
        "error": trial.error,
        "owner": trial.owner,
        "note": note or "",
    }


def page_of(trial: TrialRecord, note: str | None, saved: Sequence[Saved] | None) -> dict[str, Any]:
    """Everything about one trial.

    Args:
        trial: the trial.
        note: the note on it.
        saved: its saved states; None if they lie where this process cannot see them.
    """
    return row(trial, note) | {
        "note_html": note_html(note or ""),
        "arm": trial.arm.name,
        "objective": trial.objective,
        "reports": {
            name: [[o.step, o.mean] for o in _thinned(curve, MOST_STEPS)] for name, curve in trial.reports.items()
        },
        "traceback": trial.traceback,
        "attempt": trial.attempt,
        "steps": trial.steps,
        "verdicts": [[v.step, v.decision, v.because] for v in trial.verdicts],
        "saved": None if saved is None else [[one.step, one.size] for one in saved],
        "saves": trial.saves,
        "space_version": trial.space_version,
        "created": trial.created,
        "finished": trial.finished,
    }


def ending(given: Ending | None) -> dict[str, Any] | None:
    """How a curve is expected to go on."""
    if given is None:
        return None
    return {what: getattr(given, what).tolist() for what in ("steps", "means", "lower", "upper")}


def forecast(scored: CrossValidation, index: int) -> dict[str, float] | None:
    """What was predicted of a trial when it was suggested, and what it gave; None if it was not scored."""
    if index not in scored.trials:
        return None
    i = scored.trials.index(index)
    return {what: float(getattr(scored, what)[i]) for what in ("predicted", "lower", "upper", "observed")}


def _parameter(name: str, parameter: Parameter) -> dict[str, Any]:
    """A parameter with what a form needs to ask for a value of it."""
    told: dict[str, Any] = {"name": name, "shown": shown(parameter)}
    match parameter:
        case Choice(values=values):
            return told | {"kind": "choice", "values": list(values)}
        case Fixed():
            return told | {"kind": "fixed"}
        case _:
            return told | {"kind": "number", "low": parameter.low, "high": parameter.high}


def _thinned(curve: Sequence[Observation], limit: int) -> Sequence[Observation]:
    """At most `limit` observations, evenly, the last one among them."""
    if len(curve) <= limit:
        return curve
    return [curve[(i + 1) * len(curve) // limit - 1] for i in range(limit)]
