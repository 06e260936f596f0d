import numpy as np

from headstock.gp.thinning import best_and_even


def test_few_rows_are_all_taken():
    assert best_and_even(np.array([3.0, 1.0, 2.0]), 3).tolist() == [0, 1, 2]


def test_the_best_half_and_the_two_ends_of_the_rest_are_taken(rng):
    worth = rng.permutation(np.arange(100.0))
    rows = best_and_even(worth, 20)
    taken = sorted(worth[rows], reverse=True)
    assert len(rows) == len(set(rows.tolist())) == 20
    assert (np.diff(rows) > 0).all()
    assert taken[:10] == list(np.arange(99.0, 89.0, -1.0))
    assert (taken[10], taken[-1]) == (89.0, 0.0)
    assert np.ptp(np.diff(taken[10:])) <= 1.0
