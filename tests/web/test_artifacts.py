import hashlib
import http.client
import os
import re
import subprocess
import sys
import threading
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import psutil
import pytest

import histories
from headstock import Budget, Experiment, Float, Space
from headstock.scripts.folders import files_of, trial_folder
from headstock.storage import open_storage
from headstock.storage.records import ExperimentSpec
from serving import dashboard, get, request

pytest.importorskip("starlette", reason="the dashboard needs the extra ui")
pytest.importorskip("uvicorn", reason="the dashboard needs the extra ui")

from headstock.web.artifacts import _opened, listing, search

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
PAGE = b"<script>alert(1)</script>"
KINDS = {
    "a.png": (PNG, "picture", "image/png"),
    "B.JPG": (b"\xff\xd8\xff\xe0 a photo", "picture", "image/jpeg"),
    "c.jpeg": (b"\xff\xd8\xff\xe0 a photo", "picture", "image/jpeg"),
    "d.gif": (b"GIF89a" + PAGE, "picture", "image/gif"),
    "e.webp": (b"RIFF\n\0\0\0WEBPVP8 ", "picture", "image/webp"),
    "f.wav": (b"RIFF\n\0\0\0WAVEfmt ", "sound", "audio/wav"),
    "g.mp3": (b"ID3\x04", "sound", "audio/mpeg"),
    "h.ogg": (b"OggS\0", "sound", "audio/ogg"),
    "i.mp4": (b"\0\0\0\x1cftypisom", "video", "video/mp4"),
    "j.webm": (b"\x1a\x45\xdf\xa3", "video", "video/webm"),
    "k.csv": (b"a,b\n1,2\n", "text", "text/plain; charset=utf-8"),
    "l.json": (b"{}", "text", "text/plain; charset=utf-8"),
    "m.md": (PAGE, "text", "text/plain; charset=utf-8"),
    "n.txt": (PNG, "text", "text/plain; charset=utf-8"),
    "o.svg": (b"<svg xmlns='http://www.w3.org/2000/svg'>" + PAGE + b"</svg>", "file", "application/octet-stream"),
    "p.html": (PAGE, "file", "application/octet-stream"),
    "q.png": (PAGE, "file", "application/octet-stream"),
    "r.mp4": (PAGE, "file", "application/octet-stream"),
    "s.png": (b"", "file", "application/octet-stream"),
    "t.png.html": (PNG, "file", "application/octet-stream"),
    "u": (PNG, "file", "application/octet-stream"),
    "model.pt": (b"PK\x03\x04", "file", "application/octet-stream"),
}
HOSTILE = [
    "\"; filename=x.html; '.png",
    "two\nlines\r\nSet-Cookie: a=b.png",
    "<\\script><img src=x onerror=alert(1)>.png",
    "gnp.\u202eexe.png",
    "\x1b[31m.png",
    "..png",
    "-rf %2e%2e%2f ?x=1&y#z.png",
    "ü" * 120 + ".png",
    os.fsdecode(b"\xff\xfe.png"),
]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """The dashboard of an experiment of twenty trials, and the folder of its files."""
    url = f"sqlite:///{tmp_path_factory.mktemp('artifacts') / 'a.db'}"
    given = histories.digits()
    storage = open_storage(url)
    storage.create(ExperimentSpec("left", given.space, given.objective, (), 7), given.trials)
    files = files_of(url, storage.experiment("left"))
    storage.close()
    with dashboard(url) as link:
        yield link, files


class Left:
    """What one trial has left, and what the dashboard says of it."""

    def __init__(self, link: str, files: Path, index: int) -> None:
        self.link, self.index, self.folder = link, index, trial_folder(files, index)
        self.own = self.folder / "own"
        self.own.mkdir(parents=True)

    def listed(self):
        return get(self.link, "api/artifacts", experiment="left", trial=self.index).json

    def address(self, key: str) -> str:
        return f"/api/artifact?{urlencode({'experiment': 'left', 'trial': self.index, 'artifact': key})}"

    def get(self, key: str, method: str = "GET", **headers):
        return request(self.link, method, self.address(key), **headers)


