"""Learners of trees on ndarrays: against scikit-learn's on real data, and against a tree grown by plain recursion."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.ensemble import RandomForestClassifier as TheirForest
from sklearn.metrics import log_loss, r2_score, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.tree import DecisionTreeClassifier as TheirTree
from sklearn.tree import DecisionTreeRegressor as TheirRegressionTree
from tables import credit_data

from mpcfl.errors import InputError
from mpcfl.learn import EarlyStopping
from mpcfl.learn.trees import (
    Bins,
    Column,
    DecisionTreeClassifier,
    DecisionTreeRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from mpcfl.learn.trees.growth import TIE, evaluate, grow
from mpcfl.learn.trees.hot import product, transposed_product
from mpcfl.learn.trees.splits import Splits
from mpcfl.learn.trees.worths import LIFT, Rules

RNG = np.random.default_rng(0)


def recursion(hot: Any, g: Any, h: Any, splits: Splits, rules: Rules, depth: int) -> NDArray[np.float64]:
    """The value of each row, by the definition: the first of the best splits, or none."""
    scale = h.sum() + rules.reg_lambda
    whole = g.sum() ** 2 / scale
    best, at = whole + rules.gamma, None
    for number, bins in enumerate(splits.going_left(np.eye(len(splits))).T):
        goes = hot @ bins > 0
        heavy = [h[side].sum() for side in (goes, ~goes)]
        if min(heavy) < rules.min_child_weight:
            continue
        worth = sum(g[side].sum() ** 2 / (h[side].sum() + rules.reg_lambda) for side in (goes, ~goes))
        worth -= (1 + splits.readers[number]) * TIE / LIFT
        if worth > best + 1e-9:
            best, at = worth, number
    if depth == 0 or at is None:
        return np.full(len(g), -rules.rate * g.sum() / scale)
    goes = hot @ splits.going_left(np.eye(len(splits)))[:, at] > 0
    values = np.empty(len(g))
    for side in (goes, ~goes):
        values[side] = recursion(hot[side], g[side], h[side], splits, rules, depth - 1)
    return values


@given(
    st.integers(0, 10_000),
    st.lists(st.tuples(st.integers(1, 5), st.booleans(), st.booleans()), min_size=1, max_size=3),
    st.sampled_from([(0.0, 1.0, 0.0), (1.0, 0.5, 0.3), (0.1, 0.0, 0.0)]),
    st.integers(1, 4),
    st.booleans(),
)
def test_a_tree_is_the_one_of_its_definition(
    seed: int, kinds: list[Any], strengths: Any, depth: int, own_splits: bool
) -> None:
    rng = np.random.default_rng(seed)
    columns = [Column(*kind) for kind in kinds]
    splits = Splits.of(columns)
    hot = np.concatenate([np.eye(one.size)[rng.integers(0, one.size, 60)] for one in columns], axis=1)
    g, h = rng.normal(size=60), rng.uniform(0.5, 1.5, 60)
    rules = Rules(depth, strengths[0], 0.0, strengths[2], strengths[1], 0.3, own_splits=own_splits)
    grown = grow(hot, g[:, None], h, splits, rules)
    np.testing.assert_allclose(grown.values[:, 0], recursion(hot, g, h, splits, rules, depth), atol=1e-3)
    again = evaluate(hot, grown.tree.left[None], grown.tree.leaves[None])[:, 0]
    np.testing.assert_allclose(again, grown.values, atol=1e-12)


@given(
    st.integers(0, 10_000),
    st.lists(st.tuples(st.integers(2, 5), st.booleans(), st.sampled_from([-1, 0, 1])), min_size=1, max_size=3),
    st.integers(1, 4),
    st.booleans(),
)
def test_constrained_columns_keep_their_order(seed: int, kinds: list[Any], depth: int, own_splits: bool) -> None:
    """Of two rows that differ in one column alone, the larger has no smaller value, or no larger one."""
    rng = np.random.default_rng(seed)
    columns = [Column(bins, missing) for bins, missing, _ in kinds]
    signs = tuple(sign for _, _, sign in kinds)
    hot = np.concatenate([np.eye(one.size)[rng.integers(0, one.size, 60)] for one in columns], axis=1)
    g, h = rng.normal(size=60), rng.uniform(0.5, 1.5, 60)
    rules = Rules(depth, 1.0, gamma=0.1, monotone=signs, own_splits=own_splits)
    tree = grow(hot, g[:, None], h, Splits.of(columns), rules).tree
    every = np.stack(np.meshgrid(*(np.arange(one.size) for one in columns), indexing="ij"), axis=-1)
    places = every.reshape(-1, len(columns))
    rows = np.concatenate([np.eye(one.size)[places[:, i]] for i, one in enumerate(columns)], axis=1)
    values = evaluate(rows, tree.left[None], tree.leaves[None])[:, 0, 0].reshape(every.shape[:-1])
    for axis, (one, sign) in enumerate(zip(columns, signs, strict=True)):
        rise = np.diff(np.take(values, range(one.bins), axis), axis=axis)
        assert sign == 0 or (sign * rise >= -1e-9).all()


class TestBins:
    def test_few_values_have_a_bin_each_and_many_are_cut_at_quantiles(self) -> None:
        X = np.c_[np.repeat([3.0, -1.0, 7.0, np.nan], 25), RNG.normal(size=100), RNG.integers(5, 8, 100)]
        bins = Bins(10, categorical=[2]).fit(X)
        assert bins.columns_ == (Column(3, True), Column(10), Column(3, False, True))
        hot = bins.onehot(X)
        assert hot.shape == (100, 17)
        assert (hot.sum(axis=1) == 3).all()
        assert hot[:, :4].sum(axis=0).tolist() == [25, 25, 25, 25]
        assert hot[0, :4].tolist() == [False, True, False, False]
        assert hot[-1, :4].tolist() == [False, False, False, True]
        assert hot[:, 4:14].sum(axis=0).tolist() == [10] * 10

    def test_unknown_codes_and_values_missing_for_the_first_time_are_in_no_bin(self) -> None:
        bins = Bins(categorical=[1]).fit([[1.0, 4.0], [2.0, 6.0]])
        assert bins.onehot([[np.nan, 5.0], [9.0, 6.0], [0.0, 99.0]]).astype(int).tolist() == [
            [0, 0, 0, 0],
            [0, 1, 0, 1],
            [1, 0, 0, 0],
        ]

    def test_what_cannot_be_binned_is_refused(self) -> None:
        with pytest.raises(InputError, match="infinity"):
            Bins().fit([[np.inf]])
        with pytest.raises(InputError, match="5 codes"):
            Bins(4, categorical=[0]).fit(np.arange(5.0)[:, None])
        with pytest.raises(InputError, match="numbers of columns"):
            Bins(categorical=[1]).fit([[1.0]])


def hist(kind: Any, **more: Any) -> Any:
    """scikit-learn's with the parameters of ours."""
    return kind(
        max_iter=30,
        max_depth=5,
        max_leaf_nodes=None,
        min_samples_leaf=1,
        max_bins=32,
        l2_regularization=1.0,
        early_stopping=False,
        **more,
    )


