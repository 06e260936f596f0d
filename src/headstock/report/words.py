"""The report's sentences: what was found, what was tried, how far the model can be trusted."""

import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

import numpy as np

from headstock.analysis.baseline import Comparison
from headstock.analysis.boundaries import Boundary
from headstock.analysis.checks import Concern, Kind
from headstock.analysis.cross_validation import LEVEL, CrossValidation
from headstock.analysis.failures import MOST_TRIALS, Failures
from headstock.analysis.gain import Prospect
from headstock.analysis.hypervolume import Hypervolume
from headstock.analysis.importance import Importance
from headstock.analysis.transfer import Lesson, Transfer
from headstock.analysis.winner import Winner
from headstock.history import History
from headstock.parameters import shown
from headstock.report.findings import Findings
from headstock.wording import measured, number, value

NEGLIGIBLE: Final = 0.05
MOST_CERTAIN: Final = 0.99
MOST_NAMED: Final = 12
"""How many parameters stand in a sentence or on a card; a card unfolds the others."""


WARNINGS: Final[Mapping[Kind, str]] = {
    Kind.ALIKE: (
        "All {count} values of {metric} are the same, so there is nothing to learn from it. Look whether the "
        "evaluation uses the parameters, and what it returns."
    ),
    Kind.BROKEN: (
        "None of {count} results keeps {bound}; the nearest is {value:.4g}. Relax the bound, or widen the ranges "
        "towards where it is kept."
    ),
    Kind.NEVER_TOGETHER: (
        "Each bound is kept by some of {count} results, and all of them together by none. They may exclude each other: "
        "relax the one that matters least."
    ),
    Kind.FEW: (
        "The model rests on {count} results. Read what it says of parameters with care until there are {value:.0f}, "
        "about two for each dimension."
    ),
    Kind.NOISE: (
        "About {share} of the variance of {metric} is noise, by {count} results. Go by the best believed arm, not by "
        "the best seen one; average several evaluations in a trial, or measure longer."
    ),
    Kind.UNPREDICTED: (
        "The model predicts {metric} hardly better than its mean does: R² is {value:.2f}, each of {count} results "
        "predicted from the others. Trust importances and slices of it little. More trials may help, log=True for a "
        "range over several powers of ten, or a parameter that is not searched yet."
    ),
    Kind.NO_BETTER: (
        "None of {count} results is believed to be better than the baseline. Go on if that is expected to gain more "
        "than it costs; else keep the baseline, widen a range, or search another parameter."
    ),
    Kind.WORSE: (
        "The best believed arm of {count} results keeps {bound}, but is worse than the baseline in {metric}, by "
        "{value:.2g}. If that is more than there is to spare, search with a tighter bound."
    ),
    Kind.MISTAUGHT: (
        "The earlier experiment {name!r} does not predict this one (rank correlation {value:.2f} with {count} "
        "results): it has no weight any more. Look whether both measure the same, and leave it out of warm_start= "
        "next time."
    ),
    Kind.STALLED: (
        "The {count} results after trial {value:.0f} brought nothing better. See what going on is expected to gain: it "
        "may be time to stop, to widen a range, or to search something else."
    ),
    Kind.TOO_EARLY: (
        "Trainings are given up after step {value:.0f} or so, and there the order of {count} whole ones said little of "
        "the order of their ends. Let them train longer first, as by min_steps of a scheduler."
    ),
}


def goal(history: History) -> str:
    """What was optimised, in one line."""
    objective = history.objective
    kept = [constraint.words for constraint in history.outcome_constraints]
    under = f", keeping {' and '.join(kept)}" if kept else ""
    return f"{'Minimise' if objective.minimize else 'Maximise'} {objective.metric}{under}"


def verdict(found: Findings) -> str:
    """What to make of the two winners."""
    believed, seen = found.believed, found.seen
    if seen is not None and found.history.objective.judged:  # what is believed of it is all that is known
        return f"Arm {seen.arm.name} appeals most to those who compared trials. {found.obstacle}".rstrip()
    if believed is None:
        opinion = found.obstacle if found.model is None else "No arm is believed to keep the constraints."
        return f"Arm {seen.arm.name} measured best. {opinion}" if seen else f"There is no winner yet. {opinion}"
    best = f"the probability that it is the best of all arms that were tried is {chance(believed.probability or 0.0)}"
    if seen is None or believed.parameters == seen.parameters:
        agree = "The model believes in" if seen is None else "Model and measurement agree on"
        return f"{agree} arm {believed.arm.name}; {best}."
    return (
        f"The model believes in arm {believed.arm.name}; {best}. Arm {seen.arm.name} measured best, "
        f"but the model puts part of that down to noise."
    )


def chance(probability: float) -> str:
    """A probability in words; what a model or a share of random draws says is never certain."""
    if probability > MOST_CERTAIN:
        return f"more than {percent(MOST_CERTAIN)}"
    return percent(probability) if probability >= 1 - MOST_CERTAIN else f"less than {percent(1 - MOST_CERTAIN)}"


