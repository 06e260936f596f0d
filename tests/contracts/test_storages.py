"""Every storage keeps the contract of storages; a storage added to KINDS is held to it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from headstock.storage import Storage, open_storage, sqlite
from headstock.testing import annotations, preferences, storages

KINDS = ("memory", "file", "far file", "postgresql")


@pytest.fixture(params=KINDS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgresql":
        return request.getfixturevalue("postgresql_url")
    if request.param == "far file":
        request.getfixturevalue("monkeypatch").setattr(sqlite, "network_file_system", lambda _: "nfs")
    return {"memory": "sqlite://", "file": f"sqlite:///{tmp_path}/headstock.db"}[request.param.split()[-1]]


@pytest.mark.filterwarnings("ignore:.*network file system")
@pytest.mark.parametrize(
    "check", [*storages.CHECKS, *annotations.CHECKS, *preferences.CHECKS], ids=lambda check: check.__name__
)
def test_a_storage_keeps_the_contract(url: str, check: Callable[[Storage], None]):
    storage = open_storage(url)
    check(storage)
    storage.close()
