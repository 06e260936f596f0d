import http.client
import json
import shlex
import threading
from html import escape
from urllib.parse import urlsplit

import pytest

import histories
from headstock import Budget, Experiment, Failed, Float, Space
from headstock.objective import Objective
from headstock.storage import Command, NewTrial, open_storage
from headstock.storage.records import ExperimentSpec
from headstock.trial import Observation, Verdict
from serving import Answer, dashboard, get, request

pytest.importorskip("starlette", reason="the dashboard needs the extra ui")
pytest.importorskip("uvicorn", reason="the dashboard needs the extra ui")

HOSTILE = "<img src=x onerror=alert(1)></script>'\"&"


@pytest.fixture(scope="module")
def url(tmp_path_factory) -> str:
    url = f"sqlite:///{tmp_path_factory.mktemp('web') / 'a.db'}"
    storage = open_storage(url)
    for name, history in (("digits", histories.digits()), (HOSTILE, histories.branching())):
        spec = ExperimentSpec(name, history.space, history.objective, history.outcome_constraints, 7)
        storage.create(spec, history.trials)
    storage.close()
    return url


@pytest.fixture(scope="module")
def link(url) -> str:
    with dashboard(url) as link:
        yield link


def post(link, path, what, **headers) -> Answer:
    own = {"Origin": link.rstrip("/"), "Content-Type": "application/json"}
    return request(link, "POST", f"/api/{path}", body=json.dumps(what), **(own | headers))


def test_every_answer_carries_a_strict_policy(link):
    for path in ("", "static/app.js", "api/experiments", "api/nothing"):
        headers = get(link, path).headers
        policy = headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'")
        assert "http" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["X-Content-Type-Options"] == "nosniff"


def test_another_host_s_name_is_refused_so_that_dns_cannot_be_rebound(link):
    port = urlsplit(link).port
    for host in ("evil.example", f"evil.example:{port}", "127.0.0.1.evil.example", "", "["):
        assert request(link, "GET", "/api/experiments", Host=host).status in (400, 403)
    assert request(link, "GET", "/api/experiments", Host=f"localhost:{port}").status == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1", ""])
def test_pages_of_other_sites_change_nothing(link, url, origin):
    what = {"experiment": "digits", "parameters": {}}
    assert post(link, "enqueue", what, Origin=origin).status == 403
    assert post(link, "enqueue", what, **{"Content-Type": "text/plain"}).status == 415
    with Experiment.open("digits", storage=url) as experiment:
        assert not experiment.history.pending


def test_elsewhere_a_token_is_needed(url):
    with dashboard(url, "--host", "0.0.0.0") as link:
        local = f"http://127.0.0.1:{urlsplit(link).port}"
        assert get(local, "api/experiments").status == 403
        assert get(local, "", token="wrong").status == 403
        entered = request(local, "GET", f"/?{urlsplit(link).query}")
        assert entered.status == 303
        cookie = entered.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "samesite=strict" in cookie.lower()
        assert request(local, "GET", "/api/experiments", Cookie=cookie.partition(";")[0]).status == 200


def test_files_are_those_of_a_list(link):
    for name in ("..%2f..%2fapp.py", "../app.py", "%2fetc%2fpasswd", "app.py", "index.htm"):
        assert get(link, f"static/{name}").status == 404
    again = get(link, "static/plotly.js")
    assert request(link, "GET", "/static/plotly.js", **{"If-None-Match": again.headers["ETag"]}).status == 304


def test_a_file_that_was_changed_is_sent_anew_though_it_is_as_long():
    from starlette.requests import Request

    from headstock.web.assets import Assets

    tags = []
    for content in (b"let a = 1;", b"let a = 2;"):
        assets = Assets()
        vars(assets)["contents"] = {"app.js": content}
        asked = Request({"type": "http", "headers": [], "path_params": {"name": "app.js"}})
        tags.append(assets.file(asked).headers["ETag"])
    assert tags[0] != tags[1]


