import pytest

from browser.given import HOSTILE, ON_BOTH
from headstock import Choice, Experiment, Float, Space
from headstock.trial import Observation, Verdict
from serving import dashboard

expect = pytest.importorskip("playwright.sync_api").expect

IN_REACH = """labels => labels.map(label => {
  const button = document.querySelector(`[aria-label="${label}"]`), region = button.closest("[role=region]");
  const { left, right } = button.getBoundingClientRect();
  return 0 <= left && left < right && right <= innerWidth && region.scrollWidth <= region.clientWidth;
})"""
"""Whether each button, by its label, is seen whole without scrolling sideways."""


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
def test_a_queued_trial_is_told_its_result_and_under_way_needs_no_scrolling(visit, new_url, screen):
    url = new_url()
    space = Space({f"parameter_{i}": Float(0.0, 1.0) for i in range(4)})
    with Experiment("queue", space, maximize="accuracy", storage=url, seed=0) as experiment, dashboard(url) as link:
        for _ in range(2):
            experiment.enqueue({})
        page = visit(f"{link}?experiment=queue", allowed=link, ready="body.ready", **screen)
        table = page.get_by_role("region", name="Trials under way")
        labels = [f"{what} trial {index}" for index in range(2) for what in ("Tell the result of", "Give up")]
        for label in labels:
            table.get_by_role("button", name=label, exact=True).wait_for()
        assert page.evaluate(IN_REACH, labels) == [True] * len(labels)  # at once, for news redraw the table
        table.get_by_role("button", name="Tell the result of trial 1").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("accuracy", exact=True).fill("0.75")
        dialog.get_by_role("button", name="Keep it").click()
        page.get_by_text("Trial 1 is completed.").wait_for()
        table.get_by_role("button", name="Give up trial 1").wait_for(state="detached")
        assert experiment.trials[1].objective_mean == 0.75
        assert [t.state for t in experiment.trials.values()] == ["queued", "completed"]
        assert experiment.ask().index == 0
        table.get_by_role("button", name="Stop trial 0").wait_for()
        assert experiment.ask().index == 2
        table.get_by_role("button", name="Stop trial 2").wait_for()
        page.goto("about:blank")  # it would miss the server


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
