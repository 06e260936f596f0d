import base64
import gzip
import json
import math
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from plotly.offline import get_plotlyjs

import headstock
import histories
from headstock.experiment import Experiment
from headstock.history import History
from headstock.objective import Objective, OutcomeConstraint
from headstock.report import render_report, sections, write_report
from headstock.report.findings import Findings
from headstock.report.page import page
from headstock.report.words import code
from headstock.space import Choice, Fixed, Float, Space
from headstock.trial import Observation, TrialRecord, TrialState

HOSTILE = """</script><script>alert('1')</script><!--<img src=x onerror="alert(2)">&lt;%{meta[wide]}\u2028"""


class Reader(HTMLParser):
    """What a browser would see: the elements, the text, and the content of scripts."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.feed(document)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append((dict(attrs), ""))

    def handle_data(self, data):
        if self.elements and self.elements[-1][0] == "script" and self.cdata_elem == "script":
            attributes, content = self.scripts[-1]
            self.scripts[-1] = (attributes, content + data)
        else:
            self.text.append(data)

    @property
    def words(self) -> str:
        return " ".join(" ".join(self.text).split())

    def data(self, name: str):
        return json.loads(self.unpacked(f"data-{name}"))

    def unpacked(self, name: str) -> str:
        return next(
            gzip.decompress(base64.b64decode(content)).decode()
            for attrs, content in self.scripts
            if attrs.get("id") == name
        )

    @property
    def programs(self) -> list[str]:
        return [content for attrs, content in self.scripts if attrs.get("type") != "application/gzip"]

    def has(self, name: str) -> bool:
        return any(attrs.get("id") == f"data-{name}" for attrs, _ in self.scripts)


def read(history: History, title: str = "digits") -> Reader:
    return Reader(render_report(history, title=title))


@pytest.fixture(scope="module")
def digits() -> Reader:
    return read(histories.digits())


@pytest.fixture(scope="module")
def branching() -> Reader:
    return read(histories.branching())


FIGURES = ("trace", "contour", "importances", "slices", "validation", "parallel")


def first(history: History, count: int) -> History:
    return History(history.space, history.objective, history.trials[:count], seed=history.seed)


def test_the_file_is_one_complete_document(tmp_path):
    path = write_report(histories.digits(), tmp_path / "new" / "digits.html", title="digits")
    assert [p.name for p in path.parent.iterdir()] == ["digits.html"]
    assert path.stat().st_size < 2_500_000
    page = Reader(path.read_text("utf-8"))
    assert all(page.has(name) for name in (*FIGURES, "trials", "templates"))
    assert page.unpacked("plotly") == get_plotlyjs()
    assert len(page.programs) == 1


def test_nothing_is_loaded_from_anywhere(branching: Reader):
    for tag, attributes in branching.elements:
        assert tag not in {"link", "iframe", "img", "object", "embed", "base", "form"}
        assert "src" not in attributes
        assert (attributes.get("href") or "#").startswith("#")
        assert not any(name.startswith("on") for name in attributes)
    policy = next(a["content"] for t, a in branching.elements if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'")
    assert policy.count("sha256-") == 1
    assert "http" not in policy


def test_the_summary_tells_both_winners_and_the_states(digits: Reader):
    words = digits.words
    assert re.search(r"Best believed: arm \d+_0 0\.9\d* ± 0\.0\d* accuracy: predicted mean ± standard error", words)
    assert re.search(r"Best seen: arm \d+_0 0\.9\d* accuracy: one measurement", words)
    assert "20 trials: 18 completed, 2 failed. Evaluating them took 36 s in all." in words
    assert re.search(r"best of all arms that were tried is (more than |less than )?\d+ %", words)
    assert "Maximise accuracy" in words
    assert "lr (" in words


def test_where_persons_judge_the_summary_speaks_of_no_measurement_and_of_no_chance():
    experiment = Experiment("posters", Space(x=Float(0.0, 1.0)), maximize="appeal", judged=True, seed=0)
    for trial in experiment.ask(6):
        experiment.tell(trial)
    for better, worse in ((0, 1), (0, 2), (0, 3), (4, 5)):
        experiment.prefer(better, over=worse)
    words = read(experiment.history, "posters").words
    assert "Arm 0_0 appeals most to those who compared trials." in words
    assert re.search(r"Most appealing: arm 0_0 \d.* appeal: what comparisons tell ± standard error", words)
    assert "Best seen" not in words
    assert "probability" not in words.partition("6 trials:")[0]


def test_the_summary_says_whether_to_go_on_and_why_trials_failed(digits: Reader):
    assert re.search(r"the next 10 trials are expected to gain [\d.e-]+ of accuracy \(80 % interval", digits.words)
    assert "2 of 20 trials failed. The most frequent reason (2 times): ValueError: loss is NaN" in digits.words


def test_a_bound_in_the_way_is_told_with_the_command_that_widens_it():
    space = Space({"the lr": Float(1e-5, 1e-2, log=True), "momentum": Float(0.0, 1.0)})
    history = histories.observed(space, lambda p: math.log10(p["the lr"]) - (p["momentum"] - 0.5) ** 2, 30)
    assert "headstock widen 'my digits' 'the lr=1e-05:0.1'" in read(history, "my digits").words


def test_learning_curves_and_a_second_metric_are_shown_where_there_are_any(branching: Reader):
    assert branching.has("metrics")
    assert not branching.has("curves")
    given = histories.digits()
    curve = {"accuracy": (Observation(0.1, step=1), Observation(0.2, step=2))}
    trials = [replace(t, reports=curve) for t in given]
    assert read(History(given.space, given.objective, tuple(trials))).has("curves")


def test_what_speaks_against_a_search_is_told_with_what_to_do():
    assert "The model rests on 3 results. Read what it says" in read(first(histories.digits(), 4)).words
    assert not [tag for tag, given in read(histories.digits()).elements if given.get("class") == "warnings"]


def test_what_was_won_over_the_baseline_and_what_earlier_experiments_count_is_told(tmp_path):
    url = f"sqlite:///{tmp_path / 'a.db'}"
    histories.taught(url, "new")
    with Experiment.open("new", storage=url) as experiment:
        page = Reader(experiment.report(tmp_path / "new.html").read_text(encoding="utf-8"))
    assert "is better than the baseline (trial 0) with probability more than 99 %: loss is " in page.words
    assert "The earlier experiment 'earlier' has " in page.words
    assert "baseline" not in read(histories.digits()).words


def test_the_model_of_a_metric_without_a_bound_is_shown_too():
    given = histories.digits()
    speed = [replace(t, metrics={**t.metrics, "speed": Observation(t.parameters["lr"])}) for t in given.observed]
    page = read(given.updated(speed))
    for name, label in (("contour", "speed: lr × batchsize"), ("slices", "speed"), ("effects", "speed")):
        labels = [button["label"] for button in page.data(name)["layout"]["updatemenus"][0]["buttons"]]
        assert "Of speed, bright means more" in page.words
        assert label in {text.replace("batchsize × lr", "lr × batchsize") for text in labels}, labels


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = write_report(histories.empty(), tmp_path / "x.html", title="old")
    monkeypatch.setattr("pathlib.Path.replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        write_report(histories.empty(), path, title="new")
    assert [p.name for p in tmp_path.iterdir()] == ["x.html"]
    assert "<title>old</title>" in path.read_text("utf-8")


@pytest.mark.parametrize(
    ("history", "drawn", "reason"),
    [
        (histories.empty(), (), "at least 2 trials with a result; there are 0"),
        (first(histories.digits(), 1), ("trace", "parallel"), "at least 2 trials with a result; there are 1"),
        (first(histories.digits(), 2), (*FIGURES[:4], "parallel"), "at least 3 values of accuracy; there are 2"),
        (first(histories.digits(), 3), FIGURES, ""),
        (histories.observed(Space(x=Float(0, 1)), lambda p: p["x"], 8), ("trace", *FIGURES[2:]), "two parameters"),
        (histories.branching(), FIGURES, ""),
    ],
    ids=["none", "one", "two", "three", "one parameter", "conditions"],
)
def test_what_cannot_be_drawn_says_why(history, drawn, reason):
    page = read(history)
    assert tuple(name for name in FIGURES if page.has(name)) == drawn
    assert reason in page.words
    assert page.has("trials") == (len(history) > 0)


def test_all_failed():
    trials = [histories.failed(i, p, "accuracy") for i, p in enumerate(histories.drawn(histories.NETWORK, 3))]
    page = read(History(histories.NETWORK, Objective("accuracy"), tuple(trials)))
    assert "3 trials: 3 failed." in page.words
    assert "There is no winner yet." in page.words
    assert page.data("trials")["rows"][0][-1] == "ValueError: loss is NaN"


def test_without_a_feasible_arm_the_model_is_still_shown():
    given = histories.branching()
    bound = (OutcomeConstraint("latency", 1.0, at_least=False),)
    page = read(History(given.space, given.objective, given.trials, bound))
    assert "No arm is believed to keep the constraints." in page.words
    assert page.has("contour")


def test_the_table_holds_every_trial(branching: Reader):
    history = histories.branching()
    table = branching.data("trials")
    names = [column["name"] for column in table["columns"]]
    assert names[:7] == ["trial", "state", "arm", "loss", "± loss", "latency", "lr"]
    assert names[-4:] == ["seconds", "source", "because", "error"]
    assert all(len(row) == len(names) for row in table["rows"])
    for row, trial in zip(table["rows"], history, strict=True):
        assert row[names.index("lr")] == trial.parameters["lr"]
        assert row[names.index("loss")] == trial.objective_mean
        assert (row[names.index("momentum")] is None) == ("momentum" not in trial.parameters)
    assert table["rows"][table["best"]][names.index("width")] < 256


def test_a_value_of_none_is_not_an_inactive_parameter():
    history = histories.observed(Space(x=Choice(None, True, "a")), lambda p: float(p["x"] is None), 6)
    cells = {row[4] for row in read(history).data("trials")["rows"]}
    assert cells == {"None", "True", "a"}


def hostile() -> History:
    space = Space({HOSTILE: Float(0, 1), "kind": Choice(HOSTILE, "b"), "fixed": Fixed(HOSTILE)})
    trials = []
    for i, parameters in enumerate(histories.drawn(space, 6)):
        metrics = {HOSTILE: Observation(i / 7), "other": Observation(1.0)}
        record = histories.completed(i, parameters, HOSTILE, **metrics)
        trials.append(record)
    trials.append(
        TrialRecord(
            6,
            TrialState.FAILED,
            trials[0].parameters,
            batch=6,
            source=HOSTILE,
            because=HOSTILE,
            objective=HOSTILE,
            error=HOSTILE,
            traceback=HOSTILE,
        )
    )
    return History(space, Objective(HOSTILE), tuple(trials), (OutcomeConstraint("other", 2.0, at_least=False),))


def test_what_users_wrote_is_never_markup(digits: Reader):
    page = read(hostile(), title=HOSTILE)
    assert page.programs == digits.programs
    assert {tag for tag, _ in page.elements} == {tag for tag, _ in digits.elements} | {"ul", "li"}  # of its warnings
    assert page.text.count(HOSTILE) >= 2  # the title and the heading, literally
    assert page.data("trials")["rows"][6][-1] == HOSTILE
    for name in FIGURES:
        shown = json.dumps(page.data(name))
        assert "<img" not in shown
        assert "<script" not in shown


def test_notes_are_told_from_the_experiment_to_the_newest_trials():
    history, hostile = histories.digits(), "<img src=x onerror=alert(1)>"
    page = Reader(render_report(history, title="x", notes={7: "seven", None: f"**All** of it {hostile}", 2: "two"}))
    assert f"Notes All of it {hostile} Trial 2 two Trial 7 seven" in page.words
    assert "img" not in {tag for tag, _ in page.elements}
    many = Reader(render_report(history, title="x", notes={i: f"note{i}" for i in range(1, 202)})).words
    assert "The newest 200 of 201 notes on trials: Trial 2 note2 Trial 3" in many
    assert "note1 " not in many
    assert "Notes" not in read(history).words


def test_tracebacks_stay_at_home():
    history = histories.digits()
    private = "File '/home/somebody/secret/train.py'"
    trials = [
        TrialRecord(t.index, t.state, t.parameters, batch=t.index, error=t.error, traceback=private, metrics=t.metrics)
        for t in history
    ]
    document = render_report(History(history.space, history.objective, tuple(trials)), title="x")
    page = Reader(document)
    packed = [attrs["id"] for attrs, _ in page.scripts if attrs.get("id") != "plotly" and attrs.get("id")]
    assert len(packed) > 10
    for text in (document, *map(page.unpacked, packed)):
        assert private not in text
        assert "somebody" not in text


def test_the_program_sets_the_same_experiment_up(monkeypatch):
    history = hostile()
    built = {}
    monkeypatch.setattr(headstock, "Experiment", lambda *a, **k: built.update(args=a, options=k), raising=False)
    exec(code(history, "my 'name'"), {})
    name, space = built["args"]
    assert name == "my 'name'"
    assert space == history.space
    assert built["options"] == {"maximize": HOSTILE, "outcome_constraints": ["other <= 2.0"], "seed": 0}


def test_the_same_history_gives_the_same_report():
    assert render_report(histories.digits(), title="x") == render_report(histories.digits(), title="x")


def test_the_report_of_many_trials_is_small_enough_to_mail():
    given = histories.observed(histories.NETWORK, histories.accuracy, 20_000, noise=0.01)
    # Of a model as large the report would take its time here; what it adds to the file does not grow with the trials.
    found = Findings.measured(given)
    parts = [sections.trace(found), sections.parallel(found), sections.matrix(found), sections.trials(found)]
    assert len(page("many", "", parts)) < 4_000_000
    assert len(parts[-1].data["trials"]["rows"]) == 20_000


def test_every_figure_of_the_report_can_be_had_by_name():
    from headstock.report.figures import FIGURES, WITHOUT_MODEL, draw

    history = histories.branching()
    found, measured = Findings.of(history), Findings.measured(history)
    missing = {}
    for name in FIGURES:
        try:
            drawn = draw(found, name)
        except headstock.errors.NoResultError as reason:
            missing[name] = str(reason)
            continue
        assert drawn.data
        if name in WITHOUT_MODEL:
            assert draw(measured, name).to_json() == drawn.to_json()
    assert set(missing) == {"curves", "failures"}
    with pytest.raises(headstock.HeadstockError, match="There is no figure 'tracé'"):
        draw(found, "tracé")


def test_of_many_parameters_a_card_unfolds_most_and_a_sentence_names_some():
    page = read(histories.wide(), "wide")
    assert [tag for tag, _ in page.elements].count("details") == 2
    assert "48 more" in page.words
    assert "and others (60 parameters" in page.words
    assert page.words.count("and 52 more") == 2  # what is held in contour and slices
