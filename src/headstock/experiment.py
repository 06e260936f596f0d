"""The experiment: the thin public face over study, runner, analysis and report."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Self, final, overload

from headstock import judging, specification
from headstock.analysis.model import Model
from headstock.analysis.winner import Winner, best_believed, best_seen
from headstock.budget import Budget
from headstock.checkpoints import Checkpoints
from headstock.errors import HeadstockError, NoResultError, SpaceError
from headstock.executors import executor_of
from headstock.executors.base import MakeExecutor
from headstock.frames import Data
from headstock.history import History
from headstock.keeping import kept_states
from headstock.libraries import loaded_frameworks
from headstock.messages import REPORT, Answer
from headstock.notebook import experiment_html
from headstock.objective import Objective
from headstock.progress import observed
from headstock.results import step_that_counts
from headstock.runner import Ended, Observe, run
from headstock.running import OneOrMany, Training, Trial, index_of, indices_of
from headstock.samplers.base import Sampler
from headstock.schedulers.base import Scheduler
from headstock.scripts.folders import files_of
from headstock.space import Space
from headstock.storage.base import Storage
from headstock.storage.opening import opened_unless_refused
from headstock.storage.records import Command, ExperimentSpec, Outcome
from headstock.study import Study
from headstock.temporary import folder_with
from headstock.trial import Arm, Comparison, Observation, TrialRecord, TrialState


@final
class Experiment:
    """A search for good parameters, with everything that it has found so far.

    An experiment lives in a storage. The same name in the same storage is the same experiment: what is there is
    opened and goes on; what does not exist is created.

    Args:
        name: its name, unique in its storage.
        space: the search space.
        maximize: the metric to maximise; or
        minimize: the metric to minimise.
        outcome_constraints: bounds on other metrics, such as "latency <= 20".
        storage: where it is kept, such as "sqlite:///headstock.db"; in memory if left out.
        sampler: which parameters are tried next; `Bayesian()` if left out.
        scheduler: how long which trial is trained; if left out, freeze-thaw where the training function attaches its
            state, and median stopping where it only reports by step.
        value: which of its reports is a trial's value: "last" or "best"; "last" if left out.
        files: the folder for the states of trials and their own files. If left out it lies beside an SQLite file, and
            for any other storage it is gone with this object; several machines need one that they share.
        seed: fixes every suggestion; drawn and kept if left out.
        warm_start: earlier experiments over the same or an overlapping space, to learn from. What is taken from them is
            stored when the experiment is created; later it does not change.
        judged: whether persons judge the objective instead of measuring it: trials finish without a value of it, and
            `prefer` says which of them are better.

    Example:
        >>> experiment = Experiment("sphere", Space(x=Float(-1, 1)), minimize="loss")
        >>> trial = experiment.ask()
        >>> experiment.tell(trial, {"loss": trial.parameters["x"] ** 2})
        >>> experiment.best()

    Raises:
        ObjectiveError: if not exactly one of `maximize` and `minimize` is given.
        ExperimentExistsError: if the storage holds an experiment of this name with another space, objective or seed.
        StorageError: if the storage cannot be opened.
        SpaceError, NoResultError: if there is nothing to learn from an earlier experiment.
    """

    def __init__(
        self,
        name: str,
        space: Space,
        *,
        maximize: str | None = None,
        minimize: str | None = None,
        outcome_constraints: Iterable[str] = (),
        storage: str | Storage | None = None,
        sampler: Sampler | None = None,
        scheduler: Scheduler | None = None,
        value: str | None = None,
        files: str | Path | None = None,
        seed: int | None = None,
        warm_start: Iterable["Experiment"] = (),
        judged: bool = False,
    ) -> None:
        if not isinstance(space, Space):
            raise SpaceError(f"The space is {space!r}, of type {type(space).__name__}. Give a Space.")
        objective = specification.objective_of(maximize, minimize)
        sampler = specification.taught(sampler, _found(warm_start), space, objective)
        wanted = specification.new_spec(
            name,
            space,
            maximize=maximize,
            minimize=minimize,
            outcome_constraints=outcome_constraints,
            sampler=sampler,
            scheduler=scheduler,
            value=value,
            seed=seed,
            created=time.time(),
            judged=judged,
        )
        with opened_unless_refused(storage) as opened:
            stored = specification.stored(opened, wanted, seed, value)
            self._begin(opened, stored, sampler, scheduler, files)

    @classmethod
    def open(
        cls,
        name: str,
        *,
        storage: str | Storage,
        sampler: Sampler | None = None,
        scheduler: Scheduler | None = None,
        files: str | Path | None = None,
    ) -> "Experiment":
        """The experiment of this name in a storage.

        Raises:
            UnknownExperimentError: if there is none.
            StorageError: if the storage cannot be opened.
        """
        experiment = cls.__new__(cls)
        with opened_unless_refused(storage) as opened:
            experiment._begin(opened, opened.experiment(name), sampler, scheduler, files)  # noqa: SLF001 - of this class
        return experiment

    def _begin(
        self,
        storage: Storage,
        spec: ExperimentSpec,
        sampler: Sampler | None,
        scheduler: Scheduler | None,
        files: str | Path | None,
    ) -> None:
        self._study = Study(storage, spec, specification.sampler_of(spec, sampler))
        self._scheduler = specification.scheduler_of(spec, scheduler)
        self._model: Model | None = None
        self._root = None if files is None else Path(files).absolute()

    def __repr__(self) -> str:
        """Name, objective and how many trials there are."""
        goal = "minimize" if self.objective.minimize else "maximize"
        return f"Experiment({self.name!r}, {goal}={self.objective.metric!r}, {len(self.history)} trials)"

    def _repr_html_(self) -> str:
        """What is searched, how far it is and the best trials, for notebooks."""
        return experiment_html(self.name, self.storage, self.history)

    def __enter__(self) -> Self:
        """The experiment; `with` closes its storage at the end."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the storage."""
        self.close()

    def close(self) -> None:
        """Close the storage; an experiment in memory is gone then."""
        self._study.storage.close()

    @property
    def name(self) -> str:
        """Its name, unique in its storage."""
        return self._study.spec.name

    @property
    def space(self) -> Space:
        """The search space, as wide as it is now."""
        return self.history.space

    @property
    def objective(self) -> Objective:
        """The metric that is optimised, with its direction."""
        return self._study.spec.objective

    @property
    def seed(self) -> int:
        """What every suggestion's random numbers start from."""
        return self._study.spec.seed

    @property
    def sampler(self) -> Sampler:
        """Which parameters are tried next."""
        return self._study.sampler

    @property
    def scheduler(self) -> Scheduler:
        """How long which trial is trained."""
        return self._scheduler

    @property
    def storage(self) -> str:
        """Where the experiment is kept, as a URL without its password."""
        return self._study.storage.url

    @property
    def history(self) -> History:
        """A frozen snapshot of everything that is stored now."""
        return self._study.history()

    @property
    def trials(self) -> Mapping[int, TrialRecord]:
        """Every trial, by index."""
        return MappingProxyType(dict(enumerate(self.history)))

    @property
    def arms_by_name(self) -> Mapping[str, Arm]:
        """Every arm, by name."""
        return MappingProxyType({trial.arm.name: trial.arm for trial in self.history})

    def fetch_data(self) -> Data:
        """The final observations; `.df` is a data frame with a row for each arm and metric."""
        return Data(self.history)

    @overload
    def ask(self) -> Trial: ...

    @overload
    def ask(self, count: int) -> list[Trial]: ...

    def ask(self, count: int | None = None) -> Trial | list[Trial]:
        """What to try next: the queue first, then the sampler. Any number of asks may be open at once.

        Args:
            count: how many trials to ask for together; one trial, not in a list, if left out.

        Raises:
            HeadstockError: if the count is no whole number up to 100,000, or every point of a finite space was tried.
        """
        records = self._study.ask(1 if count is None else count, now=time.time())
        training = self._training(lambda _: None)
        trials = [training.trial(record, partial(self._answer, record.index)) for record in records]
        return trials[0] if count is None else trials

    def tell(self, trial: Trial | TrialRecord | int, result: Any = None) -> TrialRecord:
        """Record the result of a trial: a number, (mean, standard error), a dictionary by metric, or `Failed(reason)`.

        Args:
            trial: the trial, or its index; one that is still queued, too.
            result: its result; what it reported last, if left out.

        Raises:
            MetricError: if the result cannot be read or lacks a metric; the trial stays open.
            UnknownTrialError: if there is no such trial.
            TrialStateError: if it is finished already, or a process runs it.
        """
        if result is None and isinstance(trial, Trial):
            result = trial.last_report
        return self._study.tell(index_of(trial), self._study.read(result), now=time.time())

    def prefer(self, better: Trial | TrialRecord | int, *, over: OneOrMany) -> Comparison:
        """Say that a person finds a finished trial better than another one, or than several.

        What people say may contradict itself: they err, and the appeal of a trial comes with its standard error.

        Raises:
            ObjectiveError: if the objective is measured.
            UnknownTrialError: if there is no such trial.
            TrialStateError: if one of them gave no result, or is not finished.
            MetricError: if there is nothing to compare it with, or it is to be better than itself.
        """
        return judging.prefer(self._study, index_of(better), indices_of(over), now=time.time())

    def take_back(self, said: Comparison | None = None) -> Comparison:
        """Take back what was said of trials, and give it.

        Args:
            said: what `prefer` gave; the newest of all comparisons, whoever said it, if left out.

        Raises:
            MetricError: if nothing was said yet, or it was taken back before.
        """
        return judging.take_back(self._study, said, now=time.time())

    def next_pair(self) -> tuple[TrialRecord, TrialRecord] | None:
        """The two finished trials that are worth most to compare; None if there are no two.

        Raises:
            ObjectiveError: if the objective is measured.
        """
        return judging.next_pair(self._study)

    def abandon(self, trial: Trial | TrialRecord | int) -> TrialRecord:
        """Give up a trial that is queued, paused or running: it ends without a result and counts neither way.

        Raises:
            UnknownTrialError: if there is no such trial.
            TrialStateError: if it is finished already, or given as a record of before a process took it.
        """
        given = trial if isinstance(trial, TrialRecord) else self._study.trial(index_of(trial))
        return self._study.tell(given.index, Outcome(TrialState.ABANDONED), owner=given.owner, now=time.time())

    def stop(self, trial: Trial | TrialRecord | int) -> TrialRecord:
        """End a trial early with what it has reported: at once, or after the next report of the process that runs it.

        Raises:
            UnknownTrialError: if there is no such trial.
            TrialStateError: if it is finished already.
        """
        return self._study.stop(self._study.trial(index_of(trial)), now=time.time())

    def pause(self, trial: Trial | TrialRecord | int) -> TrialRecord:
        """Ask the process that runs a trial to pause it after its next report, until `unpause`.

        Raises:
            UnknownTrialError: if there is no such trial.
            TrialStateError: if no process runs it.
        """
        return self._study.request(self._study.trial(index_of(trial)), Command.PAUSE, now=time.time())

    def unpause(self, trial: Trial | TrialRecord | int) -> TrialRecord:
        """Queue a trial that somebody, or the scheduler, has paused: it goes on before anything new begins.

        Raises:
            UnknownTrialError: if there is no such trial.
            TrialStateError: if it is not paused.
        """
        return self._study.unpause(index_of(trial), now=time.time())

    def note(self, text: str, trial: Trial | TrialRecord | int | None = None) -> None:
        """Keep a note on a trial, or on the experiment, in place of the one before; an empty one is none.

        Raises:
            UnknownTrialError: if there is no such trial.
            StorageError: if the note has more than 10,000 characters.
        """
        self._study.storage.note(self.name, text, index=None if trial is None else index_of(trial), now=time.time())

    @property
    def notes(self) -> Mapping[int | None, str]:
        """The notes, by trial; that on the experiment by None."""
        return self._study.storage.notes(self.name)

    def change_budget(self, budget: Budget | None) -> None:
        """Change bounds for runs that go on, in whatever process, and for later ones.

        Args:
            budget: its bounds hold in place of those of a run, other bounds are the run's; None: all are.
        """
        self._study.storage.limit(
            self.name, None if budget is None else Budget.settled(budget, None).bounds, now=time.time()
        )

    def attach(self, parameters: Mapping[str, object], result: Any) -> TrialRecord:
        """Record a result that you already have; it counts as known, not as a trial of the budget.

        Raises:
            ParameterError: if the parameters are no configuration of the space.
            MetricError: if the result cannot be read or lacks a metric.
        """
        return self._study.attach(parameters, self._study.read(result), now=time.time())

    def enqueue(self, parameters: Mapping[str, object]) -> TrialRecord:
        """Try this next; the sampler suggests what is left out.

        Raises:
            ParameterError: if a value does not belong to the space.
        """
        return self._study.enqueue(parameters, now=time.time())

    def widen(self, ranges: Mapping[str, tuple[float, float]] | None = None, /, **named: tuple[float, float]) -> None:
        """Search wider ranges from now on: `experiment.widen(lr=(1e-6, 1.0))`.

        All trials are kept and go on to count; every process that works on the experiment goes on in the wider space.

        Args:
            ranges: the new range of each parameter, for names that are no Python identifiers.
            **named: the new range of each parameter.

        Raises:
            SpaceError: if a parameter is not numeric, or a range leaves out a value that is searched now.
        """
        self._study.widen({**(ranges or {}), **named}, now=time.time())

    def run(
        self,
        function: Callable[[Trial], Any],
        *,
        budget: Budget | None = None,
        workers: int | None = None,
        gpus: str | Iterable[int | str] | None = None,
        gpus_per_trial: float | None = None,
        timeout: float | None = None,
        executor: MakeExecutor | None = None,
        batch_size: int = 1,
        observe: Observe = lambda _: None,
        progress: bool | None = None,
    ) -> Ended:
        """Evaluate trials in this process or in others, until the budget is spent.

        An exception of the function marks its trial failed and the run goes on. Ctrl-C ends the run after storing
        everything; the same call resumes.

        Args:
            function: takes a `Trial`; returns a result, or reports and returns nothing.
            budget: when to stop; what `change_budget` has stored if left out.
            workers: how many processes evaluate trials side by side; each serves one trial after the other, and a trial
                that kills its process costs only itself. If left out, this process evaluates.
            gpus: the GPUs for trials, by number or UUID, or "all": each worker sees only its own. If `workers` is left
                out, there are as many as the GPUs have room for.
            gpus_per_trial: how many GPUs a trial has, such as 2, or 0.5 for two trials on each; 1 if left out.
            timeout: how many seconds a trial may train at a stretch; then it fails: its process is asked to end, and
                ten seconds later killed with all that it has started. Needs `workers` or `gpus`.
            executor: where trials are evaluated, such as `Ray("auto")` for a cluster; on this machine, if left out.
            batch_size: how many trials are suggested together.
            observe: is shown the history when a trial starts, reports or finishes.
            progress: whether to show progress; if left out, a live table in a terminal and nothing elsewhere.

        Returns:
            Why it ended.

        Raises:
            HeadstockError: if no budget is given or stored.
            TooManyFailuresError: after 5 failures of this run, if they are more than half of its evaluations.
            ExecutorError: if the function cannot be handed over to other processes, there are no such GPUs, or a
                time-out is given without processes.
        """
        training = self._training(function)
        budget = Budget.settled(budget, self._study.spec.budget)
        with observed(observe, self.objective, budget, progress) as seen:
            return run(
                self._study,
                self._scheduler,
                executor_of(
                    training,
                    workers=workers,
                    gpus=gpus,
                    gpus_per_trial=gpus_per_trial,
                    timeout=timeout,
                    executor=executor,
                ),
                budget=budget,
                clock=time.time,
                observe=seen,
                checkpoints=training.checkpoints,
                batch_size=batch_size,
            )

    def model(self) -> Model:
        """The surrogate of each metric, fitted to what is stored now.

        Raises:
            NoResultError: if there are too few results.
        """
        history = self.history
        if self._model is None or self._model.history is not history:
            self._model = Model.fit(history)
        return self._model

    def predict(self, parameters: Mapping[str, object]) -> Mapping[str, Observation]:
        """For each metric the mean and standard error that the model predicts at a configuration.

        Raises:
            ParameterError: if the parameters are no configuration of the space.
            NoResultError: if there are too few results.
        """
        return self.model().predict_one(parameters)

    def best(self) -> Winner:
        """The best *believed*: among the arms that were observed, the one with the best predicted mean.

        Raises:
            NoResultError: if there is no feasible result yet.
        """
        try:
            return self._with_state(best_believed(self.model()))
        except NoResultError:
            return self.best_seen()

    def best_seen(self) -> Winner:
        """The best *seen*: the trial with the best measured objective, which with noise may be a lucky one.

        Raises:
            NoResultError: if there is no feasible result yet.
        """
        return self._with_state(best_seen(self.history))

    def plot(self, figure: str) -> Any:
        """A plotly figure: "trace", "curves", "contour", "importances", "effects", "slices", "gain", and others.

        An unknown name is refused with all of them; `headstock.plots.files.write_figure` writes a figure into a file.

        Raises:
            HeadstockError: if there is no figure of this name.
            NoResultError: if it needs more results than there are.
        """
        from headstock.report.figures import draw, needs_model
        from headstock.report.findings import Findings

        history = self.history
        found = Findings.of(history) if needs_model(figure, history.space) else Findings.measured(history)
        return draw(found, figure)

    def report(self, path: str | Path) -> Path:
        """Write everything into one HTML file that opens offline, and give its path."""
        from headstock.report import write_report

        return write_report(self.history, Path(path), title=self.name, notes=self.notes, sampler=self.sampler)

    def to_json(self) -> dict[str, Any]:
        """The whole experiment as strict JSON; `from_json` gives it back."""
        return specification.experiment_to_json(self._study.spec, self.history, self.notes)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any], *, storage: str | Storage | None = None) -> "Experiment":
        """The experiment that `to_json` wrote, put into a storage (in memory if left out).

        Raises:
            ExperimentExistsError: if the storage holds an experiment of its name.
            StorageError: if it was written by a newer headstock, or is something else.
        """
        with opened_unless_refused(storage) as opened:
            return cls.open(specification.restore(stored, opened), storage=opened)

    def _training(self, function: Callable[[Trial], Any]) -> Training:
        """A training function with everything that it needs of the experiment."""
        spec = self._study.spec
        return Training(
            function=function,
            seed=spec.seed,
            required=self.history.required,
            minimize=spec.objective.minimize,
            value=spec.value,
            checkpoints=self._checkpoints,
            frameworks=loaded_frameworks,
        )

    @cached_property
    def _checkpoints(self) -> Checkpoints:
        """Where the states of trials lie: where it was said, beside the database, or in a folder of this object's."""
        return Checkpoints(files_of(self.storage, self._study.spec, self._root) or folder_with(self))

    def _with_state(self, winner: Winner) -> Winner:
        """The winner, which finds the state that was saved when it was as good as that."""
        trial = winner.trial
        at = step_that_counts(trial, self.objective, self._study.spec.value)
        return replace(winner, load=lambda: kept_states(self._checkpoints, trial, loaded_frameworks(), at=at))

    def _answer(self, index: int, kind: str, message: Any) -> Answer:
        """Keep a report of a trial that a person runs."""
        if kind == REPORT:
            known = {"steps": message.steps} if message.steps else {}
            self._study.storage.report(self.name, index, message.metrics, now=time.time(), **known)
        return Answer()


def _found(earlier: Iterable[Experiment]) -> list[tuple[str, History]]:
    """What earlier experiments have found, with their names."""
    if not isinstance(earlier, Iterable):
        raise HeadstockError(f"warm_start={earlier!r}. Give a list of them: [{earlier!r}].")
    known = list(earlier)
    for experiment in known:
        if not isinstance(experiment, Experiment):
            raise HeadstockError(f"warm_start={earlier!r}: {experiment!r} is no Experiment. Give a list of them.")
    return [(experiment.name, experiment.history) for experiment in known]
