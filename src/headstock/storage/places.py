"""What kind of file system a file lies on: SQLite's WAL needs memory that all its processes share."""

import os
import re
from pathlib import Path
from typing import Final

NETWORK: Final = frozenset(
    {
        *("nfs", "nfs4", "cifs", "smb3", "smbfs", "smb2", "afs", "afpfs", "webdav", "9p", "ceph", "lustre", "gpfs"),
        *("glusterfs", "beegfs", "beegfs_nodev", "ocfs2", "gfs2", "orangefs", "pvfs2", "wekafs", "panfs", "fhgfs"),
        *("fuse.sshfs", "fuse.glusterfs", "fuse.ceph", "fuse.cephfs", "fuse.s3fs", "fuse.gcsfuse", "fuse.rclone"),
    }
)
"""File systems whose files processes of several machines may open at once."""


def network_file_system(path: Path) -> str | None:
    """The name of the network file system that a file lies on; None if it lies on a local disk, or that is unknown."""
    kind = file_system(path.resolve(), _mounts())
    return kind if kind in NETWORK else None


def file_system(path: Path, mounts: dict[str, str]) -> str | None:
    """The file system of the folder, nearest to a path, that is mounted.

    Args:
        path: absolute, without links.
        mounts: for each mounted folder, the name of its file system.
    """
    for folder in (path, *path.parents):
        if str(folder) in mounts:
            return mounts[str(folder)]
    return None


def linux_mounts(table: str) -> dict[str, str]:
    """The mounted folders of `/proc/self/mounts`; where one hides another, the later one."""
    rows = [line.split() for line in table.splitlines()]
    return {_unescaped(row[1]): row[2] for row in rows if len(row) > 2}


def _unescaped(folder: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), folder)


def _mounts() -> dict[str, str]:
    try:
        return linux_mounts(Path("/proc/self/mounts").read_text(encoding="utf-8", errors="surrogateescape"))
    except OSError:
        import psutil

        return {mount.mountpoint: mount.fstype for mount in psutil.disk_partitions(all=os.name == "posix")}
