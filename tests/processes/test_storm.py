"""Workers are killed and stopped at random, disks are full, the server is restarted: nothing is lost or done twice.

`benchmarks/scale/storm.py` is the long version.
"""

from pathlib import Path

from headstock.testing import postgresql
from headstock.testing.storm import Damage, storm


def assert_nothing_happened(damage: Damage) -> None:
    assert damage.kills >= 20
    assert (damage.lost, damage.doubled, damage.stuck) == (0, 0, 0), damage
    assert damage.created == damage.trials, damage


def test_a_storm_over_a_file(tmp_path: Path):
    logs = tmp_path / "logs"
    logs.mkdir()
    assert_nothing_happened(storm(f"sqlite:///{tmp_path}/storm.db", logs, trials=100, kills=20, workers=4))


def test_a_storm_over_a_server_that_is_restarted(postgresql_server: postgresql.Server, tmp_path: Path):
    del postgresql_server  # skips where there is none
    with postgresql.server() as server:
        modes = iter(["fast", "immediate"] * 100)

        def restart() -> None:
            server.stop(mode=next(modes))
            server.start()

        restart_once = storm(server.new_url(), tmp_path, trials=60, kills=20, workers=4, restart=restart, seed=3)
    assert_nothing_happened(restart_once)
    assert restart_once.restarts >= 1