class TestAgainstScikitLearn:
    @pytest.mark.parametrize("data", [credit_data, lambda: load_breast_cancer(return_X_y=True)])
    def test_two_classes(self, data: Any) -> None:
        X, y = data()
        train, test, y_train, y_test = train_test_split(X, y, random_state=0)
        theirs = hist(HistGradientBoostingClassifier).fit(train, y_train)
        ours = GradientBoostingClassifier(30, min_child_weight=1e-3).fit(train, y_train)
        auc = [roc_auc_score(y_test, model.decision_function(test)) for model in (ours, theirs)]
        assert auc[0] == pytest.approx(auc[1], abs=0.005)
        # one tree is the same but where two splits gain alike; later ones follow from that
        one = GradientBoostingClassifier(1, min_child_weight=1e-3).fit(train, y_train).decision_function(train)
        other = hist(HistGradientBoostingClassifier).set_params(max_iter=1).fit(train, y_train).decision_function(train)
        assert np.mean(np.abs(one - other) > 1e-3) < 0.05

    def test_constraints(self) -> None:
        X, y = credit_data()
        signs = [0] * X.shape[1]
        signs[0], signs[9] = 1, -1
        theirs = hist(HistGradientBoostingClassifier, monotonic_cst=signs).fit(X, y)
        ours = GradientBoostingClassifier(30, min_child_weight=1e-3, monotone_constraints=signs).fit(X, y)
        auc = [roc_auc_score(y, model.decision_function(X)) for model in (ours, theirs)]
        assert auc[0] == pytest.approx(auc[1], abs=0.005)

    def test_several_classes(self) -> None:
        X, y = load_wine(return_X_y=True)
        train, test, y_train, y_test = train_test_split(X, y, random_state=0)
        theirs = hist(HistGradientBoostingClassifier).fit(train, y_train)
        ours = GradientBoostingClassifier(30, min_child_weight=1e-3).fit(train, y_train)
        assert ours.predict(test).tolist() == theirs.predict(test).tolist()
        losses = [log_loss(y_test, model.predict_proba(test)) for model in (ours, theirs)]
        assert losses[0] == pytest.approx(losses[1], abs=0.03)

    def test_numbers(self) -> None:
        X, y = load_diabetes(return_X_y=True)
        y = (y - y.mean()) / y.std()
        theirs = hist(HistGradientBoostingRegressor).fit(X, y)
        ours = GradientBoostingRegressor(n_estimators=30, min_child_weight=1e-3).fit(X, y)
        assert np.corrcoef(ours.predict(X), theirs.predict(X))[0, 1] > 0.99
        assert r2_score(y, ours.predict(X)) == pytest.approx(r2_score(y, theirs.predict(X)), abs=0.01)

    def test_counts(self) -> None:
        X = RNG.normal(size=(300, 4))
        y = RNG.poisson(np.exp(X[:, 0] * 0.5 + (X[:, 1] > 0)))
        theirs = hist(HistGradientBoostingRegressor, loss="poisson").fit(X, y)
        ours = GradientBoostingRegressor("poisson", n_estimators=30, min_child_weight=1e-3).fit(X, y)
        assert r2_score(y, ours.predict(X)) == pytest.approx(r2_score(y, theirs.predict(X)), abs=0.02)

    def test_one_tree(self) -> None:
        X, y = load_diabetes(return_X_y=True)
        X = np.round(X, 1)
        y = y / 100
        theirs = TheirRegressionTree(max_depth=3, random_state=0).fit(X, y)
        assert DecisionTreeRegressor(max_depth=3).fit(X, y).predict(X) == pytest.approx(theirs.predict(X), abs=1e-4)
        X, y = load_wine(return_X_y=True)
        X = np.floor(X)
        theirs = TheirTree(max_depth=2, random_state=0).fit(X, y)
        ours = DecisionTreeClassifier(max_depth=2, max_bins=500).fit(X, y)
        assert ours.predict_proba(X) == pytest.approx(theirs.predict_proba(X), abs=1e-4)

    def test_a_forest(self) -> None:
        X, y = load_breast_cancer(return_X_y=True)
        train, test, y_train, y_test = train_test_split(X, y, random_state=0)
        theirs = TheirForest(30, max_depth=5, random_state=0).fit(train, y_train)
        ours = RandomForestClassifier(30, colsample_bytree=0.4).fit(train, y_train)
        auc = [roc_auc_score(y_test, model.predict_proba(test)[:, 1]) for model in (ours, theirs)]
        assert auc[0] == pytest.approx(auc[1], abs=0.01)
        numbers = RandomForestRegressor(5).fit(train, y_train)
        assert roc_auc_score(y_test, numbers.predict(test)) > 0.97


