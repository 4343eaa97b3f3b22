"""Trees that are grown on the targets themselves: one, or the mean of many on random parts of the rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from mpcfl.errors import InputError
from mpcfl.learn.estimator import Regressor
from mpcfl.learn.marks import Marks, begun
from mpcfl.learn.model import check_choice, check_numbers, check_whole, is_weight
from mpcfl.learn.schedule import public_draws
from mpcfl.learn.trees.ensemble import TreeClassifier, TreeModel, part_of, weighted
from mpcfl.learn.trees.growth import Tree, grow
from mpcfl.learn.trees.worths import Rules
from mpcfl.learn.validation import Array, class_data, is_secret, regression_data, training_data
from mpcfl.together import waiting


class _Mean(TreeModel):
    """The mean of trees whose leaves are means of targets: least squares, or Gini impurity of classes."""

    reg_lambda: float
    gamma: float
    min_child_weight: float

    def check_parameters(self) -> None:
        super().check_parameters()
        check_numbers(self, "reg_lambda", "gamma")

    def _plan(self) -> tuple[int, float, bool]:
        """Trees, the share of the columns that each reads, and whether rows are drawn with repetition."""
        return 1, 1.0, False

    def _fit(
        self, X: Array, y: Array, sample_weight: Array, columns: Sequence[Any] | None, marks: Marks | None
    ) -> Self:
        self.check_parameters()
        hot, splits, weight = self._binned(X, columns, sample_weight)
        target = self._target(hot[:, :1], y)
        n = target.shape[0]
        count, share, repeated = self._plan()
        rules = Rules(
            self.max_depth, self.reg_lambda, 0.0, self.gamma, self.min_child_weight, own_splits=self.own_splits
        )
        done, (found, gains) = begun(marks, ([], 0.0))
        trees = [Tree(*one) for one in found]
        with waiting(hot, target):
            for number in range(done, count):
                draws = public_draws(self.random_state, number)
                times = np.bincount(draws.integers(0, n, n), minlength=n) * 1.0 if repeated else np.ones(n)
                each = weighted(times, weight)
                some = part_of(splits, share, draws)
                grown = grow(hot, -weighted(target, each), each, some, rules)
                gains = gains + some.by_column(grown.gains)
                trees.append(grown.tree)
                if marks is not None:
                    marks.keep(number + 1, ([tuple(tree) for tree in trees], gains))
        self._keep(trees, gains)
        return self

    def _target(self, rows: Array, y: Array) -> Array:
        """Targets as numbers, shape (n, outputs)."""
        raise NotImplementedError

    def _means(self, X: Array) -> Array:
        """The mean of all trees for each row, shape (n, outputs)."""
        return self._values(X).mean(axis=1)


class _MeanClassifier(_Mean, TreeClassifier):
    """Leaves are shares of classes."""

    classes: int | None

    def fit(
        self,
        X: Array,
        y: Array,
        sample_weight: Array = None,
        columns: Sequence[Any] | None = None,
        marks: Marks | None = None,
    ) -> Self:
        """Train; arguments, result and errors as of `GradientBoostingClassifier.fit`."""
        return self._fit(X, y, sample_weight, columns, marks)

    def predict_proba(self, X: Array) -> Array:
        """Shares of the classes, shape (n, classes)."""
        p = self._means(X)
        if p.shape[1] == 1:
            return np.concatenate([1 - p, p], axis=1)
        first = p[:, :-1]  # the shares of a leaf add up to a little less than 1: the last makes up for it
        return np.concatenate([first, 1 - first.sum(axis=1, keepdims=True)], axis=1)

    def votes(self, X: Array) -> Array:
        """Shares of the second of two classes, summed over the trees, shape (n,)."""
        return self._values(X)[:, :, 0].sum(axis=1)

    def predict(self, X: Array) -> Array:
        """The class of the largest share for each row, shape (n,): its label, or its secret number."""
        place = np.argmax(self.predict_proba(X), axis=1)
        return place if is_secret(place) else self.classes_[place]

    def check_parameters(self) -> None:
        super().check_parameters()
        if self.classes is not None:
            check_whole(self, classes=2)

    def _target(self, rows: Array, y: Array) -> Array:
        if is_secret(y) and self.classes in (None, 2):
            _, codes, self.classes_ = training_data(rows, y)
            return codes[:, None]
        _, member, self.classes_ = class_data(rows, y, self.classes)
        return member[:, 1:] if len(self.classes_) == 2 else member


class _MeanRegressor(_Mean, Regressor):
    """Leaves are means of targets."""

    def fit(
        self,
        X: Array,
        y: Array,
        sample_weight: Array = None,
        columns: Sequence[Any] | None = None,
        marks: Marks | None = None,
    ) -> Self:
        """Train; arguments, result and errors as of `GradientBoostingRegressor.fit`."""
        return self._fit(X, y, sample_weight, columns, marks)

    def predict(self, X: Array) -> Array:
        """The mean of each row's leaves, shape (n,)."""
        return self._means(X)[:, 0]

    def _target(self, rows: Array, y: Array) -> Array:
        return regression_data(rows, y)[1][:, None]


class _Tree(_Mean):
    """One tree on all rows."""

    def __init__(
        self,
        max_depth: int = 5,
        max_bins: int = 32,
        reg_lambda: float = 0.0,
        gamma: float = 0.0,
        min_child_weight: float = 1.0,
        categorical_features: Sequence[int] = (),
        disclosure: str = "nothing",
        random_state: int = 0,
    ) -> None:
        self.max_depth = max_depth
        self.max_bins = max_bins
        self.reg_lambda = reg_lambda
        self.gamma = gamma
        self.min_child_weight = min_child_weight
        self.categorical_features = categorical_features
        self.disclosure = disclosure
        self.random_state = random_state


