import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from headstock.errors import CommandError
from headstock.executors import command
from headstock.executors.command import Ending, Exit, Launch, earlier, handle_file, kill_leftover, run_command
from headstock.executors.trees import MARK, Tree, marked, new_mark
from headstock.processes import process_handle

# A child, a grandchild in a session of its own whose parent has gone, and one that ignores being asked to end: each
# prints its number, and then waits for ever.
FAMILY = '''
import os, signal, subprocess, sys, time
wait = "import time; time.sleep(1000)"
stubborn = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + wait
daemon = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {wait!r}], start_new_session=True)
print(child.pid, flush=True)
"""
subprocess.run([sys.executable, "-c", daemon])
for code in (wait, stubborn):
    print(subprocess.Popen([sys.executable, "-c", code]).pid, flush=True)
print("ready", flush=True)
'''


def python(code: str, log: Path, **options: Any) -> Launch:
    return Launch([sys.executable, "-c", code], dict(os.environ), log, **options)


def run(code: str, folder: Path, read: Callable[[str], object] = lambda _: None, **options: Any) -> Exit:
    halted = options.pop("halted", lambda: False)
    return run_command(python(code, folder / "log", **options), read, halted=halted)


def assert_ended(pids: list[int]) -> None:
    """They were killed; the system may still be at it."""
    for pid in pids:
        try:
            process = psutil.Process(pid)
            deadline = time.monotonic() + 60.0
            while process.status() != psutil.STATUS_ZOMBIE:
                assert time.monotonic() < deadline, f"{process} still runs"
                time.sleep(0.01)
        except psutil.NoSuchProcess:
            continue


def test_both_streams_are_read_while_they_come_and_logged(tmp_path: Path):
    lines: list[str] = []
    code = "import sys; print('one'); sys.stdout.flush(); print('50%\\r100%', file=sys.stderr); print('end', end='')"
    exited = run(code, tmp_path, lines.append)
    assert (exited.ending, exited.code) == (Ending.BY_ITSELF, 0)
    assert sorted(lines) == ["100%", "50%", "end", "one"]
    assert sorted(exited.tail) == sorted(lines)
    log = (tmp_path / "log").read_text()
    assert all(line in log for line in lines)
    assert not handle_file(tmp_path / "log").exists()


def test_it_is_read_before_it_ends(tmp_path: Path):
    go_on = tmp_path / "go on"
    code = f"import os, time; print('first', flush=True)\nwhile not os.path.exists({str(go_on)!r}): time.sleep(0.01)"
    assert run(code, tmp_path, lambda _: go_on.touch()).code == 0


@pytest.mark.parametrize(
    ("code", "expected"), [("raise SystemExit(3)", 3), ("import os; os.kill(os.getpid(), 11)", -signal.SIGSEGV)]
)
def test_exit_codes_and_signals(code: str, expected: int, tmp_path: Path):
    assert run(code, tmp_path).code == expected


def test_what_cannot_be_started_is_refused(tmp_path: Path):
    with pytest.raises(CommandError, match=r"'/no/such/program' cannot be started"):
        run_command(Launch(["/no/such/program"], {}, tmp_path / "log"), print)


def test_no_shell_sees_the_command(tmp_path: Path):
    lines: list[str] = []
    run_command(Launch(["/bin/echo", "$(id) ; `id` > x"], {}, tmp_path / "log"), lines.append)
    assert lines == ["$(id) ; `id` > x"]


@pytest.mark.parametrize("how", ["timeout", "halted", "raising"])
def test_everything_that_it_started_ends_with_it(how: str, tmp_path: Path):
    pids: list[int] = []
    ready = threading.Event()

    def read(line: str) -> None:
        if line == "ready":
            ready.set()
            if how == "raising":
                raise KeyboardInterrupt
        else:
            pids.append(int(line))

    code = FAMILY + "time.sleep(1000)"
    if how == "raising":
        with pytest.raises(KeyboardInterrupt):
            run(code, tmp_path, read, grace=5.0)
    elif how == "halted":
        assert run(code, tmp_path, read, grace=5.0, halted=ready.is_set).ending is Ending.HALTED
    else:
        # The clock stands still until the family is complete.
        launch = python(code, tmp_path / "log", timeout=10.0, grace=5.0)
        exited = run_command(launch, read, clock=lambda: time.monotonic() + (1e6 if ready.is_set() else 0.0))
        assert exited.ending is Ending.TIMED_OUT
    assert len(pids) == 3
    assert_ended(pids)


def test_its_group_ends_when_it_ends_by_itself(tmp_path: Path):
    pids: list[int] = []
    code = "import subprocess; print(subprocess.Popen(['sleep', '1000']).pid, flush=True)"
    assert run(code, tmp_path, lambda line: pids.append(int(line))).code == 0
    assert_ended(pids)


