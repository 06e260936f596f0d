import os

# One thread for linear algebra in each process of the tests, before NumPy starts its own: processes share the cores,
# and what a test computes for itself is to the last bit what the engine, which keeps to one thread, computes.
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = "1"

import signal
from collections.abc import Iterator
from functools import partial

import jaxtyping
import pytest
from hypothesis import settings

from headstock.errors import MissingDependencyError
from headstock.testing import postgresql

# The same examples every time: a red test is red for everybody. More and other examples: --hypothesis-profile=default.
settings.register_profile("headstock", derandomize=True, deadline=None, database=None)
settings.load_profile("headstock")

# How wide the terminal is, if there is one, makes no difference.
os.environ["COLUMNS"] = "80"

# What a shell runs in the background ignores Ctrl-C, and so would the programs that tests start and interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


PARTS = {
    *("acquisition", "analysis", "gp", "oracles", "properties", "robustness", "samplers", "schedulers", "training"),
    *("test_axes.py", "test_domain.py", "test_encoding.py", "test_walk.py"),
}
"""What checks all types and shapes while it is tested: searches as a whole would take two to three times as long."""


@pytest.fixture(autouse=True, scope="module")
def _shapes_are_checked_in_parts(request: pytest.FixtureRequest) -> None:
    tested = request.path.relative_to(request.config.rootpath / "tests").parts[0]
    jaxtyping.config.update("jaxtyping_disable", tested not in PARTS)


@pytest.fixture
def untimed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps that an experiment trains in this process take no time: freeze-thaw, which weighs it, chooses the same."""
    from headstock.running import Training
    from trainings import Clock

    monkeypatch.setattr("headstock.experiment.Training", partial(Training, clock=Clock()))


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[postgresql.Server]:
    """A server that all tests share, so none may stop it."""
    pytest.importorskip("psycopg")
    try:
        postgresql.programs()
    except MissingDependencyError as error:
        pytest.skip(str(error))
    with postgresql.server() as server:
        yield server


@pytest.fixture
def postgresql_url(postgresql_server: postgresql.Server) -> str:
    """The URL of a storage that no other test uses."""
    return postgresql_server.new_url()