@pytest.fixture
def trial(place):
    """A trial that no other test has."""
    link, files = place
    return Left(link, files, len(list(files.iterdir())) if files.exists() else 0)


def named(listed) -> dict[str, dict]:
    return {one["name"]: one for one in listed["files"]}


def test_what_a_file_is_follows_from_its_ending_and_its_first_bytes(trial):
    for name, (content, _, _) in KINDS.items():
        (trial.own / name).write_bytes(content)
    listed = named(trial.listed())
    assert {name: one["kind"] for name, one in listed.items()} == {name: kind for name, (_, kind, _) in KINDS.items()}
    for name, (content, kind, media) in KINDS.items():
        assert listed[name]["size"] == len(content)
        sent = trial.get(listed[name]["key"])
        assert (sent.status, sent.body, sent.headers["Content-Type"]) == (200, content, media)
        seen = "inline" if kind in ("picture", "sound", "video") else "attachment"
        assert sent.headers["Content-Disposition"] == f"{seen}; filename*=UTF-8''{name}"
        assert sent.headers["X-Content-Type-Options"] == "nosniff"
        assert sent.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        policy = sent.headers.get_all("Content-Security-Policy")
        assert len(policy) == 1
        assert {"sandbox", "default-src 'none'", "frame-ancestors 'none'"} <= set(policy[0].split("; "))
        assert "script" not in policy[0]


def test_a_large_picture_is_a_download(trial):
    with (trial.own / "large.png").open("wb") as file:
        file.write(PNG)
        file.truncate(20_000_001)
    (large,) = trial.listed()["files"]
    assert (large["kind"], large["size"]) == ("file", 20_000_001)
    assert trial.get(large["key"], "HEAD").headers["Content-Type"] == "application/octet-stream"


def test_names_are_told_and_sent_without_what_a_terminal_or_a_header_would_obey(trial):
    for i, name in enumerate(HOSTILE):
        (trial.own / name).write_bytes(PNG + bytes([i]))
        os.utime(trial.own / name, (1e9 - i, 1e9 - i))
    listed = trial.listed()["files"]
    assert len(listed) == len(HOSTILE)
    for i, one in enumerate(listed):
        assert one["name"].isprintable()
        assert re.fullmatch("[0-9a-f]{32}", one["key"])
        sent = trial.get(one["key"])
        assert sent.body == PNG + bytes([i])
        assert re.fullmatch(r"inline; filename\*=UTF-8''[\w.~%-]+", sent.headers["Content-Disposition"], re.ASCII)
        assert sent.headers["Set-Cookie"] is None


def test_no_link_is_followed_and_nothing_but_files_is_opened(trial, tmp_path):
    (tmp_path / "secret.txt").write_text("a secret")
    (trial.own / "to_file.txt").symlink_to(tmp_path / "secret.txt")
    (trial.own / "to_folder").symlink_to(tmp_path, target_is_directory=True)
    (trial.folder / "up").symlink_to("../..", target_is_directory=True)
    (trial.own / "loop").symlink_to(".", target_is_directory=True)
    os.mkfifo(trial.own / "pipe.txt")
    (trial.own / "deeper").mkdir()
    (trial.own / "deeper" / "real.txt").write_text("no secret")
    listed = trial.listed()
    assert (list(named(listed)), listed["count"]) == (["deeper/real.txt"], 1)
    folder = os.open(trial.folder, os.O_RDONLY)
    for path in (
        "own/to_file.txt",
        "own/to_folder/secret.txt",
        "own/pipe.txt",
        "own/deeper",
    ):  # had it become so just now
        assert _opened(folder, path) is None
    os.close(folder)
    for path in (
        "own/to_file.txt",
        "own/to_folder/secret.txt",
        "own/pipe.txt",
        "own/loop/to_file.txt",
    ):
        assert trial.get(hashlib.sha256(path.encode()).hexdigest()[:32]).status == 404


