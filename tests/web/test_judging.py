import json

import pytest

from headstock import Experiment, Float, Space
from serving import dashboard, get, request

pytest.importorskip("starlette", reason="the dashboard needs the extra ui")
pytest.importorskip("uvicorn", reason="the dashboard needs the extra ui")


@pytest.fixture
def judged(tmp_path):
    url, space = f"sqlite:///{tmp_path / 'a.db'}", Space(x=Float(0.0, 1.0))
    with Experiment("posters", space, maximize="appeal", judged=True, storage=url, seed=0) as experiment:
        for trial in experiment.ask(3):
            experiment.tell(trial)
        Experiment("measured", space, maximize="accuracy", storage=url)
        with dashboard(url) as link:
            yield experiment, link


def post(link, path, **what):
    own = {"Origin": link.rstrip("/"), "Content-Type": "application/json"}
    return request(link, "POST", f"/api/{path}", body=json.dumps(what), **own)


def test_a_pair_is_asked_for_and_judged(judged):
    experiment, link = judged
    found = get(link, "api/pair", experiment="posters").json
    assert [t["index"] for t in found["pair"]] == [0, 1]
    assert (found["ranking"], found["said"], found["count"], found["uncompared"]) == ([], [], 0, 3)
    skipped = get(link, "api/pair", experiment="posters", skip="0-1").json
    assert [t["index"] for t in skipped["pair"]] == [0, 2]
    kept = post(link, "prefer", experiment="posters", trial=2, worse=[0, 1])
    assert kept.status == 200
    found = get(link, "api/pair", experiment="posters").json
    assert [(t["index"], t["won"], t["lost"]) for t in found["ranking"]] == [(2, 2, 0), (0, 0, 1), (1, 0, 1)]
    assert found["said"] == [kept.json["said"]]
    assert found["said"][0][:2] == [2, [0, 1]]
    assert post(link, "back", experiment="posters", said=kept.json["said"]).status == 200
    assert experiment.history.comparisons == ()
    assert get(link, "api/metrics", experiment="posters").json == {"required": [], "others": []}


def test_a_page_takes_back_what_it_said_though_somebody_else_has_judged_since(judged):
    experiment, link = judged
    mine = post(link, "prefer", experiment="posters", trial=2, worse=[0]).json["said"]
    theirs = experiment.prefer(1, over=0)
    assert post(link, "back", experiment="posters", said=mine).json == {"said": mine}
    assert experiment.history.comparisons == (theirs,)
    again = post(link, "back", experiment="posters", said=mine)
    assert (again.status, "taken back before" in again.json["error"]) == (400, True)
    assert experiment.history.comparisons == (theirs,)


def test_a_judged_experiment_is_created_in_the_browser(judged):
    _, link = judged
    assert post(link, "create", name="new", maximize="appeal", judged=True, parameters={"x": "0:1"}).status == 201
    assert get(link, "api/experiment", experiment="new").json["judged"]
    refused = post(link, "create", name="other", minimize="appeal", judged=True, parameters={"x": "0:1"})
    assert (refused.status, "Use maximize" in refused.json["error"]) == (400, True)
    assert post(link, "create", name="other", maximize="a", judged="yes", parameters={"x": "0:1"}).status == 400


@pytest.mark.parametrize(
    ("path", "what", "words"),
    [
        ("prefer", {"experiment": "posters", "trial": 0, "worse": [0]}, "better than itself"),
        ("prefer", {"experiment": "posters", "trial": 0, "worse": []}, "better than nothing"),
        ("prefer", {"experiment": "posters", "trial": 0, "worse": 1}, "as a list of numbers"),
        ("prefer", {"experiment": "posters", "trial": 0, "worse": [True]}, "as a list of numbers"),
        ("prefer", {"experiment": "posters", "worse": [1]}, "Name the trial"),
        ("prefer", {"experiment": "posters", "trial": 0, "worse": [9]}, "no trial 9"),
        ("prefer", {"experiment": "measured", "trial": 0, "worse": [1]}, "takes no preferences"),
        ("back", {"experiment": "posters", "said": [0, [1], 5.0]}, "nothing to take back"),
        ("back", {"experiment": "posters"}, "Give what is taken back"),
        ("back", {"experiment": "posters", "said": [0, 1, 5.0]}, "Give what is taken back"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(judged, path, what, words):
    experiment, link = judged
    answer = post(link, path, **what)
    assert answer.status in (400, 404)
    assert words in answer.json["error"]
    assert experiment.history.comparisons == ()
