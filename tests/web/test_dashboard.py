import http.client
import json
import threading
from urllib.parse import urlencode, urlsplit

import pytest

import histories
from headstock import Experiment, Failed, Float, Space
from headstock.storage import open_storage
from headstock.storage.base import ExperimentSpec
from serving import dashboard

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


class Answer:
    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status, self.headers, self.body = response.status, response.headers, response.read()

    @property
    def json(self):
        return json.loads(self.body)


def request(link, method, path, *, body=None, **headers) -> Answer:
    connection = http.client.HTTPConnection(urlsplit(link).netloc, timeout=60)
    try:
        connection.request(method, path, body, headers)
        return Answer(connection.getresponse())
    finally:
        connection.close()


def get(link, path, **what) -> Answer:
    return request(link, "GET", f"/{path}?{urlencode(what)}")


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


def test_experiments_and_pages_of_trials(link):
    names = [e["name"] for e in get(link, "api/experiments").json["experiments"]]
    assert names == ["digits", HOSTILE]
    found = get(link, "api/experiment", experiment=HOSTILE).json
    assert found["counts"] == {"completed": 40}
    assert found["constraints"] == ["latency <= 20.0"]
    newest = get(link, "api/trials", experiment="digits").json["trials"]
    assert [t["index"] for t in newest] == list(range(19, -1, -1))
    failed = get(link, "api/trials", experiment="digits", state="failed", oldest="1").json["trials"]
    assert [t["index"] for t in failed] == [3, 11]
    assert get(link, "api/trial", experiment="digits", trial=3).json["error"] == "ValueError: loss is NaN"


@pytest.mark.parametrize(
    ("path", "what", "status"),
    [
        ("api/experiment", {"experiment": "nobody"}, 404),
        ("api/trial", {"experiment": "digits", "trial": 999}, 404),
        ("api/trial", {"experiment": "digits", "trial": "-1"}, 400),
        ("api/trial", {"experiment": "digits"}, 400),
        ("api/trials", {"experiment": "digits", "state": "lost"}, 400),
        ("api/trials", {"experiment": "digits", "offset": "9" * 30}, 400),
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
        assert drawn["data"] or 'class="none"' in drawn["html"]
        assert "<img" not in drawn["html"]
    assert "<img" not in get(link, "api/figure", experiment=HOSTILE, figure="summary").json["html"]


def test_points_are_queued_tried_again_and_given_up(tmp_path):
    url = f"sqlite:///{tmp_path / 'b.db'}"
    with Experiment("act", Space(lr=Float(0.1, 1.0)), maximize="accuracy", storage=url, seed=0) as experiment:
        experiment.tell(experiment.ask(), Failed("out of memory"))
        with dashboard(url) as link:
            queued = post(link, "enqueue", {"experiment": "act", "parameters": {"lr": 0.25}}).json
            assert (queued["state"], queued["parameters"]) == ("queued", {"lr": 0.25})
            again = post(link, "retry", {"experiment": "act", "trial": 0}).json
            assert again["parameters"] == experiment.trials[0].parameters
            given_up = post(link, "stop", {"experiment": "act", "trial": again["index"]}).json
            assert given_up["state"] == "abandoned"
            assert post(link, "retry", {"experiment": "act", "trial": queued["index"]}).status == 400
            assert post(link, "widen", {"experiment": "act", "ranges": {"lr": [0.01, 1.0]}}).status == 200
            for refused in (
                ("enqueue", {"experiment": "act", "parameters": {"lr": 7}}),
                ("enqueue", {"experiment": "act", "parameters": [1]}),
                ("stop", {"experiment": "act", "trial": "0"}),
                ("stop", {"experiment": "act", "trial": 0}),
                ("widen", {"experiment": "act", "ranges": {"lr": [0.5, 1.0]}}),
                ("widen", {"experiment": "act", "ranges": {"lr": 3}}),
                ("enqueue", {"parameters": {}}),
                ("enqueue", []),
            ):
                assert post(link, *refused).status == 400
            assert post(link, "stop", {"experiment": "nobody", "trial": 0}).status == 404
        assert experiment.ask().parameters == {"lr": 0.25}
        assert experiment.space["lr"] == Float(0.01, 1.0)


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

        assert news()["counts"] == {}
        threading.Thread(target=lambda: experiment.attach({"lr": 0.5}, 0.9)).start()
        told = news()
        assert told["counts"] == {"completed": 1}
        assert told["best"]["metrics"] == {"accuracy": [0.9, None]}
        connection.close()
