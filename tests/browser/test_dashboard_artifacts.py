from urllib.parse import urlencode

import numpy as np
import pytest

from browser.given import HOSTILE, hindrances, png, tone
from headstock import Experiment, Float, Space
from headstock.scripts.folders import files_of, trial_folder
from headstock.storage import open_storage
from serving import dashboard

expect = pytest.importorskip("playwright.sync_api").expect

CLASSES = 10


def confusion(right: float, classes: int = CLASSES) -> bytes:
    """The confusion matrix of a classifier that is right so often, as a picture."""
    noise = np.random.default_rng(0).dirichlet(np.ones(classes), classes)
    return png(np.clip(right * np.eye(classes) + 2 * (1 - right) * noise, 0, 1))


@pytest.fixture
def running(browser, tmp_path):  # noqa: ARG001 - skips where there is no browser; its pages are closed before the server
    """Three trials that run, their own folders, and the link to a dashboard."""
    url = f"sqlite:///{tmp_path / 'a.db'}"
    with (
        Experiment(HOSTILE, Space(lr=Float(0.1, 1.0)), maximize="accuracy", storage=url, seed=0) as experiment,
        dashboard(url) as link,
    ):
        storage = open_storage(url)
        files = files_of(url, storage.experiment(HOSTILE))
        storage.close()
        folders = [trial_folder(files, i) / "own" for i in range(3)]
        for folder in folders:
            folder.mkdir(parents=True)
        yield [experiment.ask() for _ in folders], folders, link


def wait_for_pictures(page, count: int) -> None:
    page.wait_for_function(
        """count => {
          const all = [...document.querySelectorAll("figure.picture img")];
          for (const one of all) one.scrollIntoView();
          return all.length === count && all.every((one) => one.complete && one.naturalWidth);
        }""",
        arg=count,
    )
    page.evaluate("scrollTo(0, 0)")


def test_what_a_training_leaves_is_shown_while_it_trains(running, visit, screen):
    (trial, *_), (folder, *_), link = running
    (folder / "confusion.png").write_bytes(confusion(0.5))
    (folder / f"first {HOSTILE.replace('/', '')}\u202e.png").write_bytes(png(np.eye(8)))
    (folder / ("a very long name " * 14 + ".png")).write_bytes(png(np.tri(16)))
    (folder / "predictions").mkdir()
    (folder / "predictions" / "epoch 1.png").write_bytes(confusion(0.2, 16))
    tone(folder / "sample.wav", 440)
    (folder / "classes.csv").write_text("class,recall\r\n0,0.5\r\n")
    (folder / "log.txt").write_text(f"{HOSTILE} \u202e\n" + "a line\n" * 10_000)
    (folder / "model.pt").write_bytes(b"weights")
    (folder / "page.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>")
    address = f"{link}?{urlencode({'experiment': HOSTILE, 'trial': 0})}"
    page = visit(address, allowed=link, ready="figure.picture img", **screen)
    files = page.get_by_role("region", name="Files", exact=True)
    wait_for_pictures(page, 4)
    assert {one.get_attribute("loading") for one in files.locator("img").all()} == {"lazy"}
    expect(files.get_by_alt_text(f"first {HOSTILE.replace('/', '')}\\u202e.png", exact=True)).to_be_visible()
    page.locator("summary", has_text="log.txt").click()
    text = files.get_by_label("log.txt", exact=True).and_(files.locator("pre"))
    expect(text).to_contain_text(f"{HOSTILE} \\u{{202e}}")
    expect(text).to_contain_text("… only the first 20 kB are shown")
    page.locator("summary", has_text="log.txt").click()
    page.locator("summary", has_text="classes.csv").click()
    table = files.get_by_label("classes.csv", exact=True).and_(files.locator("pre"))
    expect(table).to_have_text("class,recall\n0,0.5\n")
    page.wait_for_function("document.querySelector('audio').duration === 2")
    with page.expect_download() as kept:
        files.get_by_role("link", name="Download page.svg").click()
    assert kept.value.suggested_filename == "page.svg"
    assert kept.value.path().read_text().startswith("<svg")
    with page.expect_popup() as opened:  # in a tab of its own, where it is nobody's page
        files.get_by_alt_text("confusion.png").click()
    expect(opened.value.locator("img")).to_have_js_property("naturalWidth", 24 * CLASSES)
    assert opened.value.evaluate("origin") == "null"
    opened.value.close()
    assert page.evaluate("document.documentElement.scrollWidth") <= screen["viewport"]["width"]
    assert hindrances(page) == []

    page.evaluate("window.sound = document.querySelector('audio')")
    (folder / "confusion.png").write_bytes(confusion(0.9, 12))
    (folder / "predictions" / "epoch 2.png").write_bytes(confusion(0.6, 16))
    (folder / "model.pt").unlink()
    (folder / "classes.csv").write_text("class,recall\n0,0.75\n")
    trial.report(accuracy=0.9)
    wait_for_pictures(page, 5)
    page.wait_for_function("document.querySelector('img[alt=\"confusion.png\"]').naturalWidth === 12 * 24")
    expect(files.get_by_role("link", name="Download model.pt")).to_have_count(0)
    expect(table).to_have_text("class,recall\n0,0.75\n")
    assert page.evaluate("window.sound === document.querySelector('audio')")


def test_what_trainings_leave_is_compared(running, visit, screen):
    trials, folders, link = running
    for i, folder in enumerate(folders[:2]):
        (folder / "confusion.png").write_bytes(confusion(0.5 + 0.4 * i))
        tone(folder / "sample.wav", 440 * (i + 1))
        (folder / "classes.csv").write_text(f"class,recall\n0,{i}\n")
    (folders[1] / f"{HOSTILE.replace('/', '')}.png").write_bytes(png(np.eye(8)))
    address = f"{link}?{urlencode({'experiment': HOSTILE, 'trials': '0,1,2'})}"
    page = visit(address, allowed=link, ready="figure.picture img", **screen)
    wait_for_pictures(page, 3)
    files = page.get_by_role("region", name="Files compared")
    names = files.locator("tbody th").evaluate_all("(all) => all.map((one) => one.getBoundingClientRect().width)")
    assert min(names) >= 100, "the letters of a name stand one below the other"
    row = files.get_by_role("row", name="confusion.png")
    expect(row.get_by_role("img")).to_have_count(2)
    files.locator("summary", has_text="classes.csv").nth(1).click()
    expect(files.locator("details[open] pre")).to_have_text("class,recall\n0,1\n")
    assert page.evaluate("document.documentElement.scrollWidth") <= screen["viewport"]["width"]
    assert hindrances(page) == []
    (folders[2] / "confusion.png").write_bytes(confusion(0.7))
    trials[2].report(accuracy=0.7)
    expect(row.get_by_role("img")).to_have_count(3)
    wait_for_pictures(page, 4)
    expect(files.locator("details[open] pre")).to_have_text("class,recall\n0,1\n")