def test_experiments_and_pages_of_trials(link):
    names = [e["name"] for e in get(link, "api/experiments").json["experiments"]]
    assert names == ["digits", HOSTILE]
    found = get(link, "api/experiment", experiment=HOSTILE).json
    assert found["counts"] == {"completed": 40}
    assert found["constraints"] == ["latency ≤ 20"]
    newest = get(link, "api/trials", experiment="digits").json["trials"]
    assert [t["index"] for t in newest] == list(range(19, -1, -1))
    failed = get(link, "api/trials", experiment="digits", state="failed", ascending="1").json["trials"]
    assert [t["index"] for t in failed] == [3, 11]
    assert get(link, "api/trial", experiment="digits", trial=3).json["error"] == "ValueError: loss is NaN"


def test_a_table_in_the_order_of_a_column_follows_what_is_new(tmp_path):
    url = f"sqlite:///{tmp_path / 'ordered.db'}"
    with (
        Experiment("ordered", Space(lr=Float(0.1, 1.0)), minimize="loss", storage=url, seed=0) as experiment,
        dashboard(url) as link,
    ):
        for i in range(60):
            experiment.attach({"lr": 0.5}, i % 7)
        wanted = {"experiment": "ordered", "order": "metric:loss"}
        first = get(link, "api/trials", **wanted, ascending="1").json
        assert [t["metrics"]["loss"][0] for t in first["trials"]] == sorted(i % 7 for i in range(60))[:50]
        assert first["count"] == 60
        rest = get(link, "api/trials", **wanted, ascending="1", offset=50).json
        assert len(rest["trials"]) == 10
        experiment.attach({"lr": 0.25}, 9)
        experiment.note("An ODD one", 3)
        assert get(link, "api/trials", **wanted).json["trials"][0]["index"] == 60
        for words, indices in (("odd", [3]), ("lr 0.25", [60]), ("nothing like it", [])):
            found = get(link, "api/trials", experiment="ordered", words=words).json
            assert ([t["index"] for t in found["trials"]], found["count"]) == (indices, len(indices))


@pytest.mark.parametrize(
    ("path", "what", "status"),
    [
        ("api/experiment", {"experiment": "nobody"}, 404),
        ("api/trial", {"experiment": "digits", "trial": 999}, 404),
        ("api/metrics", {"experiment": "nobody"}, 404),
        ("api/trial", {"experiment": "digits", "trial": "-1"}, 400),
        ("api/trial", {"experiment": "digits"}, 400),
        ("api/trials", {"experiment": "digits", "state": "lost"}, 400),
        ("api/trials", {"experiment": "digits", "offset": "9" * 30}, 400),
        ("api/trials", {"experiment": "digits", "order": "__class__"}, 400),
        ("api/figure", {"experiment": "digits", "figure": "../trace"}, 400),
        ("api/compare", {}, 400),
    ],
)
def test_what_cannot_be_answered_is_refused_in_words(link, path, what, status):
    answer = get(link, path, **what)
    assert answer.status == status
    assert answer.json["error"]


def test_every_figure_is_drawn_or_says_why_not(link):
    for name in get(link, "api/experiment", experiment=HOSTILE).json["figures"]:
        drawn = get(link, "api/figure", experiment=HOSTILE, figure=name).json
        assert drawn["data"] or 'class="none"' in drawn["html"] or name == "summary"
        assert "<img" not in drawn["html"]


