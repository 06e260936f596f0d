"""What is kept of a training: its state, taken between two steps and put back in another process or at another time."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, final

from headstock.checkpoints import Checkpoints, Framework, Ranks, Stateful, pack, unpack
from headstock.errors import CheckpointError, NoRoomError
from headstock.history import History
from headstock.trial import TrialRecord, TrialState

Frameworks = Callable[[], Sequence[Framework]]
"""Who knows the states of the libraries that are loaded by now."""

PATIENCE: Final = 50.0
"""A save is due when what was trained since the last one took longer than so many saves, and longer than a step."""

_RANDOM: Final = "random/"


@final
@dataclass(slots=True)
class Keeper:
    """Keeps the state of one trial.

    Args:
        trial: its index.
        parent: the trial and the step whose state it begins with, if it has none of its own.
        checkpoints: where states lie.
        frameworks: who knows how to take and write them.
        clock: seconds.

    Attributes:
        has_trained_with_others: whether there have been others, who may have parted since.
        keep: the steps whose states stay.
    """

    trial: int
    parent: tuple[int, int] | None
    checkpoints: Checkpoints
    frameworks: Frameworks
    clock: Callable[[], float]
    has_trained_with_others: bool = field(default=False, init=False)
    keep: set[int] = field(default_factory=set, init=False)
    _things: dict[str, Stateful] = field(default_factory=dict, init=False)
    _loaded: tuple[int, dict[str, Any]] | None = field(default=None, init=False)
    _has_looked: bool = field(default=False, init=False)
    _is_tried: bool = field(default=False, init=False)
    _cost: float = field(default=0.0, init=False)
    _unsaved: float = field(default=0.0, init=False)

    @property
    def is_attached(self) -> bool:
        """Whether there is any state to keep."""
        return bool(self._things)

    @property
    def directory(self) -> Path:
        """A folder for files of the trial's own."""
        return self.checkpoints.directory(self.trial)

    def attach(self, things: Mapping[str, object]) -> None:
        """Keep the state of these, and put back what was saved of them.

        Raises:
            CheckpointError: if nobody knows how to keep one, or what was saved does not fit.
        """
        frameworks = self.frameworks()
        for name, thing in things.items():
            known = (framework.stateful(thing) for framework in frameworks)
            stateful = next((one for one in known if one is not None), None)
            if stateful is None:
                raise CheckpointError(
                    f"attach({name}=...): headstock does not know how to save a {type(thing).__name__}. Give something "
                    f"with state_dict() and load_state_dict(), an array, a list, a dictionary or a generator."
                )
            self._things[name] = stateful
        _, states = self._look() or (0, None)
        for name in things if states is not None else ():
            if states is None or name not in states:
                there = ", ".join(sorted(n for n in states or () if not n.startswith(_RANDOM))) or "nothing"
                raise CheckpointError(
                    f"The saved state of trial {self.trial} has no {name!r}; it has {there}. Attach the same names as "
                    f"when it was saved, or start another experiment."
                )
            self._things[name].load_state_dict(states.pop(name))

    def ranks(self) -> Ranks | None:
        """The processes that train together with this one; None if it is alone."""
        ranks = next((ranks for framework in self.frameworks() if (ranks := framework.ranks()) is not None), None)
        self.has_trained_with_others |= ranks is not None
        return ranks

    def begin(self) -> int:
        """Put the sources of random numbers back; after how many steps the state was taken, 0 if there is none.

        Raises:
            CheckpointError: if they did not find the same state.
        """
        step, states = self._look() or (0, {})
        ranks = self.ranks()
        if ranks is not None and len(set(found := ranks.each(step))) > 1:
            raise CheckpointError(
                f"The processes of trial {self.trial} found its state after steps {found}, by rank. Let all of "
                f"them call trial.attach(...), on machines that share {self.checkpoints.folder}."
            )
        for name, source in self._randomness(0 if ranks is None else ranks.rank).items():
            if name in states:
                source.load_state_dict(states[name])
        self._loaded = None
        return step

    def note(self, seconds: float) -> None:
        """A step took so long."""
        self._unsaved += seconds

    def is_due(self, step_seconds: float) -> bool:
        """Whether what was not saved yet is worth a save."""
        return self.is_attached and self._unsaved > max(step_seconds, PATIENCE * self._cost)

    def save(self, step: int) -> None:
        """Save the state after a step.

        Of processes that train together, all call this, and the first one saves, with everybody's random numbers.

        Raises:
            CheckpointError: if it cannot be written, or not be read back.
            NoRoomError: if the disk has no room for it.
        """
        frameworks, ranks = self.frameworks(), self.ranks()
        began = self.clock()
        random = {name: s.state_dict() for name, s in self._randomness(0 if ranks is None else ranks.rank).items()}
        if ranks is not None:
            gathered = ranks.gather(pack(random, frameworks))
            if ranks.rank:
                return
            random = {name: state for one in gathered for name, state in unpack(one, frameworks).items()}
        states = {name: thing.state_dict() for name, thing in self._things.items()} | random
        self.checkpoints.save(self.trial, step, states, frameworks, tried=self._is_tried, keep=self.keep)
        self._cost = self.clock() - began
        self._is_tried, self._unsaved = True, 0.0

    def save_if_room(self, step: int) -> None:
        """Save the state after a step; a disk without room is no reason to end a training."""
        try:
            self.save(step)
        except NoRoomError:
            self._unsaved = 0.0  # it is tried again when as much was trained once more

    def _randomness(self, rank: int) -> dict[str, Stateful]:
        """The sources of random numbers of this process, by the names under which they are saved."""
        prefix = f"{_RANDOM}{rank}/" if rank else _RANDOM
        return {prefix + name: s for framework in self.frameworks() for name, s in framework.randomness().items()}

    def _look(self) -> tuple[int, dict[str, Any]] | None:
        """What was saved of the trial, or of its parent."""
        if not self._has_looked:
            began = self.clock()
            frameworks = self.frameworks()
            self._loaded = self.checkpoints.load(self.trial, frameworks)
            if self._loaded is None and self.parent is not None:
                origin, step = self.parent
                self._loaded = self.checkpoints.load(origin, frameworks, at_most=step)
                if self._loaded is None or self._loaded[0] != step:
                    raise CheckpointError(
                        f"The state of trial {origin} after step {step} is gone. Start another trial."
                    )
            self._has_looked = True
            if self._loaded is not None:
                self._cost, self._is_tried = self.clock() - began, True
        return self._loaded


