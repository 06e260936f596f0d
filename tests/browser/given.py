"""What several tests of the dashboard are given."""

from pathlib import Path

import pytest

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"

HOSTILE = "<img src=x onerror=alert(1)></script>'\"&"
ON_BOTH = pytest.mark.parametrize("new_url", ["sqlite", "postgresql"], indirect=True)


def hindrances(page) -> list[tuple[str, str]]:
    """What axe finds that keeps people from using a page; Plotly's own pictures are left to Plotly."""
    if not AXE.exists():
        pytest.skip("axe-core is not installed: .ci/services installs it")
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate("axe.run(document, {runOnly: ['wcag2a', 'wcag2aa']})")
    return [
        (rule["id"], node["html"][:200])
        for rule in found["violations"]
        for node in rule["nodes"]
        if "plotly" not in node["html"] and "main-svg" not in node["html"] and ".figure" not in str(node["target"])
    ]