def test_points_are_queued_tried_again_and_given_up(tmp_path):
    url = f"sqlite:///{tmp_path / 'b.db'}"
    with Experiment("act", Space(lr=Float(0.1, 1.0)), maximize="accuracy", storage=url, seed=0) as experiment:
        experiment.tell(experiment.ask(), Failed("out of memory"))
        with dashboard(url) as link:
            queued = post(link, "enqueue", {"experiment": "act", "parameters": {"lr": 0.25}}).json
            assert (queued["state"], queued["parameters"]) == ("queued", {"lr": 0.25})
            again = post(link, "retry", {"experiment": "act", "trial": 0}).json
            assert again["parameters"] == experiment.trials[0].parameters
            given_up = post(link, "abandon", {"experiment": "act", "trial": again["index"]}).json
            assert given_up["state"] == "abandoned"
            assert post(link, "retry", {"experiment": "act", "trial": queued["index"]}).status == 400
            assert post(link, "widen", {"experiment": "act", "ranges": {"lr": [0.01, 1.0]}}).status == 200
            for refused in (
                ("enqueue", {"experiment": "act", "parameters": {"lr": 7}}),
                ("enqueue", {"experiment": "act", "parameters": [1]}),
                ("stop", {"experiment": "act", "trial": "0"}),
                ("stop", {"experiment": "act", "trial": 0}),
                ("abandon", {"experiment": "act", "trial": 0}),
                ("pause", {"experiment": "act", "trial": queued["index"]}),
                ("note", {"experiment": "act", "text": 3}),
                ("note", {"experiment": "act", "text": "x" * 10_001}),
                ("budget", {"experiment": "act"}),
                ("budget", {"experiment": "act", "bounds": {"trials": 2.5}}),
                ("budget", {"experiment": "act", "bounds": {"trials": -1}}),
                *(("budget", {"experiment": "act", "bounds": {"trials": huge}}) for huge in (2**63, 10**400)),
                *((act, {"experiment": "act", "trial": 10**400}) for act in ("stop", "abandon", "retry", "unpause")),
                ("budget", {"experiment": "act", "bounds": {"workers": 1}}),
                ("budget", {"experiment": "act", "bounds": {"seconds": True}}),
                ("widen", {"experiment": "act", "ranges": {"lr": [0.5, 1.0]}}),
                ("widen", {"experiment": "act", "ranges": {"lr": 3}}),
                ("enqueue", {"parameters": {}}),
                ("enqueue", []),
            ):
                assert post(link, *refused).status == 400
            assert post(link, "stop", {"experiment": "nobody", "trial": 0}).status == 404
            assert post(link, "note", {"experiment": "act", "trial": 9, "text": "x"}).status == 404
        assert experiment.ask().parameters == {"lr": 0.25}
        assert experiment.space["lr"] == Float(0.01, 1.0)


def test_a_person_asks_for_a_trial_and_tells_its_result(tmp_path):
    url = f"sqlite:///{tmp_path / 'asked.db'}"
    space, bounds = Space(lr=Float(0.1, 1.0)), ["latency <= 20"]
    with Experiment("asked", space, maximize="accuracy", outcome_constraints=bounds, storage=url, seed=0) as experiment:
        experiment.enqueue({"lr": 0.25})
        storage = open_storage(url)
        storage.add_trials("asked", [NewTrial({"lr": 0.5}, owner="a worker")], created=None, now=1.0)
        storage.close()
        with dashboard(url) as link:
            asked = [post(link, "ask", {"experiment": "asked"}).json for _ in range(2)]
            assert [(t["index"], t["state"], t["owner"]) for t in asked] == [(0, "running", None), (2, "running", None)]
            assert asked[0]["parameters"] == {"lr": 0.25}
            experiment.attach({"lr": 0.75}, {"accuracy": 0.5, "memory": 3.0, "latency": 21.0})
            found = get(link, "api/metrics", experiment="asked").json
            assert found == {"required": ["accuracy", "latency"], "others": ["memory"]}
            whole = {"accuracy": 0.5, "latency": [12, 0.5]}
            for refused in (
                {"trial": 1, "metrics": whole},
                {"trial": 0},
                {"trial": 0, "failed": " "},
                {"trial": 0, "failed": "it broke", "metrics": whole},
                {"trial": 0, "metrics": {}},
                {"trial": 0, "metrics": [0.5, 12]},
                {"trial": 0, "metrics": {"accuracy": 0.5}},
                {"trial": 0, "metrics": whole | {"accuracy": "0.5"}},
                {"trial": 0, "metrics": whole | {"accuracy": True}},
                {"trial": 0, "metrics": whole | {"accuracy": float("nan")}},
                {"trial": 0, "metrics": whole | {"accuracy": 10**400}},
                {"trial": 0, "metrics": whole | {"accuracy": [0.5, 10**400]}},
                {"trial": 0, "metrics": whole | {"accuracy": [0.5, -1]}},
                {"trial": 0, "metrics": whole | {"": 1}},
            ):
                answer = post(link, "tell", {"experiment": "asked", **refused})
                assert (answer.status, bool(answer.json["error"])) == (400, True), refused
            told = post(link, "tell", {"experiment": "asked", "trial": 0, "metrics": whole}).json
            assert (told["state"], told["metrics"]) == (
                "completed",
                {"accuracy": [0.5, None], "latency": [12.0, 0.5]},
            )
            assert (
                post(link, "tell", {"experiment": "asked", "trial": 2, "failed": "it broke"}).json["state"] == "failed"
            )
            assert post(link, "tell", {"experiment": "asked", "trial": 0, "metrics": whole}).status == 400
            assert post(link, "tell", {"experiment": "asked", "trial": 9, "metrics": whole}).status == 404
        assert experiment.trials[2].error == "it broke"


