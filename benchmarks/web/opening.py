"""How long a dashboard takes to open on very many trials, and to show a new one; ours and optuna-dashboard.

    python benchmarks/regret/install_peers.py optuna-dashboard
    PYTHONPATH=tests python benchmarks/web/opening.py [--trials 100000] [--updates 5] [--out FILE]

Both get as many trials of the same shape, in a SQLite file. For each, the page of the experiment is opened in a fresh
server and a fresh browser, then once more with the server warm. Prints one table, writes a JSON line a dashboard:

    first paint     until the browser paints anything of the page
    best shown      until the page shows the best value of all trials
    plot shown      until the plot of all trials is drawn
    update          from a new best trial, committed by another process, to its value on the page; median of some
    received        megabytes over the network for the page
    server          megabytes of memory (RSS) of the server, after all of this
    page            megabytes of the page's JavaScript heap
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import numpy as np
import psutil
from playwright.sync_api import Error

from browser.chromium import launched
from headstock import Experiment, Float, Int, Space
from headstock.objective import Objective
from headstock.storage import ExperimentSpec, open_storage
from headstock.trial import Observation, TrialRecord, TrialState

PEER = Path(__file__).parents[2] / ".venv-peers" / "optuna-dashboard" / "bin"
SPACE = Space(lr=Float(1e-6, 0.4, log=True), batchsize=Int(16, 128), momentum=Float(0.0, 1.0))
BEST = 0.9801
SHOWS = "words => document.body.innerText.includes(words)"
PAINTS = "performance.getEntriesByName('first-contentful-paint').map(entry => entry.startTime)"


def fill(url: str, count: int) -> None:
    """Put the trials into our storage."""
    rng = np.random.default_rng(0)
    lr, batch, momentum = 10 ** rng.uniform(-6, -0.4, count), rng.integers(16, 129, count), rng.random(count)
    values = 0.9 * rng.random(count)
    values[count // 2] = BEST
    trials = [
        TrialRecord(
            i,
            TrialState.COMPLETED,
            {"lr": float(lr[i]), "batchsize": int(batch[i]), "momentum": float(momentum[i])},
            batch=i,
            source="bayesian",
            because="expected gain 0.8 % here",
            objective="accuracy",
            metrics={"accuracy": Observation(float(values[i]))},
            created=1.7e9 + i,
            started=1.7e9 + i,
            finished=1.7e9 + i + 1,
        )
        for i in range(count)
    ]
    storage = open_storage(url)
    storage.create(ExperimentSpec("many", SPACE, Objective("accuracy"), (), 0), trials)
    storage.close()


@contextmanager
def ours(folder: Path, count: int) -> Iterator[tuple[list[str], str, str, Callable[[float], None]]]:
    """How to serve, what address to open, what its plot is, and how to add a trial."""
    url = f"sqlite:///{folder}/ours.db"
    fill(url, count)
    serve = [sys.executable, "-c", "from headstock.cli import main; main()", "ui", "--no-browser", "--storage", url]
    with Experiment.open("many", storage=url) as experiment:

        def add(value: float) -> None:
            experiment.attach({"lr": 0.1, "batchsize": 32, "momentum": 0.5}, value)

        yield (
            [*serve, "--port", "8901"],
            "http://127.0.0.1:8901/?experiment=many",
            "section[data-figure=trace] .main-svg",
            add,
        )


@contextmanager
def theirs(folder: Path, count: int) -> Iterator[tuple[list[str], str, str, Callable[[float], None]]]:
    """The same of optuna-dashboard."""
    url = f"sqlite:///{folder}/theirs.db"
    peer = [str(PEER / "python"), str(Path(__file__).with_name("peer.py"))]
    subprocess.run([*peer, "fill", url, str(count), str(BEST)], check=True, stdout=subprocess.DEVNULL)
    writer = subprocess.Popen([*peer, "serve", url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert writer.stdin is not None
    assert writer.stdout is not None
    writer.stdout.readline()

    def add(value: float) -> None:
        writer.stdin.write(f"{value}\n")
        writer.stdin.flush()
        writer.stdout.readline()

    try:
        serve = [str(PEER / "optuna-dashboard"), url, "--host", "127.0.0.1", "--port", "8902", "--quiet"]
        yield serve, "http://127.0.0.1:8902/dashboard/studies/1", ".js-plotly-plot .main-svg", add
    finally:
        writer.terminate()
        writer.wait()


@contextmanager
def served(command: list[str], address: str) -> Iterator[psutil.Process]:
    """The server, answering."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    base = "/".join(address.split("/")[:3])
    try:
        while True:
            try:
                urlopen(base, timeout=5).close()
                break
            except OSError:
                time.sleep(0.05)
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait()