class TestWhatItTakes:
    X, y = load_breast_cancer(return_X_y=True)

    def fitted(self, **more: Any) -> Any:
        return GradientBoostingClassifier(**{"n_estimators": 10, "max_depth": 3, **more}).fit(self.X, self.y)

    def test_rows_weigh_as_often_as_they_are_repeated(self) -> None:
        rows = np.round(self.X[:, :4])
        often = RNG.integers(0, 3, len(rows))
        X, y = np.repeat(rows, often, axis=0), np.repeat(self.y, often)
        for kind in (GradientBoostingClassifier, GradientBoostingRegressor, RandomForestRegressor):
            forest = {"bootstrap": False} if kind is RandomForestRegressor else {}
            model = kind(n_estimators=3, max_depth=2, max_bins=1000, **forest)
            weighted = model.fit(rows, self.y, often).predict(X)
            assert weighted == pytest.approx(model.fit(X, y).predict(X), abs=1e-6)

    def test_a_class_that_counts_more_has_higher_scores(self) -> None:
        assert (
            self.fitted(scale_pos_weight=5).decision_function(self.X).mean()
            > self.fitted().decision_function(self.X).mean()
        )

    def test_penalties_make_leaves_smaller_and_trees_shallower(self) -> None:
        plain = np.abs(self.fitted().leaves_).sum()
        for strength in ({"reg_lambda": 20.0}, {"reg_alpha": 5.0}, {"learning_rate": 0.01}):
            assert np.abs(self.fitted(**strength).leaves_).sum() < plain
        splits = [(self.fitted(**one).left_.sum(axis=1) > 0).sum() for one in ({}, {"gamma": 5.0}, {"gamma": 1e6})]
        assert splits[0] > splits[1] > splits[2] == 0

    def test_an_l1_penalty_brings_leaves_to_zero(self) -> None:
        assert (self.fitted(reg_alpha=1e6).leaves_ == 0).all()

    def test_parts_of_rows_and_columns_are_drawn_by_the_seed(self) -> None:
        for part in ({"subsample": 0.5}, {"colsample_bytree": 0.3}):
            first, again, other = (self.fitted(random_state=seed, **part).leaves_ for seed in (0, 0, 1))
            assert (first == again).all()
            assert (first != other).any()
        one = GradientBoostingClassifier(1, colsample_bytree=1e-3).fit(self.X, self.y)
        assert (one.feature_importances_ > 0).sum() == 1

    def test_importance_is_where_the_gain_is(self) -> None:
        X = RNG.normal(size=(300, 4))
        model = GradientBoostingRegressor(n_estimators=5).fit(X, X[:, 2] * 3)
        assert model.feature_importances_.sum() == pytest.approx(1, abs=1e-4)
        assert model.feature_importances_[2] > 0.95

    def test_missing_values_go_where_they_belong(self) -> None:
        X = RNG.normal(size=(400, 2))
        y = (X[:, 0] > 0) * 1
        X[::3, 0] = np.where(X[::3, 0] > 0, np.nan, X[::3, 0])
        model = GradientBoostingClassifier(20).fit(X, y)
        assert model.score(X, y) > 0.98
        assert model.predict([[np.nan, 0.0]]) == 1

    def test_categories_have_no_order(self) -> None:
        X = RNG.integers(0, 9, (500, 1)) * 1.0
        y = np.isin(X[:, 0], (1, 4, 7)) * 1.0
        one = DecisionTreeRegressor(max_depth=1, categorical_features=[0]).fit(X, y)
        assert one.left_.sum() == 1
        deep = DecisionTreeRegressor(max_depth=3, categorical_features=[0]).fit(X, y)
        assert deep.predict(X) == pytest.approx(y, abs=1e-6)

    def test_a_quantile_lies_above_its_part_of_the_rows(self) -> None:
        X = RNG.normal(size=(1000, 2))
        y = X[:, 0] + RNG.normal(size=1000)
        for level in (0.1, 0.8):
            model = GradientBoostingRegressor("quantile", level, n_estimators=200, max_depth=2, learning_rate=0.2)
            assert np.mean(y < model.fit(X, y).predict(X)) == pytest.approx(level, abs=0.03)

    def test_where_it_starts(self) -> None:
        for loss, base in (("squared_error", 3.0), ("poisson", 3.0)):
            model = GradientBoostingRegressor(loss, n_estimators=1, base_score=base, learning_rate=0.0)
            assert model.fit(self.X, self.y).predict(self.X[:1]) == pytest.approx([3.0])
        model = GradientBoostingClassifier(1, learning_rate=0.0, base_score=0.2).fit(self.X, self.y)
        assert model.predict_proba(self.X[:1]) == pytest.approx(np.array([[0.8, 0.2]]))
        model = GradientBoostingClassifier(1, learning_rate=0.0).fit(self.X, self.y)
        assert model.predict_proba(self.X[:1])[0, 1] == pytest.approx(self.y.mean(), abs=1e-4)

    def test_early_stopping_keeps_the_best(self) -> None:
        train, test, y_train, y_test = train_test_split(self.X, self.y, random_state=0)
        stopping = EarlyStopping(test, y_test, patience=2, decimals=4)
        model = GradientBoostingClassifier(300, learning_rate=0.5).fit(train, y_train, early_stopping=stopping)
        told = model.validation_metrics_
        assert len(told) < 300
        assert model.n_iter_ == len(model.left_) == 1 + np.argmin(told) == len(told) - 2
        assert log_loss(y_test, model.predict_proba(test)) == pytest.approx(min(told), abs=1e-3)

    def test_a_matrix_of_bins_is_taken_as_it_is(self) -> None:
        bins = Bins().fit(self.X)
        hot = bins.onehot(self.X)
        model = GradientBoostingClassifier(3).fit(hot, self.y, columns=bins.columns_)
        whole = GradientBoostingClassifier(3).fit(self.X, self.y)
        assert (model.predict_proba(hot) == whole.predict_proba(self.X)).all()
        model.fit(hot, self.y, columns=[one.size for one in bins.columns_])
        numbers = GradientBoostingClassifier(3).fit(hot * 1.0, self.y, columns=bins.columns_)
        assert (numbers.predict_proba(hot * 1) == whole.predict_proba(self.X)).all()

    def test_rows_become_numbers_a_few_at_a_time(self) -> None:
        """Products are those of the whole matrix, in a fraction of the memory that it takes as numbers."""
        x = RNG.random((20_000, 300)) < 0.1
        values, table = RNG.normal(size=(20_000, 3)), RNG.integers(0, 2, (300, 5))
        tracemalloc.start()
        sums, rows = transposed_product(x, values), product(x, table)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert np.abs(sums - x.T @ values).max() < 1e-10
        assert (rows == x @ table).all()
        assert peak < 8 * x.size / 2

    @pytest.mark.parametrize(
        ("parameters", "match"),
        [
            ({"max_depth": 0}, "max_depth"),
            ({"subsample": 0.0}, "subsample"),
            ({"colsample_bytree": 1.5}, "colsample_bytree"),
            ({"base_score": 1.0}, "base_score"),
            ({"gamma": -1.0}, "gamma"),
            ({"classes": 1}, "classes"),
        ],
    )
    def test_parameters_out_of_range_are_refused(self, parameters: Any, match: str) -> None:
        with pytest.raises(InputError, match=match):
            self.fitted(**parameters)

    def test_bad_data_is_refused(self) -> None:
        with pytest.raises(InputError, match="columns must list"):
            GradientBoostingClassifier().fit(self.X, self.y, columns=["a"])
        with pytest.raises(InputError, match=r"30 columns of bins, and columns tells of 3"):
            GradientBoostingClassifier().fit(self.X > 0, self.y, columns=[3])
        with pytest.raises(InputError, match="neither 0 nor 1"):
            GradientBoostingClassifier().fit(self.X, self.y, columns=[30])
        with pytest.raises(InputError, match="two classes"):
            GradientBoostingClassifier(scale_pos_weight=2.0).fit(*load_wine(return_X_y=True))
        with pytest.raises(InputError, match="at least 0 for the loss poisson"):
            GradientBoostingRegressor("poisson").fit(self.X, -1.0 * self.y)
        with pytest.raises(InputError, match="loss must be one of"):
            GradientBoostingRegressor("hinge").fit(self.X, self.y)
