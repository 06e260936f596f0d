"""What tests ask of processes that were killed."""

import psutil


def has_ended(pid: int) -> bool:
    """It was killed; the system may still be at it."""
    try:
        process = psutil.Process(pid)
        return process.status() == psutil.STATUS_ZOMBIE or process.wait(timeout=60) is None
    except psutil.NoSuchProcess:
        return True
