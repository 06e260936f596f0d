"""A PostgreSQL server for tests and measurements: from this machine's packages, on loopback, in a temporary folder."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

from headstock.errors import MissingDependencyError

PASSWORD: Final = "s3cret"  # noqa: S105 - of a server that lives as long as a test
"""The password of the user `headstock`; no message of headstock's may show it."""

_ACCOUNT: Final = "postgres"
"""Who runs the server if root asks for it, for it refuses to run as root."""


@final
@dataclass(frozen=True, slots=True)
class Server:
    """A server that runs.

    Args:
        folder: its data, log and socket.
        programs: the folder of PostgreSQL's programs.
        port: its port on the loopback address.
        is_durable: whether its commits wait for the disk. Without it they survive the death of processes only.
    """

    folder: Path
    programs: Path
    port: int
    is_durable: bool = False

    def new_url(self) -> str:
        """The URL of an empty place, with the password: a schema of its own, made faster than a database."""
        name = f"at_{uuid.uuid4().hex}"
        self._run("psql", "-q", "-d", "postgres", "-c", f"CREATE SCHEMA {name}")
        return f"postgresql://headstock:{PASSWORD}@127.0.0.1:{self.port}/postgres?options=-csearch_path%3D{name}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1 -c max_connections=200"
        options += f" -c fsync={'on' if self.is_durable else 'off'}"
        data, log = str(self.folder / "data"), str(self.folder / "log")
        self._run("pg_ctl", "start", "-w", "-D", data, "-l", log, "-o", options)

    def stop(self, *, mode: str = "fast") -> None:
        """Stop it, and wait until it has.

        Args:
            mode: "fast" ends every session; "immediate" is a crash.
        """
        self._run("pg_ctl", "stop", "-w", "-D", str(self.folder / "data"), "-m", mode)

    def _run(self, program: str, *arguments: str) -> None:
        _run(self.programs / program, *arguments, PGHOST=str(self.folder), PGPORT=str(self.port), PGUSER="headstock")


def programs() -> Path:
    """The folder of PostgreSQL's programs.

    Raises:
        MissingDependencyError: if it is not installed here.
    """
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    found = installed[-1] if installed else shutil.which("initdb")
    if found is None:
        raise MissingDependencyError("PostgreSQL is not installed here. On Debian: apt-get install postgresql")
    return Path(found).parent


@contextmanager
def server(*, is_durable: bool = False) -> Iterator[Server]:
    """A new server, which runs while the block does.

    Args:
        is_durable: whether its commits wait for the disk.

    Raises:
        MissingDependencyError: if PostgreSQL is not installed here.
    """
    found = programs()
    folder = Path(tempfile.mkdtemp(prefix="headstock-postgresql-"))
    try:
        password = folder / "password"
        password.write_text(PASSWORD, encoding="utf-8")
        if os.getuid() == 0:
            shutil.chown(folder, _ACCOUNT)
            shutil.chown(password, _ACCOUNT)
        _run(
            found / "initdb",
            *("-D", str(folder / "data"), "-U", "headstock", "--auth-local=trust", "--auth-host=scram-sha-256"),
            *("--pwfile", str(password), "-E", "UTF8", "--locale=C", "--no-sync"),
        )
        with _kept_port() as port:
            running = Server(folder, found, port, is_durable)
            running.start()
            try:
                yield running
            finally:
                running.stop(mode="immediate")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(program: Path, *arguments: str, **environment: str) -> None:
    """Run a program of PostgreSQL, as somebody who may."""
    as_root = os.getuid() == 0
    done = subprocess.run(  # noqa: S603 - the program is one of PostgreSQL's, and no shell sees the arguments
        [str(program), *arguments],
        env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", **environment},
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if program.name != "pg_ctl" else subprocess.DEVNULL,  # the server would keep it open
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        user=_ACCOUNT if as_root else None,
        group=_ACCOUNT if as_root else None,
        extra_groups=[] if as_root else None,
    )
    assert done.returncode == 0, f"{program.name} {' '.join(arguments)} failed: {done.stdout}"


@contextmanager
def _kept_port() -> Iterator[int]:
    """A port to listen on that Linux gives to nobody else meanwhile, also while the server is away."""
    with socket.socket() as keeper:
        keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does
        keeper.bind(("127.0.0.1", 0))
        port = int(keeper.getsockname()[1])
        if sys.platform != "linux":  # elsewhere two may not have it, though one of them only keeps it
            keeper.close()
        yield port
