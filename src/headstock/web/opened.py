"""The experiments that somebody looks at, with what was computed of them last."""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from types import MappingProxyType
from typing import Any, Final, final

from headstock.errors import NoResultError, UnknownExperimentError
from headstock.experiment import Experiment
from headstock.history import History
from headstock.report import sections
from headstock.report.figures import needs_model
from headstock.report.findings import Findings
from headstock.report.page import Section
from headstock.storage import ExperimentSpec, Storage
from headstock.trial import TrialRecord
from headstock.web import views
from headstock.web.ordering import Ordering

KEPT: Final = 8
"""How many experiments stay in memory."""

FIGURES: Final[Mapping[str, Callable[[Findings], Section]]] = MappingProxyType(
    {
        "trace": sections.trace,
        "curves": sections.curves,
        "contour": sections.contour,
        "importances": sections.importances,
        "effects": sections.effects,
        "slices": sections.slices,
        "feasibility": sections.feasibility,
        "gain": sections.going_on,
        "failures": sections.failures,
        "validation": sections.validation,
        "record": sections.record,
        "distribution": sections.distribution,
        "metrics": sections.metrics,
        "hypervolume": sections.hypervolume,
        "parallel": sections.parallel,
        "matrix": sections.matrix,
        "timeline": sections.timeline,
        "conditions": sections.conditions,
    }
)
"""The figures of an experiment, by name, in the order in which they are offered."""

_BOUNDED: Final = frozenset({"feasibility", "hypervolume"})  # those that are of outcome constraints

SUMMARY: Final = "summary"
"""What is offered before them: what was found, in words."""


def offered(spec: ExperimentSpec) -> list[str]:
    """The summary, and the figures that an experiment may have."""
    left_out = set() if spec.outcome_constraints else set(_BOUNDED)
    left_out |= set() if any(p.when for p in spec.space.parameters.values()) else {"conditions"}
    return [SUMMARY, *(figure for figure in FIGURES if figure not in left_out)]


@final
@dataclass(slots=True)
class Opened:
    """An experiment with its newest history. Figures are computed one at a time; what is quick does not wait for them.

    Args:
        experiment: the experiment, for one thread at a time: see `alone`.
    """

    experiment: Experiment
    ordering: Ordering = field(default_factory=Ordering)
    _lock: Lock = field(default_factory=Lock)
    _alone: Lock = field(default_factory=Lock)
    _findings: Findings | None = None
    _drawn: dict[str, dict[str, Any]] = field(default_factory=dict)
    _of: History | None = None

    @contextmanager
    def alone(self) -> Iterator[Experiment]:
        """The experiment, during the block for this thread alone: two that read its changes at once would mix them."""
        with self._alone:
            yield self.experiment

    @property
    def history(self) -> History:
        """The newest history."""
        with self.alone() as experiment:
            return experiment.history

    def trials(self, notes: Mapping[int | None, str], **wanted: Any) -> tuple[list[TrialRecord], int]:
        """Some of the trials that a table shows, in its order, and how many it shows: see `Ordering.trials`."""
        with self.alone() as experiment:
            return self.ordering.trials(experiment.history, notes=notes, **wanted)

    def figure(self, name: str) -> dict[str, Any]:
        """A figure with its heading and its words, or the summary, as the report has it."""
        with self._lock:
            history = self._newest()
            if name not in self._drawn:
                found = self._found(history, with_model=needs_model(name, history.space))
                section = sections.summary(found, self.experiment.name) if name == SUMMARY else FIGURES[name](found)
                self._drawn[name] = {"heading": section.heading, "html": section.body, "data": dict(section.data)}
            return self._drawn[name]

    def beliefs(self, index: int) -> dict[str, Any]:
        """What the model makes of a trial: where its curve is expected to end, and what was predicted of it."""
        with self._lock:
            history = self._newest()
            found = self._found(history, with_model=True)
            ending = next((e for e in found.endings if e.trial == index), None)
            try:
                forecast = views.forecast(found.hindsight, index)
            except NoResultError:
                forecast = None
            return {"ending": views.ending(ending), "forecast": forecast}

    def _newest(self) -> History:
        """The history; what was computed of an older one is dropped."""
        history = self.history
        if self._of is not history:
            self._of, self._findings, self._drawn = history, None, {}
        return history

    def _found(self, history: History, *, with_model: bool) -> Findings:
        if not with_model:
            return self._findings or Findings.measured(history)
        if self._findings is None:
            self._findings = Findings.of(history, self.experiment.sampler)
        return self._findings


@final
@dataclass(slots=True)
class Shelf:
    """The experiments of a storage that were looked at last.

    Args:
        storage: where they are kept.
    """

    storage: Storage
    _opened: OrderedDict[str, Opened] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def get(self, name: str) -> Opened:
        """The experiment of this name.

        Raises:
            UnknownExperimentError: if there is none.
        """
        opened = self._kept(name)
        try:
            _ = opened.history
        except UnknownExperimentError:  # it was deleted, and perhaps there is a new one of its name
            with self._lock:
                if self._opened.get(name) is opened:
                    del self._opened[name]
            return self._kept(name)
        return opened

    def _kept(self, name: str) -> Opened:
        """The experiment of this name as it is in memory, or opened."""
        with self._lock:
            opened = self._opened.pop(name, None) or Opened(Experiment.open(name, storage=self.storage))
            self._opened[name] = opened
            while len(self._opened) > KEPT:
                self._opened.popitem(last=False)
            return opened
