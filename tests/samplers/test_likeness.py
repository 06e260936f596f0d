import numpy as np
import pytest

from headstock import Choice, Experiment, Space
from headstock.gp.surrogate import fit_surrogate
from headstock.samplers import likeness
from headstock.samplers.likeness import ALIKE, BEST, with_categories_alike

LEVELS = 4


def surrogate_of(count, *, best_have_in_common):
    """A number and two choices; the lower values have the first choice in common, if they are to."""
    rng = np.random.default_rng(3)
    X = np.column_stack([rng.random(count), *rng.integers(0, LEVELS, (2, count)).astype(float)])
    values = X[:, 0] + rng.random(count)
    if best_have_in_common:
        X[np.argsort(values)[: count // 2], 1] = 2.0
    X[np.argsort(values)[:2], 2] = [0.0, 1.0]
    return fit_surrogate(X, values, np.full(count, np.nan), sign=-1.0, categorical=np.array([False, True, True]))


def test_only_a_choice_that_the_best_results_have_in_common_counts_for_less():
    known = surrogate_of(24, best_have_in_common=True)
    changed = with_categories_alike(known)
    before, after = (s.hyperparameters.lengthscales for s in (known, changed))
    assert after[1] == pytest.approx(max(before[1], ALIKE))
    assert before[1] < ALIKE
    assert (after[[0, 2]] == before[[0, 2]]).all()
    other = known.data.X[np.argsort(-known.y)[:1]] + [[0.0, 1.0, 0.0]]
    (mean, sd), (mean_before, sd_before) = (
        (m.item(), s.item()) for m, s in (changed.predict(other), known.predict(other))
    )
    assert mean < mean_before  # as good as the best, nearly: smaller is better
    assert sd < sd_before


def test_nothing_changes_where_the_best_differ_or_are_few():
    for known in (surrogate_of(24, best_have_in_common=False), surrogate_of(BEST - 1, best_have_in_common=True)):
        assert with_categories_alike(known) is known


def test_every_second_suggestion_may_leave_the_choice_that_all_good_results_have(monkeypatch):
    """Choices that count for themselves and in pairs: those of the first few results are not gone through first."""
    d, names = 6, "abcde"
    rng = np.random.default_rng(5)
    alone, together = rng.normal(size=(d, 5)), rng.normal(size=(d, d, 5, 5)) / 2

    def loss(p):
        picks = [names.index(p[f"c{i}"]) for i in range(d)]
        pairs = (together[i, j, picks[i], picks[j]] for i in range(d) for j in range(i))
        return sum(alone[i, pick] for i, pick in enumerate(picks)) + sum(pairs)

    def choices_tried():
        experiment = Experiment("search", Space({f"c{i}": Choice(*names) for i in range(d)}), minimize="loss", seed=0)
        for _ in range(45):
            trial = experiment.ask()
            experiment.tell(trial, loss(trial.parameters))
        late = [t.parameters for t in experiment.history.trials[15:]]
        return min(len({p[f"c{i}"] for p in late}) for i in range(d))

    tried = choices_tried()
    monkeypatch.setattr(likeness, "BEST", 10**6)
    assert choices_tried() < tried
