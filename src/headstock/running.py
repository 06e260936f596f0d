"""The live trial: what a training function holds while it runs."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np

from headstock.parameters import Parameters
from headstock.trial import TrialRecord

Report = Callable[[int, int, Mapping[str, Any]], None]
"""Takes (the trial's index, the step, the metrics) of a report to where it is kept."""


@final
@dataclass(slots=True)
class Trial:
    """A trial that is being evaluated.

    Example:
        >>> def train(trial):
        ...     net = build(trial.parameters)
        ...     for epoch in trial.steps(30):
        ...         train_epoch(net)
        ...         trial.report(accuracy=evaluate(net))

    Args:
        record: the trial as it stood when it was handed out.
        experiment_seed: the seed of its experiment.
        send: where reports go.
    """

    record: TrialRecord
    experiment_seed: int
    send: Report = field(repr=False)
    last_report: dict[str, Any] = field(default_factory=dict, init=False)
    _step: int = field(default=0, init=False, repr=False)
    _in_steps: bool = field(default=False, init=False, repr=False)

    @property
    def index(self) -> int:
        """The trial's number in its experiment."""
        return self.record.index

    @property
    def parameters(self) -> Parameters:
        """The configuration to evaluate."""
        return self.record.parameters

    @property
    def because(self) -> str:
        """Why this configuration was suggested, in one line."""
        return self.record.because

    @property
    def seed(self) -> int:
        """A seed of the trial's own, below 2**32, the same whenever the trial is run again."""
        return int(np.random.SeedSequence([self.experiment_seed, self.index]).generate_state(1)[0])

    def steps(self, count: int) -> Iterator[int]:
        """The training steps 0, 1 ... count - 1; what is reported inside the loop belongs to the current step."""
        self._in_steps = True
        for step in range(count):
            self._step = step + 1
            yield step
        self._in_steps = False

    def report(self, **metrics: Any) -> None:
        """Record what was measured after the current step: numbers or pairs (mean, standard error) by metric.

        The last report is the trial's result if the training function returns nothing. Outside of `steps`, every
        report is a step of its own.

        Raises:
            MetricError: if a value is not a finite number.
            TrialStateError: if the trial is not running any more.
        """
        if not self._in_steps:
            self._step += 1
        self.send(self.index, self._step, metrics)
        self.last_report |= metrics
