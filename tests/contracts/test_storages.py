"""Every storage keeps the contract of storages; a storage added to URLS is held to it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from headstock.storage import Storage, open_storage
from headstock.testing.storages import CHECKS

URLS = {"memory": "sqlite://", "file": "sqlite:///{folder}/headstock.db"}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("url", URLS.values(), ids=URLS)
def test_a_storage_keeps_the_contract(url: str, check: Callable[[Storage], None], tmp_path: Path):
    storage = open_storage(url.format(folder=tmp_path))
    check(storage)
    storage.close()
