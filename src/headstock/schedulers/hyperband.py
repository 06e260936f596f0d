"""Hyperband: successive halving from several first rungs at once, as nobody knows how early trials can be judged."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, final

import numpy as np

from headstock.history import History
from headstock.schedulers.base import Decision, Propose, Resume, Start, beginnings
from headstock.schedulers.counting import check_whole
from headstock.schedulers.reports import horizon
from headstock.schedulers.successive_halving import ladder, promotions


@final
@dataclass(frozen=True, slots=True)
class Hyperband:
    """Asynchronous Hyperband (Li et al. 2018, JMLR 18(185), algorithm 1; asynchronous as in Li et al. 2020).

    A trial belongs to one of the brackets s = s_max ... 0, which compete among themselves only: the first rung of
    bracket s is the step R η⁻ˢ, with s_max = ⌊log_η(R / r)⌋. A round holds ⌈(s_max + 1) / (s + 1) ηˢ⌉ trials of each.

    Args:
        min_steps: r, below which no trial is judged.
        eta: η, of how many trials one goes on.
        max_steps: R, how many steps a whole training has; None: as `trial.steps` says.

    Raises:
        HeadstockError: if a number is no whole number of at least 1, or `eta` is below 2.
    """

    min_steps: int = 1
    eta: int = 3
    max_steps: int | None = None

    def __post_init__(self) -> None:
        """Check the numbers."""
        check_whole(self, min_steps=1, eta=2, max_steps=1)

    def decide(
        self,
        history: History,
        slots: int,
        propose: Propose,
        rng: np.random.Generator,  # noqa: ARG002 - part of the protocol
        *,
        steps_left: float = math.inf,  # noqa: ARG002
        trials_left: float = math.inf,  # noqa: ARG002
    ) -> Sequence[Decision]:
        """The best of each bracket go on; then new trials begin (see `Scheduler.decide`)."""
        last = horizon(history, self.max_steps)
        brackets = self._brackets(last)
        decisions: list[Decision] = []
        for bracket, (first, _) in enumerate(brackets):
            members = [t for t in history if self._bracket(t.index, brackets) == bracket]
            decisions += promotions(history, members, ladder(first, self.eta, last), self.eta)
        decisions = decisions[:slots]
        because = "every bracket trains a little first"
        new = len(history)
        for begun in beginnings(history, propose, slots - len(decisions), until=1, because=because):
            index = begun.trial if isinstance(begun, Resume) else new
            new += isinstance(begun, Start)
            first, _ = brackets[self._bracket(index, brackets)]
            decisions.append(replace(begun, until=None if last is not None and first >= last else first))
        return decisions

    def to_json(self) -> dict[str, Any]:
        """The scheduler as JSON."""
        return {"kind": "hyperband", **asdict(self)}

    def _brackets(self, last: int | None) -> list[tuple[int, int]]:
        """For each bracket, the first rung and how many trials of a round belong to it, the longest ladder first."""
        if last is None or last <= self.min_steps:
            return [(self.min_steps, 1)]
        highest = len(ladder(self.min_steps, self.eta, last + 1)) - 1
        return [
            (max(last // self.eta**s, self.min_steps), math.ceil((highest + 1) / (s + 1) * self.eta**s))
            for s in range(highest, -1, -1)
        ]

    @staticmethod
    def _bracket(index: int, brackets: Sequence[tuple[int, int]]) -> int:
        """The bracket of a trial: by its place in the round."""
        place = index % sum(count for _, count in brackets)
        bounds = np.cumsum([count for _, count in brackets])
        return int(np.searchsorted(bounds, place, side="right"))
