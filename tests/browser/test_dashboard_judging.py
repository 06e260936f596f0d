import re
from urllib.parse import urlencode

import numpy as np
import pytest

from browser.given import HOSTILE, hindrances, png, tone
from headstock import Experiment, Float, Space
from headstock.scripts.folders import files_of, trial_folder
from headstock.storage import open_storage
from serving import dashboard

expect = pytest.importorskip("playwright.sync_api").expect

TARGET = np.array([0.3, 0.7])


def poster(parameters) -> bytes:
    """A spot, whose place is what the person judges."""
    axis = (np.arange(16) + 0.5) / 16
    away = (axis[None, :] - parameters["x"]) ** 2 + (axis[:, None] - parameters["y"]) ** 2
    return png(np.exp(-away / 0.02))


@pytest.fixture
def judged(browser, tmp_path):  # noqa: ARG001 - skips where there is no browser; its pages are closed before the server
    """An experiment with five trials that are done, each of which left a picture, and the link to a dashboard."""
    url = f"sqlite:///{tmp_path / 'a.db'}"
    space = Space(x=Float(0.0, 1.0), y=Float(0.0, 1.0))
    with (
        Experiment(HOSTILE, space, maximize="appeal", judged=True, storage=url, seed=0) as experiment,
        dashboard(url) as link,
    ):
        storage = open_storage(url)
        files = files_of(url, storage.experiment(HOSTILE))
        storage.close()
        for trial in experiment.ask(5):
            own = trial_folder(files, trial.index) / "own"
            own.mkdir(parents=True)
            (own / "poster.png").write_bytes(poster(trial.parameters))
            experiment.tell(trial)
        tone(trial_folder(files, 1) / "own" / "jingle.wav", 440)
        experiment.note(f"**mine** {HOSTILE}", 0)
        yield experiment, link


def shown(page) -> list[int]:
    """The trials that are to be compared, once they can be."""
    heads = page.locator(".sides .card > h2")
    expect(heads).to_have_text([re.compile(r"Trial \d"), re.compile(r"Trial \d")])
    return [int(text.removeprefix("Trial ")) for text in heads.all_inner_texts()]


def wait_for_said(page, count: int) -> None:
    expect(page.locator(".said li") if count else page.get_by_text("Nothing yet.")).to_have_count(count or 1)
    expect(page.locator(".sides[aria-busy=true]")).to_have_count(0)


def appeal(trial) -> float:
    return -float(((np.array(list(trial.parameters.values())) - TARGET) ** 2).sum())


def test_a_person_judges_with_the_keyboard(judged, visit, screen):
    experiment, link = judged
    page = visit(
        f"{link}?{urlencode({'experiment': HOSTILE})}", allowed=link, ready="a:has-text('Judge trials')", **screen
    )
    page.get_by_role("link", name="Judge trials").click()
    expect(page.get_by_role("heading", name="Which is better?")).to_be_visible()
    assert shown(page) == [0, 1]
    page.wait_for_function(
        "[...document.querySelectorAll('.sides img')].filter((one) => one.naturalWidth).length === 2"
    )
    expect(page.get_by_label("jingle.wav", exact=True)).to_be_visible()
    expect(page.get_by_text("mine", exact=True)).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= screen["viewport"]["width"]
    assert hindrances(page) == []
    tops = page.locator(".sides dl").evaluate_all("(lists) => lists.map((one) => one.getBoundingClientRect().top)")
    assert len(tops) == 2
    assert tops[0] == tops[1], "the same parameters lie at different heights, for only one trial left a sound"
    for said in range(1, 9):
        left, right = shown(page)
        trials = experiment.trials
        page.keyboard.press("ArrowLeft" if appeal(trials[left]) > appeal(trials[right]) else "ArrowRight")
        wait_for_said(page, said)
    comparisons = experiment.history.comparisons
    assert all(appeal(experiment.trials[c.better]) > appeal(experiment.trials[c.worse[0]]) for c in comparisons)
    first = page.get_by_role("region", name="Ranking").locator("tbody tr").first
    expect(first.get_by_role("link")).to_have_text(str(experiment.best().trial.index))
    expect(first).to_contain_text("±")
    assert page.get_by_role("region", name="Ranking").evaluate("(one) => one.scrollWidth <= one.clientWidth")
    page.keyboard.press("z")
    wait_for_said(page, 7)
    assert experiment.history.comparisons == comparisons[:-1]
    before = shown(page)
    page.keyboard.press("s")
    expect(page.locator(".sides[aria-busy=false]")).to_have_count(1)
    assert shown(page) != before
    assert len(experiment.history.comparisons) == 7
    page.wait_for_function(
        "[...document.querySelectorAll('.sides img')].filter((one) => one.naturalWidth).length === 2"
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= screen["viewport"]["width"]
    assert hindrances(page) == []


def test_keys_are_not_spoken_of_where_there_are_none(judged, visit):
    _, link = judged
    phone = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
    page = visit(f"{link}?{urlencode({'experiment': HOSTILE, 'judge': 1})}", allowed=link, ready="body.ready", **phone)
    expect(page.get_by_text("The two that are worth most to compare.")).to_be_visible()
    for words in ("Arrow keys answer.", "(S)", "(Z)"):
        expect(page.get_by_text(words)).to_be_hidden()
    expect(page.get_by_role("button", name="Skip", exact=True)).to_be_visible()


def test_buttons_do_the_same_and_others_may_judge_meanwhile(judged, visit):
    experiment, link = judged
    page = visit(f"{link}?{urlencode({'experiment': HOSTILE, 'judge': 1})}", allowed=link, ready=".sides .card > h2")
    left, right = shown(page)
    experiment.prefer(2, over=[3, 4])
    wait_for_said(page, 1)
    expect(page.locator(".said li")).to_contain_text("trial 2 is better than trial 3, trial 4")
    assert shown(page) == [left, right]  # what is looked at stays
    page.get_by_role("button", name=f"Trial {right} is better").click()
    wait_for_said(page, 2)
    assert [(c.better, c.worse) for c in experiment.history.comparisons] == [(2, (3, 4)), (right, (left,))]
    theirs = experiment.prefer(4, over=3)
    wait_for_said(page, 3)
    page.get_by_role("button", name="Take back").click()
    wait_for_said(page, 2)
    expect(page.get_by_text(f"Taken back: trial {right} is better than trial {left}.")).to_be_visible()
    expect(page.get_by_role("button", name="Take back")).to_be_disabled()  # the rest is what others said
    page.reload()
    wait_for_said(page, 2)
    page.get_by_role("button", name="Take back").click()
    wait_for_said(page, 1)
    assert theirs not in experiment.history.comparisons
    experiment.take_back()
    wait_for_said(page, 0)
    pairs = set()
    for _ in range(10):
        pairs.add(tuple(shown(page)))
        page.get_by_role("button", name="Skip").click()
        expect(page.locator(".sides[aria-busy=false]")).to_have_count(1)
    assert len(pairs) == 10
    expect(page.get_by_text("There is nothing else to compare")).to_be_visible()
    expect(page.get_by_role("button", name="Skip")).to_be_disabled()