class _Forest(_Mean):
    """Many trees, each on rows drawn with repetition and on a share of the columns."""

    n_estimators: int
    colsample_bytree: float
    bootstrap: bool

    def __init__(
        self,
        n_estimators: int = 100,
        max_depth: int = 5,
        max_bins: int = 32,
        reg_lambda: float = 0.0,
        gamma: float = 0.0,
        min_child_weight: float = 1.0,
        colsample_bytree: float = 1.0,
        bootstrap: bool = True,
        categorical_features: Sequence[int] = (),
        disclosure: str = "nothing",
        random_state: int = 0,
    ) -> None:
        self.n_estimators = n_estimators
        self.max_depth = max_depth
        self.max_bins = max_bins
        self.reg_lambda = reg_lambda
        self.gamma = gamma
        self.min_child_weight = min_child_weight
        self.colsample_bytree = colsample_bytree
        self.bootstrap = bootstrap
        self.categorical_features = categorical_features
        self.disclosure = disclosure
        self.random_state = random_state

    def check_parameters(self) -> None:
        super().check_parameters()
        check_whole(self, n_estimators=1)
        check_choice(self, bootstrap=(False, True))
        if not is_weight(self.colsample_bytree) or not 0 < self.colsample_bytree <= 1:
            raise InputError("colsample_bytree must be a number above 0 and at most 1.", key="colsample_bytree")

    def _plan(self) -> tuple[int, float, bool]:
        return self.n_estimators, self.colsample_bytree, self.bootstrap


class DecisionTreeRegressor(_MeanRegressor, _Tree):
    """A tree of full depth whose leaves are means of targets, grown by least squares on binned columns.

    Parameters
    ----------
    max_depth, max_bins, categorical_features, disclosure, random_state
        As of `GradientBoostingClassifier`.
    reg_lambda : float
        Rows of target 0 that each leaf's mean counts beside its own.
    gamma : float
        Least that a split must lower the sum of squared errors.
    min_child_weight : float
        Least weight of rows on each side of a split.

    Attributes
    ----------
    left_, leaves_, feature_importances_, columns_, bins_, n_features_in_
        As of `GradientBoostingClassifier`.
    """


class DecisionTreeClassifier(_MeanClassifier, _Tree):
    """A tree of full depth whose leaves are shares of classes, grown by Gini impurity on binned columns.

    Parameters
    ----------
    classes : int or None
        Number of classes, where labels are secret; None: two.
    max_depth, max_bins, reg_lambda, gamma, min_child_weight, categorical_features, disclosure, random_state
        As of `DecisionTreeRegressor`; the squared error is that of zeros and ones.

    Attributes
    ----------
    classes_ : ndarray
    left_, leaves_, feature_importances_, columns_, bins_, n_features_in_
        As of `DecisionTreeRegressor`.
    """

    def __init__(
        self,
        max_depth: int = 5,
        max_bins: int = 32,
        reg_lambda: float = 0.0,
        gamma: float = 0.0,
        min_child_weight: float = 1.0,
        classes: int | None = None,
        categorical_features: Sequence[int] = (),
        disclosure: str = "nothing",
        random_state: int = 0,
    ) -> None:
        super().__init__(
            max_depth, max_bins, reg_lambda, gamma, min_child_weight, categorical_features, disclosure, random_state
        )
        self.classes = classes


class RandomForestRegressor(_MeanRegressor, _Forest):
    """The mean of trees on rows drawn with repetition. Trees do not wait for one another: they share their rounds.

    Parameters
    ----------
    n_estimators : int
        Trees.
    colsample_bytree : float
        Share of the columns that a tree reads.
    bootstrap : bool
        Whether rows are drawn with repetition, in public by `random_state`; else each tree reads all.
    max_depth, max_bins, reg_lambda, gamma, min_child_weight, categorical_features, disclosure, random_state
        As of `DecisionTreeRegressor`.

    Attributes
    ----------
    left_, leaves_, feature_importances_, columns_, bins_, n_features_in_
        As of `DecisionTreeRegressor`.
    """


class RandomForestClassifier(_MeanClassifier, _Forest):
    """The mean of trees on rows drawn with repetition, each of whose leaves are shares of classes.

    Parameters
    ----------
    classes : int or None
        Number of classes, where labels are secret; None: two.
    n_estimators, max_depth, max_bins, reg_lambda, gamma, min_child_weight, colsample_bytree, bootstrap
        As of `RandomForestRegressor`.
    categorical_features, disclosure, random_state
        Likewise.

    Attributes
    ----------
    classes_ : ndarray
    left_, leaves_, feature_importances_, columns_, bins_, n_features_in_
        As of `DecisionTreeRegressor`.
    """

    def __init__(
        self,
        n_estimators: int = 100,
        max_depth: int = 5,
        max_bins: int = 32,
        reg_lambda: float = 0.0,
        gamma: float = 0.0,
        min_child_weight: float = 1.0,
        colsample_bytree: float = 1.0,
        bootstrap: bool = True,
        classes: int | None = None,
        categorical_features: Sequence[int] = (),
        disclosure: str = "nothing",
        random_state: int = 0,
    ) -> None:
        super().__init__(
            n_estimators,
            max_depth,
            max_bins,
            reg_lambda,
            gamma,
            min_child_weight,
            colsample_bytree,
            bootstrap,
            categorical_features,
            disclosure,
            random_state,
        )
        self.classes = classes
