import errno
import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from headstock.checkpoints import Checkpoints, Plain
from headstock.errors import CheckpointError, NoRoomError

PLAIN = (Plain(),)


def test_the_newest_state_comes_back(tmp_path: Path):
    files = Checkpoints(tmp_path / "files")
    assert files.load(0, PLAIN) is None
    for step in (1, 2, 10):
        saved = files.save(0, step, {"weights": np.full(3, step), "epoch": step}, PLAIN, tried=step > 1)
        assert saved.size == saved.path.stat().st_size
    step, states = files.load(0, PLAIN) or (0, {})
    assert step == 10
    assert states["epoch"] == 10
    assert states["weights"].tolist() == [10, 10, 10]
    assert [saved.step for saved in files.saved(0)] == [10, 2]
    step, states = files.load(0, PLAIN, at_most=9) or (0, {})
    assert (step, states["epoch"]) == (2, 2)
    assert files.load(1, PLAIN) is None


def test_only_the_newest_two_and_those_asked_for_stay(tmp_path: Path):
    files = Checkpoints(tmp_path)
    for step in range(1, 7):
        files.save(5, step, {"s": step}, PLAIN, keep=[2])
    assert [saved.step for saved in files.saved(5)] == [6, 5, 2]
    files.save(5, 6, {"s": "again"}, PLAIN)
    assert [saved.step for saved in files.saved(5)] == [6, 5]
    assert files.load(5, PLAIN) == (6, {"s": "again"})


@pytest.mark.parametrize("harm", ["torn", "altered", "empty"])
def test_a_damaged_state_gives_way_to_the_one_before(tmp_path: Path, harm: str):
    files = Checkpoints(tmp_path)
    files.save(0, 1, {"s": 1}, PLAIN)
    newest = files.save(0, 2, {"s": 2}, PLAIN).path
    content = newest.read_bytes()
    at = content.index(b"NUMPY")
    altered = content[:at] + b"X" + content[at + 1 :]
    newest.write_bytes({"torn": content[:-1], "altered": altered, "empty": b""}[harm])
    assert files.load(0, PLAIN) == (1, {"s": 1})
    assert not newest.exists()


def test_a_foreign_file_is_neither_read_nor_deleted(tmp_path: Path):
    files = Checkpoints(tmp_path)
    folder = files.directory(0).parent
    (folder / "3-abc.zip").write_text("mine")
    (folder / "9.aside").write_text("left behind by a killed process")
    (tmp_path / "notes.txt").write_text("mine")
    assert files.load(0, PLAIN) is None
    files.save(0, 1, {"s": 1}, PLAIN)
    files.collect([])
    assert (folder / "3-abc.zip").exists()
    assert (tmp_path / "notes.txt").exists()


def test_a_folder_that_is_a_link_holds_no_states(tmp_path: Path):
    outside = Checkpoints(tmp_path / "outside")
    theirs = outside.save(0, 1, {"s": "theirs"}, PLAIN).path
    files = Checkpoints(tmp_path / "files" / ("ab" * 8))
    files.directory(1)
    (files.folder / "0").symlink_to(theirs.parent, target_is_directory=True)
    assert (files.saved(0), files.load(0, PLAIN)) == ([], None)
    files.discard(0)
    with pytest.raises(CheckpointError, match="no link is followed"):
        files.save(0, 2, {"s": "mine"}, PLAIN)
    (files.folder / "1" / theirs.name).symlink_to(theirs)
    assert (files.saved(1), files.load(1, PLAIN)) == ([], None)
    assert list(theirs.parent.iterdir()) == [theirs], "something was written or deleted where a link led to"


def test_a_renamed_experiment_keeps_its_states(tmp_path: Path):
    files = Checkpoints(tmp_path / ("ab" * 8))
    files.save(0, 1, {"s": 1}, PLAIN)
    (tmp_path / ("cd" * 8)).symlink_to("ab" * 8, target_is_directory=True)
    renamed = Checkpoints(tmp_path / ("cd" * 8))
    renamed.save(0, 2, {"s": 2}, PLAIN)
    assert [saved.step for saved in renamed.saved(0)] == [2, 1]
    assert renamed.load(0, PLAIN) == (2, {"s": 2})


def test_a_killed_save_leaves_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    files = Checkpoints(tmp_path)
    files.save(0, 1, {"s": 1}, PLAIN)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        files.save(0, 2, {"s": 2}, PLAIN)
    assert files.load(0, PLAIN) == (1, {"s": 1})


def test_what_nobody_writes_is_refused_by_name(tmp_path: Path):
    files = Checkpoints(tmp_path)
    with pytest.raises(CheckpointError, match="state of 'model' cannot be saved"):
        files.save(0, 1, {"model": object()}, PLAIN)
    assert files.saved(0) == []
    assert list((tmp_path / "0").iterdir()) == []


def test_a_full_disk_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    files = Checkpoints(tmp_path)
    files.save(0, 1, {"s": 1}, PLAIN)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(NoRoomError, match="no room"):
            files.save(0, 2, {"s": 2}, PLAIN)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=files.spare - 1))
    with pytest.raises(NoRoomError, match=r"less than 1\.0 GiB free"):
        files.save(0, 2, {"s": 2}, PLAIN)
    assert files.load(0, PLAIN) == (1, {"s": 1})
    assert len(list((tmp_path / "0").iterdir())) == 1


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path):
    (tmp_path / "files").write_text("in the way")
    with pytest.raises(CheckpointError, match="cannot be written"):
        Checkpoints(tmp_path / "files").save(0, 1, {"s": 1}, PLAIN)


def test_the_quota_gives_up_what_is_worth_least(tmp_path: Path):
    files = Checkpoints(tmp_path)
    for trial in range(4):
        for step in (1, 2):
            size = files.save(trial, step, {"s": np.zeros(1000)}, PLAIN).size

    def kept() -> list[list[int]]:
        return [[saved.step for saved in files.saved(trial)] for trial in range(4)]

    assert files.collect([2, 0]) == 0
    assert Checkpoints(tmp_path, quota=6 * size).collect([2, 0]) == 2 * size
    assert kept() == [[2, 1], [2], [2, 1], [2]]
    assert Checkpoints(tmp_path, quota=2 * size).collect([2, 0]) == 4 * size
    assert kept() == [[2], [], [2], []]
    assert Checkpoints(tmp_path, quota=size).collect([2, 0]) == size
    assert kept() == [[], [], [2], []]


def test_states_are_given_up_when_the_disk_fills(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    files = Checkpoints(tmp_path)
    for trial in range(3):
        size = files.save(trial, 1, {"s": 1}, PLAIN).size
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=files.spare - size))
    assert files.collect([1, 2, 0]) == size
    assert files.load(0, PLAIN) is None
    assert files.load(1, PLAIN) == (1, {"s": 1})


def test_discarding_leaves_what_the_trial_wrote_itself(tmp_path: Path):
    files = Checkpoints(tmp_path)
    (files.directory(0) / "mine.txt").write_text("mine")
    files.save(0, 1, {"s": 1}, PLAIN)
    files.discard(0)
    assert files.saved(0) == []
    assert (files.directory(0) / "mine.txt").read_text() == "mine"


def test_a_state_of_an_absent_framework_says_what_to_import(tmp_path: Path):
    class Other:
        name = "other"

        def write(self, _, file):
            file.write(b"x")

    files = Checkpoints(tmp_path)
    files.save(0, 1, {"s": 1}, [Other()])
    with pytest.raises(CheckpointError, match="written by 'other'"):
        files.load(0, PLAIN)
