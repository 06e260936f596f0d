"""What is raced: headstock and its baselines in this process, every other library in a process of its own."""

import json
import os
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, Protocol, final

import headstock
from headstock import Bayesian, Experiment, Failed, Random, Sobol, Space
from headstock.parameters import Parameters
from headstock.samplers.base import Sampler
from install_peers import interpreter


class Optimizer(Protocol):
    """A library's search; one object serves one run after another. Values are minimised.

    `cpu` counts the seconds of processor time that ask and tell took, `versions` says what was run.
    """

    cpu: float
    versions: Mapping[str, str]

    def start(self, space: Space, seed: int, trials: int, workers: int) -> None:
        """Begin a new search."""
        ...

    def ask(self) -> tuple[int, Parameters]:
        """The key and the parameters of the next trial."""
        ...

    def tell(self, key: int, value: float | None) -> None:
        """The value of a trial; None if it failed."""
        ...

    def know(self, results: list[tuple[Parameters, float]]) -> None:
        """Results that were obtained elsewhere."""
        ...

    def best(self) -> Parameters | None:
        """What the library recommends; None if that is the best value seen, or nothing yet."""
        ...


@final
@dataclass(slots=True)
class Ours:
    """One of headstock's samplers, in this process.

    Args:
        sampler: which.
        believes: whether it recommends the best believed; a baseline recommends the best seen.
    """

    sampler: Sampler
    believes: bool = False
    cpu: float = 0.0
    versions: Mapping[str, str] = field(default_factory=lambda: {"headstock": _version()})
    _experiment: Experiment | None = None

    def start(self, space: Space, seed: int, trials: int, workers: int) -> None:  # noqa: ARG002 - as the others
        """An experiment in memory."""
        self._experiment = Experiment("race", space, minimize="value", sampler=self.sampler, seed=seed)

    def ask(self) -> tuple[int, Parameters]:
        """The next trial."""
        began = time.process_time()
        trial = self._running.ask()
        self.cpu += time.process_time() - began
        return trial.index, trial.parameters

    def tell(self, key: int, value: float | None) -> None:
        """The end of a trial."""
        began = time.process_time()
        self._running.tell(key, Failed("outside of the region that works") if value is None else value)
        self.cpu += time.process_time() - began

    def know(self, results: list[tuple[Parameters, float]]) -> None:
        """Results from elsewhere, attached."""
        for parameters, value in results:
            self._running.attach(parameters, value)

    def best(self) -> Parameters | None:
        """The best believed."""
        return self._running.best().parameters if self.believes and self._running.history.observed else None

    @property
    def _running(self) -> Experiment:
        if self._experiment is None:
            raise RuntimeError("The search was not started.")
        return self._experiment


def _version() -> str:
    """The release, and the commit if its source is a checkout."""
    described = ["git", "-C", str(Path(headstock.__file__).parent), "describe", "--always", "--dirty"]
    try:
        commit = subprocess.run(described, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return version("headstock")
    return f"{version('headstock')} at {commit}"


@final
class Peer:
    """Another library, in its own environment, spoken to by JSON lines (peers/serving.py)."""

    def __init__(self, environment: str, *arguments: str) -> None:
        python = interpreter(environment)
        if not python.exists():
            raise SystemExit(f"{environment} is not installed: python benchmarks/regret/install_peers.py {environment}")
        self.cpu = 0.0
        self._process = subprocess.Popen(
            [python, "-m", *arguments],
            cwd=Path(__file__).parent,
            env={**os.environ, "PYTHONPATH": "", "PYTHONWARNINGS": "ignore"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.versions: Mapping[str, str] = self._read()["versions"]

    def start(self, space: Space, seed: int, trials: int, workers: int) -> None:
        """Begin a new search."""
        given = {"space": space.to_json()["parameters"], "seed": seed, "trials": trials, "workers": workers}
        self._call("start", given)

    def ask(self) -> tuple[int, Parameters]:
        """The next trial."""
        answer = self._call("ask")
        self.cpu += answer["cpu"]
        return answer["key"], answer["parameters"]

    def tell(self, key: int, value: float | None) -> None:
        """The end of a trial."""
        self.cpu += self._call("tell", {"key": key, "value": value})["cpu"]

    def know(self, results: list[tuple[Parameters, float]]) -> None:
        """Results from elsewhere."""
        self._call("know", results)

    def best(self) -> Parameters | None:
        """What the library recommends."""
        return self._call("best")["parameters"]

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()

    def _call(self, verb: str, given: Any = None) -> dict[str, Any]:
        print(json.dumps({verb: given}), file=self._process.stdin, flush=True)
        return self._read()

    def _read(self) -> dict[str, Any]:
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            raise ChildProcessError(f"{self._process.args} ended with {self._process.wait()}; see above")
        return json.loads(line)


@final
@dataclass(frozen=True, slots=True)
class Library:
    """A competitor.

    Args:
        make: a new optimizer of it.
        most: the trials after which it is too slow to be raced further.
    """

    make: Callable[[], Ours | Peer]
    most: int = 100


LIBRARIES: Final[Mapping[str, Library]] = {
    "headstock": Library(partial(Ours, Bayesian(), believes=True)),
    "random": Library(partial(Ours, Random())),
    "sobol": Library(partial(Ours, Sobol())),
    "optuna-tpe": Library(partial(Peer, "optuna", "peers.optuna", "tpe")),
    "optuna-gp": Library(partial(Peer, "optuna", "peers.optuna", "gp"), most=50),
    "ax": Library(partial(Peer, "ax", "peers.ax"), most=50),
    "botorch": Library(partial(Peer, "botorch", "peers.botorch"), most=50),
    "hebo": Library(partial(Peer, "hebo", "peers.hebo"), most=30),
    "smac": Library(partial(Peer, "smac", "peers.smac")),
    "skopt": Library(partial(Peer, "skopt", "peers.skopt"), most=50),
    "vizier": Library(partial(Peer, "vizier", "peers.vizier"), most=30),
}
"""Everything that can be raced, by name."""
