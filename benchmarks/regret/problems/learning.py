"""Real training on data that scikit-learn brings along: cross-validated, and the same parameters are the same value.

Values are kept in benchmarks/regret/.evaluations, for a race repeats many of them.
"""

import warnings
from typing import Any

import numpy as np
from sklearn.datasets import load_diabetes, load_digits, load_wine
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_score
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from headstock.space import Choice, Float, Int, Space
from problems.task import Task, kept


def svc(_: int) -> Task:
    """Error rate of a support vector machine on 1,797 handwritten digits."""
    space = Space(
        C=Float(1e-3, 1e3, log=True),
        gamma=Float(1e-6, 1.0, log=True),
        kernel=Choice("rbf", "poly", "sigmoid"),
        degree=Int(2, 5),
        coef0=Float(0.0, 1.0),
    )
    return Task(space, lambda p: _svc(**p))


def boosting(_: int) -> Task:
    """Root mean squared error, as a share of the standard deviation, of boosted trees on the diabetes data."""
    space = Space(
        learning_rate=Float(5e-3, 1.0, log=True),
        n_estimators=Int(10, 100, log=True),
        max_depth=Int(1, 8),
        subsample=Float(0.3, 1.0),
        max_features=Float(0.1, 1.0),
        min_samples_leaf=Int(1, 40, log=True),
        loss=Choice("squared_error", "absolute_error", "huber"),
    )
    return Task(space, lambda p: _boosting(**p))


def mlp(_: int) -> Task:
    """Log loss of a small neural network on the wine data, trained for 30 epochs."""
    space = Space(
        learning_rate_init=Float(1e-5, 0.3, log=True),
        alpha=Float(1e-7, 10.0, log=True),
        batch_size=Int(8, 96, log=True),
        width=Int(4, 128, log=True),
        activation=Choice("relu", "tanh", "logistic"),
        solver=Choice("adam", "sgd"),
        momentum=Float(0.0, 0.99),
    )
    return Task(space, lambda p: _mlp(**p))


@kept.cache
def _svc(**parameters: Any) -> float:
    X, y = load_digits(return_X_y=True)
    model = make_pipeline(StandardScaler(), SVC(**parameters, max_iter=20_000))
    folds = StratifiedKFold(3, shuffle=True, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return 1.0 - float(cross_val_score(model, X, y, cv=folds).mean())


@kept.cache
def _boosting(**parameters: Any) -> float:
    X, y = load_diabetes(return_X_y=True)
    model = GradientBoostingRegressor(**parameters, random_state=0)
    folds = KFold(3, shuffle=True, random_state=0)
    errors = -cross_val_score(model, X, y, cv=folds, scoring="neg_mean_squared_error")
    return float(np.sqrt(errors.mean()) / y.std())


@kept.cache
def _mlp(width: int, **parameters: Any) -> float:
    X, y = load_wine(return_X_y=True)
    model = make_pipeline(StandardScaler(), MLPClassifier((width,), **parameters, max_iter=30, random_state=0))
    folds = StratifiedKFold(3, shuffle=True, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return -float(cross_val_score(model, X, y, cv=folds, scoring="neg_log_loss").mean())
