"""How long the dashboard takes for a page of its table of trials: by a column, in a state, with some words.

    PYTHONPATH=tests python benchmarks/web/ordering.py [--trials 100000]

Milliseconds from the request to the whole answer: the first one of all, for which every trial is read, the first one
in this order, the median of the ones that follow, and the median right after another process has added a trial.
"""

import argparse
import statistics
import sys
import tempfile
import time
from urllib.parse import urlencode
from urllib.request import urlopen

from opening import fill, served

from headstock import Experiment

ADDRESS = "http://127.0.0.1:8903"
ORDERS = (
    {"order": "trial"},
    {"order": "metric:accuracy"},
    {"order": "parameter:lr"},
    {"order": "state"},
    {"order": "seconds"},
    {"order": "metric:accuracy", "state": "completed"},
    {"order": "metric:accuracy", "words": "batchsize 32"},
)


def milliseconds(asked: dict[str, str]) -> float:
    """How long an answer takes."""
    began = time.perf_counter()
    with urlopen(f"{ADDRESS}/api/trials?{urlencode({'experiment': 'many', **asked})}", timeout=300) as answer:
        answer.read()
    return 1000 * (time.perf_counter() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=9)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/many.db"
        fill(url, options.trials)
        serve = [sys.executable, "-c", "from headstock.cli import main; main()", "ui", "--no-browser", "--storage", url]
        with served([*serve, "--port", "8903"], ADDRESS), Experiment.open("many", storage=url) as experiment:
            print(f"{options.trials:,} trials; the first answer of all: {milliseconds(ORDERS[1]):.0f} ms")
            print(f"{'':46}{'first':>10}{'warm':>10}{'after news':>12}")
            for asked in ORDERS:
                first = milliseconds(asked)
                warm = statistics.median(milliseconds({**asked, "offset": str(50 * i)}) for i in range(options.repeats))
                after = []
                for _ in range(options.repeats):
                    experiment.attach({"lr": 0.1, "batchsize": 32, "momentum": 0.5}, 0.1)
                    after.append(milliseconds(asked))
                words = ", ".join(f"{name} {value}" for name, value in asked.items())
                print(f"{words:46}{first:10.0f}{warm:10.0f}{statistics.median(after):12.0f}")


if __name__ == "__main__":
    main()
