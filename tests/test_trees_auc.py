"""Boosted trees on shares of real data: the plain trees, and the AUC of scikit-learn's with the same parameters."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from tables import credit_data

import mpcfl
from mpcfl.data import split_rows
from mpcfl.learn.trees import Bins, GradientBoostingClassifier


def credit() -> tuple[Any, Any]:
    X, y = credit_data()
    return X, y.astype(np.int64)


def breast_cancer() -> tuple[Any, Any]:
    return load_breast_cancer(return_X_y=True)


def threes() -> tuple[Any, Any]:
    """Handwritten digits: is it a three?"""
    X, y = load_digits(return_X_y=True)
    return X, (y == 3) * 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("data", "trees", "depth", "max_bins"), [(credit, 4, 4, 32), (breast_cancer, 5, 3, 16), (threes, 5, 3, 16)]
)
def test_real_data(data: Any, trees: int, depth: int, max_bins: int) -> None:
    X, y = data()
    train, test = split_rows(len(X), 0.25, 7)
    half = (X.shape[1] + 1) // 2
    parts = (slice(0, half), slice(half, None))
    own = [Bins(max_bins).fit(X[train][:, part]) for part in parts]
    hot = [bins.onehot(X[:, part]) for bins, part in zip(own, parts, strict=True)]
    columns = own[0].columns_ + own[1].columns_
    parameters = {"n_estimators": trees, "max_depth": depth, "learning_rate": 0.5, "min_child_weight": 1e-3}

    def program(session: mpcfl.Session) -> Any:
        blocks = [
            session.private(one if session.rank == owner else None, owner, one.shape, np.bool_)
            for owner, one in enumerate(hot)
        ]
        x, labels = np.concatenate(blocks, axis=1), session.share(y, 0, y.shape, np.int64)
        model = GradientBoostingClassifier(**parameters).fit(x[train], labels[train], columns=columns)
        return model.left_.reveal(), model.decision_function(x[test]).reveal()

    left, scores = mpcfl.simulate(program, seed=1).results[0]
    plain = GradientBoostingClassifier(**parameters, max_bins=max_bins).fit(X[train], y[train])
    theirs = HistGradientBoostingClassifier(
        max_iter=trees,
        max_depth=depth,
        learning_rate=0.5,
        max_leaf_nodes=None,
        min_samples_leaf=1,
        max_bins=max_bins,
        l2_regularization=1.0,
        early_stopping=False,
    ).fit(X[train], y[train])
    assert (left == plain.left_).all()
    expected = roc_auc_score(y[test], theirs.decision_function(X[test]))
    assert roc_auc_score(y[test], scores) == pytest.approx(expected, abs=0.005)
