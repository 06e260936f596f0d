"""Takes the pictures of the README and the docs from real runs: `make pictures`."""

import platform
import runpy
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
from rich.console import Console

from browser.chromium import launched
from browser.given import png
from headstock import Budget, Experiment, Float, Space
from headstock.demo import Choices, run_demo
from headstock.scripts.folders import files_of, trial_folder
from headstock.storage import open_storage
from headstock.trial import TrialState
from serving import dashboard

WIDTH = 1000
EXAMPLE = Path(__file__).parents[2] / "examples" / "pausable_digits.py"
SCHEMES = ("light", "dark")
STEPS = 110
ENOUGH = 90
"""After how many of its steps the run waits until the pictures are taken."""


def take(folder: Path) -> None:
    """Photograph the demo's report, and the dashboard while a run goes on, for light and for dark pages."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary, launched() as browser:
        take_report(folder, Path(temporary, "report.html"), browser)
        with under_way(f"sqlite:///{temporary}/digits.db") as (url, trial), dashboard(url) as link:
            for scheme in SCHEMES:
                take_dashboard(folder, link, trial, browser, scheme)
        take_judging(folder, f"sqlite:///{temporary}/ripples.db", browser)


def take_report(folder: Path, report: Path, browser: Any) -> None:
    """Trace and contour of the demo's report."""
    run_demo(Choices("digits", None, False, None, False, 20, 0, None, report), Console())
    for scheme in SCHEMES:
        page = browser.new_page(viewport={"width": WIDTH, "height": 1400}, color_scheme=scheme)
        page.goto(report.as_uri())
        page.wait_for_selector("body.drawn")
        photograph(page, ("#trace", "#contour"), folder / f"report-{scheme}.png")
        page.close()


@contextmanager
def under_way(url: str) -> Iterator[tuple[str, int]]:
    """A run of the example that waits in the middle of a training, whose number is given."""
    example = runpy.run_path(str(EXAMPLE))
    platform.node = lambda: "workstation"  # a picture need not tell where it was taken
    reached, go_on = threading.Event(), threading.Event()
    trial = 0

    def observe(history: Any) -> None:
        nonlocal trial
        running = [t for t in history.pending if t.state is TrialState.RUNNING and 3 <= t.step < 10]
        if running and sum(t.step for t in history) >= ENOUGH and not reached.is_set():
            trial = running[0].index
            reached.set()
            go_on.wait()

    def run() -> None:
        with Experiment("digits", example["SPACE"], maximize="accuracy", storage=url, seed=0) as experiment:
            experiment.run(example["train"], budget=Budget(steps=STEPS), observe=observe)

    thread = threading.Thread(target=run)
    thread.start()
    reached.wait()
    try:
        yield url, trial
    finally:
        go_on.set()
        thread.join()


def take_dashboard(folder: Path, link: str, trial: int, browser: Any, scheme: str) -> None:
    """An experiment and its learning curves, one of its trials, and the experiment on a phone."""
    page = browser.new_page(viewport={"width": WIDTH, "height": 2000}, color_scheme=scheme)
    page.goto(f"{link}?{urlencode({'experiment': 'digits', 'figures': 'curves'})}")
    page.locator("section[data-figure=curves] .main-svg").first.wait_for(timeout=120_000)
    page.wait_for_timeout(1_000)  # plotly fades in
    page.screenshot(path=folder / f"dashboard-{scheme}.png", clip=from_top(page, "section[data-figure=curves]"))
    page.goto(f"{link}?{urlencode({'experiment': 'digits', 'trial': trial})}")
    page.get_by_text("Expected to come to").wait_for(timeout=120_000)
    page.wait_for_timeout(1_000)
    page.screenshot(path=folder / f"trial-{scheme}.png", clip=from_top(page, "main"))
    page.close()
    phone = browser.new_page(viewport={"width": 390, "height": 844}, color_scheme=scheme, device_scale_factor=2)
    phone.goto(f"{link}?{urlencode({'experiment': 'digits'})}")
    phone.locator("section[data-figure=trace] .main-svg").first.wait_for(timeout=120_000)
    phone.wait_for_timeout(1_000)
    phone.screenshot(path=folder / f"phone-{scheme}.png")
    phone.close()


def take_judging(folder: Path, url: str, browser: Any) -> None:
    """Two ripples, one of which a person is to find better."""
    rows = np.linspace(-1.0, 1.0, 15)
    away = np.hypot(rows[None, :], rows[:, None])
    space = Space(frequency=Float(2.0, 30.0), decay=Float(0.0, 4.0))
    with Experiment("ripples", space, maximize="appeal", judged=True, storage=url, seed=0) as experiment:
        storage = open_storage(url)
        files = files_of(url, storage.experiment("ripples"))
        storage.close()
        for count in range(9):
            trial = experiment.ask()
            own = trial_folder(files, trial.index) / "own"
            own.mkdir(parents=True)
            wave = np.cos(trial.parameters["frequency"] * away) * np.exp(-trial.parameters["decay"] * away)
            (own / "ripple.png").write_bytes(png(0.5 + 0.5 * wave))
            experiment.tell(trial)
            if count:
                pair = experiment.next_pair()
                worse, better = sorted(pair, key=lambda t: -abs(t.parameters["frequency"] - 12) - t.parameters["decay"])
                experiment.prefer(better, over=worse)
    with dashboard(url) as link:
        for scheme in SCHEMES:
            page = browser.new_page(viewport={"width": WIDTH, "height": 2000}, color_scheme=scheme)
            page.goto(f"{link}?{urlencode({'experiment': 'ripples', 'judge': 1})}")
            seen = "[...document.querySelectorAll('.sides img')].filter((one) => one.naturalWidth).length === 2"
            page.wait_for_function(seen)
            page.screenshot(path=folder / f"judging-{scheme}.png", clip=from_top(page, "[aria-label=Ranking]"))
            page.close()


def from_top(page: Any, last: str) -> dict[str, float]:
    """The part of a page from its top to the end of an element."""
    box = page.locator(last).first.bounding_box()
    return {"x": 0, "y": 0, "width": WIDTH, "height": box["y"] + box["height"] + 16}


def photograph(page: Any, sections: tuple[str, ...], path: Path) -> None:
    """The part of a page from the first of some elements to the last."""
    boxes = [page.locator(section).bounding_box() for section in sections]
    top, bottom = boxes[0]["y"], boxes[-1]["y"] + boxes[-1]["height"]
    clip = {"x": 0, "y": top, "width": WIDTH, "height": bottom - top}
    page.screenshot(path=path, full_page=True, clip=clip)


if __name__ == "__main__":
    take(Path(sys.argv[1]))
