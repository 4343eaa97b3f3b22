"""A training that goes on from the state after some step ends as one that was never broken off."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

import mpcfl
from mpcfl.errors import InputError
from mpcfl.keeping import fitted_state
from mpcfl.learn.glm import PoissonRegressor
from mpcfl.learn.linear import LinearSVM, LogisticRegression
from mpcfl.learn.multiclass import MultinomialLogisticRegression
from mpcfl.learn.neural import BatchNorm, Dense, Dropout, MLPClassifier, ReLU, Sequential
from mpcfl.learn.neural.optimizers import Adam
from mpcfl.learn.regression import ElasticNet, LinearRegression
from mpcfl.learn.stopping import EarlyStopping
from mpcfl.learn.trees import Bins, GradientBoostingClassifier, RandomForestRegressor

ROWS = 40
NETWORK = {"layers": (Dense(4), BatchNorm(), ReLU(), Dropout(0.25), Dense(1)), "epochs": 3, "batch_size": 16}
BATCHES = {"epochs": 3, "batch_size": 16}
LEARNERS: dict[str, tuple[Any, str, int]] = {
    "sgd": (LogisticRegression(**BATCHES), "binary", 6),
    "sgd without momentum, with l1": (LogisticRegression(momentum=0.0, l1=0.01, **BATCHES), "binary", 6),
    "adam, cosine": (LogisticRegression(solver="adam", schedule="cosine", **BATCHES), "binary", 6),
    "newton": (LogisticRegression(solver="newton", iterations=4, standard_errors=True), "binary", 4),
    "hinge": (LinearSVM(loss="hinge", solver="sgd", **BATCHES), "binary", 6),
    "three classes": (MultinomialLogisticRegression(classes=3, solver="sgd", **BATCHES), "classes", 6),
    "poisson": (PoissonRegressor(iterations=4), "counts", 4),
    "least squares": (LinearRegression(iterations=3), "counts", 3),
    "elastic net": (ElasticNet(iterations=70), "counts", 70),
    "perceptron": (MLPClassifier((4,), max_iter=3, batch_size=16, record_loss=True), "binary", 6),
    "boosted trees": (GradientBoostingClassifier(4, max_depth=2, subsample=0.7), "binary", 4),
    "boosted trees for classes": (GradientBoostingClassifier(2, max_depth=2, classes=3), "classes", 2),
    "forest": (RandomForestRegressor(4, 2, colsample_bytree=0.5), "counts", 4),
    "network": (Sequential(optimizer=Adam(0.01, amsgrad=True), **NETWORK), "binary", 6),
}


class Kept:
    """Marks in memory."""

    def __init__(self, found: tuple[int, Any] | None = None) -> None:
        self._found = found
        self.states: dict[int, Any] = {}

    def found(self) -> tuple[int, Any] | None:
        return self._found

    def keep(self, step: int, state: Any) -> None:
        assert step not in self.states
        self.states[step] = copy.deepcopy(state)


def data(kind: str) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    rng = np.random.default_rng(3)
    X = rng.normal(size=(ROWS, 3))
    z = X @ np.array([1.0, -0.5, 0.25]) + 0.3 * rng.normal(size=ROWS)
    if kind == "counts":
        return X, np.floor(np.exp(np.clip(z, -2, 1.5))) + 0.5
    return X, (z > 0) + 0 if kind == "binary" else np.digitize(z, [-0.5, 0.5])


def arrays(value: Any) -> list[Any]:
    """All arrays and numbers of a fitted learner, in order."""
    if isinstance(value, dict):
        return [leaf for key in sorted(value) for leaf in arrays(value[key])]
    if isinstance(value, list | tuple):
        return [leaf for part in value for leaf in arrays(part)]
    return arrays(value.thresholds_) if isinstance(value, Bins) else [value]


@pytest.mark.parametrize("name", LEARNERS)
def test_a_plain_training_that_goes_on_ends_with_the_same_bits(name: str) -> None:
    learner, kind, steps = LEARNERS[name]
    X, y = data(kind)
    whole, marks = copy.deepcopy(learner), Kept()
    whole.fit(X, y, marks=marks)
    assert list(marks.states) == list(range(1, steps + 1))
    expected = arrays(fitted_state(copy.deepcopy(learner).fit(X, y)))
    for at in {1, steps // 2, steps - 1, steps}:
        again, later = copy.deepcopy(learner), Kept((at, copy.deepcopy(marks.states[at])))
        again.fit(X, y, marks=later)
        assert list(later.states) == list(range(at + 1, steps + 1))
        for one, other in zip(arrays(fitted_state(again)), expected, strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", ["sgd", "adam, cosine", "poisson", "elastic net", "perceptron"])
def test_a_training_on_shares_that_goes_on_ends_within_its_rounding(name: str) -> None:
    learner, kind, steps = LEARNERS[name]
    X, y = data(kind)

    def program(session: mpcfl.Session) -> list[Any]:
        rows, labels = session.private(X, 0, X.shape), session.share(y, 1, y.shape, y.dtype)
        whole, marks = copy.deepcopy(learner), Kept()
        whole.fit(rows, labels, marks=marks)
        again = copy.deepcopy(learner).fit(rows, labels, marks=Kept((steps // 2, marks.states[steps // 2])))
        both = (arrays(fitted_state(one)) for one in (whole, again))
        return [
            tuple(part.reveal() if isinstance(part, mpcfl.SecretArray) else part for part in pair)
            for pair in zip(*both, strict=True)
        ]

    for one, other in mpcfl.simulate(program, seed=4).results[0]:
        np.testing.assert_allclose(one, other, atol=1e-3)


def test_marks_and_early_stopping_do_not_go_together() -> None:
    X, y = data("binary")
    with pytest.raises(InputError, match="without early_stopping"):
        LogisticRegression().fit(X, y, early_stopping=EarlyStopping(X, y), marks=Kept())
    with pytest.raises(InputError, match="without early_stopping"):
        GradientBoostingClassifier().fit(X, y, early_stopping=EarlyStopping(X, y), marks=Kept())
