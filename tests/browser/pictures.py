"""Takes the pictures of the README and the docs from real runs: `make pictures`."""

import sys
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console

from browser.chromium import launched
from headstock.demo import Choices, run_demo

WIDTH = 1000


def take(folder: Path) -> None:
    """Run the demo, open its report, and photograph trace and contour, for light and for dark pages."""
    with tempfile.TemporaryDirectory() as temporary, launched() as browser:
        report = Path(temporary, "report.html")
        run_demo(Choices("digits", None, False, None, False, 20, 0, None, report), Console())
        for scheme in ("light", "dark"):
            page = browser.new_page(viewport={"width": WIDTH, "height": 1400}, color_scheme=scheme)
            page.goto(report.as_uri())
            page.wait_for_selector("body.drawn")
            photograph(page, ("#trace", "#contour"), folder / f"report-{scheme}.png")
            page.close()


def photograph(page: Any, sections: tuple[str, ...], path: Path) -> None:
    """The part of a page from the first of some elements to the last."""
    boxes = [page.locator(section).bounding_box() for section in sections]
    top, bottom = boxes[0]["y"], boxes[-1]["y"] + boxes[-1]["height"]
    clip = {"x": 0, "y": top, "width": WIDTH, "height": bottom - top}
    page.screenshot(path=path, full_page=True, clip=clip)


if __name__ == "__main__":
    take(Path(sys.argv[1]))
