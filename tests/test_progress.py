import io
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

import headstock as hs
from headstock.budget import Budget
from headstock.progress import course, shown_progress, trainings_table
from headstock.schedulers.forecast import predicted_ends
from headstock.trial import Observation, TrialState

pytestmark = pytest.mark.usefixtures("untimed")

SPACE = hs.Space(x=hs.Float(0, 1))


def climb(trial: hs.Trial) -> None:
    state = {"height": 0.0}
    trial.attach(state=state)
    for _ in trial.steps(9):
        state["height"] += (trial.parameters["x"] - state["height"]) / 2
        trial.report(height=state["height"])


def searched(console: Console, **options: Any) -> hs.Experiment:
    experiment = hs.Experiment("e", SPACE, maximize="height", seed=1, **options)
    budget = Budget(steps=60)
    with shown_progress("maximising height", budget, console) as observe:
        experiment.run(climb, budget=budget, observe=observe, progress=False)
    return experiment


def test_a_terminal_shows_what_runs_and_waits_with_predictions():
    out = io.StringIO()
    searched(Console(file=out, force_terminal=True, width=140, color_system=None))
    last = out.getvalue().rsplit("maximising height", 1)[1]
    assert "60/60 steps" in last
    assert "best height" in last
    assert "paused" in last
    assert " ± " in last, "no predictions are shown"
    assert "needs" in last, "no reasons are shown"


def test_elsewhere_a_line_says_what_became_of_each_trial():
    out = io.StringIO()
    experiment = searched(Console(file=out, width=140), scheduler=hs.SuccessiveHalving(eta=2))
    lines = out.getvalue().splitlines()
    paused = [line for line in lines if ", paused at step " in line]
    assert len(paused) >= sum(t.state is TrialState.PAUSED for t in experiment.history)
    assert "paused at step 1: trial 1 comes first: " in paused[0]
    assert "(x=" in paused[0]


def test_a_line_is_printed_once_though_workers_show_it_older_histories_too():
    out = io.StringIO()
    before = hs.Experiment("e", SPACE, maximize="height", seed=1)
    histories = [before.history]
    before.run(climb, budget=Budget(steps=30), observe=histories.append, progress=False)
    with shown_progress("maximising height", Budget(steps=30), Console(file=out, width=140)) as observe:
        for newer, older in zip(histories[1:], histories, strict=False):
            observe(older)
            observe(newer)
            observe(older)
    lines = [line.partition("  ")[2] for line in out.getvalue().splitlines()]
    assert len(lines) == len(set(lines)) >= 2, lines


def test_the_table_has_the_most_promising_first():
    experiment = searched(Console(file=io.StringIO(), width=140))
    ends = predicted_ends(experiment.history)
    assert set(ends) == {t.index for t in experiment.history.pending}
    table = trainings_table(experiment.history, ends, rows=4)
    rows = zip(table.columns[0].cells, table.columns[1].cells, strict=True)
    paused = [int(str(index)) for index, state in rows if state == "paused"]
    assert len(table.columns[0]._cells) == 4
    assert paused == sorted(paused, key=lambda i: -ends[i].mean)


def test_ends_are_predicted_where_no_scheduler_has_fitted_a_model_if_that_is_wanted():
    history = searched(Console(file=io.StringIO(), width=140), scheduler=hs.SuccessiveHalving(eta=2)).history
    assert not predicted_ends(history)
    ends = predicted_ends(history, fit=True)
    assert set(ends) == {t.index for t in history.pending}
    table = trainings_table(history, ends)
    states, predicted = (list(table.columns[i].cells) for i in (1, 4))
    assert all(cell for state, cell in zip(states, predicted, strict=True) if state == "paused")
    few = replace(history, trials=history.trials[:2])
    assert not predicted_ends(few, fit=True)


def test_an_end_of_which_nothing_is_known_is_told_so():
    experiment = searched(Console(file=io.StringIO(), width=140))
    paused = next(t.index for t in experiment.trials.values() if t.state is TrialState.PAUSED)
    reports = [o.mean for t in experiment.history for o in t.reports["height"]]
    for error, told in ((1e-6, "± 1e-06"), (0.51 * (max(reports) - min(reports)), "anything")):
        table = trainings_table(experiment.history, {paused: Observation(0.5, error)})
        (row,) = (i for i, index in enumerate(table.columns[0].cells) if index == str(paused))
        assert told in list(table.columns[4].cells)[row]


def test_without_steps_it_is_one_line():
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=140, color_system=None)
    experiment = hs.Experiment("e", SPACE, maximize="height", seed=1)
    with shown_progress("maximising height", Budget(trials=3), console) as observe:
        experiment.run(lambda t: t.parameters["x"], budget=Budget(trials=3), observe=observe)
    assert "3/3 trials" in out.getvalue()
    assert "predicted" not in out.getvalue()


def test_a_terminal_shows_how_the_best_improved_and_what_was_spent():
    def evaluate(trial: hs.Trial) -> dict[str, float]:
        return {"score": trial.index, "cost": 2.5}

    out = io.StringIO()
    budget = Budget(cost=10)
    experiment = hs.Experiment("e", SPACE, maximize="score", seed=1)
    console = Console(file=out, force_terminal=True, width=140, color_system=None)
    with shown_progress("maximising score", budget, console) as observe:
        experiment.run(evaluate, budget=budget, observe=observe, progress=False)
    last = out.getvalue().rsplit("maximising score", 1)[1]
    assert "4 completed" in last
    assert "cost 10 of 10" in last
    assert "best so far 0 ▁" in last
    assert course(experiment.history).endswith("█ 3")


def test_without_a_result_there_is_no_course():
    assert course(hs.Experiment("e", SPACE, maximize="score").history) == ""