def test_the_stream_tells_the_present_state_and_every_change(tmp_path):
    url = f"sqlite:///{tmp_path / 'c.db'}"
    with (
        Experiment("live", Space(lr=Float(0.1, 1.0)), maximize="accuracy", storage=url, seed=0) as experiment,
        dashboard(url) as link,
    ):
        connection = http.client.HTTPConnection(urlsplit(link).netloc, timeout=60)
        connection.request("GET", "/api/events?experiment=live")
        stream = connection.getresponse()
        assert stream.headers["Content-Type"].startswith("text/event-stream")

        def news():
            while not (line := stream.readline()).startswith(b"data: "):
                assert line, "the stream has ended"
            return json.loads(line.removeprefix(b"data: "))

        assert [told["counts"] for told in news()] == [{}]
        threading.Thread(target=lambda: experiment.attach({"lr": 0.5}, 0.9)).start()
        [told] = news()
        assert told["counts"] == {"completed": 1}
        assert told["best"]["metrics"] == {"accuracy": [0.9, None]}
        connection.close()


def test_a_stream_of_several_experiments_ends_when_one_is_deleted(tmp_path):
    url = f"sqlite:///{tmp_path / 'several.db'}"
    storage = open_storage(url)
    for name in ("a", "b", "c"):
        storage.create(ExperimentSpec(name, Space(lr=Float(0.1, 1.0)), Objective("accuracy"), seed=0))
    with dashboard(url) as link:
        assert get(link, "api/events", experiment="nobody").status == 404
        connection = http.client.HTTPConnection(urlsplit(link).netloc, timeout=60)
        connection.request("GET", "/api/events?experiment=a&experiment=c")
        stream = connection.getresponse()
        while not (line := stream.readline()).startswith(b"data: "):
            assert line, "the stream has ended"
        assert [told["name"] for told in json.loads(line.removeprefix(b"data: "))] == ["a", "c"]
        storage.delete("c")
        assert b"event: deleted" in stream.read()
        connection.close()
    storage.close()


def test_what_a_person_wants_of_a_process_s_trial_reaches_it(tmp_path):
    url = f"sqlite:///{tmp_path / 'd.db'}"
    storage = open_storage(url)
    storage.create(ExperimentSpec("led", Space(lr=Float(0.1, 1.0)), Objective("accuracy"), seed=0))
    new = [NewTrial({"lr": 0.1 * i}, owner="a worker") for i in (2, 3, 4)]
    storage.add_trials("led", new, created=0, now=1.0)
    for index in (0, 2):
        storage.report("led", index, {"accuracy": Observation(0.5, step=1)}, now=2.0, owner="a worker")
    storage.pause("led", 2, "a worker", verdict=Verdict(1, "pause", "later"), now=3.0)
    with dashboard(url) as link:
        assert post(link, "stop", {"experiment": "led", "trial": 0}).json["state"] == "running"
        assert post(link, "pause", {"experiment": "led", "trial": 1}).json["state"] == "running"
        assert post(link, "abandon", {"experiment": "led", "trial": 1}).status == 400
        assert [lease.command for lease in storage.leases("led")] == [Command.STOP, Command.PAUSE]
        assert post(link, "unpause", {"experiment": "led", "trial": 1}).status == 400
        assert post(link, "unpause", {"experiment": "led", "trial": 2}).json["state"] == "queued"
        storage.lease("led", "a worker", now=4.0, index=2)
        storage.pause("led", 2, "a worker", verdict=Verdict(1, "pause", "later"), now=5.0)
        stopped = post(link, "stop", {"experiment": "led", "trial": 2}).json
        assert (stopped["state"], stopped["metrics"]) == ("stopped", {"accuracy": [0.5, None]})
        bounds = {"trials": 40, "target": 0.9}
        assert post(link, "budget", {"experiment": "led", "bounds": bounds}).status == 200
        assert storage.experiment("led").budget == bounds
        assert get(link, "api/experiment", experiment="led").json["budget"] == bounds
        assert post(link, "budget", {"experiment": "led", "bounds": {}}).status == 200
        assert storage.experiment("led").budget is None
    storage.close()


