from pathlib import Path
from urllib.parse import urlencode

import pytest

import histories
from headstock import Choice, Experiment, Failed, Float, Space
from headstock.report.figures import FIGURES
from headstock.scripts.folders import LOG, files_of, trial_folder
from headstock.storage import NewTrial, open_storage
from headstock.storage.base import ExperimentSpec
from headstock.trial import Observation, Verdict
from serving import dashboard

expect = pytest.importorskip("playwright.sync_api").expect

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
HOSTILE = "<img src=x onerror=alert(1)></script>'\"&"
MANY = 100_000


ON_BOTH = pytest.mark.parametrize("new_url", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture(scope="module")
def new_url(request, tmp_path_factory):
    """Gives the URL of an empty storage: a SQLite file, unless the test is marked to run on PostgreSQL, too."""
    if getattr(request, "param", "sqlite") == "postgresql":
        return request.getfixturevalue("postgresql_server").new_url
    return lambda: f"sqlite:///{tmp_path_factory.mktemp('browser') / 'a.db'}"


@pytest.fixture(scope="module")
def stored(new_url) -> str:
    """Experiments of usual and of hostile names."""
    url = new_url()
    storage = open_storage(url)
    some = {"digits": histories.digits(), HOSTILE: histories.branching(), "wide": histories.wide()}
    for name, history in some.items():
        spec = ExperimentSpec(name, history.space, history.objective, history.outcome_constraints, 7)
        storage.create(spec, history.trials)
    storage.close()
    return url


@pytest.fixture(scope="module")
def link(browser, stored) -> str:  # noqa: ARG001 - skips where there is no browser, before anything is started
    with dashboard(stored) as link:
        yield link


@pytest.fixture
def look(visit, link):
    def open_address(**what):
        options = {key: what.pop(key) for key in ("viewport", "scheme", "expected") if key in what}
        return visit(f"{link}?{urlencode(what, doseq=True)}", allowed=link, ready="body.ready", **options)

    return open_address


PAGES = {
    "list": {},
    "experiment": {"experiment": HOSTILE},
    "trial": {"experiment": "digits", "trial": 3},
    "trials": {"experiment": HOSTILE, "trials": "1,2"},
    "compare": {"compare": ["digits", HOSTILE]},
    "wide": {"experiment": "wide"},
    "wide trial": {"experiment": "wide", "trial": 7},
    "wide trials": {"experiment": "wide", "trials": "1,2"},
    "wide compared": {"compare": ["digits", "wide"]},
    "nothing": {"experiment": "digits", "trial": 12},
    "new": {"new": ""},
}


@pytest.mark.parametrize("page", PAGES)
def test_every_page_fits_and_shows_names_as_they_are(look, page, screen):
    shown = look(**PAGES[page], **screen)
    assert shown.evaluate("document.documentElement.scrollWidth") <= screen["viewport"]["width"]
    assert shown.locator("img").count() == 0
    if HOSTILE in str(PAGES[page].get("experiment")) or page == "list":
        expect(shown.get_by_text(HOSTILE).first).to_be_visible()


@pytest.mark.parametrize("page", PAGES)
def test_every_page_is_accessible(look, page):
    if not AXE.exists():
        pytest.skip("axe-core is not installed: .ci/services installs it")
    shown = look(**PAGES[page])
    shown.evaluate(AXE.read_text("utf-8"))
    found = shown.evaluate("axe.run(document, {runOnly: ['wcag2a', 'wcag2aa']})")
    # Plotly's own pictures are left to Plotly.
    broken = [
        (rule["id"], node["html"][:200])
        for rule in found["violations"]
        for node in rule["nodes"]
        if "plotly" not in node["html"] and "main-svg" not in node["html"] and ".figure" not in str(node["target"])
    ]
    assert broken == []


@ON_BOTH
def test_trials_are_ordered_by_any_column_and_searched_by_keyboard_and_the_address_keeps_it(look):
    page = look(experiment="digits")
    trials, where = page.get_by_role("region", name="Trials", exact=True), page.get_by_role("status")
    column = trials.get_by_role("columnheader", name="lr", exact=True)
    lr = [t.parameters["lr"] for t in histories.digits().trials]
    upward, downward = (sorted(range(len(lr)), key=lr.__getitem__, reverse=reverse) for reverse in (False, True))

    def shown(*indices: int) -> None:
        expect(trials.locator("tbody td:nth-child(2)")).to_have_text(list(map(str, indices)))

    shown(*range(19, -1, -1))
    column.get_by_role("button").focus()
    page.keyboard.press("Enter")
    shown(*upward)
    expect(column).to_have_attribute("aria-sort", "ascending")
    expect(column.get_by_role("button")).to_be_focused()
    page.keyboard.press("Enter")
    shown(*downward)
    page.get_by_label("Only trials that contain this").fill("LOSS is nan")
    shown(*(i for i in downward if i in (3, 11)))
    expect(where.filter(has_text="trials 1 to 2 of 2")).to_be_visible()
    page.reload()
    shown(*(i for i in downward if i in (3, 11)))
    expect(column).to_have_attribute("aria-sort", "descending")
    page.get_by_label("Compare trial 11").check()
    page.get_by_label("Only trials in this state").select_option("completed")
    expect(where.filter(has_text="no such trial")).to_be_visible()
    page.get_by_label("Only trials that contain this").fill("")
    shown(*(i for i in downward if i not in (3, 11)))
    page.get_by_label("Compare trial 8", exact=True).check()
    page.get_by_role("button", name="Compare 2 trials").click()
    compared = page.get_by_role("region", name="Trials compared")
    expect(compared.get_by_role("columnheader")).to_have_text(["", "trial 11", "trial 8"])


def test_what_is_very_long_is_shortened_and_unfolds(look):
    page = look(experiment="wide", viewport={"width": 390, "height": 844})
    (parameters,) = [card for card in page.locator(".card").all() if "Best seen" in card.inner_text()]
    expect(page.get_by_text("nobody_wants_to_type_40").first).to_be_hidden()
    parameters.get_by_text("48 more").click()
    page.locator(".card dt", has_text="nobody_wants_to_type_40").wait_for()
    # Measured in the page, for news may replace the cell between one question of a test and the next.
    page.wait_for_function("""() => {
      const cell = document.querySelector("[aria-label=Trials] td[title^='word word']");
      const height = cell?.getBoundingClientRect().height;
      return 0 < height && height < 60;
    }""")
    for figure in ("importances", "parallel", "matrix", "contour"):
        page.locator(f".chip[value={figure}]").click()
        page.locator(f"[data-figure={figure}] .main-svg").first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_experiments_stand_side_by_side(look):
    page = look(compare=["digits", HOSTILE])
    compared = page.get_by_role("region", name="Experiments side by side")
    expect(compared.get_by_role("link", name=HOSTILE)).to_be_visible()
    marked = compared.locator("mark")
    expect(marked.filter(has_text="minimise loss")).to_have_count(1)
    expect(marked.filter(has_text="Int(16, 128)")).to_have_count(1)
    page.locator(".figure .main-svg").first.wait_for()


@ON_BOTH
def test_every_figure_is_drawn_when_it_is_opened(look):
    page = look(experiment=HOSTILE)
    chips = page.get_by_role("group", name="Figures").get_by_role("button")
    figures = [chips.nth(i).get_attribute("value") for i in range(chips.count())]
    assert set(figures) == {"summary", *FIGURES}
    for figure in figures:
        box = page.locator(f"section[data-figure={figure}]")
        if figure != "trace":
            expect(box).to_have_count(0)
            chips.and_(page.locator(f"[value={figure}]")).click()
        box.locator(".main-svg, canvas, p.none, .winners").first.wait_for()
        if figure not in ("trace", "summary"):
            box.get_by_role("button", name="Close").click()
            expect(box).to_have_count(0)
    page.get_by_text("best of all arms").wait_for()
    page.reload()  # the address says which are open
    page.locator("section[data-figure=summary]").get_by_text("best of all arms").wait_for()
    expect(page.locator("section[data-figure]")).to_have_count(2)


@ON_BOTH
def test_actions_by_keyboard_alone(look, stored):
    page = look(experiment="digits")
    page.get_by_role("button", name="Try a point").focus()
    page.keyboard.press("Enter")
    page.get_by_label("lr").fill("twelve")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("not a number")
    page.get_by_label("lr").fill("0.125")
    page.keyboard.press("Enter")
    page.get_by_text("is queued.").wait_for()
    page.get_by_role("region", name="Trials under way").get_by_text("0.125").wait_for()
    page.get_by_role("button", name="Give up trial 20").focus()
    page.keyboard.press("Enter")
    page.get_by_role("dialog").get_by_role("button", name="Give up").focus()
    page.keyboard.press("Enter")
    page.get_by_role("region", name="Trials under way").wait_for(state="detached")
    with Experiment.open("digits", storage=stored) as experiment:
        assert experiment.trials[20].parameters["lr"] == 0.125
        assert experiment.trials[20].state == "abandoned"


@ON_BOTH
def test_a_range_is_widened(look, stored):
    page = look(experiment="digits", expected="400 (Bad Request)")  # a refusal, which the page shows
    page.get_by_role("button", name="Widen a range").click()
    page.get_by_label("highest batchsize").fill("100")
    page.get_by_role("button", name="Widen", exact=True).click()
    page.get_by_text("leaves out part of").wait_for()
    page.get_by_label("highest batchsize").fill("256")
    page.get_by_role("button", name="Widen", exact=True).click()
    page.get_by_text("Int(16, 256)").wait_for()
    with Experiment.open("digits", storage=stored) as experiment:
        assert experiment.space["batchsize"].high == 256


@pytest.fixture(scope="module")
def trainings(browser, new_url, tmp_path_factory):  # noqa: ARG001 - skips where there is no browser
    """Learning curves: whole ones, one that a worker trains, one that is paused; with a log and a saved state."""
    folder = tmp_path_factory.mktemp("trainings")
    url = new_url()  # with its password, which a storage does not tell
    storage = open_storage(url)
    histories.train(storage, "nets", whole=12)
    [running, paused] = storage.add_trials(
        "nets",
        [
            NewTrial(p, owner="a worker", until=20, because="predicted best")
            for p in histories.drawn(histories.NETWORK, 2)
        ],
        created=None,
        now=1e9,
    )
    for step in range(1, 9):
        for trial in (running, paused):
            value = Observation(histories.at_step(trial.parameters, step), step=step)
            storage.report("nets", trial.index, {"accuracy": value}, now=1e9 + step, owner="a worker", steps=20)
    storage.pause("nets", paused.index, "a worker", verdict=Verdict(8, "pause", "trial 12 comes first"), now=2e9)
    files = files_of(storage.url, storage.experiment("nets"), folder)
    trial_folder(files, running.index).mkdir(parents=True)
    (trial_folder(files, running.index) / LOG).write_text(f"epoch 1\n{HOSTILE}\n", "utf-8")
    with dashboard(url, "--files", str(folder)) as link:
        yield storage, link
    storage.close()


@ON_BOTH
def test_a_trial_s_page_tells_everything(visit, trainings, screen):
    storage, link = trainings
    page = visit(f"{link}?experiment=nets&trial=12", allowed=link, ready="body.ready", **screen)
    page.locator(".figure .main-svg").first.wait_for()
    page.get_by_text("Expected to come to").wait_for()
    page.get_by_text("8 of 20").wait_for()
    page.get_by_text("predicted best").wait_for()
    page.locator("summary", has_text="Log").click()
    page.locator("pre", has_text=HOSTILE).wait_for()
    assert page.locator("img").count() == 0
    page.get_by_role("button", name="Note").click()
    page.get_by_label("Note", exact=True).fill(f"{HOSTILE}\nkeep an eye on it")
    page.get_by_role("button", name="Keep").click()
    page.locator(".written", has_text="keep an eye on it").wait_for()
    assert storage.notes("nets")[12] == f"{HOSTILE}\nkeep an eye on it"
    assert page.evaluate("document.documentElement.scrollWidth") <= screen["viewport"]["width"]


def test_a_note_is_markdown_and_never_markup(visit, trainings):
    storage, link = trainings
    text = f"# Why\n\n* **bold** {HOSTILE}\n* [go](https://example.org) [no](javascript:alert(1)) ![no](https://example.org)"
    storage.note("nets", text, index=5, now=1.0)
    page = visit(f"{link}?experiment=nets&trial=5", allowed=link, ready="body.ready")
    note = page.locator(".written")
    expect(note.locator("h4")).to_have_text("Why")
    expect(note.locator("li strong")).to_have_text("bold")
    expect(note).to_contain_text(HOSTILE)
    assert [a.get_attribute("href") for a in note.locator("a").all()] == 2 * ["https://example.org"]
    assert page.locator("img").count() == 0


@ON_BOTH
def test_a_worker_is_asked_and_a_paused_trial_ended(visit, trainings):
    storage, link = trainings
    page = visit(f"{link}?experiment=nets", allowed=link, ready="body.ready")
    for what, told in (("Pause", "asked to pause"), ("Stop", "asked to end")):
        page.get_by_role("button", name=f"{what} trial 12").click()
        page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
        page.get_by_role("button", name=f"{what} trial 12").click()
        page.get_by_role("dialog").get_by_role("button", name=what).click()
        page.get_by_text(f"Trial 12 is {told}").wait_for()
        assert storage.leases("nets")[0].command == what.lower()
    page.get_by_role("button", name="Go on trial 13").click()
    page.get_by_role("dialog").get_by_role("button", name="Go on").click()
    page.get_by_text("Trial 13 is queued").wait_for()
    page.get_by_role("button", name="Go on trial 13").wait_for(state="detached")
    assert storage.page("nets", limit=1)[0].state == "queued"
    assert storage.lease("nets", "a worker", now=3e9).index == 13
    storage.pause("nets", 13, "a worker", verdict=Verdict(8, "pause", "trial 12 comes first"), now=4e9)
    page.get_by_role("button", name="Stop trial 13").click()
    page.get_by_role("dialog").get_by_role("button", name="Stop").click()
    page.get_by_text("Trial 13 is stopped").wait_for()
    page.get_by_role("button", name="Stop trial 13").wait_for(state="detached")
    assert storage.page("nets", limit=1)[0].state == "stopped"


@ON_BOTH
def test_the_budget_is_changed_and_the_experiment_noted(visit, trainings):
    storage, link = trainings
    page = visit(f"{link}?experiment=nets", allowed=link, ready="body.ready", expected="400 (Bad Request)")
    page.get_by_role("button", name="Change the budget").click()
    page.get_by_label("trials in all", exact=True).fill("2.5")
    page.get_by_role("button", name="Change it").click()
    page.get_by_role("alert").get_by_text("Give the bounds").wait_for()
    page.get_by_label("trials in all", exact=True).fill("40")
    page.get_by_role("button", name="Change it").click()
    page.get_by_text("Budget: trials in all 40.").wait_for()
    assert storage.experiment("nets").budget == {"trials": 40}
    page.get_by_role("button", name="Note").click()
    page.get_by_label("Note", exact=True).fill(HOSTILE)
    page.get_by_role("button", name="Keep").click()
    page.locator(".written", has_text=HOSTILE).wait_for()
    with page.expect_download() as caught:
        page.get_by_role("link", name="CSV").click()
    assert caught.value.suggested_filename == "trials.csv"


@ON_BOTH
def test_what_workers_write_appears_by_itself_also_after_the_server_was_away(visit, new_url):
    url = new_url()
    with Experiment("live", Space(lr=Float(0.1, 1.0)), maximize="accuracy", storage=url, seed=0) as experiment:
        with dashboard(url) as link:
            port = link.rstrip("/").rpartition(":")[2]
            # A browser says on its console that it lost the server.
            page = visit(
                f"{link}?experiment=live", allowed=link, ready="body.ready", expected="Failed to load resource"
            )
            trial = experiment.ask()
            running = page.get_by_role("region", name="Trials under way")
            running.get_by_text("running").wait_for()
            for step in range(1, 4):
                trial.report(accuracy=0.1 * step)
            running.locator("svg.spark").wait_for()
            running.get_by_text("0.3").wait_for()
            experiment.tell(trial, {"accuracy": 0.75})
            page.locator(".card .value", has_text="0.75").wait_for()
            experiment.attach({"lr": 0.5}, 0.8)
            page.locator(".card .value", has_text="0.8").wait_for()
        page.locator("#live", has_text="reconnecting").wait_for()
        experiment.attach({"lr": 0.6}, 0.9)
        with dashboard(url, "--port", port):
            page.locator("#live.on", has_text="live").wait_for()
            page.locator(".card .value", has_text="0.9").wait_for()


@ON_BOTH
def test_a_trial_is_suggested_to_a_person_who_tells_its_result(visit, new_url, screen):
    url = new_url()
    space, bounds = Space(temperature=Float(20.0, 90.0)), ["cost <= 5"]
    with (
        Experiment("yield", space, maximize=HOSTILE, outcome_constraints=bounds, storage=url, seed=0) as experiment,
        dashboard(url) as link,
    ):
        page = visit(
            f"{link}?experiment=yield", allowed=link, ready="body.ready", expected="400 (Bad Request)", **screen
        )
        for index, how in enumerate(("result", "reason")):
            page.get_by_role("button", name="Suggest a trial").focus()
            page.keyboard.press("Enter")
            page.get_by_role("dialog").get_by_role("button", name="Suggest").focus()
            page.keyboard.press("Enter")
            page.get_by_role("heading", name=f"Trial {2 * index}").wait_for()  # each is followed by one of a program
            page.locator(".card dt", has_text="temperature").wait_for()
            page.get_by_role("button", name="Tell the result").focus()
            page.keyboard.press("Enter")
            dialog = page.get_by_role("dialog")
            keep = dialog.get_by_role("button", name="Keep it")
            if how == "result":
                keep.click()
                expect(page.get_by_role("alert")).to_contain_text("Give every metric")
                dialog.get_by_label(HOSTILE, exact=True).fill("much")
                keep.click()
                expect(page.get_by_role("alert")).to_contain_text("much is not a number")
                dialog.get_by_label(HOSTILE, exact=True).fill("0.75")
                dialog.get_by_label(f"standard error of {HOSTILE}").fill("-1")
                dialog.get_by_label("cost", exact=True).fill("6")
                expect(dialog.get_by_label("purity", exact=True)).to_have_count(0)
                keep.click()
                expect(page.get_by_role("alert")).to_contain_text("not a number of at least 0")
                assert page.evaluate("document.documentElement.scrollWidth") <= screen["viewport"]["width"]
                dialog.get_by_label(f"standard error of {HOSTILE}").fill("0.01")
                keep.click()
                page.get_by_text("0.75 ± 0.01").wait_for()
            else:
                dialog.get_by_label("purity", exact=True).wait_for()
                dialog.get_by_label("Why it failed").fill(HOSTILE)
                keep.click()
                page.locator(".error", has_text=HOSTILE).wait_for()
            page.get_by_role("button", name="Tell the result").wait_for(state="detached")
            experiment.attach({"temperature": 30.0}, {HOSTILE: 0.5, "cost": 7.0, "purity": 0.5})
            page.goto(f"{link}?experiment=yield")
        page.get_by_text("No result keeps cost ≤ 5.").wait_for()
        assert [t.state for t in experiment.trials.values()] == ["completed", "completed", "failed", "completed"]
        assert experiment.trials[0].metrics == {HOSTILE: Observation(0.75, 0.01), "cost": Observation(6.0)}
        assert experiment.trials[2].error == HOSTILE
        page.goto("about:blank")  # it would miss the server


@ON_BOTH
def test_a_comparison_is_live(visit, new_url):
    url = new_url()
    space = Space(lr=Float(0.1, 1.0))
    with (
        Experiment("one", space, maximize="accuracy", storage=url, seed=0) as one,
        Experiment("other", space, maximize="accuracy", storage=url, seed=0) as other,
        dashboard(url) as link,
    ):
        one.attach({"lr": 0.5}, 0.25)
        page = visit(f"{link}?compare=one&compare=other", allowed=link, ready="body.ready")
        compared = page.get_by_role("region", name="Experiments side by side")
        compared.get_by_role("row", name="best seen").get_by_text("none yet").wait_for()
        page.locator(".figure .main-svg").first.wait_for()
        compared.get_by_role("link", name="other").focus()
        other.attach({"lr": 0.6}, 0.75)
        compared.get_by_role("row", name="best seen").get_by_text("0.75").wait_for()
        expect(compared.get_by_role("link", name="other")).to_be_focused()
        page.locator(".figure .legendtext", has_text="other").wait_for()  # drawn again with both
        trials = [other.ask(), other.ask()]
        page.goto(f"{link}?experiment=other&trials=1,2")
        states = page.get_by_role("region", name="Trials compared").get_by_role("row", name="state")
        states.get_by_text("running").first.wait_for()
        trials[0].report(accuracy=0.5)
        page.locator(".panels .figure .main-svg").first.wait_for()
        other.tell(trials[1], 0.125)
        page.get_by_role("region", name="Trials compared").get_by_text("0.125").wait_for()
        page.goto("about:blank")  # it would miss the server


@ON_BOTH
def test_an_experiment_is_created_and_waits_for_a_worker(visit, new_url, screen):
    url = new_url()
    with dashboard(url, "--new") as link:
        page = visit(link, allowed=link, ready="body.ready", expected="400 (Bad Request)", **screen)
        page.get_by_text("There is no experiment yet").wait_for()
        page.get_by_role("link", name="New experiment").click()
        page.get_by_role("textbox", name="Name").fill(HOSTILE)
        page.get_by_label("Goal").select_option("minimise")
        page.get_by_label("Metric", exact=True).fill("loss")
        page.get_by_role("button", name="Add a parameter").click()
        first, second = page.get_by_role("group", name="A parameter").all()
        first.get_by_label("Parameter", exact=True).fill("lr")
        first.get_by_label("From").fill("1e-4")
        first.get_by_label("To", exact=True).fill("much")
        first.get_by_label("Scale").select_option("logarithmic")
        second.get_by_label("Parameter", exact=True).fill("lr")
        second.get_by_label("Kind").select_option("one of several")
        second.get_by_label("Values").fill("sgd, adamw")
        page.get_by_label("Trials in all").fill("12")
        page.get_by_label("Steps in all").fill("600")
        page.get_by_label("Cost in all").fill("2.5")
        create = page.get_by_role("button", name="Create")
        create.click()
        expect(page.get_by_role("alert")).to_contain_text("two parameters lr")
        second.get_by_label("Parameter", exact=True).fill("optimizer")
        create.click()
        expect(page.get_by_role("alert")).to_contain_text("high is 'much', which is no number")
        first.get_by_label("To", exact=True).fill("1")
        assert page.evaluate("document.documentElement.scrollWidth") <= screen["viewport"]["width"]
        create.click()
        page.get_by_text("It waits for workers").wait_for()
        page.get_by_text("0 of 12").wait_for()
        with Experiment.open(HOSTILE, storage=url) as experiment:
            assert experiment.space == Space(lr=Float(1e-4, 1, log=True), optimizer=Choice("sgd", "adamw"))
            assert experiment.objective.minimize
            page.get_by_text("trials in all 12, training steps in all 600, cost in all 2.5").wait_for()
            experiment.attach({"lr": 0.5, "optimizer": "sgd"}, 0.25)
            page.locator(".card .value", has_text="0.25").wait_for()
            expect(page.get_by_text("It waits for workers")).to_be_hidden()
        page.goto("about:blank")  # it would miss the server


@ON_BOTH
def test_an_experiment_is_renamed_and_deleted_after_its_name_was_typed(visit, new_url):
    url = new_url()
    with Experiment("old", Space(lr=Float(0.1, 1.0)), maximize="accuracy", storage=url, seed=0) as experiment:
        experiment.attach({"lr": 0.5}, 0.9)
    with dashboard(url) as link:
        page = visit(f"{link}?experiment=old", allowed=link, ready="body.ready", expected="Failed to load resource")
        page.get_by_role("button", name="Rename").click()
        page.get_by_label("New name").fill(HOSTILE)
        page.get_by_role("dialog").get_by_role("button", name="Rename").click()
        page.locator("h1", has_text=HOSTILE).wait_for()
        page.get_by_role("button", name="Delete").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_text("1 trial (1 completed)").wait_for()
        dialog.get_by_role("button", name="Delete").click()
        dialog.get_by_text("Type the name").wait_for()
        page.get_by_label("Type its name").fill(HOSTILE)
        dialog.get_by_role("button", name="Delete").click()
        page.get_by_text("There is no experiment yet").wait_for()
        page.goto("about:blank")  # it would miss the server


def test_an_answer_that_was_overtaken_is_not_shown(visit, new_url):
    url, held = new_url(), []
    with Experiment("paged", Space(lr=Float(0.0, 1.0)), maximize="accuracy", storage=url, seed=0) as experiment:
        for i in range(60):
            experiment.attach({"lr": i / 60}, i / 60)
    with dashboard(url) as link:
        page = visit(f"{link}?experiment=paged", allowed=link, ready="body.ready")
        page.route("**/api/trials?*offset=50*", lambda route: held.append(route))  # noqa: PLW0108 - it marks it
        page.get_by_role("button", name="Next").click()
        with page.expect_response("**/api/trials?*offset=0*"):
            page.get_by_role("columnheader", name="trial").get_by_role("button").click()
        expect(page.get_by_text("trials 1 to 50")).to_be_visible()
        with page.expect_response("**/api/trials?*offset=50*") as late:
            held[0].continue_()
        late.value.finished()
        page.evaluate("fetch('/api/experiments').then((answer) => answer.json())")  # what came before it, is drawn
        expect(page.get_by_role("link", name="49", exact=True)).to_be_visible()
        page.goto("about:blank")  # it would miss the server


def test_a_late_answer_about_a_trial_is_not_shown(visit, new_url):
    url, held = new_url(), []
    with Experiment("late", Space(lr=Float(0.0, 1.0)), maximize="accuracy", storage=url, seed=0) as experiment:
        experiment.attach({"lr": 0.1}, 0.1)
        with dashboard(url) as link:
            page = visit(f"{link}?experiment=late&trial=0", allowed=link, ready="body.ready")
            page.locator("#live.on").wait_for()
            page.route("**/api/trial?*", lambda route: held.append((route, route.fetch())), times=1)
            with page.expect_request("**/api/trial?*"):
                experiment.attach({"lr": 0.2}, 0.2)  # the page asks what has become of its trial, and is answered late
            page.get_by_role("button", name="Note").click()
            page.get_by_label("Note", exact=True).fill("newer than that answer")
            page.get_by_role("button", name="Keep").click()
            noted = page.locator(".written", has_text="newer than that answer")
            noted.wait_for()
            ((route, answer),) = held
            page.evaluate(
                """() => new MutationObserver(() => (window.lost ||= !document.querySelector(".written")))
                .observe(document.body, {childList: true, subtree: true})"""
            )
            with page.expect_response("**/api/trial?*") as late:
                route.fulfill(response=answer)
            late.value.finished()
            page.evaluate("fetch('/api/experiments').then((answer) => answer.json())")  # what came before it, is drawn
            assert page.evaluate("!window.lost")
            page.goto("about:blank")  # it would miss the server


def test_news_leave_the_reader_where_he_is(visit, new_url):
    url = new_url()
    with Experiment("read", Space(lr=Float(0.1, 1.0)), maximize="accuracy", storage=url, seed=0) as experiment:
        experiment.attach({"lr": 0.5}, Failed("it failed", "where it failed"))
        trial = experiment.ask()
        with dashboard(url) as link:
            page = visit(f"{link}?experiment=read", allowed=link, ready="body.ready")
            stop = page.get_by_role("button", name="Stop trial 1")
            stop.focus()
            trial.report(accuracy=0.25, loss=300.0)
            page.get_by_role("region", name="Trials under way").get_by_text("0.25").wait_for()
            expect(stop).to_be_focused()
            page.goto(f"{link}?experiment=read&trial=0")
            page.locator("summary", has_text="Traceback").click()
            page.get_by_role("link", name="next").focus()
            with page.expect_response("**/api/trial?*"):
                trial.report(accuracy=0.5, loss=200.0)
            page.evaluate("fetch('/api/experiments').then((answer) => answer.json())")  # what came before it, is drawn
            expect(page.get_by_text("where it failed")).to_be_visible()
            expect(page.get_by_role("link", name="next")).to_be_focused()
            page.keyboard.press("Enter")
            page.get_by_role("heading", name="Trial 1").wait_for()
            expect(page.locator(".panels .figure .main-svg").first).to_be_visible()
            expect(page.locator(".panels .figure")).to_have_count(2)  # each metric on a scale of its own
            page.goto("about:blank")  # it would miss the server


def test_the_words_of_an_open_figure_follow_it_and_the_figure_stays(visit, new_url):
    url = new_url()
    with Experiment("told", Space(lr=Float(0.1, 1.0)), maximize="accuracy", storage=url, seed=0) as experiment:
        experiment.attach({"lr": 0.5}, Failed("it failed"))
        experiment.attach({"lr": 0.6}, 0.5)
        with dashboard(url) as link:
            page = visit(f"{link}?experiment=told&figures=failures", allowed=link, ready="body.ready")
            page.get_by_text("1 of 2 trials failed").wait_for()
            page.locator("[data-figure=failures] .main-svg").first.wait_for()
            page.evaluate("window.place = document.querySelector('[data-figure=failures] .figure')")
            experiment.attach({"lr": 0.7}, 0.6)
            page.get_by_text("1 of 3 trials failed").wait_for()
            assert page.evaluate("window.place === document.querySelector('[data-figure=failures] .figure')")
            page.goto("about:blank")  # it would miss the server


def test_many_trials_are_paged_and_never_sent_at_once(visit, tmp_path):
    url = f"sqlite:///{tmp_path / 'many.db'}"
    storage = open_storage(url)
    some = histories.drawn(histories.NETWORK, 500)
    trials = [
        histories.completed(i, some[i % 500], "accuracy", accuracy=Observation(i % 997 / 1000)) for i in range(MANY)
    ]
    given = histories.empty()
    storage.create(ExperimentSpec("many", given.space, given.objective, (), 7), trials)
    with dashboard(url) as link:
        received = []
        page = visit(link, allowed=link, ready="body.ready")
        page.on("response", lambda r: received.append((r.url, r.headers.get("content-length", "0"))))
        page.goto(f"{link}?experiment=many")
        page.wait_for_selector("body.ready")
        page.get_by_text("100,000").first.wait_for()
        expect(page.get_by_text("trials 1 to 50")).to_be_visible()
        page.get_by_role("button", name="Next").click()
        page.get_by_text("trials 51 to 100").wait_for()
        expect(page.get_by_role("link", name=str(MANY - 51), exact=True)).to_be_visible()
        page.locator("section[data-figure=trace] .main-svg").first.wait_for()
        sizes = [int(size) for url, size in received if "/api/" in url]
        assert sum(sizes) < 2_000_000, received
        page.goto("about:blank")  # it would miss the server
    storage.close()
