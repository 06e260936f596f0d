"""What pages may change: each action takes the JSON object that a page sends, and gives the one that answers it."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, final

from headstock.budget import BOUNDS, Budget
from headstock.errors import TrialStateError, UnknownTrialError
from headstock.experiment import Experiment
from headstock.scalars import is_number, is_whole
from headstock.scripts import belongings
from headstock.scripts.plan import Settings, make_design
from headstock.specification import new_spec
from headstock.storage import Storage
from headstock.trial import Comparison, Failed, TrialRecord, TrialState
from headstock.web import views
from headstock.web.opened import Shelf
from headstock.web.requests import BadRequestError, experiment_in, trial_in

Json: TypeAlias = dict[str, Any]
Given: TypeAlias = Mapping[str, Any]


@final
@dataclass(frozen=True, slots=True)
class Actions:
    """Does what pages ask for.

    Args:
        storage: what is changed.
        shelf: its experiments that were looked at last.
        folder: where the files of trials lie, if not beside the storage's own.
        clock: the seconds since 1970, UTC.
    """

    storage: Storage
    shelf: Shelf
    folder: Path | None
    clock: Callable[[], float]

    def create(self, given: Given) -> Json:
        """Create an experiment, which waits for workers: what evaluates it is never stored."""
        design = make_design(Settings(given))
        self.storage.create(
            new_spec(
                design.name,
                design.space,
                maximize=design.maximize,
                minimize=design.minimize,
                judged=design.judged,
                outcome_constraints=design.outcome_constraints,
                budget=design.budget,
                seed=design.seed,
                created=self.clock(),
            )
        )
        return {"name": design.name}

    def rename(self, given: Given) -> Json:
        """Give an experiment another name."""
        name, new = experiment_in(given), given.get("name")
        if not isinstance(new, str):
            raise BadRequestError("Give the new name.")
        belongings.rename(self.storage, name, new, self.folder)
        return {}

    def delete(self, given: Given) -> Json:
        """Delete an experiment, if its name was typed."""
        name = experiment_in(given)
        if given.get("typed") != name:
            raise BadRequestError("Type the name of the experiment, as it is written.")
        belongings.delete(self.storage, name, self.folder)
        return {}

    def budget(self, given: Given) -> Json:
        """Change bounds of the budget."""
        bounds = given.get("bounds")
        if not isinstance(bounds, dict) or not all(map(_is_bound, bounds.items())):
            raise BadRequestError(f"Give the bounds as numbers by name: {', '.join(BOUNDS)}.")
        with self._opened(given) as experiment:
            experiment.change_budget(Budget(**bounds) if bounds else None)
        return {}

    def widen(self, given: Given) -> Json:
        """Search wider ranges from now on."""
        try:
            pairs = (given.get("ranges") or {}).items()
            ranges = {str(name): (float(low), float(high)) for name, (low, high) in pairs}
        except (AttributeError, OverflowError, TypeError, ValueError) as error:
            raise BadRequestError("Give the ranges as {parameter: [low, high]}.") from error
        with self._opened(given) as experiment:
            experiment.widen(ranges)
        return {}

    def note(self, given: Given) -> Json:
        """Keep a note on a trial or on the experiment."""
        text, index = given.get("text"), None if given.get("trial") is None else trial_in(given)
        if not isinstance(text, str):
            raise BadRequestError("Give the text of the note.")
        with self._opened(given) as experiment:
            experiment.note(text, index)
        return {}

    def ask(self, given: Given) -> Json:
        """Suggest a trial for a person to evaluate; what is queued comes first."""
        with self._opened(given) as experiment:
            index = experiment.ask().index
            return views.row(experiment.history.trials[index])

    def tell(self, given: Given) -> Json:
        """Keep the result of a trial that a person evaluates, or has evaluated while it was still queued."""
        index, metrics, reason = trial_in(given), given.get("metrics"), given.get("failed")
        result: Failed | Json
        if isinstance(reason, str) and reason.strip() and metrics is None:
            result = Failed(reason)
        elif isinstance(metrics, dict) and reason is None:
            result = metrics
        else:
            raise BadRequestError("Give either the metrics, or why it failed.")
        with self._opened(given) as experiment:
            return views.row(experiment.tell(index, result))

    def prefer(self, given: Given) -> Json:
        """Keep that a person finds a trial better than others."""
        better, worse = trial_in(given), given.get("worse")
        if not isinstance(worse, list) or not all(is_whole(index, 0) for index in worse):
            raise BadRequestError("Give the trials that are worse as a list of numbers.")
        with self._opened(given) as experiment:
            return {"said": experiment.prefer(better, over=worse).to_json()}

    def take_back(self, given: Given) -> Json:
        """Take back what a person said: a page says what, for others may have judged meanwhile."""
        try:
            said = Comparison.from_json(given.get("said", ()))
        except (TypeError, ValueError) as error:
            raise BadRequestError("Give what is taken back as [better, [worse], time].") from error
        with self._opened(given) as experiment:
            return {"said": experiment.take_back(said).to_json()}

    def enqueue(self, given: Given) -> Json:
        """Queue a configuration; what is left out is suggested."""
        parameters = given.get("parameters")
        if not isinstance(parameters, dict):
            raise BadRequestError("Give the parameters.")
        with self._opened(given) as experiment:
            return views.row(experiment.enqueue(parameters))

    def retry(self, given: Given) -> Json:
        """Queue the configuration of a finished trial once more."""
        with self._opened(given) as experiment:
            record = _trial(experiment, given)
            if not record.state.is_finished:
                raise TrialStateError(f"Trial {record.index} is {record.state}. Wait until it has finished.")
            return views.row(experiment.enqueue(record.parameters))

    def stop(self, given: Given) -> Json:
        """End a trial: what it has reported is its result."""
        with self._opened(given) as experiment:
            return views.row(experiment.stop(trial_in(given)))

    def pause(self, given: Given) -> Json:
        """Ask the process that runs a trial to save its state and leave it."""
        with self._opened(given) as experiment:
            return views.row(experiment.pause(trial_in(given)))

    def unpause(self, given: Given) -> Json:
        """Queue a paused trial."""
        with self._opened(given) as experiment:
            return views.row(experiment.unpause(trial_in(given)))

    def abandon(self, given: Given) -> Json:
        """Give up a trial that waits, or that nobody's process runs."""
        with self._opened(given) as experiment:
            record = _trial(experiment, given)
            if record.state is TrialState.RUNNING and record.owner is not None:
                raise TrialStateError(f"Trial {record.index} is run by {record.owner}. Stop that process.")
            return views.row(experiment.abandon(record))

    def _opened(self, given: Given) -> AbstractContextManager[Experiment]:
        """The experiment that is changed, during the block for this thread alone."""
        return self.shelf.get(experiment_in(given)).alone()


def _trial(experiment: Experiment, given: Given) -> TrialRecord:
    index, trials = trial_in(given), experiment.history.trials
    if index >= len(trials):
        raise UnknownTrialError(f"{experiment.name!r} has no trial {index}.")
    return trials[index]


def _is_bound(given: tuple[str, object]) -> bool:
    name, value = given
    return name in BOUNDS and is_number(value) and (isinstance(value, int) or name not in ("trials", "steps"))
