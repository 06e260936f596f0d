"""A snapshot that follows from an earlier one is the same as one made anew."""

from dataclasses import replace

import numpy as np

from headstock.encoding import Encoding
from headstock.history import History
from headstock.objective import Objective, parse_outcome_constraint
from headstock.space import Float, Space
from headstock.trial import Comparison, Observation, TrialRecord, TrialState

SPACE = Space(x=Float(0.0, 1.0))
STATES = (TrialState.COMPLETED, TrialState.FAILED, TrialState.RUNNING, TrialState.STOPPED, TrialState.QUEUED)


def trial(index: int, state: TrialState) -> TrialRecord:
    metrics = {"loss": Observation(index % 7, 0.5 if index % 2 else None), "size": Observation(index % 3)}
    return TrialRecord(
        index,
        state,
        {"x": index / 20},
        batch=index,
        source="attached" if index % 4 == 0 else "sobol",
        objective="loss",
        reports={"loss": tuple(Observation(0.5, step=s + 1) for s in range(index % 5))},
        metrics=metrics if state.is_finished and state is not TrialState.FAILED else {},
    )


def history(trials: list[TrialRecord]) -> History:
    constraints = (parse_outcome_constraint("size <= 1"),)
    return History(SPACE, Objective("loss", minimize=True), tuple(trials), constraints)


def seen(history: History) -> list[object]:
    values = [column.tolist() for metric in ("loss", "size", "unknown") for column in history.values(metric)]
    best = history.best_seen()
    return [
        history.observed,
        history.pending,
        history.failed,
        history.counts,
        history.evaluations,
        history.steps_reached,
        history.next_batch,
        best and best.index,
        [["nan" if np.isnan(v) else v for v in column] for column in values],
    ]


def test_an_updated_snapshot_is_like_a_new_one():
    trials = [trial(i, STATES[i % len(STATES)]) for i in range(20)]
    encode = Encoding.of(SPACE).encode
    snapshot = history(trials[:12])
    seen(snapshot)
    snapshot.points(encode)
    further = {"loss": (Observation(0.1, step=9),)}
    finished = [replace(trial(i, TrialState.COMPLETED), started=1.0, reports=further) for i in (2, 4)]
    for record in finished:
        trials[record.index] = record
    updated = snapshot.updated([*finished, *trials[12:]])
    anew = history(trials)
    assert updated == anew
    assert seen(updated) == seen(anew)
    assert np.array_equal(updated.points(encode), encode([t.parameters for t in trials]))
    assert seen(snapshot) == seen(history(list(snapshot.trials)))


def test_a_number_of_each_trial_is_derived_anew_only_of_those_that_changed():
    asked = []

    def reports(record: TrialRecord) -> float:
        asked.append(record.index)
        return len(record.reports["loss"])

    trials = [trial(i, TrialState.RUNNING) for i in range(7)]
    snapshot = history(trials[:6])
    assert snapshot.column(reports).tolist() == [0, 1, 2, 3, 4, 0]
    further = replace(trials[2], reports={"loss": (Observation(0.1, step=9),)})
    later = snapshot.updated([further, trials[6]])
    assert later.column(reports).tolist() == [0, 1, 1, 3, 4, 0, 1]
    assert asked == [*range(6), 2, 6]
    assert snapshot.column(reports).tolist() == [0, 1, 2, 3, 4, 0]


def test_points_are_encoded_once():
    rows = []

    def encode(configurations):
        rows.extend(configurations)
        return Encoding.of(SPACE).encode(configurations)

    snapshot = history([trial(i, TrialState.COMPLETED) for i in range(5)])
    snapshot.points(encode)
    later = snapshot.updated([trial(5, TrialState.RUNNING)]).updated([trial(6, TrialState.RUNNING)])
    assert later.points(encode)[:, 0].tolist() == [i / 20 for i in range(7)]
    assert len(rows) == 7


def test_snapshots_that_part_ways_do_not_see_each_others_points():
    common = history([trial(i, TrialState.COMPLETED) for i in range(5)])
    encode = Encoding.of(SPACE).encode
    common.points(encode)
    one, other = (common.updated([replace(trial(5, TrialState.RUNNING), parameters={"x": x})]) for x in (0.3, 0.7))
    assert one.points(encode)[5:].tolist() == [[0.3]]
    assert other.points(encode)[5:].tolist() == [[0.7]]
    assert len(common.points(encode)) == 5


def test_what_persons_said_stays_until_it_changes():
    before = replace(history([trial(i, TrialState.COMPLETED) for i in range(2)]), comparisons=(Comparison(0, (1,)),))
    assert before.updated([trial(2, TrialState.RUNNING)]).comparisons == before.comparisons
    assert before.updated([], ()).comparisons == ()


def test_what_nobody_has_compared_yet_is_known():
    measured = [trial(0, TrialState.COMPLETED), *(replace(trial(i, TrialState.COMPLETED), metrics={}) for i in (1, 2))]
    judged = History(SPACE, Objective("loss", judged=True), (*measured, trial(3, TrialState.FAILED)))
    assert [t.index for t in judged.unjudged] == [1, 2]
    assert replace(judged, objective=Objective("loss")).unjudged == ()
    assert judged.required == ()


def test_best_seen_is_the_first_of_equals_that_keeps_the_constraints():
    trials = [trial(i, TrialState.COMPLETED) for i in range(15)]  # losses 0 at 0, 7 and 14; sizes 0, 1 and 2
    best = history(trials[1:1] + trials).best_seen()
    assert best is not None
    assert best.index == 0
    assert [t.index for t in history(trials).best(4)] == [0, 7, 1, 9]
    assert [t.index for t in history(trials).feasible] == [i for i in range(15) if i % 3 < 2]
    assert history([]).best_seen() is None
