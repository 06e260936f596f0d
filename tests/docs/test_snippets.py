import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def _snippets() -> list[tuple[str, str]]:
    return [
        (f"{page.name}:{number}", code)
        for page in PAGES
        for number, code in enumerate(
            re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
        )
    ]


@pytest.mark.parametrize("code", [pytest.param(code, id=name) for name, code in _snippets()])
def test_a_snippet_runs(code: str):
    if "import torch" in code:
        pytest.importorskip("torch", reason="PyTorch is not installed")
    if "hs.Ray(" in code:
        pytest.skip("it runs with the tests of Ray, which have settings for it")
    exec(compile(code, "<snippet>", "exec"), {})


def test_the_readme_shows_real_output(capsys: pytest.CaptureFixture[str]):
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.search(r"^```python\n(?P<code>.*?)^```\n\n^```\n(?P<output>.*?)^```", readme, re.MULTILINE | re.DOTALL)
    assert found is not None
    exec(compile(found["code"], "README.md", "exec"), {})
    assert capsys.readouterr().out == found["output"]
