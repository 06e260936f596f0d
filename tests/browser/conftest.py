import os
import warnings
from urllib.parse import urlencode

import pytest

import histories
from browser.chromium import executable, launched
from browser.given import HOSTILE
from headstock.scripts.folders import LOG, files_of, trial_folder
from headstock.storage import NewTrial, open_storage
from headstock.storage.records import ExperimentSpec
from headstock.trial import Observation, Verdict
from serving import dashboard

PATIENCE = 120_000  # milliseconds: on a loaded machine a page takes its time


def missing() -> str | None:
    """Why there is no browser; None if there is one."""
    try:
        import playwright  # noqa: F401 - only whether it is there
    except ModuleNotFoundError:
        return "Playwright is not installed"
    return None if executable() else "Chromium is not installed: .ci/services installs it"


@pytest.fixture(scope="session")
def browser():
    reason = missing()
    if reason is not None:
        pytest.skip(reason)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Playwright's own
        from playwright.sync_api import expect

        expect.set_options(timeout=PATIENCE)
        with launched() as browser:
            yield browser


@pytest.fixture(params=["desktop", "phone"])
def screen(request) -> dict[str, object]:
    """A large light one, or a small dark one."""
    return {
        "desktop": {"viewport": {"width": 1200, "height": 900}, "scheme": "light"},
        "phone": {"viewport": {"width": 390, "height": 844}, "scheme": "dark"},
    }[request.param]


@pytest.fixture
def visit(browser):
    """Opens addresses in new pages, and fails the test if one of them complains or asks another host for something."""
    pages, complaints = [], []

    def open_page(url: str, *, allowed: str, ready: str, scheme: str = "light", expected: str | None = None, **options):
        page = browser.new_page(color_scheme=scheme, **options)
        page.set_default_timeout(PATIENCE)
        page.on(
            "console",
            lambda m: (
                complaints.append(m.text)
                if m.type == "error" and (expected is None or expected not in m.text)
                else None
            ),
        )
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: (complaints.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on(
            "request",
            lambda r: None if r.url.startswith((allowed, "data:", "blob:")) else complaints.append(f"asked {r.url}"),
        )
        page.goto(url)
        page.wait_for_selector(ready)
        pages.append(page)
        return page

    yield open_page
    folder = os.environ.get("HEADSTOCK_PICTURES")
    for i, page in enumerate(pages):
        if folder:
            name = os.environ["PYTEST_CURRENT_TEST"].split("::")[-1].split(" ")[0].replace("/", "-")
            page.screenshot(path=f"{folder}/{name}-{i}.png", full_page=True)
        page.close()
    assert complaints == []


@pytest.fixture(scope="module")
def new_url(request, tmp_path_factory):
    """Gives the URL of an empty storage: a SQLite file, unless the test is marked to run on PostgreSQL, too."""
    if getattr(request, "param", "sqlite") == "postgresql":
        return request.getfixturevalue("postgresql_server").new_url
    return lambda: f"sqlite:///{tmp_path_factory.mktemp('browser') / 'a.db'}"


@pytest.fixture(scope="module")
def stored(new_url) -> str:
    """Experiments of usual and of hostile names."""
    url = new_url()
    storage = open_storage(url)
    some = {"digits": histories.digits(), HOSTILE: histories.branching(), "wide": histories.wide()}
    for name, history in some.items():
        spec = ExperimentSpec(name, history.space, history.objective, history.outcome_constraints, 7)
        storage.create(spec, history.trials)
    storage.close()
    return url


@pytest.fixture(scope="module")
def link(browser, stored) -> str:  # noqa: ARG001 - skips where there is no browser, before anything is started
    with dashboard(stored) as link:
        yield link


@pytest.fixture
def look(visit, link):
    def open_address(**what):
        options = {key: what.pop(key) for key in ("viewport", "scheme", "expected") if key in what}
        return visit(f"{link}?{urlencode(what, doseq=True)}", allowed=link, ready="body.ready", **options)

    return open_address


@pytest.fixture(scope="module")
def trainings(browser, new_url, tmp_path_factory):  # noqa: ARG001 - skips where there is no browser
    """Learning curves: whole ones, one that a worker trains, one that is paused; with a log and a saved state."""
    folder = tmp_path_factory.mktemp("trainings")
    url = new_url()  # with its password, which a storage does not tell
    storage = open_storage(url)
    histories.train(storage, "nets", whole=12)
    [running, paused] = storage.add_trials(
        "nets",
        [
            NewTrial(p, owner="a worker", until=20, because="predicted best")
            for p in histories.drawn(histories.NETWORK, 2)
        ],
        created=None,
        now=1e9,
    )
    for step in range(1, 9):
        for trial in (running, paused):
            value = Observation(histories.at_step(trial.parameters, step), step=step)
            storage.report("nets", trial.index, {"accuracy": value}, now=1e9 + step, owner="a worker", steps=20)
    storage.pause("nets", paused.index, "a worker", verdict=Verdict(8, "pause", "trial 12 comes first"), now=2e9)
    files = files_of(storage.url, storage.experiment("nets"), folder)
    trial_folder(files, running.index).mkdir(parents=True)
    (trial_folder(files, running.index) / LOG).write_text(f"epoch 1\n{HOSTILE}\n", "utf-8")
    with dashboard(url, "--files", str(folder)) as link:
        yield storage, link
    storage.close()
