from html.parser import HTMLParser

from headstock import Experiment, Failed, Float, Space

HOSTILE = "<img src=x onerror=alert(1)></script>'\"&"


def elements(document: str) -> set[str]:
    found: set[str] = set()
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, _: found.add(tag)
    parser.feed(document)
    return found


def test_notebooks_show_experiments_trials_and_spaces_and_escape_what_users_wrote():
    space = Space({HOSTILE: Float(0, 1), "y": Float(0, 1)}, constraints=["y <= 0.9"])
    with Experiment(HOSTILE, space, maximize=HOSTILE, seed=0) as experiment:
        assert "none" in experiment._repr_html_()
        for _ in range(7):
            experiment.tell(experiment.ask(), 0.25)
        experiment.tell(experiment.ask(), Failed(HOSTILE))
        shown = [experiment._repr_html_(), experiment.space._repr_html_()]
        shown += [trial._repr_html_() for trial in experiment.trials.values()]
    for document in shown:
        assert elements(document) <= {"p", "b", "table", "thead", "tbody", "tr", "th", "td"}
        assert "&lt;img src=x onerror=alert(1)&gt;" in document
    assert "7 completed, 1 failed" in shown[0]
    assert shown[0].count("0.25") == 5  # the best five
    assert "y &lt;= 0.9" in shown[1]
    assert "Trial 7: failed" in shown[-1]


def test_of_many_parameters_a_notebook_has_columns_for_some():
    with Experiment("wide", Space({f"p{i}": Float(0, 1) for i in range(60)}), maximize="score", seed=0) as experiment:
        experiment.tell(experiment.ask(), 0.25)
        shown = experiment._repr_html_()
    assert shown.count('<th scope="col">') == 14
    assert "and 48 more parameters" in shown
