import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headstock.errors import CommandError
from headstock.scripts.output import LARGEST_FILE, MOST_METRICS, Listener, read_file

LISTENER = Listener(["accuracy", "val loss"])


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("accuracy=0.93", {"accuracy": 0.93}),
        ("epoch 3 accuracy: 0.93, val loss: 1.5e-3", {"accuracy": 0.93, "val loss": 1.5e-3}),
        ("Test set: Average loss: 0.0503, Accuracy: 9834/10000 (98%)", {"accuracy": 0.9834}),
        ("accuracy=0.1 accuracy=-.2", {"accuracy": -0.2}),
        ("{'accuracy': 0.5}", {"accuracy": 0.5}),
        ("accuracy = 93%", {"accuracy": 93.0}),
        ("ACCURACY=+1.", {"accuracy": 1.0}),
        ("accuracy: 0.93.", {}),
        ("accuracy: 1.2.3", {}),
        ("top5_accuracy=0.9 val-accuracy=0.8", {}),
        ("accuracy: 0x10", {}),
        ("accuracy of 0.9", {}),
        ("accuracy: 5/0", {"accuracy": 5.0}),
        ("accuracy=-inf", {"accuracy": -math.inf}),
        (
            '{"accuracy": 0.93, "epoch": 3, "loss": 2, "lr": [0.1, 0.2], "name": "x", "ok": true}',
            {"accuracy": 0.93, "loss": 2.0, "lr": (0.1, 0.2)},
        ),
        ('{"loss": 2}', {}),
        ('{"accuracy": 0.93', {"accuracy": 0.93}),
        ('{"accuracy": [0.9, 0.1, 3]}', {}),
        ('[{"accuracy": 0.93}]', {"accuracy": 0.93}),
        ("{" * 100_000 + "}", {}),
        ('{"accuracy": ' + "9" * 5000 + "}", {"accuracy": math.inf}),
        ("", {}),
    ],
)
def test_what_is_found_in_a_line(line: str, found: dict[str, Any]):
    assert LISTENER.hear(line) == found


def test_nan_is_heard():
    assert math.isnan(LISTENER.hear("accuracy=nan")["accuracy"])  # type: ignore[arg-type]
    assert math.isnan(LISTENER.hear('{"accuracy": NaN}')["accuracy"])  # type: ignore[arg-type]


def test_a_line_of_json_has_so_many_metrics_at_most():
    numbers = ", ".join(f'"m{i}": {i}' for i in range(10_000))
    assert len(LISTENER.hear('{"accuracy": 1, ' + numbers + "}")) == MOST_METRICS


@pytest.mark.parametrize(
    ("pattern", "line", "found"),
    [
        (r"Acc@1 ([0-9.]+)", "* Acc@1 76.130 Acc@5 92.862", {"accuracy": 76.13}),
        (r"[0-9.]+$", "top1 0.25", {"accuracy": 0.25}),
        (r"Acc (\S+)", "Acc none", {"accuracy": math.nan}),
        (r"Acc (\S+)", "accuracy=0.5", {}),
    ],
)
def test_a_pattern_of_one_s_own(pattern: str, line: str, found: dict[str, float]):
    assert Listener(["accuracy"], {"accuracy": pattern}).hear(line) == pytest.approx(found, nan_ok=True)


@pytest.mark.parametrize(
    ("patterns", "words"),
    [({"loss": "x"}, "pattern for 'loss', but the metrics are 'accuracy'"), ({"accuracy": "("}, "cannot be read")],
)
def test_what_is_no_pattern_is_refused(patterns: dict[str, str], words: str):
    with pytest.raises(CommandError, match=words):
        Listener(["accuracy"], patterns)


@given(st.text())
def test_any_line_can_be_heard(line: str):
    LISTENER.hear(line)
    LISTENER.hear("{" + line + "}")


def test_a_file_of_results(tmp_path: Path):
    path = tmp_path / "results.json"
    path.write_text('{"accuracy": [0.9, 0.01], "loss": 1}')
    assert read_file(path, ["accuracy"]) == {"accuracy": (0.9, 0.01), "loss": 1.0}


@pytest.mark.parametrize("text", ["", "accuracy=1", "[1]", '{"loss": 1}', '{"accuracy": 1}' + " " * LARGEST_FILE])
def test_what_is_no_file_of_results_is_refused(text: str, tmp_path: Path):
    path = tmp_path / "results.json"
    path.write_text(text)
    with pytest.raises(CommandError, match="has no 'accuracy'"):
        read_file(path, ["accuracy"])
    with pytest.raises(CommandError, match=r"left no results: .*No such file"):
        read_file(tmp_path / "none", ["accuracy"])
