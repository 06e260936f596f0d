import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headstock.checkpoints import Checkpoints, Plain
from headstock.errors import CheckpointError
from headstock.keeping import PATIENCE, Keeper
from trainings import Clock


class Costly:
    """A state that takes so many seconds to save."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self.clock, self.seconds = clock, seconds

    def state_dict(self) -> dict[str, int]:
        self.clock.now += self.seconds
        return {"a": 1}

    def load_state_dict(self, state: Any) -> None:
        assert state == {"a": 1}


def keeper(folder: Path, clock: Clock, trial: int = 0, parent: tuple[int, int] | None = None) -> Keeper:
    return Keeper(trial, parent, Checkpoints(folder, spare=0), lambda: (Plain(),), clock)


@pytest.mark.parametrize(
    ("step_seconds", "save_seconds", "every", "steps"), [(1.0, 0.001, 2, 30), (1.0, 0.1, 6, 60), (0.01, 0.1, 501, 1200)]
)
def test_a_save_is_due_after_the_longer_of_a_step_and_fifty_saves(
    tmp_path: Path, step_seconds: float, save_seconds: float, every: int, steps: int
):
    clock = Clock()
    kept = keeper(tmp_path, clock)
    kept.attach({"state": Costly(clock, save_seconds)})
    kept.begin()
    saves = []
    for step in range(1, steps):
        kept.note(step_seconds)
        if kept.is_due(step_seconds):
            kept.save(step)
            saves.append(step)
    assert saves[0] == 2, "what a save costs is not known before"
    assert np.diff(saves) == pytest.approx(every, abs=1)
    assert save_seconds * (len(saves) - 1) <= steps * step_seconds / PATIENCE * 1.01


def test_nothing_is_due_where_nothing_is_attached(tmp_path: Path):
    kept = keeper(tmp_path, Clock())
    kept.note(1e6)
    assert not kept.is_due(1.0)


def test_random_numbers_go_on_where_they_were(tmp_path: Path):
    first = keeper(tmp_path, Clock())
    first.begin()
    first.save(3)
    expected = [random.random(), np.random.random()]  # noqa: NPY002 - the global ones are what is kept
    again = keeper(tmp_path, Clock())
    assert again.begin() == 3
    assert [random.random(), np.random.random()] == expected  # noqa: NPY002


def test_a_child_begins_with_the_state_of_its_parent(tmp_path: Path):
    parent, weights = keeper(tmp_path, Clock()), np.zeros(2)
    parent.attach({"weights": weights})
    for step in (1, 2):
        weights += 1
        parent.save(step)
    child, inherited = keeper(tmp_path, Clock(), trial=1, parent=(0, 1)), np.zeros(2)
    child.attach({"weights": inherited})
    assert (child.begin(), inherited.tolist()) == (1, [1.0, 1.0])
    with pytest.raises(CheckpointError, match="state of trial 0 after step 7 is gone"):
        keeper(tmp_path, Clock(), trial=2, parent=(0, 7)).begin()


def test_what_a_killed_process_was_writing_is_cleared_away(tmp_path: Path):
    kept = keeper(tmp_path, Clock())
    kept.save(1)
    torn = tmp_path / "0" / "2.aside"
    torn.write_bytes(b"half")
    kept.save(3)
    assert not torn.exists()


class Two:
    """Python and NumPy in the second of two processes that train together, of which the first found no state."""

    rank = 1

    def __init__(self) -> None:
        self.plain = Plain()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.plain, name)

    def ranks(self) -> Any:
        return self

    def each(self, number: int) -> list[int]:
        return [0, number]


def test_processes_that_train_together_have_found_the_same_state(tmp_path: Path):
    kept = keeper(tmp_path, Clock())
    kept.attach({"a": [1]})
    kept.save(3)
    second = Keeper(0, None, Checkpoints(tmp_path, spare=0), lambda: (Two(),), Clock())
    with pytest.raises(CheckpointError, match=r"after steps \[0, 3\], by rank"):
        second.begin()
