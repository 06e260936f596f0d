"""Who runs a trial, and whether that process still lives."""

import os
import platform
import uuid
from pathlib import Path


def new_owner() -> str:
    """A handle for one run in this process: its `process_handle`, and a part of its own."""
    return f"{process_handle(os.getpid())}/{uuid.uuid4().hex[:8]}"


def is_dead(owner: str) -> bool:
    """Whether the process of an owner is known to be gone: it ran on this host, and runs no more.

    A process of another host is never known to be dead.
    """
    return is_here(owner) and not is_alive(owner.rpartition("/")[0])


def is_here(owner: str) -> bool:
    """Whether the process of an owner runs, or ran, on this host."""
    host, pid = place_of(owner)
    return host == platform.node() and pid is not None


def place_of(owner: str) -> tuple[str, int | None]:
    """The host and the process id of an owner; what is no handle is taken for the name of a host."""
    host, *rest = owner.rsplit("/", 4)
    return (host, int(rest[1])) if len(rest) == 4 and rest[1].isdecimal() else (owner, None)


def is_alive(handle: str) -> bool:
    """Whether the process of a handle runs on this host: this very one, and none that was given its number later."""
    import psutil

    try:
        return process_handle(int(handle.rsplit("/", 2)[1])) == handle
    except psutil.NoSuchProcess:
        return False


def process_handle(pid: int) -> str:
    """What tells a running process from every other one: host, boot, process id and start time.

    Raises:
        psutil.NoSuchProcess: if there is no such process.
    """
    import psutil

    # Linux counts from the boot, which has a name: a time of day would be another one after the clock was set.
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        started = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[19].decode()
    except (OSError, IndexError):
        boot, started = f"{psutil.boot_time():.0f}", f"{psutil.Process(pid).create_time():.2f}"
    return f"{platform.node()}/{boot}/{pid}/{started}"