@pytest.mark.parametrize("linked", ["own", "trial", "experiment"])
def test_a_folder_that_is_a_link_shows_nothing(tmp_path, linked):
    outside, files = tmp_path / "outside", tmp_path / "files" / ("ab" * 8)
    path = {"own": "0/own", "trial": "0", "experiment": "."}[linked]
    secret = outside / os.path.relpath("0/own/secret.txt", path)
    secret.parent.mkdir(parents=True)
    secret.write_text("a secret")
    folder = files / path
    folder.parent.mkdir(parents=True)
    folder.symlink_to(outside, target_is_directory=True)
    assert (files / "0" / "own" / "secret.txt").read_text() == "a secret"
    assert listing(files, 0) == {"files": [], "count": 0, "whole": True}
    assert search(files, 0, hashlib.sha256(b"own/secret.txt").hexdigest()[:32]) is None


def test_a_file_that_becomes_a_link_or_another_folder_s_is_not_sent(trial, tmp_path):
    (tmp_path / "a.txt").write_text("a secret")
    (trial.own / "deeper").mkdir()
    (trial.own / "deeper" / "a.txt").write_text("no secret")
    (one,) = trial.listed()["files"]
    assert trial.get(one["key"]).body == b"no secret"
    (trial.own / "deeper" / "a.txt").unlink()
    (trial.own / "deeper" / "a.txt").symlink_to(tmp_path / "a.txt")
    assert trial.get(one["key"]).status == 404
    (trial.own / "deeper").rename(trial.own / "other")
    (trial.own / "deeper").symlink_to(tmp_path, target_is_directory=True)
    assert trial.get(one["key"]).status == 404


def test_a_request_cannot_name_a_path(trial):
    (trial.own / "a.txt").write_text("a text")
    assert trial.listed()["count"] == 1
    for key in (
        "own/a.txt",
        "a.txt",
        str(trial.own / "a.txt"),
        "../../../etc/passwd",
        "/etc/passwd",
        "",
        "\0",
        "0" * 32,
    ):
        answer = trial.get(key)
        assert (answer.status, bool(answer.json["error"])) == (404, True)
    key = hashlib.sha256(b"own/a.txt").hexdigest()[:32]
    assert trial.get(key).status == 200
    for index in ("../0", "-1", "", "0/own", "1e0", "9" * 30):
        for path in ("artifacts", "artifact"):
            assert get(trial.link, f"api/{path}", experiment="left", trial=index, artifact=key).status == 400
    assert get(trial.link, "api/artifact", experiment="left", trial=trial.index).status == 400
    for path in ("artifacts", "artifact"):
        assert get(trial.link, f"api/{path}", experiment="../left", trial=0, artifact=key).status == 404


def test_files_are_guarded_as_everything_is(trial):
    (trial.own / "a.txt").write_text("a text")
    (one,) = trial.listed()["files"]
    assert trial.get(one["key"], Host="evil.example").status == 403
    with dashboard(f"sqlite:///{trial.folder.parents[2] / 'a.db'}", "--host", "0.0.0.0") as link:
        elsewhere = f"http://127.0.0.1:{urlsplit(link).port}"
        what = {"experiment": "left", "trial": trial.index, "artifact": one["key"]}
        for path in ("artifacts", "artifact"):
            assert get(elsewhere, f"api/{path}", **what).status == 403


def test_a_player_is_sent_the_part_that_it_asks_for(trial):
    content = bytes(range(256)) * 4_000
    (trial.own / "a.mp4").write_bytes(b"\0\0\0\x1cftyp" + content)
    whole = (trial.own / "a.mp4").read_bytes()
    (one,) = trial.listed()["files"]
    first = trial.get(one["key"])
    tag = first.headers["ETag"]
    assert (first.body, first.headers["Accept-Ranges"]) == (whole, "bytes")
    for given, start, end in (
        ("0-0", 0, 1),
        ("100-700000", 100, 700_001),
        ("1000000-", 1_000_000, len(whole)),
        (f"5-{10**17}", 5, len(whole)),
    ):
        part = trial.get(one["key"], Range=f"bytes={given}", **{"If-Range": tag})
        assert (part.status, part.body) == (206, whole[start:end])
        assert part.headers["Content-Range"] == f"bytes {start}-{end - 1}/{len(whole)}"
    for given in (
        "bytes=9-5",
        f"bytes={len(whole)}-",
        "bytes=-5",
        "bytes=0-1,5-6",
        "bytes=٣-",
        "lines=0-5",
        "bytes=" + "9" * 400,
    ):
        sent = trial.get(one["key"], Range=given.encode())
        assert (sent.status, sent.body) == (200, whole)
    assert trial.get(one["key"], Range="bytes=0-0", **{"If-Range": '"older"'}).status == 200
    unchanged = trial.get(one["key"], **{"If-None-Match": tag})
    assert (unchanged.status, unchanged.body) == (304, b"")
    head = trial.get(one["key"], "HEAD")
    assert (head.status, head.body, head.headers["Content-Length"]) == (200, b"", str(len(whole)))
    (trial.own / "empty.txt").touch()
    assert trial.get(named(trial.listed())["empty.txt"]["key"], Range="bytes=0-99").status == 200


