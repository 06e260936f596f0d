"""The long storm: hundreds of workers killed over a thousand trials, on one SQLite file and on PostgreSQL.

    python benchmarks/scale/storm.py [--trials 1000] [--kills 200] [--workers 8] [--databases sqlite postgresql]
        [--seed 0] [--out FILE]

See headstock.testing.storm for what happens to the workers. On SQLite each tenth worker cannot let the file grow, as
on a full disk, or may only read it; PostgreSQL is restarted again and again, each second time by a crash.
Every clock jumps by months. Prints a line a database, and writes it as JSON. Bars: lost, doubled and stuck are 0.
"""

import argparse
import json
import sys
import tempfile
from dataclasses import asdict
from itertools import cycle
from pathlib import Path

from headstock.testing import postgresql
from headstock.testing.storm import Damage, storm


def over_sqlite(folder: Path, options: argparse.Namespace) -> Damage:
    logs = folder / "logs"
    logs.mkdir()
    return storm(f"sqlite:///{folder}/storm.db", logs, **_given(options))


def over_postgresql(folder: Path, options: argparse.Namespace) -> Damage:
    with postgresql.server(is_durable=True) as server:
        modes = cycle(["fast", "immediate"])

        def restart() -> None:
            server.stop(mode=next(modes))
            server.start()

        return storm(server.new_url(), folder, restart=restart, **_given(options))


def _given(options: argparse.Namespace) -> dict[str, int]:
    return {"trials": options.trials, "kills": options.kills, "workers": options.workers, "seed": options.seed}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--databases", nargs="+", default=["sqlite", "postgresql"])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".jsonl"))
    options = parser.parse_args()
    is_bad = False
    with options.out.open("a", encoding="utf-8") as lines:
        for database in options.databases:
            with tempfile.TemporaryDirectory() as folder:
                over = {"sqlite": over_sqlite, "postgresql": over_postgresql}[database]
                damage = asdict(over(Path(folder), options))
            print(f"{database:12}" + "  ".join(f"{name} {value:.4g}" for name, value in damage.items()), flush=True)
            lines.write(json.dumps({"database": database, "workers": options.workers, **damage}) + "\n")
            is_bad |= any(damage[name] for name in ("lost", "doubled", "stuck"))
            is_bad |= damage["created"] != damage["trials"]
    sys.exit(1 if is_bad else 0)


if __name__ == "__main__":
    main()
