import pytest

import histories
from headstock.analysis.model import Model


@pytest.fixture(scope="session")
def digits() -> Model:
    return Model.fit(histories.digits())


@pytest.fixture(scope="session")
def branching() -> Model:
    return Model.fit(histories.branching())
