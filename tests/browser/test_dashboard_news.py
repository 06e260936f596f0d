import pytest

from browser.given import ON_BOTH
from headstock import Experiment, Failed, Float, Space
from serving import dashboard

expect = pytest.importorskip("playwright.sync_api").expect


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


def test_news_between_press_and_release_do_not_lose_the_click(visit, new_url):
    url = new_url()
    with Experiment("read", Space(lr=Float(0.1, 1.0)), maximize="accuracy", storage=url, seed=0) as experiment:
        experiment.attach({"lr": 0.5}, Failed("it failed", "where it failed"))
        with dashboard(url) as link:
            page = visit(f"{link}?experiment=read&trial=0", allowed=link, ready="body.ready")
            page.locator("#live.on").wait_for()
            page.locator("summary", has_text="Traceback").hover()
            page.mouse.down()
            with page.expect_response("**/api/trial?*") as told:
                experiment.attach({"lr": 0.6}, 0.5)
            told.value.finished()
            page.evaluate("fetch('/api/experiments').then((answer) => answer.json())")  # what came before it, is known
            expect(page.get_by_role("link", name="next")).to_have_count(0)  # and not drawn yet
            page.mouse.up()
            expect(page.get_by_role("link", name="next")).to_be_visible()
            expect(page.get_by_text("where it failed")).to_be_visible()
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
