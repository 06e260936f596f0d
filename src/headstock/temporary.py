"""Folders for what need not outlive this process. Those that killed processes have left are removed by the next one."""

import hashlib
import os
import re
import shutil
import tempfile
import weakref
from pathlib import Path
from typing import Final

from headstock.processes import is_alive, process_handle

_FOLDER: Final = re.compile(r"headstock-([0-9a-f]{6})-(\d+)-([\d.]+)-\w{8}")
"""The name of a folder: of which boot of which host, and the process id and start time of its process there."""


def own_folder() -> Path:
    """A new folder that only this user may enter, for this process to remove; what others of it have left is gone.

    Its path is short enough for a socket in it.
    """
    place, pid, started = process_handle(os.getpid()).rsplit("/", 2)
    digest = hashlib.sha256(place.encode("utf-8", "surrogatepass")).hexdigest()[:6]
    for folder in Path(tempfile.gettempdir()).iterdir():
        left = _FOLDER.fullmatch(folder.name)
        if left and left[1] == digest and not is_alive(f"{place}/{left[2]}/{left[3]}"):
            shutil.rmtree(folder, ignore_errors=True)  # of this user's, that is
    return Path(tempfile.mkdtemp(prefix=f"headstock-{digest}-{pid}-{started}-"))


def folder_with(owner: object) -> Path:
    """A new folder that only this user may enter, and that is gone with an object."""
    folder = own_folder()
    weakref.finalize(owner, shutil.rmtree, folder, ignore_errors=True)
    return folder
