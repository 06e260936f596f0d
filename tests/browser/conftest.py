import os
import warnings

import pytest

from browser.chromium import executable, launched

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
