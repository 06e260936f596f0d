import numpy as np

from headstock import Experiment, Float, Space
from headstock.gp.surrogate import fit_surrogate
from headstock.samplers import bayesian
from headstock.samplers.plateaus import LEARNT_FROM, log_off_plateau


def surrogate_of(values):
    X = np.linspace(0.0, 1.0, len(values))[:, None]
    return fit_surrogate(X, np.array(values), np.full(len(values), np.nan), sign=-1.0, categorical=np.array([False]))


def test_another_result_is_unlikely_where_the_best_came_several_times():
    off_plateau = log_off_plateau(surrogate_of([3.0, 2.5, 1.0, 1.0, 1.0, 1.7, 2.0, 2.6, 3.1]))
    on_it, off_it = off_plateau.value(np.array([[0.37], [0.9]]))
    assert on_it < np.log(0.1)
    assert off_it > np.log(0.5)


def test_two_equal_results_are_no_plateau_and_only_the_best_are_one():
    assert log_off_plateau(surrogate_of([3.0, 2.5, 1.0, 1.0, 1.2, 1.7, 2.0])) is None
    assert log_off_plateau(surrogate_of([3.0, 3.0, 3.0, 3.0, 1.2, 1.7, 2.0])) is None


def test_of_very_many_results_the_newest_of_either_kind_tell_where_the_plateau_is():
    n = LEARNT_FROM + 50
    off_plateau = log_off_plateau(surrogate_of([*[1.0] * n, *np.linspace(1.1, 2.0, n)]))
    X = off_plateau.posteriors[0].X[:, 0]
    assert np.array_equal(X, np.linspace(0.0, 1.0, 2 * n)[[*range(50, n), *range(n + 50, 2 * n)]])
    on_it, off_it = off_plateau.value(np.array([[0.37], [0.9]]))
    assert on_it < np.log(0.1)
    assert off_it > np.log(0.9)


def test_a_search_leaves_the_plateau_of_the_best_results(monkeypatch):
    """As an accuracy on few images has: a smooth model goes on to look for the top of the step."""

    def repeats():
        experiment = Experiment("steps", Space(x=Float(0, 1), y=Float(0, 1)), minimize="loss", seed=0)
        for _ in range(35):
            trial = experiment.ask()
            hill = 8 * ((trial.parameters["x"] - 0.3) ** 2 + (trial.parameters["y"] - 0.6) ** 2)
            experiment.tell(trial, 0.5 * round(2 * hill))
        values = [trial.objective_mean for trial in experiment.history]
        return values.count(min(values))

    off_it = repeats()
    monkeypatch.setattr(bayesian, "log_off_plateau", lambda _: None)
    assert off_it < 0.9 * repeats()