def kept(found: Findings) -> str:
    """How probable it is that the best arm keeps the outcome constraints; nothing if there is no telling."""
    if found.kept is None or found.winner is None:
        return ""
    bounds = " and ".join(constraint.words for constraint in found.history.outcome_constraints)
    return f"Arm {found.winner.arm.name} keeps {bounds} with probability {chance(found.kept)}, as the model sees it."


def beside(found: Findings) -> list[str]:
    """What the search has won over the baseline, and what earlier experiments count; nothing of what there is not."""
    told = [] if found.comparison is None else [won(found.comparison)]
    return told + ([] if found.taught is None else [learnt(found.taught)])


def won(comparison: Comparison) -> str:
    """What the search has won over the baseline."""
    baseline = "the baseline" if comparison.baseline is None else f"the baseline (trial {comparison.baseline})"
    if not comparison.changes:
        return f"No arm is believed to be better than {baseline}."
    changes = [
        f"{c.metric} is {measured(abs(c.difference), c.sem)} {'lower' if c.difference < 0 else 'higher'}"
        for c in comparison.changes
    ]
    within = ", within the bounds," if len(changes) > 1 else ""
    return (
        f"The best believed arm is{within} better than {baseline} with probability {chance(comparison.probability)}: "
        f"{', '.join(changes)}."
    )


def learnt(taught: Transfer) -> str:
    """What earlier experiments count, and how well they predict."""
    return " ".join(
        f"The earlier experiment {lesson.name!r} {_counting(lesson, taught)}; its predictions have a rank "
        f"correlation of {lesson.correlation:.2f} with {taught.results:,} results."
        for lesson in taught.lessons
    )


def _counting(lesson: Lesson, taught: Transfer) -> str:
    if not taught.counts:
        return "counts no more"
    if not lesson.weight:
        return "has no weight, as the results are predicted better without it"
    return f"has weight {lesson.weight:.2g} in every second suggestion"


def tally(history: History) -> str:
    """How many trials there are in each state, and how long they took."""
    if not len(history):
        return "No trial was started yet."
    states = Counter(trial.state.value for trial in history)
    counted = ", ".join(f"{count:,} {state}" for state, count in states.most_common())
    total = f"{len(history):,} trial{'s' if len(history) > 1 else ''}: {counted}."
    seconds = [trial.seconds for trial in history if trial.seconds is not None]
    return f"{total} Evaluating them took {duration(sum(seconds))} in all." if seconds else total


def searched(history: History) -> str:
    """How many parameters were searched, and what was held."""
    space = history.space
    free = len(space.searched)
    fixed = len(space) - free
    size = "" if space.size is None else f", at most {space.size:,} configurations"
    held = f"; {fixed} more held fixed" if fixed else ""
    names = ", ".join(space.searched[:MOST_NAMED]) + (" and others" if free > MOST_NAMED else "")
    return f"Searched: {names} ({free} parameter{'s' if free > 1 else ''}{size}{held})."


def trust(validation: CrossValidation) -> str:
    """What the leave-one-out predictions say about the model."""
    n, order = len(validation.observed), validation.rank_correlation
    agreement = (
        f"The predicted order agrees with the measured one at a rank correlation (Spearman's ρ) of {order:.2f}, where "
        f"1 is perfect and 0 is chance; R² is {validation.r_squared:.2f}."
        if np.isfinite(order)
        else "The results or their predictions are all alike, so there is no order to predict."
    )
    inside = round(validation.coverage(LEVEL) * n)
    calibration = f"{inside:,} of {n:,} results lie in their {percent(LEVEL)} intervals; about {LEVEL * n:,.0f} should."
    return f"Each result was predicted from all the others. {agreement} {calibration}"


def outlook(prospect: Prospect) -> str:
    """Whether it is worth going on."""
    count = min(10, len(prospect.expected))
    gain, low, high = (float(ends[count - 1]) for ends in (prospect.expected, prospect.lower, prospect.upper))
    cost = "" if prospect.seconds is None else f" and to take {duration(count * prospect.seconds)} one after the other"
    return (
        f"Going on: the next {count} trial{'s' if count > 1 else ''} are expected to gain {gain:.2g} of "
        f"{prospect.metric} (80 % interval: {low:.2g} to {high:.2g}){cost}. "
        f"The best of the whole space is believed to be {prospect.ceiling:.2g} better than the best arm so far."
    )


def warning(concern: Concern) -> str:
    """What speaks against trusting the search, and what to do."""
    return WARNINGS[concern.kind].format(
        metric=concern.metric,
        bound="" if concern.constraint is None else concern.constraint.words,
        name=concern.name,
        count=f"{concern.count:,}",
        value=concern.value,
        share="" if concern.kind is not Kind.NOISE else percent(concern.value),
    )


def limit(boundary: Boundary, name: str) -> str:
    """That a bound is in the way, and how to move it."""
    return (
        f"The best seems to lie at the end of the range of {boundary.parameter}, {value(boundary.bound)} "
        f"(with probability {boundary.probability:.2f}). If it makes sense beyond, widen it: {widening(boundary, name)}"
    )


