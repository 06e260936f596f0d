"""The real data beside the project, where there is such a folder."""

from pathlib import Path

import pytest


def shared(name: str) -> Path:
    """The path of shared data; the test is skipped where they are missing."""
    for folder in Path(__file__).parents:
        path = folder / "shared" / "data" / name
        if path.exists():
            return path
    pytest.skip(f"there is no shared/data/{name} beside the project or above")