def test_the_newest_are_listed_and_the_others_counted(trial):
    for i in range(60):
        (trial.own / f"{i}.txt").touch()
        os.utime(trial.own / f"{i}.txt", (1e9 + i, 1e9 + i))
    listed = trial.listed()
    assert [one["name"] for one in listed["files"]] == [f"{i}.txt" for i in range(59, 19, -1)]
    assert [one["modified"] for one in listed["files"][:2]] == [1e9 + 59, 1e9 + 58]
    assert (listed["count"], listed["whole"]) == (60, True)
    (trial.own / "a" / "b" / "c" / "d").mkdir(parents=True)
    (trial.own / "a" / "b" / "c" / "deep.txt").touch()
    (trial.own / "a" / "b" / "c" / "d" / "too_deep.txt").touch()
    assert trial.listed()["count"] == 61
    for i in range(5_000):
        (trial.folder / f"{i}.txt").touch()
    listed = trial.listed()
    assert (len(listed["files"]), listed["count"], listed["whole"]) == (40, 4_999, False)


def test_a_time_that_no_page_can_tell_is_told_as_one_that_it_can(trial):
    (trial.own / "a.txt").touch()
    for seconds in (-5, 2**62):
        try:
            os.utime(trial.own / "a.txt", (seconds, seconds))
        except OverflowError:
            continue
        assert 0 <= trial.listed()["files"][0]["modified"] <= 1e11


def test_what_headstock_has_written_itself_is_not_listed(tmp_path):
    write = "import os, json; open(os.environ['HEADSTOCK_DIRECTORY'] + '/mine.txt', 'w').write('x'); print('loss=1')"
    headstock = [sys.executable, "-c", "from headstock.cli import main; main()"]
    url = f"sqlite:///{tmp_path / 'a.db'}"
    options = ["--name", "script", "--storage", url, "--minimize", "loss", "--trials", "1", "--lr", "0:1"]
    subprocess.run([*headstock, "run", *options, "--", sys.executable, "-c", write], check=True, capture_output=True)
    with Experiment("trained", Space(lr=Float(0.1, 1.0)), maximize="accuracy", storage=url, seed=0) as experiment:

        def train(trial):
            trial.attach(state=[1, 2, 3])
            for _ in trial.steps(2):
                (trial.directory / "mine.txt").write_text("x")
                trial.report(accuracy=0.5)

        experiment.run(train, budget=Budget(trials=1))
    storage = open_storage(url)
    for name in ("script", "trained"):
        files = files_of(url, storage.experiment(name))
        assert len(list((files / "0").iterdir())) > 1
        assert list(named(listing(files, 0))) == ["mine.txt"]
    storage.close()


