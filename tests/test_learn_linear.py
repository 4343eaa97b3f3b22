"""Logistic regression on plain arrays: its schedule, its gradient, and its result against scikit-learn."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression as ScikitLogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.utils.class_weight import compute_sample_weight

from mpcfl.data import Preparation, read_table, split_rows
from mpcfl.errors import InputError
from mpcfl.examples import credit
from mpcfl.job import Job
from mpcfl.learn import LogisticRegression
from mpcfl.learn.schedule import minibatches

Matrix = NDArray[np.float64]


@pytest.fixture(scope="module")
def blobs() -> tuple[Matrix, Matrix]:
    rng = np.random.default_rng(1)
    y = np.repeat([0.0, 1.0], 150)
    return rng.normal(size=(300, 4)) + y[:, None] * [1.0, -0.5, 0.0, 0.3], y


@given(st.integers(1, 60), st.integers(1, 80), st.integers(1, 4), st.integers(0, 2**32))
def test_minibatches(n: int, batch_size: int, epochs: int, seed: int) -> None:
    batches = list(minibatches(n, batch_size, epochs, seed))
    size = min(n, batch_size)
    assert len(batches) == epochs * (n // size)
    rng = np.random.default_rng(seed)
    for epoch in range(epochs):
        read = np.concatenate(batches[epoch * (n // size) :][: n // size])
        assert read.tolist() == rng.permutation(n)[: n // size * size].tolist()


@given(st.integers(1, 500), st.floats(0, 1, exclude_max=True), st.integers(0, 2**32))
def test_split(n: int, test: float, seed: int) -> None:
    held_out = math.floor(test * n)
    if test > 0 and held_out == 0:
        with pytest.raises(InputError, match="holds out none"):
            split_rows(n, test, seed)
        return
    train, rest = split_rows(n, test, seed)
    order = np.random.default_rng(seed).permutation(n)
    assert rest.tolist() == order[:held_out].tolist()
    assert train.tolist() == order[held_out:].tolist()


@pytest.mark.parametrize("test", [-0.1, 1.0, math.nan])
def test_split_refuses_other_shares(test: float) -> None:
    with pytest.raises(InputError, match="at least 0 and less than 1"):
        split_rows(10, test, 0)


@pytest.mark.parametrize("class_weight", [None, {1: 3.0}, {0: 0.5, 1: 2.0}])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("l2", [0.0, 0.05])
def test_converges_to_the_minimum_of_its_objective(
    blobs: tuple[Matrix, Matrix], class_weight: dict[int, float] | None, momentum: float, l2: float
) -> None:
    X, y = blobs
    ours = LogisticRegression(
        learning_rate=0.2, epochs=2000, batch_size=len(X), momentum=momentum, l2=l2, class_weight=class_weight
    ).fit(X, y)
    z = X @ ours.coef_ + ours.intercept_
    residual = (1 / (1 + np.exp(-z)) - y) * compute_sample_weight(class_weight, y)
    assert X.T @ residual / len(X) + l2 * ours.coef_ == pytest.approx(np.zeros(4), abs=1e-9)
    assert residual.mean() == pytest.approx(0, abs=1e-9)


def test_agrees_with_scikit_learn_where_c_is_the_reciprocal_of_l2_n(blobs: tuple[Matrix, Matrix]) -> None:
    X, y = blobs
    ours = LogisticRegression(learning_rate=0.2, epochs=2000, batch_size=len(X), l2=0.01).fit(X, y)
    theirs = ScikitLogisticRegression(C=1 / (0.01 * len(X)), tol=1e-10).fit(X, y)
    assert ours.coef_ == pytest.approx(theirs.coef_[0], abs=1e-5)
    assert ours.intercept_ == pytest.approx(theirs.intercept_[0], abs=1e-5)
    assert ours.predict_proba(X) == pytest.approx(theirs.predict_proba(X), abs=1e-5)
    assert ours.predict(X).tolist() == theirs.predict(X).tolist()


def test_each_step_is_the_documented_one(blobs: tuple[Matrix, Matrix]) -> None:
    X, y = blobs
    learner = LogisticRegression(
        learning_rate=0.3, decay=0.1, epochs=2, batch_size=64, momentum=0.5, l2=0.02, class_weight={1: 2.0}, seed=9
    ).fit(X, y)
    w, b, dw, db = np.zeros(4), 0.0, np.zeros(4), 0.0
    for t, rows in enumerate(minibatches(len(X), 64, 2, 9)):
        rate = 0.3 / (1 + 0.1 * t)
        residual = (1 / (1 + np.exp(-(X[rows] @ w + b))) - y[rows]) * np.where(y[rows] == 1, 2, 1)
        dw = 0.5 * dw - rate * (X[rows].T @ residual / 64 + 0.02 * w)
        db = 0.5 * db - rate * residual.mean()
        w, b = w + dw, b + db
    assert learner.n_iter_ == 2 * (300 // 64)
    assert learner.coef_ == pytest.approx(w, abs=1e-12)
    assert learner.intercept_ == pytest.approx(b, abs=1e-12)


def test_class_weights_are_by_the_labels_own_names(blobs: tuple[Matrix, Matrix]) -> None:
    X, y = blobs
    names = np.where(y == 1, "yes", "no")
    named = LogisticRegression(class_weight={"yes": 4.0}).fit(X, names)
    assert named.classes_.tolist() == ["no", "yes"]
    assert named.coef_.tolist() == LogisticRegression(class_weight={1: 4.0}).fit(X, y).coef_.tolist()
    assert set(named.predict(X)) == {"no", "yes"}
    with pytest.raises(InputError, match="a class that y does not have"):
        LogisticRegression(class_weight={"maybe": 4.0}).fit(X, names)


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("learning_rate", 0),
        ("learning_rate", math.inf),
        ("learning_rate", "fast"),
        ("decay", -1e-9),
        ("epochs", 0),
        ("epochs", 2.0),
        ("batch_size", True),
        ("momentum", 1.0),
        ("momentum", math.nan),
        ("l2", -1),
        ("class_weight", "balanced"),
        ("class_weight", {0: -1.0}),
        ("seed", -1),
    ],
)
def test_bad_parameters_are_refused_by_name_when_fitting(parameter: str, value: Any) -> None:
    learner = LogisticRegression(**{parameter: value})
    with pytest.raises(InputError, match=f"^{parameter} must be") as refusal:
        learner.fit([[0.0], [1.0]], [0, 1])
    assert refusal.value.ids["key"] == parameter


def test_bank_and_bureau_together_reach_scikit_learns_auc() -> None:
    job = Job.load(credit.path("job.toml"))
    bank = read_table(credit.path("bank.csv"), job.job.id, job.label_column)
    bureau = read_table(credit.path("bureau.csv"), job.job.id)
    assert bank.ids == bureau.ids
    train, test = split_rows(len(bank), job.split.test, job.job.seed)
    blocks = []
    for party, table in (("bank", bank), ("bureau", bureau)):
        columns = job.columns_of(party, table.columns)
        fitted = Preparation.fit(table, columns, job.prepare.options(party, columns), train)
        blocks.append(fitted.transform(table))
    assert bank.label is not None
    aucs = []
    for X in (blocks[0], np.concatenate(blocks, axis=1)):
        ours = job.make_learner().fit(X[train], bank.label[train])
        theirs = ScikitLogisticRegression(max_iter=1000).fit(X[train], bank.label[train])
        aucs.append([roc_auc_score(bank.label[test], model.decision_function(X[test])) for model in (ours, theirs)])
        assert ours.n_iter_ <= 300
    (bank_ours, bank_theirs), (joint_ours, joint_theirs) = aucs
    assert bank_ours == pytest.approx(bank_theirs, abs=0.003)
    assert joint_ours == pytest.approx(joint_theirs, abs=0.003)
    assert bank_ours < 0.72 < 0.82 < joint_ours
