import sqlite3
from pathlib import Path

import pytest

from headstock.storage import NewTrial, open_storage, sqlite
from headstock.storage.places import NETWORK, file_system, linux_mounts, network_file_system
from headstock.testing.sharing import SPEC

MOUNTS = r"""
/dev/sda1 / ext4 rw 0 0
tmpfs /tmp tmpfs rw 0 0
server:/home /home nfs4 rw,vers=4.2 0 0
/dev/sdb1 /home/local\040disk xfs rw 0 0
//server/share /mnt cifs rw 0 0
me@server: /home/me/far fuse.sshfs rw 0 0
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/a.db", "ext4"),
        ("/tmp/a.db", "tmpfs"),
        ("/home/me/a.db", "nfs4"),
        ("/home/local disk/a.db", "xfs"),
        ("/home/me/far/a.db", "fuse.sshfs"),
        ("/homework/a.db", "ext4"),
        ("/mnt/a.db", "cifs"),
    ],
)
def test_the_nearest_mount_counts(path: str, kind: str):
    assert file_system(Path(path), linux_mounts(MOUNTS)) == kind


def test_this_disk_is_local(tmp_path: Path):
    assert network_file_system(tmp_path / "a.db") is None
    assert "nfs" in NETWORK


def test_on_a_network_file_system_a_file_is_used_without_wal_and_with_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "far.db"
    open_storage(str(path)).close()
    monkeypatch.setattr(sqlite, "network_file_system", lambda _: "nfs4")
    with pytest.warns(UserWarning, match=r"far\.db lies on a network file system \(nfs4\).*use PostgreSQL"):
        storage = open_storage(str(path))
    storage.create(SPEC)
    storage.add_trials("shared", [NewTrial({"x": 0.5})], created=0, now=1.0)
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    connection.close()
    storage.close()
    assert [p.name for p in tmp_path.iterdir()] == ["far.db"]