def test_files_go_with_an_experiment_that_is_renamed_or_deleted(tmp_path):
    url = f"sqlite:///{tmp_path / 'a.db'}"
    with Experiment("old", Space(lr=Float(0.1, 1.0)), maximize="accuracy", storage=url, seed=0) as experiment:

        def train(trial):
            (trial.directory / "a.png").write_bytes(PNG)
            return 0.5

        experiment.run(train, budget=Budget(trials=1))
    with dashboard(url) as link:
        own = {"Origin": link.rstrip("/"), "Content-Type": "application/json"}
        for old, new in (("old", "new"), ("new", "newer")):
            body = f'{{"experiment": "{old}", "name": "{new}"}}'
            assert request(link, "POST", "/api/rename", body=body, **own).status == 200
            (one,) = get(link, "api/artifacts", experiment=new, trial=0).json["files"]
            assert get(link, "api/artifact", experiment=new, trial=0, artifact=one["key"]).body == PNG
        body = '{"experiment": "newer", "typed": "newer"}'
        assert request(link, "POST", "/api/delete", body=body, **own).status == 200
        assert get(link, "api/artifacts", experiment="newer", trial=0).status == 404
        assert get(link, "api/artifact", experiment="newer", trial=0, artifact=one["key"]).status == 404
    assert list((tmp_path / "a.db.files").iterdir()) == []


def test_where_no_folder_is_known_there_are_no_files():
    assert listing(None, 0) == {"files": [], "count": 0, "whole": True}
    assert search(None, 0, "0" * 32) is None


def test_while_files_are_replaced_and_deleted_every_answer_is_a_whole_file_or_none(trial):
    path, contents = trial.own / "a.png", [PNG + bytes([i]) * 100_000 * i for i in range(4)]
    path.write_bytes(contents[0])
    (one,) = trial.listed()["files"]
    is_over = threading.Event()

    def write():
        while not is_over.is_set():
            for content in contents:
                (trial.own / "aside").write_bytes(content)
                (trial.own / "aside").replace(path)
            path.unlink()

    writing = threading.Thread(target=write)
    writing.start()
    try:
        for _ in range(100):
            sent = trial.get(one["key"])
            assert (sent.status == 200 and sent.body in contents) or (sent.status == 404 and sent.json["error"])
            assert {file["name"] for file in trial.listed()["files"]} <= {"a.png", "aside"}
    finally:
        is_over.set()
        writing.join()


def test_a_file_that_grows_is_sent_as_long_as_it_was(trial):
    path = trial.own / "a.txt"
    path.write_bytes(b"0123456789" * 10_000)
    (one,) = trial.listed()["files"]
    is_over = threading.Event()

    def write():
        with path.open("ab") as file:
            while not is_over.is_set() and file.tell() < 50_000_000:
                file.write(b"0123456789" * 10_000)

    writing = threading.Thread(target=write)
    writing.start()
    try:
        sizes = {len(sent.body) for _ in range(20) if not (sent := trial.get(one["key"])).body.strip(b"0123456789")}
        assert min(sizes) >= 100_000
        assert max(sizes) <= path.stat().st_size
    finally:
        is_over.set()
        writing.join()


def test_of_a_file_that_is_cut_while_it_is_sent_the_reader_learns_that_it_is_not_whole(trial):
    path = trial.own / "a.bin"
    with path.open("wb") as file:
        file.truncate(200_000_000)
    (one,) = trial.listed()["files"]
    connection = http.client.HTTPConnection(urlsplit(trial.link).netloc, timeout=60)
    connection.request("GET", trial.address(one["key"]))
    answer = connection.getresponse()
    os.truncate(path, 0)
    with pytest.raises(http.client.IncompleteRead):
        answer.read()
    connection.close()
    assert trial.get(one["key"]).body == b""


def test_what_nobody_reads_any_more_is_closed(trial):
    with (trial.own / "a.bin").open("wb") as file:
        file.truncate(2**40)  # whoever went on to read it would read for long
    (one,) = trial.listed()["files"]
    listening = [c for c in psutil.net_connections("tcp") if c.status == psutil.CONN_LISTEN]
    [server] = [psutil.Process(c.pid) for c in listening if c.laddr.port == urlsplit(trial.link).port]

    def is_open() -> bool:
        return str(trial.own / "a.bin") in {file.path for file in server.open_files()}

    connection = http.client.HTTPConnection(urlsplit(trial.link).netloc, timeout=60)
    connection.request("GET", trial.address(one["key"]))
    answer = connection.getresponse()
    assert is_open()
    answer.close()
    connection.close()
    while is_open():
        trial.listed()
