import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

from headstock.testing.schedulers import table

FOLDER = Path(__file__).parents[2] / "benchmarks" / "curves"


def script(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module of benchmarks/curves, whose `tables` is not that of benchmarks/regret."""
    monkeypatch.syspath_prepend(str(FOLDER))
    for module in ("tables", name):
        monkeypatch.delitem(sys.modules, module, raising=False)
        spec = importlib.util.spec_from_file_location(module, FOLDER / f"{module}.py")
        assert spec is not None
        assert spec.loader is not None
        monkeypatch.setitem(sys.modules, module, importlib.util.module_from_spec(spec))
        spec.loader.exec_module(sys.modules[module])
    return sys.modules[name]


def test_a_noisy_search_is_judged_by_what_its_choice_is_worth(monkeypatch):
    replay = script("replay", monkeypatch)
    noisy = table(rows=60, steps=6)
    truth = noisy.curves - 0.5 * (noisy.curves == noisy.curves.max())
    task = sys.modules["tables"].Task(noisy, truth)
    lucky = replay.search(task, "random, full", 0, 60)
    assert lucky["regret"] > 0.5
    assert replay.search(sys.modules["tables"].Task(noisy, noisy.curves), "random, full", 0, 60)["regret"] == 0.0


def test_holm_multiplies_the_smallest_most_and_keeps_the_order(monkeypatch):
    holm = script("replay", monkeypatch).holm
    assert holm({"a": 0.01, "b": 0.04, "c": 0.03}) == pytest.approx({"a": 0.03, "c": 0.06, "b": 0.06})


def test_the_model_predicts_held_back_ends_better_than_their_last_values(monkeypatch):
    quality = script("model_quality", monkeypatch)
    curves = table(rows=200, steps=16)
    figures = quality.measure(sys.modules["tables"].Task(curves, curves.curves), 40, 0, ["ours", "last", "power law"])
    assert figures["ours"]["density"] > figures["last"]["density"]
    assert figures["ours"]["rank"] > 0.5
    assert all(0.0 <= f["within 80 %"] <= 1.0 for f in figures.values())


def test_without_pytorch_the_models_that_need_it_are_named(monkeypatch, capsys, tmp_path):
    quality = script("model_quality", monkeypatch)
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setattr(sys, "argv", ["model_quality.py", "--data", str(tmp_path), "--without", "dpl"])
    with pytest.raises(SystemExit):
        quality.main()
    assert "dyhpo-like need PyTorch, which is not installed" in capsys.readouterr().err


def test_peers_move_to_the_nearest_row_that_was_not_tried(monkeypatch):
    peers = script("peers", monkeypatch)
    curves = table(rows=5, steps=3)
    question = {
        "space": json.loads(json.dumps(curves.space.to_json()["parameters"])),
        "rows": json.loads(json.dumps(curves.rows)),
        "curves": curves.curves.tolist(),
        "minimize": False,
        "budget": 4,
    }
    known = peers.Table(question)
    assert known.nearest(curves.rows[2]) == 2
    assert known.train(2, 3) == pytest.approx(-curves.curves[2, 2])
    assert known.nearest(curves.rows[2]) != 2
    known.train(3, 3)
    assert known.is_over
    assert known.steps == [(2, 1), (2, 2), (2, 3), (3, 1)]
