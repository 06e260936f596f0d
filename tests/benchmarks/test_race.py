import json
import math
import sys
from pathlib import Path

import numpy as np
import pytest

import race
import tables
from headstock import Float, Random, Space
from headstock.domain import Domain
from headstock.encoding import Encoding
from optimizers import Ours
from problems import PROBLEMS, Task, chosen

KNOWN = [name for name, entry in PROBLEMS.items() if entry.group not in {"real", "noisy", "parallel"}]


def values(name: str, seed: int, count: int) -> np.ndarray:
    task = PROBLEMS[name].make(seed)
    encoding = Encoding.of(task.space)
    X = Domain.of(encoding, {}).sample(count, np.random.default_rng(1))
    return np.array([task.evaluate(encoding.decode(x)) for x in X])


@pytest.mark.parametrize("name", KNOWN)
def test_no_value_is_below_the_optimum_and_a_seed_moves_it(name: str):
    first, second = values(name, 0, 50), values(name, 1, 50)
    for seed, found in enumerate((first, second)):
        assert np.nanmin(found) > PROBLEMS[name].make(seed).optimum
    assert not np.array_equal(first, second, equal_nan=True)
    assert np.array_equal(first, values(name, 0, 50), equal_nan=True)


@pytest.mark.parametrize("name", chosen(["failing"]))
def test_a_third_of_the_space_fails(name: str):
    assert np.isnan(values(name, 3, 500)).mean() == pytest.approx(1 / 3, abs=0.07)


def test_held_out_problems_are_in_no_group_that_one_tunes_on():
    held_out = set(chosen(["held-out"]))
    assert {"gallagher 4", "schaffers 8"} <= held_out
    assert not held_out & set(chosen(["tuning", "continuous", "real"]))
    with pytest.raises(SystemExit, match="no problem 'brannin'"):
        chosen(["brannin"])


class Watched:
    """Random search that counts how many trials are open at once, and what it was told."""

    def __init__(self) -> None:
        self.search = Ours(Random())
        self.cpu, self.versions, self.open, self.most, self.told = 0.0, {}, 0, 0, []

    def start(self, *given) -> None:
        self.search.start(*given)

    def ask(self):
        self.open += 1
        self.most = max(self.most, self.open)
        return self.search.ask()

    def tell(self, key, value) -> None:
        self.open -= 1
        self.told.append((key, value))
        self.search.tell(key, value)

    def know(self, results) -> None:
        self.search.know(results)

    def best(self) -> None:
        return None


def play(name: str, trials: int, seed: int = 0):
    entry = PROBLEMS[name]
    task = entry.make(seed)
    watched = Watched()
    watched.start(task.space, seed, trials, entry.workers)
    return watched, race.play(entry, task, watched, seed, trials)


def test_workers_are_all_busy_and_finish_out_of_order():
    watched, (best, failed, cpu) = play("hartmann6 by 4", 30)
    assert watched.most == 4
    assert [key for key, _ in watched.told] != sorted(key for key, _ in watched.told)
    assert len(best) == len(cpu) == 30
    assert failed == []
    assert (np.diff(best) <= 0).all()


def test_failures_are_told_and_counted():
    watched, (best, failed, _) = play("branin fails", 30)
    assert failed == [key for key, value in watched.told if value is None]
    assert 0 < len(failed) < 30
    assert math.isnan(best[0]) == (0 in failed)


def test_noise_is_told_and_its_recommendation_is_scored_without_it():
    watched, (best, _, _) = play("hartmann6 noise 10%", 20)
    clean, _ = play("hartmann6", 20)
    noise = np.array([value for _, value in watched.told]) - [value for _, value in clean.told]
    assert np.std(noise) > 0.0
    lowest = min(watched.told[:16], key=lambda told: told[1])[0]
    assert best[15] == pytest.approx(clean.told[lowest][1])
    assert len(set(best[16:20])) == 1


def test_spread_leaves_failures_and_extremes_out():
    task = Task(Space(x=Float(0.0, 1.0)), lambda p: math.nan if p["x"] > 0.5 else 2.0 * p["x"])
    assert task.spread() == pytest.approx(0.9, abs=0.05)


def race_to(out: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> list[dict]:
    monkeypatch.setattr(sys, "argv", ["race.py", "--trials", "10", "--out", str(out), *arguments])
    assert race.main() == 0
    return [json.loads(line) for line in out.read_text().splitlines()]


def test_a_race_goes_on_where_it_was_and_its_tables_tell_who_is_ahead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
):
    common = ("--libraries", "random", "sobol", "--problems", "branin", "training", "branin fails")
    out = tmp_path / "race.jsonl"
    first = race_to(out, monkeypatch, *common, "--seeds", "1")
    both = race_to(out, monkeypatch, *common, "--seeds", "2")
    assert both[: len(first)] == first
    assert sorted(row["seed"] for row in both) == [0] * 6 + [1] * 6
    monkeypatch.setattr(sys, "argv", ["tables.py", str(out), "--ours", "sobol", "--at", "10"])
    tables.main()
    printed = capsys.readouterr().out
    for title in (
        "Regret after 10",
        "Mean rank after 10",
        "How far behind sobol",
        "Anytime",
        "Share of",
        "Failed trials",
    ):
        assert title in printed
    assert "all (3 problems, 6 runs each)" in printed


def test_holm_is_that_of_the_textbook():
    assert tables.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_the_interval_of_a_sure_difference_excludes_zero():
    rng = np.random.default_rng(0)
    sure = [list(0.5 + 0.1 * rng.standard_normal(5)) for _ in range(8)]
    unsure = [list(rng.standard_normal(5)) for _ in range(8)]
    low, high = map(float, tables.interval(sure).split("[")[1].rstrip("]").split(","))
    assert 0.3 < low < 0.5 < high < 0.7
    low, high = map(float, tables.interval(unsure).split("[")[1].rstrip("]").split(","))
    assert low < 0 < high
