"""Population-based training: the worst go on from the states of the best, with parameters a little different."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, final

import numpy as np

from headstock.domain import Domain
from headstock.encoding import Encoding
from headstock.errors import HeadstockError
from headstock.history import History
from headstock.parameters import Value
from headstock.samplers.base import Suggestion
from headstock.scalars import is_number
from headstock.schedulers.base import Decision, Propose, Resume, Start, Stop, beginnings
from headstock.schedulers.counting import check_whole
from headstock.schedulers.reports import horizon, is_resumable, value_at
from headstock.trial import TrialRecord, TrialState
from headstock.wording import given, number

RESAMPLED: Final = 0.25
"""With what probability a parameter is drawn anew instead of moved (Jaderberg et al. 2017, appendix A.1.1)."""

MOVED: Final = 0.1
"""The standard deviation of a move, as a share of the parameter's range on its scale."""

_TRIES: Final = 32


@final
@dataclass(frozen=True, slots=True)
class PopulationBased:
    """Population-based training (Jaderberg et al. 2017, arXiv 1711.09846, algorithm 1, truncation selection).

    A population trains side by side. Every `interval` steps a member that is among the worst fifth of those as far is
    stopped, and a new trial goes on from the saved state of one of the best fifth with moved parameters. It finds a
    schedule of parameters rather than a configuration, and needs trainings that save their state.

    Args:
        population: how many members train side by side.
        interval: after how many steps members are compared.
        share: of the population is worst, and best.
        max_steps: how many steps a whole training has; None: as `trial.steps` says.

    Raises:
        HeadstockError: if there are fewer than 2 members, the interval is below 1, or the share is not in (0, 1/2].
    """

    population: int = 10
    interval: int = 1
    share: float = 0.2
    max_steps: int | None = None

    def __post_init__(self) -> None:
        """Check the numbers."""
        check_whole(self, population=2, interval=1, max_steps=1)
        if not (is_number(self.share) and 0.0 < self.share <= 0.5):
            raise HeadstockError(f"PopulationBased(share={given(self.share)}): give a number in (0, 1/2].")

    def decide(
        self,
        history: History,
        slots: int,
        propose: Propose,
        rng: np.random.Generator,
        *,
        steps_left: float = math.inf,  # noqa: ARG002
        trials_left: float = math.inf,  # noqa: ARG002
    ) -> Sequence[Decision]:
        """Members begin, go on, or make room for the children of better ones (see `Scheduler.decide`)."""
        founders = sum(t.parent is None and t.state is not TrialState.QUEUED for t in history)
        because = f"a member trains {self.interval} steps at a time"
        decisions: list[Decision] = list(
            beginnings(history, propose, min(slots, self.population - founders), until=self.interval, because=because)
        )
        # Those who are least far go first, so that the population stays together.
        for trial in sorted(filter(is_resumable, history), key=lambda t: (t.step, t.index)):
            if sum(not isinstance(d, Stop) for d in decisions) >= slots:
                break
            decisions += self._next(history, trial, rng)
        return decisions

    def to_json(self) -> dict[str, Any]:
        """The scheduler as JSON."""
        return {"kind": "population", **asdict(self)}

    def _next(self, history: History, trial: TrialRecord, rng: np.random.Generator) -> list[Decision]:
        """A member goes on, or stops and has its place taken."""
        step = trial.step
        values = {t.index: value_at(history, t, step) for t in history if t.state is not TrialState.FAILED}
        ranking = sorted((i for i, v in values.items() if v is not None), key=lambda i: (-(values[i] or 0.0), i))
        count = math.floor(self.share * len(ranking))
        place = ranking.index(trial.index) if trial.index in ranking else 0
        best = [i for i in ranking[:count] if is_resumable(history.trials[i])]  # their states are there
        if place < len(ranking) - count or not best:
            because = f"number {place + 1} of {len(ranking)} members at step {step}"
            return [Resume(trial.index, self._until(history, step), because)]
        parent = history.trials[best[rng.integers(len(best))]]
        worse = number(history.objective.sign * (values[trial.index] or 0.0))
        better = number(history.objective.sign * (values[parent.index] or 0.0))
        stop = Stop(trial.index, f"{worse} at step {step}, where trial {parent.index} has {better}")
        because = f"goes on from trial {parent.index} at step {parent.step} with other parameters"
        child = Suggestion(_moved(history, parent, rng), because, source="population")
        until = self._until(history, parent.step)
        return [stop, Start(child, until, from_checkpoint=(parent.index, parent.step))]

    def _until(self, history: History, step: int) -> int | None:
        """Where a member that is at `step` is compared next."""
        last = horizon(history, self.max_steps)
        return None if last is not None and step + self.interval >= last else step + self.interval


def _moved(history: History, parent: TrialRecord, rng: np.random.Generator) -> dict[str, Value]:
    """A configuration near that of the parent: every parameter is moved a little, or drawn anew."""
    domain = Domain.of(Encoding.of(history.space), {})
    x = domain.encoding.encode([parent.parameters])
    d = domain.encoding.dimensions
    drawn = domain.from_uniform(rng.random((_TRIES, d)))
    moves = np.where(domain.encoding.categorical, 0.0, MOVED * rng.standard_normal((_TRIES, d)))
    X = domain.project(np.where(rng.random((_TRIES, d)) < RESAMPLED, drawn, x + moves))
    feasible = X[domain.feasible(X)]
    return domain.decode(feasible[0]) if len(feasible) else dict(parent.parameters)
