import pytest

import histories
from headstock.report import write_report

expect = pytest.importorskip("playwright.sync_api").expect


def test_the_report_opens_offline_everywhere(visit, tmp_path, screen):
    path = write_report(histories.branching(), tmp_path / "report.html", title="<img src=x onerror=alert(1)>")
    page = visit(path.as_uri(), allowed=path.as_uri(), ready="body.drawn", **screen)
    figures = page.locator(".figure")
    assert figures.count() >= 10
    assert all(figures.nth(i).locator(".main-svg, canvas").count() for i in range(figures.count()))
    assert page.evaluate("document.documentElement.scrollWidth") <= screen["viewport"]["width"]
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (paper == "rgb(255, 255, 255)") == (screen["scheme"] == "light")


def test_a_metric_with_a_long_name_breaks_on_a_phone(visit, tmp_path):
    history = histories.observed(histories.NETWORK, histories.accuracy, 6, metric="validation/" + 60 * "x")
    path = write_report(history, tmp_path / "report.html", title="long")
    page = visit(path.as_uri(), allowed=path.as_uri(), ready="body.drawn", viewport={"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_table_is_sorted_and_filtered(visit, tmp_path):
    history = histories.digits()
    path = write_report(history, tmp_path / "report.html", title="digits")
    page = visit(path.as_uri(), allowed=path.as_uri(), ready="body.drawn")
    page.get_by_role("button", name="accuracy").click()
    first = page.locator("#table tbody tr").first.locator("td").first.inner_text()
    assert int(first) == history.best_seen().index
    page.get_by_label("Show only trials in this state").select_option("failed")
    expect(page.locator("#count")).to_contain_text("2 of 20")
    page.get_by_label("Show only trials that contain this").fill("nothing like it")
    expect(page.locator("#table tbody tr")).to_have_count(0)
