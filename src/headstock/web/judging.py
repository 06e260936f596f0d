"""What the page asks of a person who judges: two trials, what was said so far, and the ranking that follows."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from headstock.analysis.preferences import next_pair
from headstock.history import History
from headstock.report.notes import note_html
from headstock.trial import TrialRecord
from headstock.web import views

RANKED: Final = 50
"""How many of the best trials are told."""

SAID: Final = 50
"""How many of the newest comparisons are told."""

_PAIR: Final = re.compile(r"(\d{1,9})-(\d{1,9})", re.ASCII)


def asked(history: History, notes: Mapping[int | None, str], skipped: Sequence[str]) -> dict[str, Any]:
    """What a person who judges has to see.

    Args:
        history: the trials, and what was said of them.
        notes: the notes, by trial.
        skipped: pairs that the person leaves out, such as "3-7".
    """
    matches = [match for text in skipped if (match := _PAIR.fullmatch(text))]
    pair = next_pair(history, {(int(match[1]), int(match[2])) for match in matches})
    won = Counter(c.better for c in history.comparisons for _ in c.worse)
    lost = Counter(worse for c in history.comparisons for worse in c.worse)
    return {
        "pair": None if pair is None else [_row(t, notes.get(t.index)) for t in pair],
        "ranking": [
            {"index": t.index, "appeal": [o.mean, o.sem], "won": won[t.index], "lost": lost[t.index]}
            for t in history.best(RANKED)
            for o in [t.metrics[history.objective.metric]]
        ],
        "said": [c.to_json() for c in history.comparisons[: -SAID - 1 : -1]],
        "count": len(history.comparisons),
        "uncompared": len(history.unjudged),
    }


def _row(trial: TrialRecord, note: str | None) -> dict[str, Any]:
    return views.row(trial, note) | {"note_html": note_html(note or "")}