def test_notes_are_kept_and_told(link, url):
    for trial in (None, 5):
        assert post(link, "note", {"experiment": HOSTILE, "trial": trial, "text": f"{HOSTILE} {trial}"}).status == 200
    assert get(link, "api/experiment", experiment=HOSTILE).json["note"] == f"{HOSTILE} None"
    assert get(link, "api/trial", experiment=HOSTILE, trial=5).json["note"] == f"{HOSTILE} 5"
    noted = {t["index"] for t in get(link, "api/trials", experiment=HOSTILE).json["trials"] if t["note"]}
    assert noted == {5}
    with Experiment.open(HOSTILE, storage=url) as experiment:
        assert experiment.notes == {None: f"{HOSTILE} None", 5: f"{HOSTILE} 5"}
        assert Experiment.from_json(experiment.to_json()).notes == experiment.notes
    for trial in (None, 5):
        post(link, "note", {"experiment": HOSTILE, "trial": trial, "text": ""})


def test_a_trial_s_log_and_saved_states_are_shown(tmp_path):
    url = f"sqlite:///{tmp_path / 'e.db'}"
    with Experiment("kept", Space(lr=Float(0.1, 1.0)), maximize="accuracy", storage=url, seed=0) as experiment:

        def train(trial):
            trial.attach(state=[1, 2, 3])
            for step in trial.steps(2):
                trial.report(accuracy=0.1 * step)

        experiment.run(train, budget=Budget(trials=1))
        log = next(tmp_path.glob("e.db.files/*/0")) / "output.log"
        log.write_text("".join(f"line {i}\n" for i in range(500)) + f"\x1b[31m{HOSTILE}\n", "utf-8")
        with dashboard(url) as link:
            found = get(link, "api/trial", experiment="kept", trial=0).json
            assert [step for step, _ in found["saved"]] == [2]
            assert found["saved"][0][1] > 0
            assert found["steps"] == 2
            lines = get(link, "api/log", experiment="kept", trial=0).json["lines"]
            assert len(lines) == 200
            assert lines[-2:] == ["line 499", f"\\x1b[31m{HOSTILE}"]
            assert get(link, "api/log", experiment="kept", trial=7).json["lines"] == []
            assert get(link, "api/log", experiment="kept", trial="../0").status == 400


def test_what_the_model_makes_of_a_trial(link):
    believed = get(link, "api/beliefs", experiment=HOSTILE, trial=30).json
    assert believed["ending"] is None
    forecast = believed["forecast"]
    assert forecast["lower"] < forecast["predicted"] < forecast["upper"]
    assert forecast["observed"] == histories.branching().trials[30].objective_mean
    assert get(link, "api/beliefs", experiment=HOSTILE, trial=0).json == {"ending": None, "forecast": None}


def test_the_report_and_the_table_are_files(link):
    report = get(link, "api/report", experiment=HOSTILE)
    assert report.headers["Content-Disposition"] == 'attachment; filename="report.html"'
    assert report.body.startswith(b"<!doctype html>")
    table = get(link, "api/csv", experiment="digits")
    assert table.headers["Content-Disposition"] == 'attachment; filename="trials.csv"'
    assert len(table.body.splitlines()) == 21


