import threading

import pytest

from headstock import Budget, Experiment, Float, Space
from headstock.errors import ExperimentExistsError, StorageError, TrialStateError, UnknownExperimentError
from headstock.scripts import belongings
from headstock.scripts.belongings import Belongings
from headstock.scripts.folders import files_of
from headstock.storage import NewTrial, open_storage


def train(trial):
    trial.attach(state=[trial.index])
    for step in trial.steps(2):
        trial.report(accuracy=0.1 * step)


@pytest.fixture
def storage(tmp_path):
    url = f"sqlite:///{tmp_path / 'a.db'}"
    with Experiment("old", Space(lr=Float(0.1, 1.0)), maximize="accuracy", storage=url, seed=0) as experiment:
        experiment.run(train, budget=Budget(trials=2))
        experiment.note("odd", 1)
    opened = open_storage(url)
    yield opened
    opened.close()


def states(storage, name):
    with Experiment.open(name, storage=storage) as experiment:
        return experiment.best_seen().load_checkpoint()["state"]


def test_what_is_lost_is_named(storage):
    found = Belongings.of(storage, "old")
    assert str(found).startswith("2 trials (")
    assert ", 1 note, " in str(found)
    assert found.files >= 2
    assert found.bytes > 0
    with pytest.raises(UnknownExperimentError):
        Belongings.of(storage, "nobody")


def test_a_renamed_experiment_keeps_its_files_also_when_it_is_renamed_back(storage, tmp_path):
    before = states(storage, "old")
    for old, new in (("old", "new"), ("new", "newer"), ("newer", "old"), ("old", "new")):
        belongings.rename(storage, old, new)
        assert states(storage, new) == before
    belongings.delete(storage, "new")
    assert list((tmp_path / "a.db.files").iterdir()) == []


def test_a_refused_name_leaves_everything_as_it_was(storage, tmp_path):
    with Experiment("other", Space(lr=Float(0.1, 1.0)), maximize="accuracy", storage=storage):
        pass
    there = sorted((tmp_path / "a.db.files").iterdir())
    with pytest.raises(ExperimentExistsError):
        belongings.rename(storage, "old", "other")
    storage.add_trials("old", [NewTrial({"lr": 0.5}, owner="a worker")], created=None, now=1.0)
    with pytest.raises(TrialStateError, match="run by a worker"):
        belongings.rename(storage, "old", "new")
    assert Belongings.of(storage, "old").led == (2,)
    assert sorted((tmp_path / "a.db.files").iterdir()) == there
    assert states(storage, "old")


def test_a_process_that_dies_before_the_new_name_is_stored_loses_nothing(storage, monkeypatch):
    before = states(storage, "old")

    def die(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(type(storage), "rename", die)
        with pytest.raises(KeyboardInterrupt):
            belongings.rename(storage, "old", "new")
    assert states(storage, "old") == before
    belongings.rename(storage, "old", "new")
    assert states(storage, "new") == before


def test_a_link_that_leads_elsewhere_is_not_followed(storage, tmp_path):
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis.txt").write_text("years of work")
    folder = files_of(storage.url, storage.experiment("old"))
    folder.rename(folder.with_name("moved"))
    folder.symlink_to(precious, target_is_directory=True)
    belongings.delete(storage, "old")
    assert (precious / "thesis.txt").exists()


def test_where_saved_states_lie_has_to_be_known(postgresql_url, tmp_path):
    with Experiment(
        "old", Space(lr=Float(0.1, 1.0)), maximize="accuracy", storage=postgresql_url, files=tmp_path
    ) as experiment:
        experiment.run(train, budget=Budget(trials=1))
    storage = open_storage(postgresql_url)
    with pytest.raises(StorageError, match="--files"):
        belongings.rename(storage, "old", "new")
    belongings.rename(storage, "old", "new", tmp_path)
    with Experiment.open("new", storage=storage, files=tmp_path) as experiment:
        assert experiment.best_seen().load_checkpoint()["state"] == [0]
    storage.close()


def test_what_a_training_deletes_meanwhile_is_not_missed(storage):
    before = Belongings.of(storage, "old")
    folder = files_of(storage.url, storage.experiment("old")) / "0"
    is_over = threading.Event()

    def write():
        while not is_over.is_set():
            for i in range(20):
                (folder / str(i)).touch()
            for i in range(20):
                (folder / str(i)).unlink()

    writing = threading.Thread(target=write)
    writing.start()
    try:
        for _ in range(300):
            found = Belongings.of(storage, "old")
            assert (found.files >= before.files, found.bytes) == (True, before.bytes)
    finally:
        is_over.set()
        writing.join()