def shows(page: Any, value: float, patience: float) -> None:
    """Wait until the page shows a value."""
    page.wait_for_function(SHOWS, arg=f"{value:.4f}", timeout=1000 * patience)


def opened(page: Any, address: str, plot: str, patience: float) -> dict[str, float | None]:
    """Open the page, and tell what took how long, in seconds; None for what did not come in time."""
    received: list[float] = []
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.on("Network.loadingFinished", lambda event: received.append(event["encodedDataLength"]))
    began = time.perf_counter()
    page.goto(address, wait_until="commit", timeout=1000 * patience)
    best = since(began, lambda: shows(page, BEST, patience))
    drawn = since(began, lambda: page.locator(plot).first.wait_for(timeout=1000 * patience))
    paints = [] if best is None else page.evaluate(PAINTS)
    return {
        "first_paint_s": paints[0] / 1000 if paints else None,
        "best_shown_s": best,
        "plot_shown_s": drawn,
        "received_mb": sum(received) / 1e6,
    }


def since(began: float, wait: Callable[[], None]) -> float | None:
    """Seconds from `began` to the end of a wait; None if it was in vain, or the page has crashed."""
    try:
        wait()
    except Error as error:
        print(f"  {str(error).splitlines()[0]}", file=sys.stderr)
        return None
    return time.perf_counter() - began


def measure(dashboard: Any, folder: Path, count: int, updates: int, patience: float) -> dict[str, Any]:
    """Everything about one dashboard."""
    with dashboard(folder, count) as (command, address, plot, add), served(command, address) as server:

        def megabytes() -> float:
            family = [server, *server.children(recursive=True)]
            return sum(p.memory_info().rss for p in family) / 1e6

        with launched() as browser:
            found: dict[str, Any] = {"cold": opened(browser.new_page(), address, plot, patience)}
        found["server_mb"] = megabytes()
        if found["cold"]["best_shown_s"] is None:
            return found  # it will hardly be better the second time
        with launched() as browser:
            page = browser.new_page()
            found["warm"] = opened(page, address, plot, patience)
            page.wait_for_timeout(3_000)
            times = []
            for i in range(updates):
                value = BEST + 0.0001 * (i + 1)
                add(value)
                began = time.perf_counter()
                taken = since(began, partial(shows, page, value, patience))
                if taken is None:
                    break
                times.append(taken)
                page.wait_for_timeout(1_000)
            found["server_mb"] = megabytes()
            if len(times) == updates:
                session = page.context.new_cdp_session(page)
                session.send("HeapProfiler.collectGarbage")
                found["page_mb"] = session.send("Runtime.getHeapUsage")["usedSize"] / 1e6
                found |= {"update_s": statistics.median(times), "slowest_update_s": max(times)}
    return found


def cell(value: float | None) -> str:
    """A figure in the table."""
    return f"{'-' if value is None else format(value, '.2f'):>42}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=100_000)
    parser.add_argument("--updates", type=int, default=5)
    parser.add_argument("--patience", type=float, default=300.0, help="seconds to wait for anything")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".jsonl"))
    options = parser.parse_args()
    listed = subprocess.run([PEER / "pip", "list", "--format", "json"], check=True, capture_output=True, text=True)
    peers = {p["name"]: p["version"] for p in json.loads(listed.stdout)}
    names = {
        f"headstock {version('headstock')}": ours,
        f"optuna-dashboard {peers['optuna-dashboard']}, optuna {peers['optuna']}": theirs,
    }
    rows = {}
    with tempfile.TemporaryDirectory() as folder, options.out.open("w", encoding="utf-8") as lines:
        for name, dashboard in names.items():
            rows[name] = measure(dashboard, Path(folder), options.trials, options.updates, options.patience)
            lines.write(json.dumps({"dashboard": name, "trials": options.trials, **rows[name]}) + "\n")
    print(f"{options.trials:,} trials".ljust(32) + "".join(f"{name:>42}" for name in rows))
    for when in ("cold", "warm"):
        for what in ("first_paint_s", "best_shown_s", "plot_shown_s", "received_mb"):
            print(f"{when + ' ' + what:32}" + "".join(cell(row.get(when, {}).get(what)) for row in rows.values()))
    for what in ("update_s", "slowest_update_s", "server_mb", "page_mb"):
        print(f"{what:32}" + "".join(cell(row.get(what)) for row in rows.values()))


if __name__ == "__main__":
    main()
