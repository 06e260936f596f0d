"""Who runs a trial, and whether that process still lives."""

import os
import platform
import uuid


def new_owner() -> str:
    """A handle for one run in this process: host, boot, process id, start time, and a part of its own."""
    return f"{_process(os.getpid())}/{uuid.uuid4().hex[:8]}"


def is_dead(owner: str) -> bool:
    """Whether the process of an owner is known to be gone: it ran on this host, and runs no more.

    A process of another host is never known to be dead.
    """
    process, _ = owner.rsplit("/", 1)
    host, _, pid, _ = process.rsplit("/", 3)
    if host != platform.node():
        return False
    import psutil

    try:
        return _process(int(pid)) != process
    except psutil.NoSuchProcess:
        return True


def _process(pid: int) -> str:
    import psutil

    started = psutil.Process(pid).create_time()
    return f"{platform.node()}/{psutil.boot_time():.0f}/{pid}/{started:.2f}"
