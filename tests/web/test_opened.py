import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from headstock import Experiment, Float, Space
from headstock.storage import open_storage
from headstock.web.opened import Shelf


class Watched:
    """A storage that knows whether two threads have read changes from it at once."""

    def __init__(self, storage: Any) -> None:
        self.storage, self.inside, self.met = storage, threading.Lock(), False

    def __getattr__(self, name: str) -> Any:
        return getattr(self.storage, name)

    def changes(self, name: str, since: int = 0) -> Any:
        if not self.inside.acquire(blocking=False):
            self.met = True
            return self.storage.changes(name, since)
        try:
            return self.storage.changes(name, since)
        finally:
            self.inside.release()


def test_one_thread_at_a_time_reads_what_is_new_and_nothing_is_missed(tmp_path):
    url = f"sqlite:///{tmp_path / 'a.db'}"
    with Experiment("one", Space(x=Float(0, 1)), maximize="y", storage=url, seed=0) as experiment:
        watched = Watched(open_storage(url))
        shelf = Shelf(watched)

        def look(i: int) -> int:
            if i % 10 == 0:
                experiment.attach({"x": 0.5}, i)
            return len(shelf.get("one").history)

        with ThreadPoolExecutor(8) as threads:
            list(threads.map(look, range(200)))
        assert not watched.met
        assert [t.objective_mean for t in shelf.get("one").history] == [t.objective_mean for t in experiment.history]
        assert len(experiment.history) == 20
        watched.close()


def test_a_deleted_experiment_is_opened_anew_where_another_has_its_name(tmp_path):
    url = f"sqlite:///{tmp_path / 'b.db'}"
    space = Space(x=Float(0, 1))
    with Experiment("one", space, maximize="y", storage=url, seed=0) as experiment:
        storage = open_storage(url)
        shelf = Shelf(storage)
        experiment.attach({"x": 0.5}, 1.0)
        assert len(shelf.get("one").history) == 1
        storage.delete("one")
    with Experiment("one", space, minimize="z", storage=url, seed=0):
        assert shelf.get("one").history.objective.metric == "z"
        storage.close()