def kept_states(
    checkpoints: Checkpoints, trial: TrialRecord, frameworks: Sequence[Framework], *, at: int | None
) -> dict[str, Any]:
    """The states that a trial has attached, as they were saved.

    Args:
        checkpoints: where states lie.
        trial: the trial.
        frameworks: who reads them.
        at: the newest after at most so many steps; None for the newest.

    Raises:
        CheckpointError: if none was saved, or it is gone.
    """
    found = checkpoints.load(trial.index, frameworks, at_most=at)
    if found is None:
        raise CheckpointError(
            f"Trial {trial.index} has no saved state. A training function that calls trial.attach(model=net) has one."
        )
    return {name: state for name, state in found[1].items() if not name.startswith(_RANDOM)}


def worth_keeping(history: History) -> list[int]:
    """The trials whose saved states are worth their room, the most valuable first: running, best, then promising."""
    sign, metric = history.objective.sign, history.objective.metric
    best = history.best_seen()

    def rank(trial: TrialRecord) -> tuple[bool, bool, bool, float]:
        curve = trial.reports.get(metric, ())
        value = sign * curve[-1].mean if curve else float("-inf")
        is_open = not trial.state.is_finished
        return (trial.state is not TrialState.RUNNING, trial is not best, not is_open, -value)

    lost = (TrialState.FAILED, TrialState.ABANDONED)
    worth: Iterable[TrialRecord] = (t for t in history if t.state not in lost)
    return [trial.index for trial in sorted(worth, key=rank)]