def test_summary_and_report_tell_what_was_won_over_the_baseline_and_what_earlier_experiments_count(tmp_path):
    url = f"sqlite:///{tmp_path / 'a.db'}"
    histories.taught(url, "new", earlier=HOSTILE)
    with dashboard(url) as link:
        summary = get(link, "api/figure", experiment="new", figure="summary").json["html"]
        report = get(link, "api/report", experiment="new").body.decode()
    name = escape(repr(HOSTILE))
    for page in (summary, report):
        assert "is better than the baseline (trial 0) with probability more than 99 %: loss is " in page
        assert f"The earlier experiment {name} has " in page
        assert HOSTILE not in page


def test_an_experiment_is_renamed_and_deleted_with_everything(tmp_path):
    url = f"sqlite:///{tmp_path / 'f.db'}"

    def train(trial):
        trial.attach(state=[1, 2, 3])
        for step in trial.steps(2):
            trial.report(accuracy=0.1 * step)

    with Experiment("old", Space(lr=Float(0.1, 1.0)), maximize="accuracy", storage=url, seed=0) as experiment:
        experiment.run(train, budget=Budget(trials=2))
    with dashboard(url) as link:
        for refused in ({"name": 3}, {"name": " "}, {"name": "old"}):
            assert post(link, "rename", {"experiment": "old", **refused}).status == 400
        assert post(link, "rename", {"experiment": "old", "name": HOSTILE}).status == 200
        assert get(link, "api/experiment", experiment="old").status == 404
        assert get(link, "api/trial", experiment=HOSTILE, trial=0).json["saved"]
        told = get(link, "api/belongings", experiment=HOSTILE).json
        assert told["words"].startswith("2 trials (")
        assert told["led"] == 0
        for refused in ({}, {"typed": "old"}):
            assert post(link, "delete", {"experiment": HOSTILE, **refused}).status == 400
        assert post(link, "delete", {"experiment": HOSTILE, "typed": HOSTILE}).status == 200
        assert get(link, "api/experiments").json["experiments"] == []
        assert get(link, "api/belongings", experiment=HOSTILE).status == 404
        assert post(link, "delete", {"experiment": HOSTILE, "typed": HOSTILE}).status == 404
    assert list((tmp_path / "f.db.files").iterdir()) == []


def test_a_new_experiment_waits_for_workers_with_its_budget(tmp_path):
    url = f"sqlite:///{tmp_path / 'new.db'}"
    Experiment("there", Space(lr=Float(0.0, 1.0)), maximize="accuracy", storage=url).close()
    design = {
        "name": HOSTILE,
        "minimize": "loss",
        "parameters": {"lr": {"low": "1e-3", "high": 1, "log": True}, "optimizer": "sgd,adamw", "momentum": "0:0.9"},
        "when": ["momentum: optimizer=sgd"],
        "outcome_constraints": ["latency <= 20"],
        "trials": 3,
        "steps": 40,
        "cost": 2.5,
    }
    with dashboard(url) as link:
        assert post(link, "create", design).status == 201
        found = get(link, "api/experiment", experiment=HOSTILE).json
        assert (found["budget"], found["constraints"]) == ({"trials": 3, "steps": 40, "cost": 2.5}, ["latency ≤ 20"])
        assert found["created"] > 1.7e9
        assert shlex.split(found["start"])[:4] == ["headstock", "worker", "--name", HOSTILE]
        for change in (
            {"name": "there"},
            {"name": ""},
            {"name": "a", "command": "true"},
            {"name": "a", "parameters": []},
        ):
            answer = post(link, "create", design | change)
            assert answer.status == 400
            assert answer.json["error"]
        assert len(get(link, "api/experiments").json["experiments"]) == 2
    with Experiment.open(HOSTILE, storage=url) as experiment:
        assert experiment.space["momentum"].when == {"optimizer": ("sgd",)}
        experiment.run(lambda trial: {"loss": trial.parameters["lr"], "latency": 1.0}, progress=False)
        assert len(experiment.trials) == 3
