import re

import pytest

import histories
from headstock.errors import HeadstockError
from headstock.plots.files import write_figure
from headstock.plots.trace import plot_trace

HOSTILE = "</script><img src=x onerror=alert(1)>"


def test_html_holds_everything_and_runs_nothing_that_users_wrote(tmp_path):
    history = histories.observed(histories.NETWORK, histories.accuracy, 4, metric=HOSTILE)
    path = write_figure(plot_trace(history), tmp_path / "trace.HTML")
    text = path.read_text("utf-8")
    assert HOSTILE not in text
    assert "<img" not in re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL)
    assert not re.search(r"<script[^>]+src=", text)
    assert 3_000_000 < len(text) < 6_000_000


@pytest.mark.parametrize(("kind", "begins"), [("svg", b"<svg"), ("png", b"\x89PNG")])
def test_pictures_where_kaleido_and_a_browser_are(tmp_path, kind, begins):
    pytest.importorskip("kaleido", reason="kaleido is not installed")
    try:
        path = write_figure(plot_trace(histories.digits()), tmp_path / f"trace.{kind}")
    except HeadstockError as error:
        pytest.skip(str(error))
    assert path.read_bytes().startswith(begins)


def test_without_kaleido_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "kaleido", None)
    with pytest.raises(HeadstockError, match=r"pip install 'headstock\[pictures\]'"):
        write_figure(plot_trace(histories.digits()), tmp_path / "trace.png")


def test_another_ending_is_refused(tmp_path):
    with pytest.raises(HeadstockError, match=r"Let it end in \.html"):
        write_figure(plot_trace(histories.digits()), tmp_path / "new" / "trace.docx")
    assert not list(tmp_path.iterdir())