def test_it_is_asked_before_it_is_killed(tmp_path: Path):
    code = """
import signal, sys, time
def leave(*_):
    print("saved", flush=True)
    sys.exit(7)
signal.signal(signal.SIGTERM, leave)
print("ready", flush=True)
time.sleep(1000)
"""
    ready = threading.Event()
    exited = run(code, tmp_path, lambda _: ready.set(), halted=ready.is_set, grace=60.0)
    assert exited.code == 7
    assert exited.tail == ("ready", "saved")


def test_one_that_does_not_listen_is_killed(tmp_path: Path):
    code = "import signal, time; signal.signal(15, signal.SIG_IGN); print('ready', flush=True); time.sleep(1000)"
    ready = threading.Event()
    exited = run(code, tmp_path, lambda _: ready.set(), halted=ready.is_set, grace=0.2)
    assert exited.code == -signal.SIGKILL


def test_hostile_output_costs_neither_memory_nor_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(command, "LOG_LIMIT", 300_000)
    longest = 0

    def read(line: str) -> None:
        nonlocal longest
        longest = max(longest, len(line))

    code = """
import sys
out = sys.stdout.buffer
out.write(b"\\xff\\x00\\x1b[31m" + b"x" * 3_000_000 + b"\\n")
for _ in range(100):
    out.write(b"y" * 9_999 + b"\\n")
print("accuracy=1", flush=True)
"""
    exited = run(code, tmp_path, read)
    assert exited.tail[-1] == "accuracy=1"
    assert longest == command.LONGEST_LINE
    log = tmp_path / "log"
    assert log.stat().st_size + earlier(log).stat().st_size <= 600_000
    assert log.read_bytes().endswith(b"accuracy=1\n")


def test_a_child_that_goes_on_printing_does_not_keep_it(tmp_path: Path):
    assert run("import subprocess; subprocess.Popen(['yes'])", tmp_path).code == 0


def test_a_log_that_cannot_be_written_does_not_end_the_training(tmp_path: Path):
    (tmp_path / "log").symlink_to("/dev/full")
    lines: list[str] = []
    assert run("print('accuracy=1')", tmp_path, lines.append).code == 0
    assert lines == ["accuracy=1"]


def test_where_no_log_can_be_begun_nothing_is_started(tmp_path: Path):
    before = psutil.Process().children()
    (tmp_path / "log").mkdir()
    with pytest.raises(IsADirectoryError):
        run("import time; time.sleep(1000)", tmp_path)
    left = [process for process in psutil.Process().children() if process not in before]
    for process in left:
        process.kill()
    assert left == []


def test_a_log_that_was_deleted_is_begun_anew_when_it_is_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(command, "LOG_LIMIT", 100)
    lines: list[str] = []

    def read(line: str) -> None:
        if not lines:
            (tmp_path / "log").unlink()
            (tmp_path / "go").touch()
        lines.append(line)

    wait = f"import os, time\nwhile not os.path.exists({str(tmp_path / 'go')!r}): time.sleep(0.01)"
    assert run(f"print('a' * 80, flush=True)\n{wait}\nprint('b' * 80)", tmp_path, read).code == 0
    assert lines == ["a" * 80, "b" * 80]
    assert (tmp_path / "log").read_text() == "b" * 80 + "\n"


def test_a_command_that_outlived_its_headstock_is_killed_by_the_next(tmp_path: Path):
    mark = new_mark()
    left = psutil.Popen(["sleep", "1000"], env=marked({}, mark), start_new_session=True)
    handle_file(tmp_path / "log").write_text(f"{process_handle(left.pid)}\n{mark}\n")
    kill_leftover(tmp_path / "log")
    assert left.wait(timeout=60) == -signal.SIGKILL


@pytest.mark.parametrize("handle", ["{host}/{boot}/{pid}/1.00", "elsewhere/{boot}/{pid}/{start}", "", "a/b\n"])
def test_a_number_that_was_given_to_another_process_is_left_alone(handle: str, tmp_path: Path):
    other = psutil.Popen(["sleep", "1000"], start_new_session=True)
    try:
        host, boot, pid, start = process_handle(other.pid).rsplit("/", 3)
        text = handle.format(host=host, boot=boot, pid=pid, start=start)
        handle_file(tmp_path / "log").write_text(f"{text}\n{new_mark()}\n")
        kill_leftover(tmp_path / "log")
        assert other.status() != psutil.STATUS_ZOMBIE
    finally:
        other.kill()
        other.wait()


def test_a_tree_within_a_tree_belongs_to_both():
    outer, inner = new_mark(), new_mark()
    environment = marked(marked({"A": "1"}, outer), inner)
    assert environment == {"A": "1", MARK: f"{outer}:{inner}"}
    left = psutil.Popen(["sleep", "1000"], env=environment)
    try:
        while not left.environ():  # for a moment after its start the system shows none
            pass
        assert [process.pid for process in Tree(None, outer).members()] == [left.pid]
        Tree(None, inner).kill()
    finally:
        left.kill()
        assert left.wait() == -signal.SIGKILL