def widening(boundary: Boundary, name: str) -> str:
    """The command that widens a range."""
    ends = f"{value(boundary.low)}:{value(boundary.high)}"
    return f"headstock widen {shlex.quote(name)} {shlex.quote(f'{boundary.parameter}={ends}')}"


def mishaps(found: Failures) -> str:
    """How many trials failed, why, and where."""
    if not found.failed:
        return ""
    share = f"{found.failed:,} of {found.finished:,} trials failed."
    first = found.causes[0]
    often = "once" if len(first.trials) == 1 else f"{len(first.trials):,} times"
    why = f" The most frequent reason ({often}): {first.error.rstrip('.')}."
    where = [
        f"{h.where}: {h.failed:,} of {h.inside:,} failed, elsewhere {h.failed_elsewhere:,} of {h.elsewhere:,}"
        for h in found.hazards
    ]
    often = f"Of the newest {MOST_TRIALS:,} many fail" if found.finished > MOST_TRIALS else "They are frequent"
    return share + why + (f" {often} where {'; '.join(where)}." if where else "")


def record(scored: CrossValidation) -> str:
    """How the predictions made before each suggestion came out."""
    n = len(scored.observed)
    inside = round(scored.coverage(LEVEL) * n)
    error = float(np.median(np.abs(scored.observed - scored.predicted)))
    return (
        f"Each of the newest {n:,} suggestions of the model was predicted from the results that there were when it was "
        f"made. {inside:,} of {n:,} results lie in their {percent(LEVEL)} intervals; about {LEVEL * n:,.0f} should. "
        f"Half of the predictions were off by less than {number(error)}."
    )


def dominated(found: Hypervolume) -> str:
    """What a hypervolume is, and when it grew last."""
    x, y = found.reference
    area = f"The area between the Pareto front and the point {found.x} {number(x)}, {found.y} {number(y)}"
    if not found.trials:
        return f"{area}: no trial is better in both yet."
    last = f"It grew last with trial {found.trials[-1]}."
    return f"{area}, in the product of their units: {number(found.values[-1])}. {last}"


def rankings(importances: Mapping[str, Sequence[Importance]]) -> str:
    """Which parameters matter to the objective, and to each other metric."""
    objective, *others = importances
    named = [f"To {metric}: {ranking(importances[metric])}" for metric in others]
    return " ".join([ranking(importances[objective]), *named])


def ranking(importances: Sequence[Importance]) -> str:
    """Which parameters matter, in one sentence."""
    matter = [i for i in importances if i.total >= NEGLIGIBLE]
    if not matter:
        return "As far as the model can tell, no parameter matters."
    named = [f"{i.parameter} ({percent(i.total)})" for i in matter]
    rest = len(importances) - len(matter)
    others = f" The other {'one matters' if rest == 1 else f'{rest} matter'} little." if rest else ""
    return f"{named[0]} matters most{', then ' + ', '.join(named[1:]) if named[1:] else ''}.{others}"


def card(title: str, winner: Winner, metric: str) -> str:
    """A winner as HTML: its value, its name, its parameters."""
    pairs = list(winner.parameters.items())
    rest = pairs[MOST_NAMED:]
    more = f"<details><summary>{len(rest)} more</summary>{_facts(rest)}</details>" if rest else ""
    return (
        f'<div class="winner"><h3>{escape(title)}: arm {escape(winner.arm.name)}</h3>'
        f'<div class="value">{escape(measured(winner.mean, winner.sem))}</div>'
        f"<div>{escape(metric)}</div>{_facts(pairs[:MOST_NAMED])}{more}</div>"
    )


def _facts(pairs: Sequence[tuple[str, object]]) -> str:
    cells = "".join(f'<dt>{escape(n)}</dt><dd title="{escape(value(v))}">{escape(value(v))}</dd>' for n, v in pairs)
    return f"<dl>{cells}</dl>"


def duration(seconds: float) -> str:
    """A length of time in the units that suit it."""
    minutes, hours = seconds / 60, seconds / 3600
    if seconds < 120:
        return f"{number(round(seconds, 1))} s"
    return f"{minutes:.0f} min" if minutes < 120 else f"{hours:.1f} h"


def code(history: History, name: str) -> str:
    """The program that sets the same experiment up."""
    space, objective = history.space, history.objective
    lines = ["import headstock as hs", "", "space = hs.Space(", "    {"]
    lines += [f"        {n!r}: hs.{shown(parameter)}," for n, parameter in space.parameters.items()]
    lines += ["    },"]
    lines += [f"    constraints={[str(c) for c in space.constraints]!r},"] if space.constraints else []
    lines += [")", "experiment = hs.Experiment(", f"    {name!r},", "    space,"]
    lines += [f"    {'minimize' if objective.minimize else 'maximize'}={objective.metric!r},"]
    outcomes = [str(c) for c in history.outcome_constraints]
    lines += [f"    outcome_constraints={outcomes!r},"] if outcomes else []
    return "\n".join([*lines, f"    seed={history.seed},", ")"])


def percent(share: float) -> str:
    """A share as a whole percentage."""
    return f"{100 * share:.0f} %"
